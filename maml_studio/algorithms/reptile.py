"""Reptile: train on a task for a while, then move the initialisation a little towards where that led.

Nichol, Achiam and Schulman 2018, "On first-order meta-learning algorithms", 1803.02999, algorithm 1 (its batched form).

Inner loop:   k steps on minibatches of the task's own data, with Adam at β1 = 0 or plain gradient descent.
Outer loop:   θ ← θ + ε (mean over tasks of φ_k − θ): gradient descent of rate ε along θ − mean φ_k, with ε falling to 0.

There is no query set in training; what the trainer reports as query loss only watches. Each task starts Adam's second moments afresh,
where the released code carries them from task to task: a task's result then does not depend on the ones before it.
"""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from ..data import Episodes
from .base import Algorithm, InnerStep, Order, OuterGradient, detached
from .learner import Params

BETA2, EPS = 0.999, 1e-8


class Reptile(Algorithm):
    """Reptile in its batched form."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        """Minibatch steps from θ, always with the same order of examples; see :meth:`Algorithm.adapt`."""
        return self._train(meta, episodes, steps, self.settings.test_batch, seed=0)

    def _train(self, meta: Params, episodes: Episodes, steps: int, size: int, seed: int) -> list[InnerStep]:
        """φ_0 to φ_steps; a support loss is that of the step's minibatch, the last one that of the whole support set."""
        with torch.no_grad():
            params = self.start(meta, episodes)
        moments = {name: torch.zeros_like(value) for name, value in params.items()}
        path = []
        for step, batch in enumerate(islice(minibatches(episodes.support_x.shape[1], size, seed), steps), 1):
            here = detached(params)
            with torch.enable_grad():
                outputs = self.learner.outputs(here, episodes.support_x[:, batch])
                loss = self.learner.loss(outputs, episodes.support_y[:, batch])
                gradients = torch.autograd.grad(loss.sum(), list(here.values()))
            path.append(InnerStep(params, loss.detach()))
            if self.settings.optimizer == "adam":
                for moment, gradient in zip(moments.values(), gradients, strict=True):
                    moment.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
                correction = 1 - BETA2**step
                gradients = tuple(
                    gradient / ((moment / correction).sqrt() + EPS) for gradient, moment in zip(gradients, moments.values(), strict=True)
                )
            params = {
                name: value - self.settings.inner_lr * gradient for (name, value), gradient in zip(params.items(), gradients, strict=True)
            }
        with torch.no_grad():
            loss = self.learner.loss(self.learner.outputs(params, episodes.support_x), episodes.support_y)
        return [*path, InnerStep(params, loss)]

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool, iteration: int = 0) -> OuterGradient:
        """θ − mean φ_k."""
        settings = self.settings
        path = self._train(meta, episodes, settings.inner_steps, settings.batch, seed=iteration)
        moved = {name: value - path[-1].params[name] for name, value in path[0].params.items()}
        gradient = self._mean_at_start(meta, episodes, moved)
        with torch.no_grad():
            outputs = self.learner.query_outputs(path[-1].params, episodes, transductive)
        return self.report(gradient, path, outputs, episodes)


def minibatches(examples: int, size: int, seed: int) -> Iterator[Tensor]:
    """Positions of one minibatch after another, ``[size]``, through ever new permutations; all where there are no more than that."""
    if examples <= size:
        while True:
            yield torch.arange(examples)
    generator = torch.Generator().manual_seed(seed)
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        while len(waiting) < size:
            waiting = torch.cat([waiting, torch.randperm(examples, generator=generator)])
        yield waiting[:size]
        waiting = waiting[size:]
