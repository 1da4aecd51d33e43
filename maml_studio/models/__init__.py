"""The networks: ordinary modules made of layers that may carry a tasks axis."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..spec import Experiment, Model, outputs
from .conv4 import build_conv4, plain_conv4
from .layers import Network
from .mlp import build_mlp, plain_mlp
from .tutorial_cnn import build_tutorial_cnn, plain_tutorial_cnn

_global_generator = threading.Lock()

IMAGE_SHAPE = (1, 28, 28)
POINT_SHAPE = (1,)


@dataclass(frozen=True)
class ModelKind:
    """How to build a network, and how to write it down as plain PyTorch for those who have only its weights."""

    build: Callable[[Any, tuple[int, ...], int], Network]
    plain: Callable[[Any, tuple[int, ...], int], str]


MODELS: dict[str, ModelKind] = {
    "conv4": ModelKind(build_conv4, plain_conv4),
    "tutorial_cnn": ModelKind(build_tutorial_cnn, plain_tutorial_cnn),
    "mlp": ModelKind(build_mlp, plain_mlp),
}
"""Every network by its name."""


def build_model(settings: Model, shape: tuple[int, ...], outputs: int, seed: int) -> Network:
    """A network with its first weights drawn from ``seed``; the global generator is left as it was.

    One thread at a time: torch draws first weights from its one global generator, which the drawing page's thread must not seed anew
    while a run's network is made.
    """
    with _global_generator, torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(seed)
        return MODELS[settings.name].build(settings, shape, outputs)


def input_shape(experiment: Experiment) -> tuple[int, ...]:
    """Shape of one example: ``[1, 28, 28]`` for images, ``[1]`` for a point."""
    return POINT_SHAPE if experiment.regression else IMAGE_SHAPE


def build_for(experiment: Experiment) -> Network:
    """The experiment's network, as it is before training."""
    return build_model(experiment.model, input_shape(experiment), outputs(experiment.task), experiment.seed)


def plain_source(experiment: Experiment) -> str:
    """The experiment's network as lines of plain PyTorch that define ``net``."""
    return MODELS[experiment.model.name].plain(experiment.model, input_shape(experiment), outputs(experiment.task))


__all__ = ["MODELS", "ModelKind", "Network", "build_for", "build_model", "input_shape", "plain_source"]
