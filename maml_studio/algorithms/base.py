"""The one contract of every algorithm: where a task starts, what adapts and how fast, how the outer gradient is made."""

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from ..data import Episodes
from .learner import Learner, Params

Order = Literal[0, 1, 2]
"""How much of the inner loop can be differentiated: nothing; the steps, with their gradients as constants; everything."""
SEED_OFFSET = 2_000_003


@dataclass(frozen=True)
class InnerStep:
    """The inner loop before its step number ``j``: the weights φ_j and the support loss there.

    Attributes:
        params: stacked parameters, ``[tasks, ...]`` each.
        support_loss: ``[tasks]``.
    """

    params: Params
    support_loss: Tensor


@dataclass(frozen=True)
class OuterGradient:
    """What one chunk of tasks says about the meta-parameters.

    Attributes:
        gradient: by the meta-parameters' names, the mean over the chunk's tasks.
        path: the inner loop, from φ_0 to the adapted φ_k; without an inner loop only one point.
        query_loss: ``[tasks]`` at φ_k.
        query_accuracy: ``[tasks]`` at φ_k; NaN for regression.
        notes: what else is worth showing, such as a residual: means over the chunk's tasks.
    """

    gradient: Params
    path: list[InnerStep]
    query_loss: Tensor
    query_accuracy: Tensor
    notes: dict[str, float] = field(default_factory=dict)


class Algorithm:
    """A meta-learning algorithm for one learner; it keeps no state between calls.

    As it stands here it is MAML; the others override what they answer differently.
    """

    order: Order = 2
    """How far the outer gradient reaches through the inner loop."""

    def __init__(self, settings: Any, learner: Learner, *, known_classes: bool = False, seed: int = 0) -> None:
        """For one network.

        Args:
            settings: the algorithm's own settings model.
            learner: the network.
            known_classes: whether new tasks are made of the very classes of training (held-out images of them).
            seed: draws what meta-parameters there are beside the network.
        """
        self.settings = settings
        self.learner = learner
        self.known_classes = known_classes
        self.seed = seed

    def meta_parameters(self, classes: int = 0) -> Params:
        """Everything that the outer loop learns, as fresh leaves: the initialisation θ, and whatever an algorithm adds.

        Args:
            classes: how many classes training has, for an algorithm that tells them all apart at once.
        """
        del classes
        return {name: value.detach().clone().requires_grad_() for name, value in self.learner.module.named_parameters()}

    def _generator(self) -> torch.Generator:
        """Draws what there is beside the network. The seed itself drew the network: its numbers would come once more, as if copied."""
        return torch.Generator().manual_seed(self.seed + SEED_OFFSET)

    def classes_in(self, meta: Params) -> int:
        """The ``classes`` that these meta-parameters were made for; 0 where it makes no difference."""
        del meta
        return 0

    def start(self, meta: Params, episodes: Episodes) -> Params:
        """Where each task starts, stacked: θ itself, with as many rows of the head as the task has classes."""
        params = self.learner.stack({name: meta[name] for name in self.learner.names if name in meta}, len(episodes))
        if way := episodes.way:
            params |= {name: params[name][:, :way] for name in self.learner.head if name in params}
        return params

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float | None:
        """Step size α of one parameter at one inner step, a number or a tensor that multiplies its gradient; None: it never moves."""
        del meta, name, step
        rate: float = self.settings.inner_lr
        return rate

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        """The inner loop: φ_{j+1} = φ_j − α g_s(φ_j), for all tasks at once.

        Pure: parameters in, parameters out. Training, evaluation, the drawing page and exports all go through here.

        Args:
            meta: the meta-parameters.
            episodes: the tasks; only their support sets are looked at.
            steps: how many gradient steps.
            order: what of it can be differentiated with respect to ``meta``.

        Returns:
            φ_0 to φ_steps, each with the support loss at that point; fewer where an algorithm has no more to do.
        """
        with torch.set_grad_enabled(order > 0):
            params = self.start(meta, episodes)
        moving = [name for name in params if self.inner_rate(meta, name, 0) is not None]
        forward = _Support(self.learner, episodes, params, moving, order)
        path = []
        for step in range(steps):
            # Fresh names for the values, so that a head made of the body's features counts as a variable of its own.
            here = {n: v.view_as(v) for n, v in params.items()} if order == 2 else params | detached({n: params[n] for n in moving})
            with torch.enable_grad():
                loss = forward(here)
                # Each task's loss depends on its own slice alone, so the sum's gradient is every task's own.
                gradients = torch.autograd.grad(loss.sum(), [here[name] for name in moving], create_graph=order == 2) if moving else ()
            path.append(InnerStep(params, loss.detach()))
            with torch.set_grad_enabled(order > 0):
                params = dict(params)
                for name, gradient in zip(moving, gradients, strict=True):
                    params[name] = params[name] - fitted(self.inner_rate(meta, name, step), gradient) * gradient
        with torch.no_grad():
            path.append(InnerStep(params, forward(params)))
        return path

    def step_weights(self, iteration: int, steps: int) -> list[float]:
        """How much the query loss at φ_0 to φ_steps counts: the last one alone, or all of them at first (MAML++'s multi-step loss).

        Antoniou 2019, 1810.09502, section 4: with K steps, annealed over E iterations, every step but the last counts
        max(1/K − e/(KE), 0.03/K), and the last one the rest.
        """
        until = getattr(self.settings, "multi_step", 0)
        if iteration >= until or steps < 2:
            return [0.0] * steps + [1.0]
        each = max(1 / steps - iteration / (steps * until), 0.03 / steps)
        return [0.0] + [each] * (steps - 1) + [1 - each * (steps - 1)]

    def order_at(self, iteration: int) -> Order:
        """How far the outer gradient reaches after that many outer steps (derivative-order annealing)."""
        return 1 if iteration < getattr(self.settings, "first_order_until", 0) else self.order

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool, iteration: int = 0) -> OuterGradient:
        """The meta-gradient of a chunk of tasks, averaged over its tasks: the query loss differentiated through the inner loop.

        Args:
            meta: the meta-parameters.
            episodes: the tasks.
            transductive: whether queries are normalised by their own statistics.
            iteration: outer steps done before, for what changes in the course of training.
        """
        steps = getattr(self.settings, "inner_steps", 0)
        path = self.adapt(meta, episodes, steps, order=self.order_at(iteration))
        objectives = []
        for point, weight in zip(path, self.step_weights(iteration, steps), strict=True):
            if weight:
                outputs = self.learner.query_outputs(point.params, episodes, transductive)
                objectives.append(weight * self.learner.objective(outputs, episodes.query_y))
        objective = torch.stack(objectives).sum(0).mean()
        gradient = torch.autograd.grad(objective, list(meta.values()), allow_unused=True, materialize_grads=True)
        return self.report(dict(zip(meta, gradient, strict=True)), path, outputs, episodes)

    def _mean_at_start(self, meta: Params, episodes: Episodes, gradients: Params) -> Params:
        """The mean of what each task says about its φ_0, ``[tasks, ...]``; zero for rows of the head that the tasks have no classes for."""
        start = self.start(meta, episodes)
        shares = [gradients[name] / len(episodes) for name in start]
        return dict(zip(meta, torch.autograd.grad(list(start.values()), list(meta.values()), shares), strict=True))

    def report(
        self, gradient: Params, path: list[InnerStep], outputs: Tensor, episodes: Episodes, notes: dict[str, float] | None = None
    ) -> OuterGradient:
        """An outer gradient with what the inner loop's path and the query outputs at its end tell; nothing of their graph is kept."""
        outputs = outputs.detach()
        return OuterGradient(
            gradient,
            [InnerStep({name: value.detach() for name, value in point.params.items()}, point.support_loss) for point in path],
            self.learner.loss(outputs, episodes.query_y),
            self.learner.accuracy(outputs, episodes.query_y),
            notes or {},
        )


class _Support:
    """Support losses along one inner loop. Where only the head moves, the body looks at the support set once."""

    def __init__(self, learner: Learner, episodes: Episodes, params: Params, moving: list[str], order: Order) -> None:
        self.learner, self.episodes = learner, episodes
        self.features: Tensor | None = None
        if set(moving) <= set(learner.head) and learner.has_parts:
            with torch.set_grad_enabled(order == 2):
                self.features = learner.embed(params, episodes.support_x)

    def __call__(self, params: Params) -> Tensor:
        if self.features is None:
            outputs = self.learner.outputs(params, self.episodes.support_x)
        else:
            outputs = self.learner.head_outputs(params, self.features)
        return self.learner.loss(outputs, self.episodes.support_y)


def fitted(rate: Tensor | float | None, value: Tensor) -> Tensor | float:
    """The rate of what moves, where there is one per element cut to the rows of the head that a task with fewer classes has."""
    assert rate is not None
    return rate[: value.shape[1]] if isinstance(rate, Tensor) and rate.dim() == value.dim() - 1 and rate.dim() else rate


def detached(params: Params) -> Params:
    """The same values as leaves of a new graph."""
    return {name: value.detach().requires_grad_() for name, value in params.items()}
