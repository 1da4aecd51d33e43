"""Settings of the networks."""

from math import isfinite
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator, field_validator
from pydantic_core import PydanticCustomError

from .fields import Settings, setting

Norm = Literal["batch", "group", "layer", "none"]
NORM_LABELS = {"batch": "batch", "group": "group", "layer": "layer", "none": "none"}


class ModelSettings(Settings):
    """What every network's table has: whether it needs images."""

    choice: ClassVar[str | None] = "name"
    images_only: ClassVar[bool] = True

    @property
    def batch_norm(self) -> bool:
        """Whether the network normalises with statistics of a batch, so that a norm mode matters."""
        return False

    @property
    def reads_strokes(self) -> bool:
        """Whether it reads a drawing's strokes, as a sequence, instead of its image."""
        return False

    @property
    def head_layer(self) -> str:
        """Name of the layer that is the head; empty: the last linear one."""
        return ""


class Conv4(ModelSettings):
    """Four blocks of 3x3 convolution, norm and ReLU, the field's standard network (Vinyals 2016, 1606.04080)."""

    title: ClassVar[str] = "Conv4"
    name: Literal["conv4"] = setting("conv4", title="Network", help="The network that is meta-learned.")
    width: int = setting(64, title="Width", unit="channels", help="Channels of every convolution.", ge=1, le=1024)
    downsample: Literal["stride", "max_pool"] = setting(
        "stride",
        title="Downsampling",
        help="Stride 2 in the convolution (MAML's Omniglot network, with a mean over the last map) or 2x2 max-pooling after it.",
        labels={"stride": "stride 2", "max_pool": "max-pool"},
    )
    average: bool = setting(
        True,
        title="Average last map",
        help="One feature per channel, as in MAML's Omniglot network; off: the last map's places are features of their own, which keep "
        "more of where things are.",
        advanced=True,
    )
    norm: Norm = setting(
        "batch",
        title="Norm",
        help="Normalisation after each convolution. Batch uses the statistics of the task at hand.",
        labels=NORM_LABELS,
    )
    context: int = setting(
        0,
        title="Context",
        unit="inputs",
        help="Length of a context vector that scales and shifts the third block's channels; 0: none. CAVIA adapts nothing else.",
        ge=0,
        le=1024,
        advanced=True,
    )

    @property
    def batch_norm(self) -> bool:
        """True with batch norm."""
        return self.norm == "batch"


class TutorialCnn(ModelSettings):
    """The CNN of the MNIST tutorials: two 3x3 convolutions with max-pooling, a hidden layer of 128, no norm."""

    title: ClassVar[str] = "Tutorial CNN"
    name: Literal["tutorial_cnn"] = setting("tutorial_cnn", title="Network", help="The network that is meta-learned.")
    softmax: bool = setting(
        False,
        title="Extra softmax",
        help="Put a softmax before the cross-entropy, as the tutorial does. The loss then flattens out and learns slower; "
        "it is here to be compared with.",
    )


class Mlp(ModelSettings):
    """A multi-layer perceptron; two hidden layers of 40 in MAML's sinusoid experiment (Finn 2017, 1703.03400)."""

    title: ClassVar[str] = "MLP"
    images_only: ClassVar[bool] = False
    name: Literal["mlp"] = setting("mlp", title="Network", help="The network that is meta-learned.")
    hidden: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = setting(
        (40, 40), title="Hidden layers", help="Units of each hidden layer, separated by commas.", strict=False, max_length=16
    )
    activation: Literal["relu", "tanh"] = setting(
        "relu", title="Activation", help="Function between the layers.", labels={"relu": "ReLU", "tanh": "tanh"}
    )
    context: int = setting(
        0,
        title="Context",
        unit="inputs",
        help="Length of a context vector beside the input; 0: none. CAVIA adapts nothing else.",
        ge=0,
        le=1024,
        advanced=True,
    )


class Recurrent(ModelSettings):
    """A GRU (Cho 2014, 1406.1078) or LSTM (Hochreiter 1997) that reads an image row by row, or a drawing stroke by stroke."""

    title: ClassVar[str] = "Recurrent"
    name: Literal["recurrent"] = setting("recurrent", title="Network", help="The network that is meta-learned.")
    cell: Literal["gru", "lstm"] = setting("gru", title="Cell", help="Kind of recurrent cell.", labels={"gru": "GRU", "lstm": "LSTM"})
    hidden: int = setting(128, title="Hidden size", unit="units", help="Units of every recurrent layer.", ge=1, le=1024)
    layers: int = setting(1, title="Layers", help="Recurrent layers, each reading the one before.", ge=1, le=4)
    reads: Literal["rows", "strokes"] = setting(
        "rows",
        title="Reads",
        help="What it reads, step by step: the image's rows from top to bottom, or the pen's way along the strokes as in Sketch-RNN "
        "(Ha and Eck 2017, 1704.03477), where the source has strokes.",
        labels={"rows": "image rows", "strokes": "strokes"},
    )
    norm: Literal["layer", "none"] = setting(
        "layer",
        title="Norm",
        help="Layer norm after each recurrent layer, or none. Blind to other examples either way.",
        labels=NORM_LABELS,
    )

    @property
    def reads_strokes(self) -> bool:
        """True when it reads strokes."""
        return self.reads == "strokes"


def _argument_pairs(table: Any) -> tuple[tuple[str, Any], ...]:
    """A table of plain values as pairs, which unlike a dict can be frozen and hashed."""
    table = dict(table) if isinstance(table, tuple) else table
    if not isinstance(table, dict):
        raise PydanticCustomError("arguments", "should be a table of names and values, such as {hidden = 64}")
    pairs = []
    for name, value in table.items():
        if not (isinstance(name, str) and name.isidentifier()):
            raise PydanticCustomError("arguments", "should have names as Python spells them, not {name}", {"name": repr(name)})
        values = tuple(value) if isinstance(value, list | tuple) else (value,)
        if not all(isinstance(item, bool | int | str) or (isinstance(item, float) and isfinite(item)) for item in values):
            raise PydanticCustomError("arguments", "should give {name} a number, a text, true or false, or a list of them", {"name": name})
        pairs.append((name, values if isinstance(value, list | tuple) else value))
    return tuple(pairs)


def _argument_table(pairs: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


Arguments = Annotated[tuple[tuple[str, Any], ...], PlainValidator(_argument_pairs), PlainSerializer(_argument_table)]
"""Keyword arguments as pairs; people and files see a table."""


class UserModule(ModelSettings):
    """An nn.Module of your own, built as ``Class(input_shape, outputs, **arguments)``; it takes the plain loop over tasks."""

    title: ClassVar[str] = "Your own module"
    images_only: ClassVar[bool] = False
    name: Literal["module"] = setting("module", title="Network", help="The network that is meta-learned.")
    path: str = setting(
        "",
        title="Class",
        help="The class as package.module:Class. Its code runs only after you have allowed the module by name, in Python with "
        "maml_studio.models.allow, on the command line with --allow-module.",
        max_length=200,
    )
    head: str = setting(
        "",
        title="Head",
        help="Name of the linear layer that is the head, such as classifier.2. Empty: the last linear layer.",
        max_length=200,
        advanced=True,
    )
    arguments: Arguments = setting(
        (), title="Arguments", help="Keyword arguments of the class: numbers, texts, true or false, or lists of them."
    )

    has_batch_norm: bool = setting(
        False,
        title="Has batch norm",
        help="Whether it has nn.BatchNorm layers. They then use the statistics of the task at hand and keep no running averages.",
    )

    @property
    def batch_norm(self) -> bool:
        """True where its author says so; building it checks that."""
        return self.has_batch_norm

    @property
    def head_layer(self) -> str:
        """The head, where it is named."""
        return self.head

    @property
    def keywords(self) -> dict[str, Any]:
        """The arguments as the class gets them."""
        return _argument_table(self.arguments)

    @field_validator("path")
    @classmethod
    def _is_a_class(cls, path: str) -> str:
        module, colon, name = path.partition(":")
        if path and not (colon and name.isidentifier() and all(part.isidentifier() for part in module.split("."))):
            raise PydanticCustomError("path", "should read package.module:Class, not {path}", {"path": repr(path)})
        return path


Model = Annotated[Conv4 | TutorialCnn | Mlp | Recurrent | UserModule, Field(discriminator="name")]
