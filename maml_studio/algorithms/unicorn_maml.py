"""Unicorn-MAML: every row of the head starts from one shared, meta-learned vector.

Ye and Chao 2022, "How to train your MAML to excel in few-shot classification", 2106.16245, section 5. In an N-way task the classes get
their labels in an arbitrary order, and a head with rows of its own makes MAML's answer depend on it. One vector for all rows makes it
blind to the order, and gives it a head for any number of classes. The rows' gradients add up in the vector.

While all rows are equal the body gets no gradient: the first inner step moves the head alone, so that it takes two or more.

With softmax and cross-entropy, what all rows have in common cancels in every loss and gradient. The vector itself therefore never moves:
what works is that all classes start alike.
"""

from ..data import Episodes
from .base import Algorithm
from .learner import Params


class UnicornMaml(Algorithm):
    """MAML whose head has one row for all classes."""

    def meta_parameters(self, classes: int = 0) -> Params:
        """θ with one row of the head, ``[1, features]`` and ``[1]``."""
        meta = super().meta_parameters(classes)
        return meta | {name: meta[name].detach()[:1].clone().requires_grad_() for name in self.learner.head}

    def start(self, meta: Params, episodes: Episodes) -> Params:
        """The one row, once for each class of the task."""
        params = self.learner.stack({name: meta[name] for name in self.learner.names}, len(episodes))
        return params | {name: params[name].expand(-1, episodes.way, *params[name].shape[2:]) for name in self.learner.head}
