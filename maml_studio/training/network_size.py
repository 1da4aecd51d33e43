"""How large a network is and what one example leaves in it, from its settings alone: no torch, nothing built, a few microseconds."""

from dataclasses import dataclass
from math import prod

from ..spec import Conv4, Experiment, Mlp, Model, Recurrent, TutorialCnn, UserModule
from ..stroke_sequences import FEATURES, LENGTH

IMAGE, POINT, STROKES = (1, 28, 28), (1,), (LENGTH, FEATURES)


@dataclass(frozen=True)
class NetworkSize:
    """A network's numbers.

    Attributes:
        parameters: weights in all.
        head: those of the last linear layer.
        kept: values per example that a forward pass leaves for the way back, the parameters aside.
        places: how many of them are places of a maximum, which take eight bytes instead of four.
        widest: values per example of the largest layer.
        largest: weights of the largest layer.
    """

    parameters: int
    head: int
    kept: int
    places: int
    widest: int
    largest: int

    @property
    def kept_bytes(self) -> int:
        """What they take."""
        return 4 * (self.kept + self.places)


def example_shape(experiment: Experiment) -> tuple[int, ...]:
    """Shape of one example, as ``models.input_shape`` has it."""
    if experiment.model.reads_strokes:
        return STROKES
    return POINT if experiment.regression else IMAGE


def network_size(model: Model, shape: tuple[int, ...], outputs: int) -> NetworkSize | None:
    """The size of a network; None for a module of the user's own, whose code alone knows.

    Args:
        model: its settings.
        shape: of one example.
        outputs: of the network.
    """
    match model:
        case Conv4():
            return _conv4(model, shape, outputs)
        case TutorialCnn():
            return _tutorial_cnn(model, shape, outputs)
        case Mlp():
            return _mlp(model, shape, outputs)
        case Recurrent():
            return _recurrent(model, shape, outputs)
        case UserModule():
            return None


class _Count:
    """Adds layers up."""

    def __init__(self) -> None:
        self.parameters = self.kept = self.places = self.widest = self.largest = 0

    def weights(self, number: int) -> None:
        self.parameters += number
        self.largest = max(self.largest, number)

    def keep(self, values: int) -> None:
        self.kept += values
        self.widest = max(self.widest, values)

    def pooled(self, values: int) -> None:
        self.kept += values
        self.places += values

    def done(self, features: int, outputs: int) -> NetworkSize:
        head = (features + 1) * outputs
        self.weights(head)
        return NetworkSize(self.parameters, head, self.kept, self.places, self.widest, self.largest)


def _conv4(model: Conv4, shape: tuple[int, ...], outputs: int) -> NetworkSize:
    count, channels, sides = _Count(), shape[0], shape[1:]
    count.keep(prod(shape))
    for block in range(1, 5):
        count.weights((9 * channels + 1) * model.width)
        channels = model.width
        if model.downsample == "stride":
            sides = tuple((side + 1) // 2 for side in sides)
        if model.norm != "none":
            count.weights(2 * channels)
            count.keep(channels * prod(sides))
        if model.context and block == 3:
            count.weights(model.context + (model.context + 1) * 2 * channels)
            count.keep(channels * prod(sides))
        count.keep(channels * prod(sides))
        if model.downsample == "max_pool":
            sides = tuple(side // 2 for side in sides)
            count.pooled(channels * prod(sides))
            if block < 4:
                count.keep(channels * prod(sides))
    return count.done(channels if model.average else channels * prod(sides), outputs)


def _tutorial_cnn(model: TutorialCnn, shape: tuple[int, ...], outputs: int) -> NetworkSize:
    count, channels, sides = _Count(), shape[0], shape[1:]
    count.keep(prod(shape))
    for width in (32, 64):
        count.weights((9 * channels + 1) * width)
        channels, sides = width, tuple(side - 2 for side in sides)
        count.keep(channels * prod(sides))
        sides = tuple(side // 2 for side in sides)
        count.pooled(channels * prod(sides))
        count.keep(channels * prod(sides))
    count.weights((channels * prod(sides) + 1) * 128)
    count.keep(128)
    if model.softmax:
        count.keep(outputs)
    return count.done(128, outputs)


def _mlp(model: Mlp, shape: tuple[int, ...], outputs: int) -> NetworkSize:
    count, features = _Count(), prod(shape) + model.context
    count.weights(model.context)
    count.keep(features)
    for units in model.hidden:
        count.weights((features + 1) * units)
        count.keep(units)
        features = units
    return count.done(features, outputs)


def _recurrent(model: Recurrent, shape: tuple[int, ...], outputs: int) -> NetworkSize:
    # Kept at every step: a GRU's state, two gates, three products and what is new; an LSTM's state, four gates, its cell and its tanh.
    gates, each = {"gru": (3, 7), "lstm": (4, 7)}[model.cell]
    count, features, steps = _Count(), shape[-1], prod(shape[:-1])
    count.keep(steps * features)
    for number in range(1, model.layers + 1):
        last = number == model.layers
        count.weights(gates * model.hidden * (features + model.hidden + 2))
        features = model.hidden
        for _ in range(each):
            count.keep(steps * features)
        if model.norm == "layer":
            count.weights(2 * features)
            count.keep(features if last else steps * features)
        count.keep(features if last else steps * features)
    return count.done(features, outputs)
