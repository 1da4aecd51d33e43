"""Joint training, the baseline of ordinary learning: one network tells all training classes apart, and a new task fine-tunes it.

This is the loop of most tutorials: batches of examples, a loss, a step; there is no inner loop in training. A new task of new classes
gets a head of zeros on the learned features and gradient steps (Chen and others 2019, "A closer look at few-shot classification",
1904.04232, call it Baseline). Where a task is made of the training classes themselves, its head starts with their
rows. For regression all training functions
are fitted at once, and a new one fine-tunes.
"""

import torch
from torch import Tensor

from ..data import Episodes
from .base import Algorithm, InnerStep, OuterGradient
from .learner import Params

CLASSIFIER = "all_classes."
"""Stands before the names of the head over all training classes."""


class Joint(Algorithm):
    """Ordinary training on pooled tasks."""

    def meta_parameters(self, classes: int = 0) -> Params:
        """The body, and a head with a row for each training class (``all_classes.weight``: ``[classes, features]``)."""
        meta = super().meta_parameters()
        if self.learner.loss_name == "mse":
            return meta
        generator = self._generator()
        for name in self.learner.head:
            old = meta.pop(name).detach()
            bound = self.learner.module.get_parameter(self.learner.head[0]).shape[1] ** -0.5
            drawn = torch.rand((classes, *old.shape[1:]), generator=generator, dtype=old.dtype) * 2 - 1
            meta[self._rows(name)] = (bound * drawn).to(old.device).requires_grad_()
        return meta

    def _rows(self, head: str) -> str:
        return CLASSIFIER + head.rpartition(".")[2]

    def classes_in(self, meta: Params) -> int:
        """The rows of the classifier."""
        return next((len(value) for name, value in meta.items() if name.startswith(CLASSIFIER)), 0)

    def start(self, meta: Params, episodes: Episodes) -> Params:
        """The body, with a head of zeros for new classes, or with the rows of classes that training knows."""
        params = super().start(meta, episodes)
        if self.learner.loss_name == "mse":
            return params
        for name in self.learner.head:
            rows = meta[self._rows(name)]
            if self.known_classes and episodes.classes.shape[1] == episodes.way and len(rows) > int(episodes.classes.max()):
                params[name] = rows[episodes.classes]
            else:
                params[name] = rows.new_zeros(len(episodes), episodes.way, *rows.shape[1:], requires_grad=True)
        return params

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float | None:
        """The fine-tuning rate, for the head alone if so set."""
        stays = self.settings.adapts == "head" and name not in self.learner.head
        return None if stays else super().inner_rate(meta, name, step)

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool, iteration: int = 0) -> OuterGradient:
        """The ordinary gradient on all examples of all tasks as one batch; query loss and accuracy are those among all training classes."""
        x = torch.cat([episodes.support_x, episodes.query_x], 1).flatten(0, 1)[None]
        y = torch.cat([self._targets(episodes, episodes.support_y), self._targets(episodes, episodes.query_y)], 1)
        whole = {name: value for name, value in meta.items() if not name.startswith(CLASSIFIER)}
        whole |= {name: meta[self._rows(name)] for name in self.learner.head if self._rows(name) in meta}
        outputs = self.learner.outputs(self.learner.stack(whole, 1), x)[0]
        objective = self.learner.objective(outputs[None], y.flatten(0, 1)[None]).mean()
        gradient = torch.autograd.grad(objective, list(meta.values()))
        by_task = outputs.detach().reshape(len(episodes), y.shape[1], -1)
        shots = episodes.support_y.shape[1]
        support_loss = self.learner.loss(by_task[:, :shots], y[:, :shots])
        return OuterGradient(
            dict(zip(meta, gradient, strict=True)),
            [InnerStep({}, support_loss)],
            self.learner.loss(by_task[:, shots:], y[:, shots:]),
            self.learner.accuracy(by_task[:, shots:], y[:, shots:]),
        )

    def _targets(self, episodes: Episodes, y: Tensor) -> Tensor:
        """The training class of every example; values stay as they are."""
        return y if y.is_floating_point() else episodes.classes.gather(1, y)
