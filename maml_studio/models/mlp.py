"""Multi-layer perceptron; with two hidden layers of 40 the network of MAML's sinusoid experiment (Finn 2017, 1703.03400)."""

from collections import OrderedDict
from math import prod

from torch import nn

from ..spec import Mlp
from .layers import ContextInput, Linear, Network


def build_mlp(settings: Mlp, shape: tuple[int, ...], outputs: int) -> Network:
    """The network for inputs of any shape, which are flattened first."""
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    features = prod(shape) + settings.context
    if settings.context:
        layers["context"] = ContextInput(settings.context)
    for number, units in enumerate(settings.hidden, 1):
        layers[f"linear{number}"] = Linear(features, units)
        layers[f"{settings.activation}{number}"] = nn.ReLU() if settings.activation == "relu" else nn.Tanh()
        features = units
    layers["head"] = Linear(features, outputs)
    return Network(layers)


def plain_mlp(settings: Mlp, shape: tuple[int, ...], outputs: int) -> str:
    """The same network as lines of plain PyTorch that define ``net``."""
    activation = "nn.ReLU()" if settings.activation == "relu" else "nn.Tanh()"
    sizes = [prod(shape) + settings.context, *settings.hidden]
    return "\n".join(
        [
            f"sizes, layers = {sizes}, OrderedDict(flatten=nn.Flatten())",
            *(_plain_context(settings.context) if settings.context else []),
            "for i in range(1, len(sizes)):",
            '    layers[f"linear{i}"] = nn.Linear(sizes[i - 1], sizes[i])',
            f'    layers[f"{settings.activation}{{i}}"] = {activation}',
            f'layers["head"] = nn.Linear(sizes[-1], {outputs})',
            "net = nn.Sequential(layers)",
        ]
    )


def _plain_context(size: int) -> list[str]:
    return [
        "class Context(nn.Module):  # a context vector stands behind every input",
        "    def __init__(self):",
        "        super().__init__()",
        f"        self.context = nn.Parameter(torch.zeros({size}))",
        "    def forward(self, x):",
        "        return torch.cat([x, self.context.expand(len(x), -1)], 1)",
        'layers["context"] = Context()',
    ]
