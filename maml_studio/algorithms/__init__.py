"""The meta-learning algorithms, one file each."""

from torch import nn

from ..spec import Experiment
from .anil import Anil
from .base import Algorithm, InnerStep, OuterGradient
from .boil import Boil
from .cavia import Cavia
from .fomaml import Fomaml
from .imaml import Imaml
from .joint import Joint
from .learner import Learner, Params
from .maml import Maml
from .mamlpp import Mamlpp
from .meta_sgd import MetaSgd
from .proto_maml import ProtoMaml
from .protonet import ProtoNet
from .reptile import Reptile
from .unicorn_maml import UnicornMaml

ALGORITHMS: dict[str, type[Algorithm]] = {
    "maml": Maml,
    "fomaml": Fomaml,
    "reptile": Reptile,
    "imaml": Imaml,
    "meta_sgd": MetaSgd,
    "anil": Anil,
    "boil": Boil,
    "proto_maml": ProtoMaml,
    "unicorn_maml": UnicornMaml,
    "mamlpp": Mamlpp,
    "cavia": Cavia,
    "protonet": ProtoNet,
    "joint": Joint,
}
"""Every algorithm by its name."""


def build_algorithm(experiment: Experiment, module: nn.Module, *, trained_on: Experiment | None = None) -> Algorithm:
    """The experiment's algorithm for a network.

    Args:
        experiment: the settings.
        module: the network.
        trained_on: the settings that the network was trained with, where they may be others: its classes have their numbers in its own data
            alone, since another folder, split or seed numbers others.
    """
    learner = Learner(
        module,
        "mse" if experiment.regression else "cross_entropy",
        objective=experiment.training.objective,
        head=experiment.model.head_layer,
    )
    data = experiment.data
    known = data.same_classes and (trained_on is None or trained_on.data == data)
    return ALGORITHMS[experiment.algorithm.name](experiment.algorithm, learner, known_classes=known, seed=experiment.seed)


__all__ = ["ALGORITHMS", "Algorithm", "InnerStep", "Learner", "OuterGradient", "Params", "build_algorithm"]
