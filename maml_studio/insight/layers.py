"""How far each layer moves in the inner loop, and how much of its features stays: rapid learning or feature reuse?

Raghu, Raghu, Bengio and Vinyals 2020, "Rapid learning or feature reuse? Towards understanding the effectiveness of MAML", 1909.09157,
section 3: they compare a layer's features before and after the inner loop, and found those of MAML's body nearly unchanged. Here the
features are a layer's outputs on the query set, and alike is measured by linear CKA (cka.py). The yardstick beside it: how alike the
trained start's features and those of the random start are, which have nothing to do with each other but the images.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..algorithms import Algorithm, InnerStep, Params
from ..data import Episodes, silent
from ..data.progress import Progress
from ..training.norm_words import norm_words
from . import words
from .cka import alike, gram
from .features import EMBEDDING, layer_features, layer_names
from .subject import Estimate, Subject, Unanswered

ALIKE = 0.9
"""From here on features count as reused: what Raghu et al. found in the body of MAML lies above."""

LITTLE = 0.005
"""A layer that moves by less than this share of its length hardly moves."""


@dataclass(frozen=True)
class Layer:
    """One layer in the inner loop.

    Attributes:
        name: its module's name.
        head: whether it is the head.
        fixed: whether the algorithm has no inner rate for any of its parameters.
        relative: ‖φ_l − θ_l‖ / ‖θ_l‖ after each inner step from the first on; None where the layer starts at zero.
        distance: ‖φ_l − θ_l‖ after the last one.
        cka: of its features before and after the inner loop; None where they can't be had.
        yardstick: CKA of the trained and the random start's features; None likewise.
    """

    name: str
    head: bool
    fixed: bool
    relative: tuple[Estimate, ...] | None
    distance: Estimate
    cka: Estimate | None
    yardstick: Estimate | None

    @property
    def called(self) -> str:
        """What a sentence calls it."""
        return "the head" if self.head else self.name

    @property
    def moves(self) -> bool:
        """Whether it is anywhere else after the inner loop, in any task."""
        return self.distance.mean > 0 or math.isnan(self.distance.mean)

    @property
    def change(self) -> float:
        """The relative change after the last step; 0 where it is not defined."""
        return self.relative[-1].mean if self.relative else 0.0

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {
            "layer": self.name,
            "head": self.head,
            "fixed": self.fixed,
            "relative_change": [one.to_json() for one in self.relative] if self.relative is not None else None,
            "distance": self.distance.to_json(),
            "cka": self.cka.to_json() if self.cka else None,
            "cka_trained_random_start": self.yardstick.to_json() if self.yardstick else None,
        }


@dataclass(frozen=True)
class LayerInsight:
    """All layers, in the network's order.

    Attributes:
        layers: one each.
        embedding: CKA before and after of what the head is given; None where there is no head.
        embedding_yardstick: CKA of the trained and the random start's; None likewise.
        algorithm: the algorithm's title.
        tasks: how many tasks the means are of.
        steps: inner steps.
        norm: what normalises a query.
    """

    answered: ClassVar[bool] = True
    layers: tuple[Layer, ...]
    embedding: Estimate | None
    embedding_yardstick: Estimate | None
    algorithm: str
    tasks: int
    steps: int
    norm: str

    @property
    def paragraph(self) -> str:
        """What one sees."""
        return " ".join([self._movement(), *self._features()])

    def _movement(self) -> str:
        over = f"{words.count(self.steps, 'inner step')} of {self.algorithm} (mean over {self.tasks:,} tasks, {norm_words(self.norm)})"
        free, fixed = ([one for one in self.layers if one.fixed is wanted] for wanted in (False, True))
        measured = sorted(
            (one for one in free if one.relative is not None),
            key=lambda one: one.change if math.isfinite(one.change) else math.inf,
            reverse=True,
        )
        from_zero = [one for one in free if one.relative is None]
        said = []
        if measured and not measured[0].moves:
            said.append(f"In {over} nothing moves.")
        elif measured:
            far, near = measured[0], measured[-1]
            if not math.isfinite(far.change):
                return f"After {over} the weights are no numbers any more: the steps are too long for this model."
            only = "only " if not measured[1:] and not from_zero else ""
            text = f"In {over} {only}{far.called} moves{'' if only else ' farthest'}, by {words.share(far.change)} of its own length"
            if near is not far and near.change:
                text += f": {words.times(far.change / near.change)} as far as {near.called} ({words.share(near.change)})"
                if measured[2:]:
                    # Without the next one, the ratio reads as if one layer alone had moved.
                    text += f"; next comes {measured[1].called} ({words.share(measured[1].change)})"
            said.append(f"{text}, which is next to nothing." if far.change < LITTLE else f"{text}.")
        for one in from_zero:
            where = f"starts at zero, so that a relative change is not defined, and ends at a length of {words.number(one.distance.mean)}"
            said.append(f"{one.called.capitalize()} {where}." if said else f"In {over} {one.called} {where}.")
        if fixed:
            where = "where it was" if self._is_part(fixed) else "where they were"
            said.append(f"{self._all_of(fixed)} exactly {where}: {self.algorithm} has no inner rate there.")
        return " ".join(said)

    def _is_part(self, layers: list[Layer]) -> bool:
        """Whether they are the head, or all of the body."""
        return [one.head for one in layers] == [True] or layers == [one for one in self.layers if not one.head]

    def _all_of(self, layers: list[Layer]) -> str:
        if self._is_part(layers):
            return "The head stays" if layers[0].head else "The body stays"
        others = len(layers) == len(self.layers) - 1
        return "All other layers stay" if others else f"{words.names([one.name for one in layers])} stay{'s' if len(layers) == 1 else ''}"

    def _features(self) -> list[str]:
        body = [one for one in self.layers if not one.head and one.cka is not None]
        least = min(body, key=lambda one: one.cka.mean if one.cka else 1.0, default=None)
        what, decides, yard = "embedding, which the head is given,", self.embedding, self.embedding_yardstick
        if decides is None and least is not None:
            # Without a head, the layer that changes most has to speak for all.
            what, decides, yard = f"layer that changes most, {least.name},", least.cka, least.yardstick
        if decides is None:
            return ["Its layers' features can't be compared."]
        text = f"The {what} keeps a CKA of {words.fixed(decides.mean, decides.ci95, 2)}"
        text += f" (between the trained and the random start it is {yard.mean:.2f})" if yard else ""
        if self.embedding and least is not None and least.cka and least.cka.mean < ALIKE:
            text += f"; of the body's layers {least.name} changes most, with {least.cka.mean:.2f}"
        verdict = "reuses features" if decides.mean >= ALIKE else "learns rapidly: its features are others after the inner loop"
        return [f"{text}.", f"By the mark of {ALIKE}, above which Raghu et al. 2020 found the body of MAML, this model {verdict}."]

    def to_json(self) -> dict[str, Any]:
        """All figures, and the paragraph."""
        return {
            "tasks": self.tasks,
            "inner_steps": self.steps,
            "norm_mode": self.norm,
            "layers": [one.to_json() for one in self.layers],
            "embedding": {
                "cka": self.embedding.to_json() if self.embedding else None,
                "cka_trained_random_start": self.embedding_yardstick.to_json() if self.embedding_yardstick else None,
            },
            "paragraph": self.paragraph,
        }


@dataclass(frozen=True)
class LayerScores:
    """What single tasks say; what can't be had is NaN.

    Attributes:
        distance: ``[tasks, steps, layers]`` ‖φ_l − θ_l‖ after each step.
        length: ``[tasks, layers]`` ‖θ_l‖.
        cka: ``[tasks, layers + 1]``, the last one of the embedding.
        yardstick: ``[tasks, layers + 1]``.
    """

    distance: Tensor
    length: Tensor
    cka: Tensor
    yardstick: Tensor


def see_layers(subject: Subject, tasks: int, progress: Progress = silent) -> LayerInsight | Unanswered:
    """Adapt to some tasks and compare every layer before and after.

    Args:
        subject: the model.
        tasks: how many.
        progress: may raise :class:`~maml_studio.data.Cancelled`.
    """
    title = subject.experiment.algorithm.title
    names = layer_names(subject.algorithm.learner.names)
    parts = []
    for episodes in subject.episodes(tasks, progress, "Layers"):
        path = subject.algorithm.adapt(subject.meta, episodes, subject.steps)
        if len(path) < 2:
            return Unanswered(
                f"{title} has no inner loop: a new task moves no layer, and its features are used as they are. "
                "That is feature reuse by construction."
            )
        parts.append(compare_layers(subject.algorithm, path, subject.random, episodes, subject.transductive))
    distance, length, cka, yardstick = (torch.cat([getattr(p, n) for p in parts]) for n in ("distance", "length", "cka", "yardstick"))
    learner, rate = subject.algorithm.learner, subject.algorithm.inner_rate
    heads = {name.rpartition(".")[0] for name in learner.head}
    adapting = {name.rpartition(".")[0] for name in learner.names if rate(subject.meta, name, 0) is not None}
    layers = []
    for index, name in enumerate(names):
        starts_somewhere = bool((length[:, index] > 0).all())
        relative = distance[:, :, index] / length[:, None, index]
        layers.append(
            Layer(
                name or "(the module itself)",
                name in heads,
                name not in adapting,
                tuple(Estimate.of(relative[:, step]) for step in range(relative.shape[1])) if starts_somewhere else None,
                Estimate.of(distance[:, -1, index]),
                _estimate(cka[:, index]),
                _estimate(yardstick[:, index]),
            )
        )
    embedding = (_estimate(cka[:, -1]), _estimate(yardstick[:, -1]))
    return LayerInsight(tuple(layers), *embedding, title, tasks, distance.shape[1], subject.norm)


def compare_layers(algorithm: Algorithm, path: list[InnerStep], random: Params, episodes: Episodes, transductive: bool) -> LayerScores:
    """What each task of a chunk says about every layer.

    Args:
        algorithm: whose inner loop it was.
        path: φ_0 to φ_k, stacked over the tasks.
        random: the meta-parameters of the random start.
        episodes: the tasks.
        transductive: where a query's batch-norm statistics come from.
    """
    names = layer_names(algorithm.learner.names)
    start = {name: value.detach().double() for name, value in path[0].params.items()}
    length = _norms(start, names)
    distance = torch.stack([_norms({n: v.detach().double() - start[n] for n, v in point.params.items()}, names) for point in path[1:]], 1)
    with torch.no_grad():
        unrelated = algorithm.start(random, episodes)
    cka, yardstick = [], []
    for task in range(len(episodes)):
        one = episodes.pick(torch.tensor([task], device=episodes.support_x.device))
        before, after, other = (
            {name: gram(value) for name, value in _query_features(algorithm, params, one, task, transductive).items()}
            for params in (path[0].params, path[-1].params, unrelated)
        )
        places = (*names, EMBEDDING)
        cka.append([alike(before[name], after[name]) if name in before else math.nan for name in places])
        yardstick.append([alike(before[name], other[name]) if name in before else math.nan for name in places])
    return LayerScores(distance.cpu(), length.cpu(), torch.tensor(cka, dtype=torch.float64), torch.tensor(yardstick, dtype=torch.float64))


def _query_features(algorithm: Algorithm, params: Params, one: Episodes, task: int, transductive: bool) -> dict[str, Tensor]:
    """Every layer's output on one task's query set, normalised as its outputs are."""
    learner = algorithm.learner
    own = {name: value[task].detach() for name, value in params.items()}
    if transductive or not learner.needs_statistics:
        return layer_features(learner, own, one.query_x[0])
    support = one.support_x.shape[1]
    both = layer_features(learner, own, torch.cat([one.support_x[0], one.query_x[0]]), support)
    return {name: value[support:] for name, value in both.items()}


def _norms(params: Params, layers: tuple[str, ...]) -> Tensor:
    """Euclidean length of every layer's parameters, ``[tasks, layers]``; zero where a layer has none."""
    squares = {layer: torch.zeros(()) for layer in layers}
    for name, value in params.items():
        layer = name.rpartition(".")[0]
        squares[layer] = squares[layer].to(value) + value.flatten(1).square().sum(1)
    tasks = len(next(iter(params.values())))
    return torch.stack([value.cpu().double().expand(tasks) for value in squares.values()], 1).sqrt()


def _estimate(values: Tensor) -> Estimate | None:
    """Of the tasks where there is a value; None where there is none."""
    known = values[~values.isnan()]
    return Estimate.of(known) if len(known) else None
