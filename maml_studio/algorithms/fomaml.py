"""First-order MAML: as MAML, but the outer gradient is the query gradient at the adapted weights, taken as it is.

Finn, Abbeel and Levine 2017, 1703.03400, section 5.2: the inner gradients count as constants, so that each factor (I − α H) of MAML's
outer gradient becomes the identity and no second derivative is needed.
"""

import torch

from ..data import Episodes
from .base import Algorithm, OuterGradient, detached
from .learner import Params


class Fomaml(Algorithm):
    """First-order MAML."""

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool) -> OuterGradient:
        """Take the query gradient at φ_k for the gradient at θ."""
        path = self.adapt(meta, episodes, self.settings.inner_steps)
        adapted = detached(path[-1].params)
        query_loss, query_accuracy = self._query(adapted, episodes, transductive)
        per_task = torch.autograd.grad(query_loss.mean(), list(adapted.values()))
        gradient = {name: value.sum(0) for name, value in zip(adapted, per_task, strict=True)}
        return OuterGradient(gradient, path, query_loss.detach(), query_accuracy)
