"""Proto-MAML: MAML whose head starts, in each task, as the nearest-class-mean classifier of its own features.

Triantafillou and others 2020, "Meta-Dataset", 1903.03096, section 4. With c_k the mean embedding of class k's support examples, the
squared distance −‖f(x) − c_k‖² is, up to what is the same for all classes, the linear head

    W_k = 2 c_k,   b_k = −‖c_k‖².

The outer gradient flows through c_k into the body. The head itself is not learned, and there may be any number of classes.
"""

import torch.nn.functional as F
from torch import Tensor

from ..data import Episodes
from .base import Algorithm
from .learner import Params


class ProtoMaml(Algorithm):
    """MAML from a prototype head."""

    def meta_parameters(self, classes: int = 0) -> Params:
        """θ without a head."""
        return {name: value for name, value in super().meta_parameters(classes).items() if name not in self.learner.head}

    def start(self, meta: Params, episodes: Episodes) -> Params:
        """The body's weights, and the prototypes as the head."""
        body = super().start(meta, episodes)
        return body | self.head(self.learner.embed(body, episodes.support_x), episodes)

    def head(self, features: Tensor, episodes: Episodes) -> Params:
        """Weights ``[tasks, way, features]`` and biases ``[tasks, way]`` out of the support set's embeddings ``[tasks, N, features]``."""
        member = F.one_hot(episodes.support_y, episodes.way).to(features.dtype)
        means = (member / member.sum(1, keepdim=True)).transpose(1, 2) @ features
        return dict(zip(self.learner.head, (2 * means, -means.square().sum(-1)), strict=True))
