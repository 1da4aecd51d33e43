"""The meta-learning algorithms, one file each."""

from torch import nn

from ..spec import Experiment
from .base import Algorithm, InnerStep, OuterGradient, detached
from .fomaml import Fomaml
from .learner import Learner, Params
from .maml import Maml

ALGORITHMS: dict[str, type[Algorithm]] = {
    "maml": Maml,
    "fomaml": Fomaml,
}
"""Every algorithm by its name."""


def build_algorithm(experiment: Experiment, module: nn.Module) -> Algorithm:
    """The experiment's algorithm for a network."""
    learner = Learner(module, "mse" if experiment.regression else "cross_entropy")
    return ALGORITHMS[experiment.algorithm.name](experiment.algorithm, learner)


__all__ = ["ALGORITHMS", "Algorithm", "InnerStep", "Learner", "OuterGradient", "Params", "build_algorithm", "detached"]
