"""Settings of the networks."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

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
    norm: Norm = setting(
        "batch",
        title="Norm",
        help="Normalisation after each convolution. Batch uses the statistics of the task at hand.",
        labels=NORM_LABELS,
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


Model = Annotated[Conv4 | TutorialCnn | Mlp, Field(discriminator="name")]
