"""Layers whose weights may carry a leading tasks axis, so that one call runs as many adapted networks as there are tasks.

With plain weights these are the ordinary layers. With weights stacked over T tasks (through ``torch.func.functional_call``) the
activations of all tasks stand side by side in the channels, ``[N, T*C, H, W]``: convolutions become grouped convolutions, linear layers
a batched matrix product, and everything that works channel by channel (batch norm, pooling, ReLU) needs no change. Measured faster than
``torch.vmap`` and a fraction of its memory; and vmap's second-order gradient through ``nn.BatchNorm2d`` is wrong.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv2d(nn.Conv2d):
    """2-D convolution; with weights ``[T, O, C, k, k]`` it maps ``[N, T*C, H, W]`` to ``[N, T*O, H', W']``."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        if self.weight.dim() == 4:
            return super().forward(x)
        assert self.bias is not None
        tasks = self.weight.shape[0]
        return F.conv2d(x, self.weight.flatten(0, 1), self.bias.flatten(), self.stride, self.padding, self.dilation, tasks)


class Linear(nn.Linear):
    """Affine map; with weights ``[T, O, F]`` it takes ``[N, T*F]`` or ``[T, N, F]`` and gives ``[T, N, O]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Multiply and add."""
        if self.weight.dim() == 2:
            return super().forward(x)
        if x.dim() == 2:
            x = x.reshape(len(x), self.weight.shape[0], -1).transpose(0, 1)
        return torch.baddbmm(self.bias.unsqueeze(1), x, self.weight.transpose(1, 2))


class BatchNorm2d(nn.Module):
    """Batch norm without running averages: the statistics come from the batch, or from its first ``statistics`` images."""

    eps = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, statistics: int | None = None) -> Tensor:
        """Normalise ``[N, C, H, W]`` (or ``[N, T*C, H, W]`` with weights ``[T, C]``) channel by channel."""
        weight, bias = self.weight.flatten(), self.bias.flatten()
        if statistics is None:
            return F.batch_norm(x, None, None, weight, bias, training=True, eps=self.eps)
        var, mean = torch.var_mean(x[:statistics], (0, 2, 3), correction=0, keepdim=True)
        scale = weight[:, None, None] * (var + self.eps).rsqrt()
        return (x - mean) * scale + bias[:, None, None]


class GroupNorm(nn.GroupNorm):
    """Group norm; blind to other images. One group makes it layer norm over channels and places."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise every image by itself."""
        groups = self.num_groups if self.weight.dim() == 1 else self.num_groups * self.weight.shape[0]
        return F.group_norm(x, groups, self.weight.flatten(), self.bias.flatten(), self.eps)


class ContextInput(nn.Module):
    """A context vector that stands beside every input (Zintgraf 2019, 1810.03642): ``[N, F]`` becomes ``[N, F + context]``."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.context = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        """Put the context (``[T, context]`` when stacked, for ``[N, T*F]``) behind the features."""
        context = self.context if self.context.dim() == 2 else self.context[None]
        x = x.reshape(len(x), len(context), -1)
        return torch.cat([x, context.expand(len(x), *context.shape)], -1).flatten(1)


class Film(nn.Module):
    """Scales and shifts every channel by what a context vector says: FiLM (Perez 2018, 1709.07871), as CAVIA uses it for images."""

    def __init__(self, context: int, channels: int) -> None:
        super().__init__()
        self.context = nn.Parameter(torch.zeros(context))
        self.linear = Linear(context, 2 * channels)
        # Scale 1 and shift 0 at context zero, so that the network is the one without FiLM when a task begins.
        with torch.no_grad():
            self.linear.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Modulate ``[N, C, H, W]`` (``[N, T*C, H, W]`` with a context ``[T, context]``)."""
        modulation: Tensor = self.linear(self.context.unsqueeze(-2))
        scale, shift = modulation.chunk(2, -1)
        return x * (1 + scale.reshape(-1, 1, 1)) + shift.reshape(-1, 1, 1)


Part = Literal["all", "body", "head"]


class Network(nn.Sequential):
    """Named layers in a row, one of the last of them the linear ``head``; what comes before it is the body.

    As plain ``nn.Sequential`` it is an ordinary module with ordinary parameter names, so its weights load into plain PyTorch.
    """

    def forward(self, x: Tensor, statistics: int | None = None, part: Part = "all") -> Tensor:
        """Run all layers, or only those up to the head or from it on.

        Args:
            x: ``[N, C, H, W]`` or ``[N, F]``; with weights stacked over T tasks ``[N, T*C, H, W]`` or ``[N, T*F]``.
            statistics: how many of the first images give the batch norm's statistics; all of them if None.
            part: ``body`` gives the embedding ``[N, F]`` (``[N, T*F]``), which ``head`` takes (``[T, N, F]`` too).

        Returns:
            ``[N, outputs]``, or ``[T, N, outputs]`` with stacked weights.
        """
        in_head = False
        for name, layer in self.named_children():
            in_head = in_head or name == "head"
            if part == "all" or (part == "head") == in_head:
                x = layer(x, statistics) if isinstance(layer, BatchNorm2d) else layer(x)
        return x
