"""ANIL, "almost no inner loop": only the head adapts; the body is learned by the outer loop alone.

Raghu, Raghu, Bengio and Vinyals 2020, "Rapid learning or feature reuse?", 1909.09157, section 4. As many inner steps as one likes, in
training and on a new task. The outer gradient goes through the inner loop to all weights, the body's included: the head's path depends on
the features.
"""

from torch import Tensor

from .base import Algorithm
from .learner import Params


class Anil(Algorithm):
    """MAML with the body's inner rate at zero."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float | None:
        """α for the head, nothing for the body."""
        return super().inner_rate(meta, name, step) if name in self.learner.head else None
