"""What goes into a ``.safetensors`` file: tensors with the names that plain PyTorch gives them."""

import torch
from torch import Tensor

from ..algorithms import build_algorithm
from ..algorithms.joint import CLASSIFIER
from ..api import Adapted, Trained
from ..models import build_for, input_shape
from .formats import ExportError
from .frozen import freeze, ordinary_norms
from .parts import Parts, parts_of

PROTOTYPES = "prototypes"


def parts(trained: Trained) -> Parts:
    """The parts of a model's network."""
    return parts_of(build_algorithm(trained.experiment, build_for(trained.experiment)).learner)


def initialisation(trained: Trained) -> dict[str, Tensor]:
    """Everything that was meta-learned: the weights, and learned rates by the names that they have among the meta-parameters.

    A head has the rows that it was learned with, which for joint training are all training classes. A context that is not learned
    starts at zero. An ordinary batch norm also has running statistics; the neutral ones, since adapting does not read them.
    """
    network = build_for(trained.experiment)
    learner = build_algorithm(trained.experiment, network).learner
    tensors = {}
    for name, value in trained.meta.items():
        joint = name.startswith(CLASSIFIER) and name not in learner.names
        known = f"{learner.head_name}.{name.removeprefix(CLASSIFIER)}" if joint else name
        tensors[known] = value
    tensors |= {name: torch.zeros_like(network.get_parameter(name)) for name in learner.context if name not in tensors}
    tensors |= dict(network.named_buffers())
    norms = ordinary_norms(network, torch.zeros(2, *input_shape(trained.experiment)))
    for name, layer in network.named_modules():
        if layer in norms:
            norms[layer].reset_running_stats()
            tensors |= {f"{name}.{buffer}": value for buffer, value in norms[layer].named_buffers()}
    return _separate(tensors)


def adapted_weights(adapted: Adapted, step: int | None = None) -> dict[str, Tensor]:
    """The adapted network as the ``state_dict`` of ordinary layers, whose ``eval()`` gives what ``Adapted.predict`` gives."""
    return _separate(freeze(adapted, step).state_dict())


def prototypes(adapted: Adapted, step: int | None = None) -> dict[str, Tensor]:
    """The embedding network, and the mean embedding of each class: ``prototypes``, ``[classes, features]``.

    Raises:
        ExportError: when a later step is asked for than the first, where the head no longer consists of prototypes.
    """
    if step:
        raise ExportError(f"prototypes are there before the first inner step only: step should be 0, not {step}")
    tensors = adapted_weights(adapted, 0)
    head = parts(adapted.trained).head_prefix
    # The head of proto_maml.py is twice the means.
    means = tensors[f"{head}weight"] / 2
    return {name: value for name, value in tensors.items() if not name.startswith(head)} | {PROTOTYPES: means}


def head_rows(tensors: dict[str, Tensor], head_prefix: str) -> int | None:
    """How many rows the head has; None where there is no head."""
    return next((len(value) for name, value in tensors.items() if name.startswith(head_prefix)), None)


def _separate(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each in memory of its own, as the file format wants it."""
    return {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
