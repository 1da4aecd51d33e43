"""Settings of the data sources: which images or functions the tasks are made of, and how they are split."""

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .errors import wrong_field
from .fields import Settings, setting

SPLIT_LABELS = {
    "author": "the author's own",
    "random": "random classes",
    "classes": "named classes",
    "alphabets": "whole alphabets",
    "images": "held-out images",
    "all": "all (evaluation only)",
}

Split = Literal["author", "random", "classes", "alphabets", "images", "all"]


SPLIT_HELP = (
    "What is kept apart for validation and test: the author's own division, classes drawn at random, classes or alphabets "
    "that you name, or images of every class (labels are then permuted in each task)."
)


class DataSettings(Settings):
    """What every source has: a kind of task that it can make."""

    choice: ClassVar[str | None] = "source"
    regression: ClassVar[bool] = False
    has_strokes: ClassVar[bool] = False
    """Whether its examples are known as strokes too, and not as images alone."""

    @property
    def same_classes(self) -> bool:
        """Whether new tasks are made of the very classes of training."""
        return False


class Sinusoid(DataSettings):
    """Sine waves y = A sin(x − p), the regression tasks of Finn 2017 (1703.03400), section 5.1."""

    title: ClassVar[str] = "Sine waves"
    regression: ClassVar[bool] = True

    source: Literal["sinusoid"] = setting("sinusoid", title="Source", help="Where the tasks come from.")
    amplitude_min: float = setting(
        0.1, title="Amplitude from", symbol="A", help="Smallest amplitude of a task.", ge=0, le=100, advanced=True
    )
    amplitude_max: float = setting(5.0, title="Amplitude to", symbol="A", help="Largest amplitude of a task.", gt=0, le=100, advanced=True)
    phase_max: float = setting(
        math.pi,
        title="Phase to",
        symbol="p",
        unit="rad",
        help="Phases are drawn from 0 to this.",
        ge=0,
        le=100,
        advanced=True,
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Sinusoid":
        if self.amplitude_min > self.amplitude_max:
            reason = f"should not be above amplitude_max ({self.amplitude_max}), not {self.amplitude_min}"
            raise wrong_field("data.amplitude_min", reason)
        return self


class ImageSettings(DataSettings):
    """A set of images in classes: what is held out, and whether a turned class is another class."""

    centre: ClassVar[Literal["mass", "box"]] = "box"
    """What stands in the middle of its images: the ink's centre of mass (as in MNIST) or its bounding box."""

    split: Split = setting(
        "random",
        title="Split",
        labels=SPLIT_LABELS,
        help=SPLIT_HELP,
    )
    holdout: tuple[str, ...] = setting(
        (),
        title="Held out",
        strict=False,
        help="Names of the test classes or alphabets, separated by commas. Empty: drawn with the split seed.",
    )
    split_seed: int = setting(0, title="Split seed", help="Draws the held-out part; the same seed gives the same part.", ge=0, le=2**31 - 1)
    validation_fraction: float = setting(
        0.16,
        title="Validation part",
        help="Share of the classes (or images) that validation during training uses.",
        gt=0,
        lt=1,
        advanced=True,
    )
    test_fraction: float = setting(
        0.2,
        title="Test part",
        help="Share of the classes (or images) kept for the final evaluation; unused where they are named.",
        gt=0,
        lt=1,
        advanced=True,
    )
    rotations: bool = setting(
        False,
        title="Rotations",
        help="Every class turned by 90, 180 and 270 degrees becomes a class of its own, in its base class's part of the split. "
        "Not for digits: a 6 turned over is a 9.",
    )

    @property
    def same_classes(self) -> bool:
        """True where images are held out and not classes."""
        return self.split == "images"

    @model_validator(mode="after")
    def _leaves_training(self) -> "ImageSettings":
        if self.validation_fraction + self.test_fraction >= 1:
            reason = f"and data.test_fraction ({self.test_fraction}) should together stay below 1, to leave something to train on"
            raise wrong_field("data.validation_fraction", reason)
        return self


class Digits(ImageSettings):
    """The 1,797 handwritten digits that ship with scikit-learn: real, and no download."""

    title: ClassVar[str] = "Digits (built in)"
    centre: ClassVar[Literal["mass", "box"]] = "mass"
    source: Literal["digits"] = setting("digits", title="Source", help="Where the tasks come from.")
    split: Literal["images", "random", "classes", "all"] = setting("images", title="Split", labels=SPLIT_LABELS, help=SPLIT_HELP)
    validation_fraction: float = setting(
        0.2, title="Validation part", help="Share of the images (or classes) for validation.", gt=0, lt=1, advanced=True
    )


class MnistLike(ImageSettings):
    """What MNIST and the sets made in its image share: a training and a test part of the same classes."""

    centre: ClassVar[Literal["mass", "box"]] = "mass"

    split: Literal["images", "author", "random", "classes", "all"] = setting("images", title="Split", labels=SPLIT_LABELS, help=SPLIT_HELP)

    @property
    def same_classes(self) -> bool:
        """The author's split holds out images too."""
        return self.split in ("images", "author")


class Mnist(MnistLike):
    """MNIST through torchvision: 70,000 handwritten digits."""

    title: ClassVar[str] = "MNIST"
    source: Literal["mnist"] = setting("mnist", title="Source", help="Where the tasks come from.")


class FashionMnist(MnistLike):
    """Fashion-MNIST through torchvision: 70,000 pictures of clothes."""

    title: ClassVar[str] = "Fashion-MNIST"
    source: Literal["fashion_mnist"] = setting("fashion_mnist", title="Source", help="Where the tasks come from.")


class Kmnist(MnistLike):
    """KMNIST through torchvision: 70,000 cursive Japanese characters in ten classes."""

    title: ClassVar[str] = "KMNIST"
    source: Literal["kmnist"] = setting("kmnist", title="Source", help="Where the tasks come from.")


class Emnist(MnistLike):
    """EMNIST (balanced) through torchvision: 131,600 handwritten letters and digits in 47 classes."""

    title: ClassVar[str] = "EMNIST (balanced)"
    source: Literal["emnist"] = setting("emnist", title="Source", help="Where the tasks come from.")
    split: Literal["images", "author", "random", "classes", "all"] = setting("random", title="Split", labels=SPLIT_LABELS, help=SPLIT_HELP)


class Omniglot(ImageSettings):
    """Omniglot through torchvision: 1,623 characters of 50 alphabets, each drawn by 20 people (Lake 2015)."""

    title: ClassVar[str] = "Omniglot"
    source: Literal["omniglot"] = setting("omniglot", title="Source", help="Where the tasks come from.")
    split: Literal["author", "random", "classes", "alphabets", "all"] = setting(
        "random", title="Split", labels=SPLIT_LABELS, help=SPLIT_HELP
    )


class Folder(ImageSettings):
    """Any folder with one sub-folder of images per class, or two levels of them (alphabet, character)."""

    title: ClassVar[str] = "Folder of images"
    source: Literal["folder"] = setting("folder", title="Source", help="Where the tasks come from.")
    path: str = setting(
        "",
        title="Folder",
        help="A folder that holds one sub-folder of images per class; two levels (alphabet/character) work too.",
        opens="folder",
    )
    polarity: Literal["auto", "dark_on_light", "light_on_dark"] = setting(
        "auto",
        title="Ink",
        help="Whether the ink is darker or lighter than the paper. Automatic looks at the pictures' borders.",
        labels={"auto": "automatic", "dark_on_light": "dark on light", "light_on_dark": "light on dark"},
    )
    split: Literal["random", "classes", "alphabets", "images", "all"] = setting(
        "random", title="Split", labels=SPLIT_LABELS, help=SPLIT_HELP
    )


class Glyphs(ImageSettings):
    """Invented characters without end: random strokes as classes, the variation of a hand as instances; no download."""

    title: ClassVar[str] = "Glyphs (invented)"
    has_strokes: ClassVar[bool] = True
    source: Literal["glyphs"] = setting("glyphs", title="Source", help="Where the tasks come from.")
    split: Literal["random", "classes", "images", "all"] = setting("random", title="Split", labels=SPLIT_LABELS, help=SPLIT_HELP)
    classes: int = setting(
        1500,
        title="Characters",
        unit="classes",
        help="How many characters are invented. They are drawn once, about 8,000 images a second, and kept.",
        ge=10,
        le=20_000,
    )
    instances: int = setting(20, title="Instances", unit="per class", help="How often each is written.", ge=2, le=200, advanced=True)
    siblings: int = setting(
        2,
        title="Siblings",
        unit="per family",
        help="Characters come in families of this many, which differ from the first in one stroke, and so are easily confused. 1: none.",
        ge=1,
        le=100,
        advanced=True,
    )
    variation: float = setting(
        1.0, title="Variation", help="How far one hand differs from another; 0: all write alike.", ge=0, le=3, advanced=True
    )
    glyph_seed: int = setting(0, title="Glyph seed", help="Invents the characters; another number, other characters.", ge=0, le=2**31 - 1)


class Drawn(ImageSettings):
    """What somebody drew and saved on the Draw page: one file, or a folder of them."""

    title: ClassVar[str] = "Drawings"
    has_strokes: ClassVar[bool] = True
    source: Literal["drawn"] = setting("drawn", title="Source", help="Where the tasks come from.")
    path: str = setting(
        "",
        title="File",
        help="A drawn task or collection (*.drawn.json) as the Draw page saves it, or a folder of them; each file is then an alphabet.",
        opens="Drawn tasks (*.drawn.json)",
    )
    split: Literal["random", "classes", "alphabets", "images", "all"] = setting(
        "random", title="Split", labels=SPLIT_LABELS, help=SPLIT_HELP
    )
    middle: Literal["mass", "box"] = setting(
        "mass",
        title="In the middle",
        labels={"mass": "centre of mass", "box": "bounding box"},
        help="What of a drawing stands in the middle of the image: its ink's centre of mass, as in MNIST, or its bounding box.",
        advanced=True,
    )
    box: float = setting(
        20.0, title="Longest side", unit="pixels", help="Longer side of the ink's bounding box; 20 in MNIST.", ge=8, le=28, advanced=True
    )
    line: float = setting(
        2.2, title="Line width", unit="pixels", help="How wide the pen's line is in the image.", ge=0.5, le=6, advanced=True
    )

    @property
    def centre(self) -> Literal["mass", "box"]:  # type: ignore[override]  # here the user's choice
        """See :class:`ImageSettings`."""
        return self.middle


Data = Annotated[
    Digits | Glyphs | Sinusoid | Omniglot | Mnist | FashionMnist | Kmnist | Emnist | Folder | Drawn, Field(discriminator="source")
]
