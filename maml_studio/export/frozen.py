"""An adapted model as an ordinary module in ``eval()``, made of PyTorch's own operators alone.

Its batch norms hold the support set's statistics. Recurrent layers, which are written out in matrix products for training, run by
PyTorch's operator again: a graph then has one node for all their steps, and takes any number of examples.
"""

import torch
from torch import Tensor, nn

from ..api import Adapted
from ..models import build_model, input_shape
from ..models.layers import BatchNorm2d
from ..models.recurrent import Lstm, RecurrentLayer
from ..models.user_module import TaskBatchNorm
from .formats import ExportError

BATCH_NORMS = (BatchNorm2d, TaskBatchNorm)
"""Ours, without running averages."""

Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d

_ORDINARY: dict[int, type[Norm]] = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}
"""By the dimensions of what is normalised."""


def freeze(adapted: Adapted, step: int | None = None) -> nn.Module:
    """The adapted network; its outputs are those of ``Adapted.predict``.

    Raises:
        InputError: when there is no such step.
        ExportError: when a batch norm is used in several places, each of which would want statistics of its own.
    """
    experiment, params = adapted.trained.experiment, adapted.parameters(step)
    outputs = len(adapted.classes) or adapted.trained.way
    network = build_model(experiment.model, input_shape(experiment), outputs, experiment.seed)
    network.load_state_dict(network.state_dict() | params)
    network.requires_grad_(False)
    ordinary: dict[nn.Module, nn.Module] = {**ordinary_norms(network, adapted.support_images)}
    ordinary |= {layer: _Fused(layer) for layer in network.modules() if isinstance(layer, RecurrentLayer)}
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):
            if child in ordinary:
                setattr(parent, name, ordinary[child])
    return network.eval()


def ordinary_norms(network: nn.Module, x: Tensor) -> dict[nn.Module, Norm]:
    """For each of our batch norms an ordinary one, whose ``eval()`` normalises as ours does when the network sees ``x``.

    Raises:
        ExportError: when one is used in several places, each of which would want statistics of its own.
    """
    found: dict[nn.Module, Norm] = {}

    def note(norm: nn.Module, given: tuple[Tensor]) -> None:
        if norm in found:
            raise ExportError("A batch norm of this network is used in several places, and can't keep statistics for each of them")
        found[norm] = _ordinary(norm, given[0])

    norms = [layer for layer in network.modules() if isinstance(layer, BATCH_NORMS)]
    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    if norms:
        network(x)
    for hook in hooks:
        hook.remove()
    return found


def _ordinary(norm: nn.Module, x: Tensor) -> Norm:
    assert isinstance(norm, BatchNorm2d | TaskBatchNorm)
    twin = _ORDINARY[x.dim()](x.shape[1], eps=norm.eps, affine=norm.weight is not None)
    # The biased variance, as it normalised the support set; PyTorch itself would keep the unbiased one.
    twin.running_var, twin.running_mean = torch.var_mean(x, [0, *range(2, x.dim())], correction=0)
    if norm.weight is not None and norm.bias is not None:
        twin.weight, twin.bias = norm.weight, norm.bias
    return twin


class _Fused(nn.Module):
    """A recurrent layer, its parameters under the same names."""

    def __init__(self, layer: RecurrentLayer) -> None:
        super().__init__()
        self.is_lstm, self.size, self.last = isinstance(layer, Lstm), layer.hidden_size, layer.last
        for name, parameter in layer.named_parameters():
            self.register_parameter(name, parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Read ``[N, L, F]``; gives ``[N, L, H]``, or the last step's ``[N, H]``."""
        zeros = x.new_zeros(1, x.shape[0], self.size)
        weights: list[Tensor] = list(self.parameters())
        options = (True, 1, 0.0, False, False, True)  # biases, layers, dropout, training, both ways, batch first
        out = torch.lstm(x, [zeros, zeros], weights, *options)[0] if self.is_lstm else torch.gru(x, zeros, weights, *options)[0]
        return out[:, -1] if self.last else out
