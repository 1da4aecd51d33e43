"""Conv4: four blocks of 3x3 convolution, norm and ReLU (Vinyals 2016, 1606.04080; Finn 2017, 1703.03400, appendix A.1)."""

from collections import OrderedDict
from math import prod

from torch import nn

from ..spec import Conv4
from .layers import BatchNorm2d, Conv2d, Film, GroupNorm, Linear, Network

BLOCKS = 4
FILM_BLOCK = 3
"""CAVIA's image network modulates its third block, before the ReLU (Zintgraf 2019, 1810.03642, section 5.2)."""


def build_conv4(settings: Conv4, shape: tuple[int, ...], outputs: int) -> Network:
    """The network for images ``[C, H, W]``.

    With stride 2 the last map is averaged unless told otherwise, as MAML's released Omniglot code does; max-pooling brings 28x28 down to
    one place anyway, and larger images are averaged too.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = shape[0]
    stride = 2 if settings.downsample == "stride" else 1
    for block in range(1, BLOCKS + 1):
        layers[f"conv{block}"] = Conv2d(channels, settings.width, 3, stride, padding=1)
        channels = settings.width
        match settings.norm:
            case "batch":
                layers[f"norm{block}"] = BatchNorm2d(channels)
            case "group":
                layers[f"norm{block}"] = GroupNorm(_groups(channels), channels)
            case "layer":
                layers[f"norm{block}"] = GroupNorm(1, channels)
        if settings.context and block == FILM_BLOCK:
            layers["film"] = Film(settings.context, channels)
        layers[f"relu{block}"] = nn.ReLU()
        if settings.downsample == "max_pool":
            layers[f"pool{block}"] = nn.MaxPool2d(2)
    if settings.average:
        layers["mean"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["head"] = Linear(_features(settings, shape), outputs)
    return Network(layers)


def _features(settings: Conv4, shape: tuple[int, ...]) -> int:
    """Features before the head: one per channel, and without averaging one per channel and place of the last map."""
    sides = shape[1:]
    for _ in range(BLOCKS):
        sides = tuple((side + 1) // 2 if settings.downsample == "stride" else side // 2 for side in sides)
    return settings.width * (1 if settings.average else prod(sides))


def _groups(channels: int) -> int:
    """Eight groups where that divides the channels, else the nearest smaller number that does."""
    return next(groups for groups in range(min(8, channels), 0, -1) if channels % groups == 0)


def plain_conv4(settings: Conv4, shape: tuple[int, ...], outputs: int) -> str:
    """The same network as lines of plain PyTorch that define ``net``; its norms keep statistics only in ``eval()``."""
    norm = {
        "batch": 'layers[f"norm{i}"] = nn.BatchNorm2d(WIDTH)',
        "group": f'layers[f"norm{{i}}"] = nn.GroupNorm({_groups(settings.width)}, WIDTH)',
        "layer": 'layers[f"norm{i}"] = nn.GroupNorm(1, WIDTH)',
        "none": "",
    }[settings.norm]
    pool = 'layers[f"pool{i}"] = nn.MaxPool2d(2)' if settings.downsample == "max_pool" else ""
    stride = 1 if pool else 2
    film = [f"    if i == {FILM_BLOCK}:", '        layers["film"] = Film()'] if settings.context else []
    body = [
        f'    layers[f"conv{{i}}"] = nn.Conv2d({shape[0]} if i == 1 else WIDTH, WIDTH, 3, {stride}, padding=1)',
        f"    {norm}" if norm else "",
        *film,
        '    layers[f"relu{i}"] = nn.ReLU()',
        f"    {pool}" if pool else "",
    ]
    mean = '"mean": nn.AdaptiveAvgPool2d(1), ' if settings.average else ""
    return "\n".join(
        [
            f"WIDTH, layers = {settings.width}, OrderedDict()",
            *(_plain_film(settings.context) if settings.context else []),
            f"for i in range(1, {BLOCKS + 1}):",
            *(line for line in body if line),
            f'layers |= {{{mean}"flatten": nn.Flatten(), "head": nn.Linear({_features(settings, shape)}, {outputs})}}',
            "net = nn.Sequential(layers)",
        ]
    )


def _plain_film(context: int) -> list[str]:
    return [
        "class Film(nn.Module):  # a context vector scales and shifts every channel",
        "    def __init__(self):",
        "        super().__init__()",
        f"        self.context, self.linear = nn.Parameter(torch.zeros({context})), nn.Linear({context}, 2 * WIDTH)",
        "    def forward(self, x):",
        "        scale, shift = self.linear(self.context)[:, None, None].chunk(2)",
        "        return x * (1 + scale) + shift",
    ]
