"""The networks: ordinary modules made of layers that may carry a tasks axis."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .. import stroke_sequences
from ..spec import Experiment, Model, outputs
from ..user_code import allow, is_allowed
from .activations import values_kept
from .conv4 import build_conv4, plain_conv4
from .layers import Network
from .mlp import build_mlp, plain_mlp
from .recurrent import build_recurrent, plain_recurrent
from .tutorial_cnn import build_tutorial_cnn, plain_tutorial_cnn
from .user_module import ModelError, TaskBatchNorm, build_user_module, head_name, plain_user_module, run_module

_global_generator = threading.Lock()

IMAGE_SHAPE = (1, 28, 28)
POINT_SHAPE = (1,)
STROKES_SHAPE = (stroke_sequences.LENGTH, stroke_sequences.FEATURES)


@dataclass(frozen=True)
class ModelKind:
    """How to build a network, and how to write it down as plain PyTorch for those who have only its weights."""

    build: Callable[[Any, tuple[int, ...], int], nn.Module]
    plain: Callable[[Any, tuple[int, ...], int], str]


MODELS: dict[str, ModelKind] = {
    "conv4": ModelKind(build_conv4, plain_conv4),
    "tutorial_cnn": ModelKind(build_tutorial_cnn, plain_tutorial_cnn),
    "mlp": ModelKind(build_mlp, plain_mlp),
    "recurrent": ModelKind(build_recurrent, plain_recurrent),
    "module": ModelKind(build_user_module, plain_user_module),
}
"""Every network by its name."""


def build_model(settings: Model, shape: tuple[int, ...], outputs: int, seed: int) -> nn.Module:
    """A network with its first weights drawn from ``seed``; the global generator is left as it was.

    One thread at a time: torch draws first weights from its one global generator, which the drawing page's thread must not seed anew
    while a run's network is made.

    Raises:
        ModelError: when a module of the user's own can't be used.
    """
    with _global_generator, torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(seed)
        return MODELS[settings.name].build(settings, shape, outputs)


def input_shape(experiment: Experiment) -> tuple[int, ...]:
    """Shape of one example: ``[1, 28, 28]`` for images, ``[64, 3]`` for a drawing's pen moves, ``[1]`` for a point."""
    if experiment.model.reads_strokes:
        return STROKES_SHAPE
    return POINT_SHAPE if experiment.regression else IMAGE_SHAPE


def build_for(experiment: Experiment) -> nn.Module:
    """The experiment's network, as it is before training."""
    return build_model(experiment.model, input_shape(experiment), outputs(experiment.task), experiment.seed)


def plain_source(experiment: Experiment, rows: int | None = None) -> str:
    """The experiment's network as lines of plain PyTorch that define ``net``.

    Args:
        experiment: names the network.
        rows: how many outputs its head has, where that is not as many as the task has classes.
    """
    rows = outputs(experiment.task) if rows is None else rows
    return MODELS[experiment.model.name].plain(experiment.model, input_shape(experiment), rows)


__all__ = [
    "MODELS",
    "ModelError",
    "ModelKind",
    "Network",
    "TaskBatchNorm",
    "allow",
    "build_for",
    "build_model",
    "head_name",
    "input_shape",
    "is_allowed",
    "plain_source",
    "run_module",
    "values_kept",
]
