"""BOIL, "body only update in the inner loop": the features adapt, the head stays as the outer loop made it.

Oh, Yoo, Kim and Yun 2021, "BOIL: towards representation change for few-shot learning", 2008.08882. The mirror image of ANIL.
"""

from torch import Tensor

from .base import Algorithm
from .learner import Params


class Boil(Algorithm):
    """MAML with the head's inner rate at zero."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float | None:
        """α for the body, nothing for the head."""
        return None if name in self.learner.head else super().inner_rate(meta, name, step)
