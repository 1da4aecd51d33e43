"""Prototypical networks, a baseline without an inner loop: an example belongs to the class whose mean embedding is nearest.

Snell, Swersky and Zemel 2017, "Prototypical networks for few-shot learning", 1703.05175. Softmax over −‖f(x) − c_k‖², which is the linear
head of proto_maml.py; training goes through the embedding. Nothing adapts after that.
"""

import torch

from ..data import Episodes
from .base import Algorithm, InnerStep, Order, OuterGradient
from .learner import Params
from .proto_maml import ProtoMaml


class ProtoNet(ProtoMaml):
    """Proto-MAML without steps."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        """The prototypes; there is one point, however many steps are asked for."""
        return super().adapt(meta, episodes, 0, order=order)

    def inner_rate(self, meta: Params, name: str, step: int) -> None:
        """Nothing moves."""

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool, iteration: int = 0) -> OuterGradient:
        """The query loss differentiated through prototypes and embedding, which sees every example once."""
        learner = self.learner
        if not learner.has_parts:
            return super().outer_gradient(meta, episodes, transductive=transductive, iteration=iteration)
        body = Algorithm.start(self, meta, episodes)
        support, query = learner.embeddings(body, episodes, transductive)
        params = body | self.head(support, episodes)
        outputs = learner.head_outputs(params, query)
        gradient = torch.autograd.grad(learner.objective(outputs, episodes.query_y).mean(), list(meta.values()))
        with torch.no_grad():
            support_loss = learner.loss(learner.head_outputs(params, support), episodes.support_y)
        return self.report(dict(zip(meta, gradient, strict=True)), [InnerStep(params, support_loss)], outputs, episodes)
