"""The CNN of the MNIST tutorials: two convolutions with max-pooling and one hidden layer, no norm."""

from collections import OrderedDict

from torch import nn

from ..spec import TutorialCnn
from .layers import Conv2d, Linear, Network

HIDDEN = 128


def build_tutorial_cnn(settings: TutorialCnn, shape: tuple[int, ...], outputs: int) -> Network:
    """The network for images ``[C, H, W]``."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = Conv2d(shape[0], 32, 3)
    layers["relu1"] = nn.ReLU()
    layers["pool1"] = nn.MaxPool2d(2)
    layers["conv2"] = Conv2d(32, 64, 3)
    layers["relu2"] = nn.ReLU()
    layers["pool2"] = nn.MaxPool2d(2)
    layers["flatten"] = nn.Flatten()
    layers["linear"] = Linear(_features(shape), HIDDEN)
    layers["relu3"] = nn.ReLU()
    layers["head"] = Linear(HIDDEN, outputs)
    if settings.softmax:
        layers["softmax"] = nn.Softmax(-1)
    return Network(layers)


def _features(shape: tuple[int, ...]) -> int:
    """Values left after both blocks: each takes two off for the 3x3 convolution and halves."""
    height, width = (((side - 2) // 2 - 2) // 2 for side in shape[1:])
    return 64 * height * width


def plain_tutorial_cnn(settings: TutorialCnn, shape: tuple[int, ...], outputs: int) -> str:
    """The same network as lines of plain PyTorch that define ``net``."""
    lines = [
        "layers = OrderedDict(",
        f"    conv1=nn.Conv2d({shape[0]}, 32, 3), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),",
        "    conv2=nn.Conv2d(32, 64, 3), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2),",
        f"    flatten=nn.Flatten(), linear=nn.Linear({_features(shape)}, {HIDDEN}), relu3=nn.ReLU(),",
        f"    head=nn.Linear({HIDDEN}, {outputs}),",
        ")",
    ]
    if settings.softmax:
        lines.append('layers["softmax"] = nn.Softmax(-1)')
    return "\n".join([*lines, "net = nn.Sequential(layers)"])
