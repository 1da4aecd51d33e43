"""What the trained start has that the random start lacks: the same tasks from both.

Two questions. How far do inner steps get from each, on the same tasks: loss and accuracy at every inner step, the difference paired task by
task. And why: does a step that helps the support set help the query set? That is the cosine between the two sets' gradients at the start,
before any step. Nichol, Achiam and Schulman 2018, "On first-order meta-learning algorithms", 1803.02999, section 5.1, show by a Taylor
expansion that MAML and Reptile alike, beside the loss itself, increase the inner product of the gradients of different examples of one
task; the cosine leaves their lengths out, which differ between the two starts. Gradients are with respect to what adapts, and no more.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..algorithms import Params
from ..data import Episodes, silent
from ..data.progress import Progress
from ..training.comparison import RANDOM, TRAINED
from ..training.evaluation import TaskScores, score_path
from ..training.norm_words import norm_words
from . import words
from .plane import loss_slope
from .subject import Estimate, Subject


@dataclass(frozen=True)
class StartScores:
    """One start on all tasks.

    Attributes:
        name: ``trained`` or ``random start``.
        accuracy: of the query set before the first inner step and after each; None for regression.
        query_loss: likewise.
        support_loss: likewise.
        alignment: cosine of support and query gradient at the start; None where nothing adapts.
    """

    name: str
    accuracy: tuple[Estimate, ...] | None
    query_loss: tuple[Estimate, ...]
    support_loss: tuple[Estimate, ...]
    alignment: Estimate | None

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {
            "start": self.name,
            "accuracy": [one.to_json() for one in self.accuracy] if self.accuracy else None,
            "query_loss": [one.to_json() for one in self.query_loss],
            "support_loss": [one.to_json() for one in self.support_loss],
            "gradient_alignment": self.alignment.to_json() if self.alignment else None,
        }


@dataclass(frozen=True)
class StartInsight:
    """Both starts.

    Attributes:
        trained: from the trained start.
        random: from the random start.
        difference: of the query accuracy after the last step, or of the query loss for regression: trained minus random, task by task.
        algorithm: the algorithm's title.
        tasks: how many tasks the means are of.
        norm: what normalises a query.
        metric: ``cross-entropy`` or ``squared error``.
    """

    answered: ClassVar[bool] = True
    trained: StartScores
    random: StartScores
    difference: Estimate
    algorithm: str
    tasks: int
    norm: str
    metric: str

    @property
    def steps(self) -> int:
        """Inner steps."""
        return len(self.trained.query_loss) - 1

    @property
    def paragraph(self) -> str:
        """What one sees."""
        over = f"(means over the same {self.tasks:,} tasks ± 95 %, {norm_words(self.norm)})"
        return " ".join([self._ends(over), *self._first(), *self._gradients()])

    def _ends(self, over: str) -> str:
        def told(start: StartScores, step: int) -> str:
            one = (start.accuracy or start.query_loss)[step]
            return words.percent(one.mean, one.ci95) if start.accuracy else words.interval(one.mean, one.ci95)

        what = "accuracy" if self.trained.accuracy else "squared error"
        gap = self.difference
        if not self.trained.accuracy and not math.isfinite(gap.mean):
            return f"The loss is no number any more after {words.count(self.steps, 'inner step')} of {self.algorithm} {over}."
        apart = f"{100 * gap.mean:+.1f} ± {100 * gap.ci95:.1f} points" if self.trained.accuracy else f"{gap.mean:+.3g} ± {gap.ci95:.2g}"
        apart = words.signed(apart)
        if not self.steps:
            return (
                f"{self.algorithm} takes no inner steps, so that all it learned is in the start: {what} {told(self.trained, 0)} with the "
                f"trained network, {told(self.random, 0)} with the random one, {apart} task by task {over}."
            )
        end = words.count(self.steps, "inner step")
        return (
            f"From the trained start {end} of {self.algorithm} {'take' if self.steps > 1 else 'takes'} the {what} from "
            f"{told(self.trained, 0)} to {told(self.trained, -1)}, from the random start the same steps take it from "
            f"{told(self.random, 0)} to {told(self.random, -1)}: {apart} task by task {over}."
        )

    def _first(self) -> list[str]:
        if self.steps < 2:
            return []
        from_here, from_there = (
            f"{words.loss(start.query_loss[0].mean)} → {words.loss(start.query_loss[1].mean)}" for start in (self.trained, self.random)
        )
        return [f"The first step alone takes the query loss {from_here} ({self.metric}), from the random start {from_there}."]

    def _gradients(self) -> list[str]:
        here, there = self.trained.alignment, self.random.alignment
        if here is None or there is None:
            return []
        trained, random = (words.signed(words.fixed(one.mean, one.ci95, 2)) for one in (here, there))
        text = f"The gradients of a task's support and query set have a cosine of {trained} at this start, {random} at the random one:"
        apart = abs(here.mean - there.mean) > here.ci95 + there.ci95
        if apart and here.mean > there.mean:
            what = "a step that helps the examples shown helps those asked about, which is what meta-training is after"
            return [f"{text} {what} (Nichol et al. 2018)."]
        if apart:
            return [f"{text} what training gained lies in the features and the lengths of the steps, not in their agreement."]
        return [f"{text} no clear difference."]

    def to_json(self) -> dict[str, Any]:
        """All figures, and the paragraph."""
        return {
            "tasks": self.tasks,
            "inner_steps": self.steps,
            "norm_mode": self.norm,
            "starts": [self.trained.to_json(), self.random.to_json()],
            "difference": {"of": "accuracy" if self.trained.accuracy else "query_loss", **self.difference.to_json()},
            "paragraph": self.paragraph,
        }


def see_start(subject: Subject, tasks: int, progress: Progress = silent) -> StartInsight:
    """Adapt to the same tasks from both starts.

    Args:
        subject: the model.
        tasks: how many.
        progress: may raise :class:`~maml_studio.data.Cancelled`.
    """
    starts = {TRAINED: subject.meta, RANDOM: subject.random}
    scores: dict[str, list[TaskScores]] = {name: [] for name in starts}
    cosines: dict[str, list[Tensor]] = {name: [] for name in starts}
    for episodes in subject.episodes(tasks, progress, "Starts"):
        for name, meta in starts.items():
            path = subject.algorithm.adapt(meta, episodes, subject.steps)
            scores[name].append(score_path(subject.algorithm, path, episodes, subject.transductive))
            cosines[name].append(alignment(subject, meta, episodes))
    joined = {name: TaskScores.joined(parts) for name, parts in scores.items()}
    found = [_start_scores(name, joined[name], torch.cat(cosines[name]), subject.experiment.regression) for name in starts]
    ends = [(one.query_loss if subject.experiment.regression else one.accuracy)[:, -1] for one in joined.values()]
    metric = "squared error" if subject.experiment.regression else "cross-entropy"
    return StartInsight(found[0], found[1], Estimate.of(ends[0] - ends[1]), subject.experiment.algorithm.title, tasks, subject.norm, metric)


def alignment(subject: Subject, meta: Params, episodes: Episodes) -> Tensor:
    """Cosine of each task's support and query gradient where its inner loop starts, ``[tasks]``; NaN where one of them is zero.

    Args:
        subject: the model.
        meta: the meta-parameters to start from.
        episodes: the tasks.
    """
    algorithm = subject.algorithm
    with torch.no_grad():
        start = algorithm.start(meta, episodes)
    moving = [name for name in start if algorithm.inner_rate(meta, name, 0) is not None]
    if not moving:
        return torch.full((len(episodes),), torch.nan, dtype=torch.float64)
    sides = []
    for query in (False, True):
        slope = loss_slope(algorithm, start, episodes, subject.transductive, query=query)
        sides.append(torch.cat([slope[name].flatten(1).cpu().double() for name in moving], 1))
    return cosine(*sides)


def cosine(one: Tensor, other: Tensor) -> Tensor:
    """Of rows ``[tasks, n]``: ``[tasks]``, NaN where a row is zero."""
    found: Tensor = (one * other).sum(1) / (torch.linalg.vector_norm(one, dim=1) * torch.linalg.vector_norm(other, dim=1))
    return found


def _start_scores(name: str, scores: TaskScores, cosines: Tensor, regression: bool) -> StartScores:
    def each(values: Tensor) -> tuple[Estimate, ...]:
        return tuple(Estimate.of(values[:, step]) for step in range(values.shape[1]))

    known = cosines[~cosines.isnan()]
    return StartScores(
        name,
        None if regression else each(scores.accuracy),
        each(scores.query_loss),
        each(scores.support_loss),
        Estimate.of(known) if len(known) else None,
    )
