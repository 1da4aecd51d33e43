"""Every network once more in ordinary PyTorch, for one task at a time; shares no code with the engine."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.func import functional_call

from maml_studio.spec import Conv4, Mlp, Model, Recurrent, TutorialCnn

Weights = dict[str, Tensor]


class KeepingNorm(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` in training mode that can keep one batch's statistics for the next."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)
        self.keep = False
        self.kept: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.keep:
            self.kept = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
        if self.kept is None or self.keep:
            return super().forward(x)
        mean, var = self.kept
        return (x - mean) / (var + self.eps).sqrt() * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class BesideInput(nn.Module):
    """A context vector behind the inputs."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.context = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([torch.cat([row, self.context]) for row in x])


class Modulation(nn.Module):
    """A context vector that scales and shifts channels."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.context = nn.Parameter(torch.zeros(size))
        self.linear = nn.Linear(size, 2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        both = self.linear(self.context)
        scale, shift = both[: x.shape[1]], both[x.shape[1] :]
        return x + x * scale[None, :, None, None] + shift[None, :, None, None]


class TakeSteps(nn.Module):
    """Out of what ``nn.GRU`` and ``nn.LSTM`` give: every step's output, or the last one's."""

    def __init__(self, last: bool) -> None:
        super().__init__()
        self.last = last

    def forward(self, given: tuple[Tensor, object]) -> Tensor:
        return given[0][:, -1] if self.last else given[0]


def plain_network(settings: Model, outputs: int) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    match settings:
        case Conv4(width=width):
            for i in range(1, 5):
                strided = settings.downsample == "stride"
                layers[f"conv{i}"] = nn.Conv2d(1 if i == 1 else width, width, 3, stride=2 if strided else 1, padding=1)
                if settings.norm == "batch":
                    layers[f"norm{i}"] = KeepingNorm(width)
                elif settings.norm == "group":
                    layers[f"norm{i}"] = nn.GroupNorm(6, width)
                elif settings.norm == "layer":
                    layers[f"norm{i}"] = nn.GroupNorm(1, width)
                if settings.context and i == 3:
                    layers["film"] = Modulation(settings.context, width)
                layers[f"relu{i}"] = nn.ReLU()
                if not strided:
                    layers[f"pool{i}"] = nn.MaxPool2d(2)
            if settings.average:
                layers["mean"] = nn.AdaptiveAvgPool2d(1)
            features = width if settings.average or not strided else 4 * width
            layers |= OrderedDict(flatten=nn.Flatten(), head=nn.Linear(features, outputs))
        case TutorialCnn():
            layers |= OrderedDict(
                conv1=nn.Conv2d(1, 32, 3),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(32, 64, 3),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                linear=nn.Linear(1600, 128),
                relu3=nn.ReLU(),
                head=nn.Linear(128, outputs),
            )
            if settings.softmax:
                layers["softmax"] = nn.Softmax(1)
        case Mlp():
            layers["flatten"] = nn.Flatten()
            sizes = [(1 if outputs == 1 else 784) + settings.context, *settings.hidden]
            if settings.context:
                layers["context"] = BesideInput(settings.context)
            for i in range(1, len(sizes)):
                layers[f"linear{i}"] = nn.Linear(sizes[i - 1], sizes[i])
                layers[f"act{i}"] = {"relu": nn.ReLU(), "tanh": nn.Tanh()}[settings.activation]
            layers["head"] = nn.Linear(sizes[-1], outputs)
        case Recurrent(hidden=hidden):
            layers["rows"] = nn.Flatten(1, 2)
            for i in range(1, settings.layers + 1):
                kind = nn.GRU if settings.cell == "gru" else nn.LSTM
                layers[f"cell{i}"] = kind(28 if i == 1 else hidden, hidden, batch_first=True)
                layers[f"steps{i}"] = TakeSteps(last=i == settings.layers)
                if settings.norm == "layer":
                    layers[f"norm{i}"] = nn.LayerNorm(hidden)
            layers["head"] = nn.Linear(hidden, outputs)
    return nn.Sequential(layers).double()


def query_outputs(network: nn.Module, weights: Weights, support: Tensor, query: Tensor, transductive: bool) -> Tensor:
    """One task's outputs on its queries; otherwise than transductive, the support set goes through first and leaves its statistics."""
    norms = [] if transductive else [layer for layer in network.modules() if isinstance(layer, KeepingNorm)]
    if norms:
        for norm in norms:
            norm.keep = True
        functional_call(network, weights, (support,))
        for norm in norms:
            norm.keep = False
    outputs = functional_call(network, weights, (query,))
    for norm in norms:
        norm.kept = None
    return outputs
