"""MAML: learn an initialisation from which a few gradient steps solve a new task.

Finn, Abbeel and Levine 2017, "Model-agnostic meta-learning for fast adaptation of deep networks", 1703.03400, algorithm 2.

Inner loop, for each task:   φ_0 = θ,   φ_{j+1} = φ_j − α ∇L_support(φ_j),   k steps.
Outer loop:                  θ ← Adam(θ, mean over tasks of ∇_θ L_query(φ_k)).

The outer gradient goes through the whole inner loop: [∏_j (I − α H(φ_j))] ∇L_query(φ_k), with H the Hessian of the support loss.
Both loops stand in base.py, since the rest of the family is told by what it does differently.
"""

from .base import Algorithm


class Maml(Algorithm):
    """Exact second-order MAML."""

    order = 2
