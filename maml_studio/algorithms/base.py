"""The one contract of every algorithm: what adapts and how fast, where a task starts, how the outer gradient is made."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ..data import Episodes
from ..spec import AlgorithmSettings
from .learner import Learner, Params


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
        path: the inner loop, from φ_0 to the adapted φ_k.
        query_loss: ``[tasks]`` at φ_k.
        query_accuracy: ``[tasks]`` at φ_k; NaN for regression.
    """

    gradient: Params
    path: list[InnerStep]
    query_loss: Tensor
    query_accuracy: Tensor


class Algorithm(ABC):
    """A meta-learning algorithm for one learner; it keeps no state between calls."""

    def __init__(self, settings: AlgorithmSettings, learner: Learner) -> None:
        self.settings = settings
        self.learner = learner

    def meta_parameters(self) -> Params:
        """Everything that the outer loop learns, as fresh leaves: the initialisation θ, and whatever an algorithm adds."""
        return {name: value.detach().clone().requires_grad_() for name, value in self.learner.module.named_parameters()}

    def start(self, meta: Params, episodes: Episodes) -> Params:
        """Where each task starts, stacked: θ itself unless an algorithm says otherwise."""
        return self.learner.stack(meta, len(episodes))

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float:
        """Step size α for one parameter at one inner step, a number or a tensor that multiplies its gradient."""
        del meta, name, step
        return self.settings.inner_lr

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, create_graph: bool = False) -> list[InnerStep]:
        """The inner loop: φ_{j+1} = φ_j − α g_s(φ_j), for all tasks at once.

        Pure: parameters in, parameters out. Training, evaluation, the drawing page and exports all go through here.

        Args:
            meta: the meta-parameters.
            episodes: the tasks; only their support sets are looked at.
            steps: how many gradient steps.
            create_graph: keep what the second-order outer gradient needs.

        Returns:
            ``steps + 1`` entries, φ_0 to φ_steps, each with the support loss at that point.
        """
        params = self.start(meta, episodes)
        path = []
        for step in range(steps):
            if not create_graph:
                params = detached(params)
            with torch.enable_grad():
                loss = self._support_loss(params, episodes)
                # Each task's loss depends on its own slice alone, so the sum's gradient is every task's own.
                gradients = torch.autograd.grad(loss.sum(), list(params.values()), create_graph=create_graph)
            path.append(InnerStep(params, loss.detach()))
            with torch.set_grad_enabled(create_graph):
                params = {
                    name: value - self.inner_rate(meta, name, step) * gradient
                    for (name, value), gradient in zip(params.items(), gradients, strict=True)
                }
        with torch.no_grad():
            path.append(InnerStep(params, self._support_loss(params, episodes)))
        return path

    def _support_loss(self, params: Params, episodes: Episodes) -> Tensor:
        return self.learner.loss(self.learner.outputs(params, episodes.support_x), episodes.support_y)

    def _query(self, params: Params, episodes: Episodes, transductive: bool) -> tuple[Tensor, Tensor]:
        """Query loss and accuracy of every task at these weights, ``[tasks]`` each."""
        outputs = self.learner.query_outputs(params, episodes, transductive)
        return self.learner.loss(outputs, episodes.query_y), self.learner.accuracy(outputs.detach(), episodes.query_y)

    @abstractmethod
    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool) -> OuterGradient:
        """The meta-gradient of a chunk of tasks, averaged over its tasks."""


def detached(params: Params) -> Params:
    """The same values as leaves of a new graph."""
    return {name: value.detach().requires_grad_() for name, value in params.items()}
