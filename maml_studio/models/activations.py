"""How much memory a forward pass leaves occupied for the way back."""

import torch
from torch import Tensor, nn


def values_kept(network: nn.Module, x: Tensor) -> int:
    """Values per example that autograd keeps of one forward pass, the parameters aside; works on the meta device too.

    Args:
        network: any module.
        x: ``[N, ...]``, two examples or so.
    """
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()._cdata
        if storage not in own:
            kept[storage] = value  # held, so that no other tensor gets its address
        return value

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
        network(x)
    return sum(value.untyped_storage().nbytes() // value.element_size() for value in kept.values()) // len(x)
