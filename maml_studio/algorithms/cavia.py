"""CAVIA, "fast context adaptation via meta-learning": a task is learned by a context vector alone.

Zintgraf, Shiarlis, Kurin, Hofmann and Whiteson 2019, 1810.03642, algorithm 1. The network takes a context c beside its input (for images it
scales and shifts channels). Each task starts at c = 0; the inner loop moves c and nothing else; the outer loop learns the network
through it.
"""

import torch
from torch import Tensor

from ..data import Episodes
from .base import Algorithm
from .learner import Params


class Cavia(Algorithm):
    """MAML on a context vector."""

    def meta_parameters(self, classes: int = 0) -> Params:
        """The network without its context."""
        return {name: value for name, value in super().meta_parameters(classes).items() if name not in self.learner.context}

    def start(self, meta: Params, episodes: Episodes) -> Params:
        """θ, and a context of zeros."""
        empty = {name: torch.zeros_like(self.learner.module.get_parameter(name)) for name in self.learner.context}
        return super().start(meta, episodes) | {
            name: value.expand(len(episodes), -1).clone().requires_grad_() for name, value in empty.items()
        }

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float | None:
        """α for the context, nothing for the network."""
        return super().inner_rate(meta, name, step) if name in self.learner.context else None
