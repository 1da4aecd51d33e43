"""Prototypical networks, a baseline without an inner loop: an example belongs to the class whose mean embedding is nearest.

Snell, Swersky and Zemel 2017, "Prototypical networks for few-shot learning", 1703.05175. Softmax over −‖f(x) − c_k‖², which is the linear
head of proto_maml.py; training goes through the embedding. Nothing adapts after that.
"""

from ..data import Episodes
from .base import InnerStep, Order
from .learner import Params
from .proto_maml import ProtoMaml


class ProtoNet(ProtoMaml):
    """Proto-MAML without steps."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        """The prototypes; there is one point, however many steps are asked for."""
        return super().adapt(meta, episodes, 0, order=order)

    def inner_rate(self, meta: Params, name: str, step: int) -> None:
        """Nothing moves."""
