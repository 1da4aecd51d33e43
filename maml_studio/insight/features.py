"""What each layer of a network gives for some examples, by forward hooks: any module, any architecture."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..algorithms import Learner, Params

EMBEDDING = "(embedding)"
"""Stands for what the head is given: the features that the whole body makes."""


def layer_names(parameters: Sequence[str]) -> tuple[str, ...]:
    """The modules that own parameters, in the order of their first one: these are the layers.

    Args:
        parameters: dotted names of parameters, such as ``conv1.weight``; the module itself owns those without a dot.
    """
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in parameters))


def layer_features(learner: Learner, params: Params, x: Tensor, statistics: int | None = None) -> dict[str, Tensor]:
    """The output of every layer for one task's examples.

    A layer that runs more than once gives its last output; one that a module uses without calling it gives none, and is left out.

    Args:
        learner: the network; its slower path over single tasks is taken, where activations have their ordinary shapes.
        params: one task's parameters, without a tasks axis.
        x: ``[N, ...]``.
        statistics: how many of the first examples give the batch norm's statistics; all of them if None.

    Returns:
        By layer ``[N, ...]``, from the network's first layer on; under :data:`EMBEDDING` what the head is given, where there is a head.
    """
    found: dict[str, Tensor] = {}
    plain = Learner(learner.module, learner.loss_name, batched=False)
    handles = [learner.module.get_submodule(name).register_forward_hook(_keep(found, name)) for name in layer_names(learner.names)]
    if learner.head_name:
        handles.append(learner.module.get_submodule(learner.head_name).register_forward_pre_hook(_keep_input(found)))
    try:
        with torch.no_grad():
            plain.outputs({name: value[None] for name, value in params.items()}, x[None], statistics)
    finally:
        for handle in handles:
            handle.remove()
    return {name: value for name, value in found.items() if value.dim() > 0 and len(value) == len(x)}


def _keep_input(found: dict[str, Tensor]):  # type: ignore[no-untyped-def]
    def hook(module: nn.Module, arguments: tuple[object, ...]) -> None:
        if arguments and isinstance(arguments[0], Tensor):
            found[EMBEDDING] = arguments[0]

    return hook


def _keep(found: dict[str, Tensor], name: str):  # type: ignore[no-untyped-def]
    def hook(module: nn.Module, arguments: object, output: object) -> None:
        # Recurrent layers of torch give their states beside their outputs.
        first = output[0] if isinstance(output, tuple) else output
        if isinstance(first, Tensor):
            found[name] = first

    return hook
