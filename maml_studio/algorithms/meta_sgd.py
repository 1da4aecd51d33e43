"""Meta-SGD: learn the initialisation and, for every single weight, how far and in which direction it steps.

Li, Zhou, Chen and Li 2017, "Meta-SGD: learning to learn quickly for few-shot learning", 1707.09835, algorithm 1.

Inner loop:   φ = θ − α ⊙ ∇L_support(θ), with α of θ's shape, learned beside it; its entries may turn negative.
Outer loop:   the gradients of L_query(φ) with respect to θ and α; for one step (I − H diag α) g_q and −g_s ⊙ g_q.
"""

import torch
from torch import Tensor

from .base import Algorithm
from .learner import Params
from .rates import RATE


class MetaSgd(Algorithm):
    """MAML with a learned rate per weight."""

    def meta_parameters(self, classes: int = 0) -> Params:
        """θ, and α drawn evenly between the two settings."""
        meta = super().meta_parameters(classes)
        low, high = self.settings.rate_min, self.settings.rate_max
        generator = self._generator()
        for name, value in list(meta.items()):
            drawn = torch.rand(value.shape, generator=generator, dtype=value.dtype)
            meta[RATE + name] = (low + (high - low) * drawn).to(value.device).requires_grad_()
        return meta

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float | None:
        """The learned α of this parameter; for the head its first rows where the task has fewer classes."""
        return meta[RATE + name]
