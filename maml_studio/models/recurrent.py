"""GRU (Cho 2014, 1406.1078) and LSTM (Hochreiter and Schmidhuber 1997) over a sequence, with weights that may carry a tasks axis.

Written out in matrix products: the fused kernels behind ``nn.GRU`` and ``nn.LSTM`` lack a second derivative on some devices, and know no
tasks axis. A sequence of L steps is ``[N, L, F]``; with weights stacked over T tasks all tasks stand side by side, ``[N, T*L, F]``, as in
models/layers.py. Weights have PyTorch's names, shapes and order of gates, and load into its layers.
"""

from collections import OrderedDict
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..spec import Recurrent
from .layers import Linear, Network


class RecurrentLayer(nn.RNNBase):
    """One recurrent layer: every step's output ``[N, L, H]``, or with ``last`` the final step's alone, ``[N, H]``."""

    mode_name: ClassVar[str]
    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, inputs: int, hidden: int, *, last: bool) -> None:
        super().__init__(self.mode_name, inputs, hidden, batch_first=True)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        """Read a sequence, from a state of zeros; with stacked weights ``[N, T*L, F]`` gives ``[N, T*L, H]`` or ``[N, T*H]``."""
        weights = [self.weight_ih_l0, self.weight_hh_l0, self.bias_ih_l0, self.bias_hh_l0]
        if weights[0].dim() == 2:
            weights = [weight.unsqueeze(0) for weight in weights]
        w_in, w_state, b_in, b_state = weights
        tasks, size = len(w_in), self.hidden_size
        x = x.reshape(len(x), tasks, -1, self.input_size).permute(1, 2, 0, 3)  # [T, L, N, F]
        steps, count = x.shape[1:3]
        # What the inputs add to the gates needs no state, so all steps are one product.
        gates = torch.baddbmm(b_in.unsqueeze(1), x.flatten(1, 2), w_in.transpose(1, 2))
        inputs = gates.view(tasks, steps, count, -1).unbind(1)
        states = self._run(inputs, x.new_zeros(tasks, count, size), w_state.transpose(1, 2), b_state.unsqueeze(1))
        if self.last:
            return states[-1].transpose(0, 1).flatten(1)
        return torch.stack(states, 2).transpose(0, 1).flatten(1, 2)

    def _run(self, inputs: tuple[Tensor, ...], zeros: Tensor, weight: Tensor, bias: Tensor) -> list[Tensor]:
        """The state after each step, ``[T, N, H]``, from the inputs' share of the gates, ``[T, N, gates*H]``."""
        raise NotImplementedError


class Gru(RecurrentLayer):
    """Gated recurrent unit."""

    mode_name = "GRU"

    def _run(self, inputs: tuple[Tensor, ...], zeros: Tensor, weight: Tensor, bias: Tensor) -> list[Tensor]:
        size, state, states = self.hidden_size, zeros, []
        for gates in inputs:
            own = torch.baddbmm(bias, state, weight)
            reset, keep = (gates[..., : 2 * size] + own[..., : 2 * size]).sigmoid().chunk(2, -1)
            new = torch.addcmul(gates[..., 2 * size :], reset, own[..., 2 * size :]).tanh()
            state = torch.lerp(new, state, keep)
            states.append(state)
        return states


class Lstm(RecurrentLayer):
    """Long short-term memory."""

    mode_name = "LSTM"

    def _run(self, inputs: tuple[Tensor, ...], zeros: Tensor, weight: Tensor, bias: Tensor) -> list[Tensor]:
        size, state, cell, states = self.hidden_size, zeros, zeros, []
        for gates in inputs:
            total = torch.baddbmm(gates + bias, state, weight)
            write, forget = total[..., : 2 * size].sigmoid().chunk(2, -1)
            new, output = total[..., 2 * size : 3 * size].tanh(), total[..., 3 * size :].sigmoid()
            cell = torch.addcmul(forget * cell, write, new)
            state = output * cell.tanh()
            states.append(state)
        return states


class LayerNorm(nn.LayerNorm):
    """Layer norm over the features of each example and step by itself."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``[N, H]`` or ``[N, L, H]``; with weights ``[T, H]`` ``[N, T*H]`` or ``[N, T*L, H]``."""
        if self.weight.dim() == 1:
            return super().forward(x)
        tasks, features = self.weight.shape
        parts = x.reshape(len(x), tasks, *([-1] if x.dim() == 3 else []), features)
        weight, bias = (value.view(tasks, *[1] * (parts.dim() - 3), features) for value in (self.weight, self.bias))
        return torch.addcmul(bias, F.layer_norm(parts, (features,), eps=self.eps), weight).flatten(1, 2)


CELLS: dict[str, type[RecurrentLayer]] = {"gru": Gru, "lstm": Lstm}


def build_recurrent(settings: Recurrent, shape: tuple[int, ...], outputs: int) -> Network:
    """The network for images ``[C, H, W]``, which it reads as C*H rows of W, or for sequences ``[L, F]``."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    if len(shape) == 3:
        layers["rows"] = nn.Flatten(1, 2)
    features = shape[-1]
    for number in range(1, settings.layers + 1):
        layers[f"{settings.cell}{number}"] = CELLS[settings.cell](features, settings.hidden, last=number == settings.layers)
        features = settings.hidden
        if settings.norm == "layer":
            layers[f"norm{number}"] = LayerNorm(features)
    layers["head"] = Linear(features, outputs)
    return Network(layers)


def plain_recurrent(settings: Recurrent, shape: tuple[int, ...], outputs: int) -> str:
    """The same network as lines of plain PyTorch that define ``net``."""
    rows = 'layers["rows"] = nn.Flatten(1, 2)' if len(shape) == 3 else ""
    norm = '    layers[f"norm{i}"] = nn.LayerNorm(HIDDEN)' if settings.norm == "layer" else ""
    lines = [
        f"class Steps(nn.{settings.cell.upper()}):  # the output of every step, without the final state",
        "    def forward(self, x):",
        "        return super().forward(x)[0]",
        "class LastStep(Steps):",
        "    def forward(self, x):",
        "        return super().forward(x)[:, -1]",
        f"HIDDEN, LAYERS, layers = {settings.hidden}, {settings.layers}, OrderedDict()",
        rows,
        "for i in range(1, LAYERS + 1):",
        "    layer = LastStep if i == LAYERS else Steps",
        f'    layers[f"{settings.cell}{{i}}"] = layer({shape[-1]} if i == 1 else HIDDEN, HIDDEN, batch_first=True)',
        norm,
        f'layers["head"] = nn.Linear(HIDDEN, {outputs})',
        "net = nn.Sequential(layers)",
    ]
    return "\n".join(line for line in lines if line)
