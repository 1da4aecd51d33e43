"""MAML: learn an initialisation from which a few gradient steps solve a new task.

Finn, Abbeel and Levine 2017, "Model-agnostic meta-learning for fast adaptation of deep networks", 1703.03400, algorithm 2.

Inner loop, for each task:   φ_0 = θ,   φ_{j+1} = φ_j − α ∇L_support(φ_j),   k steps.
Outer loop:                  θ ← Adam(θ, mean over tasks of ∇_θ L_query(φ_k)).

The outer gradient goes through the whole inner loop: [∏_j (I − α H(φ_j))] ∇L_query(φ_k), with H the Hessian of the support loss.
"""

import torch

from ..data import Episodes
from .base import Algorithm, OuterGradient
from .learner import Params


class Maml(Algorithm):
    """Exact second-order MAML."""

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool) -> OuterGradient:
        """Differentiate the query loss at φ_k with respect to θ, through the k inner steps."""
        path = self.adapt(meta, episodes, self.settings.inner_steps, create_graph=True)
        query_loss, query_accuracy = self._query(path[-1].params, episodes, transductive)
        gradient = torch.autograd.grad(query_loss.mean(), list(meta.values()))
        return OuterGradient(dict(zip(meta, gradient, strict=True)), path, query_loss.detach(), query_accuracy)
