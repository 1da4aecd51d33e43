"""A drawn task: classes of examples, each strokes with time or a picture. Never changed in place; what is wrong is said when it is made."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..spec.errors import one_line
from ..strokes import Array, Frame, Stroke, place, render
from .pictures import Pixels, as_pixels

MAX_CLASSES, MAX_EXAMPLES = 2000, 200
MAX_STROKES, MAX_POINTS = 1000, 20_000  # of one example; a hand that draws for three minutes makes 20,000 points
MAX_NAME, MAX_TITLE, MAX_SHOTS, MAX_STEPS = 100, 200, 100, 1000
_REACH = 10.0  # the canvas keeps to 0..1; another program's drawing may stick out
_LONGEST = 1e6  # seconds
# 1e-5 of the canvas is a thousandth of a pixel of the image at the largest zoom, and a millisecond what a pen's report takes.
_PLACES = (5, 5, 3)


class DrawingError(ValueError):
    """Drawings that can't be used; one sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


@dataclass(frozen=True, eq=False)
class Example:
    """One drawing, or one picture from a data set, a file or the clipboard.

    Attributes:
        strokes: float64 ``[points, 3]`` each: x and y in sides of the canvas (0..1, y downwards), t in seconds, running on through all
            strokes. Kept to 5 decimals, and t to 3, so that a file gives back the very same.
        picture: uint8 ``[h, w]``, ink = 255 on 0, sides up to 128; None where there are strokes. Floats in [0, 1] are taken too.
        to_place: the picture is raw, so that its ink still has to be put where the model's training images have it. Otherwise it is
            an image as a model takes it, such as one out of a data set.

    Raises:
        DrawingError: when a stroke or the picture can't be used, or there are both.
    """

    strokes: tuple[Stroke, ...] = ()
    picture: Pixels | None = None
    to_place: bool = False

    def __post_init__(self) -> None:
        strokes = tuple(_checked_stroke(stroke, number) for number, stroke in enumerate(self.strokes, 1))
        strokes = tuple(stroke for stroke in strokes if len(stroke))
        if len(strokes) > MAX_STROKES or sum(map(len, strokes)) > MAX_POINTS:
            raise DrawingError(f"a drawing should have at most {MAX_STROKES:,} strokes with {MAX_POINTS:,} points in all")
        if self.picture is None:
            if self.to_place:
                raise DrawingError("to_place goes with a picture; strokes are always placed")
        elif strokes:
            raise DrawingError("an example should have strokes or a picture, not both")
        else:
            try:
                object.__setattr__(self, "picture", as_pixels(self.picture))
            except ValueError as error:
                raise DrawingError(str(error)) from None
        object.__setattr__(self, "strokes", strokes)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing on it."""
        return not self.strokes and (self.picture is None or not self.picture.any())

    def image(self, frame: Frame) -> Array:
        """What a model gets of it: float32 ``[size, size]`` in [0, 1], ink = 1; zeros where it is empty."""
        if self.picture is None:
            return render(self.strokes, frame)
        ink: Array = self.picture.astype(np.float32) / np.float32(255)
        if self.to_place or ink.shape != (frame.size, frame.size):
            return place(ink, frame)
        return ink

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Example):
            return NotImplemented
        return self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        picture = None if self.picture is None else (self.picture.shape, self.picture.tobytes())
        return tuple(stroke.tobytes() for stroke in self.strokes), picture, self.to_place


@dataclass(frozen=True)
class DrawnClass:
    """A class: its name, which may be empty, and its examples, of which some may be empty canvases.

    Raises:
        DrawingError: when the name is too long or there are too many examples.
    """

    name: str
    examples: tuple[Example, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _checked_text("name", self.name, MAX_NAME))
        object.__setattr__(self, "examples", tuple(self.examples))
        if len(self.examples) > MAX_EXAMPLES:
            raise DrawingError(f"class {self.name!r} should have at most {MAX_EXAMPLES} examples, not {len(self.examples)}")

    @property
    def drawn(self) -> tuple[Example, ...]:
        """The examples that are not empty."""
        return tuple(example for example in self.examples if not example.is_empty)


@dataclass(frozen=True)
class DrawnTask:
    """All that is on the drawing page, or a collection of many classes.

    Attributes:
        classes: in their order on the page.
        query: the example to be named.
        shots: examples per class on show.
        model: which model it was drawn for, as a hint for people; never a path to be opened.
        steps: inner steps; None for the model's own.
        title: what it is.

    Raises:
        DrawingError: when a number or text does not fit, naming it.
    """

    classes: tuple[DrawnClass, ...] = ()
    query: Example = Example()
    shots: int = 1
    model: str = ""
    steps: int | None = None
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        if len(self.classes) > MAX_CLASSES:
            raise DrawingError(f"classes should be at most {MAX_CLASSES:,}, not {len(self.classes):,}")
        _check_number("shots", self.shots, 1, MAX_SHOTS)
        if self.steps is not None:
            _check_number("steps", self.steps, 0, MAX_STEPS)
        object.__setattr__(self, "model", _checked_text("model", self.model, MAX_TITLE))
        object.__setattr__(self, "title", _checked_text("title", self.title, MAX_TITLE))

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each class, each different: ``class 3`` for the third if it has none, ``star (2)`` for a second star."""
        return distinct([one.name.strip() or f"class {number}" for number, one in enumerate(self.classes, 1)])


def distinct(names: Sequence[str], *, fold: bool = False) -> tuple[str, ...]:
    """The same names, with a number behind those that are equal to an earlier one; ``fold``: whatever their case."""
    key = str.casefold if fold else str
    given, taken = set(map(key, names)), set[str]()
    result = []
    for name in names:
        found, number = name, 2
        while key(found) in taken or (found != name and key(found) in given):
            found, number = f"{name} ({number})", number + 1
        taken.add(key(found))
        result.append(found)
    return tuple(result)


def _checked_stroke(stroke: npt.ArrayLike, number: int) -> npt.NDArray[np.float64]:
    try:
        points = np.array(stroke, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise DrawingError(f"stroke {number} should be rows of the numbers x, y and t") from None
    if points.size == 0:
        return np.empty((0, 3))
    if points.ndim != 2 or points.shape[1] != 3:
        raise DrawingError(f"stroke {number} should have the shape [points, 3]: x, y and t; not {list(points.shape)}")
    x, y, t = points.T
    # NaN is not less than anything.
    if not (np.abs(x) <= _REACH).all() or not (np.abs(y) <= _REACH).all():
        raise DrawingError(f"stroke {number} should have x and y from 0 to 1, in sides of the canvas; one is far off or no number")
    if not (np.abs(t) <= _LONGEST).all():
        raise DrawingError(f"stroke {number} should have t in seconds from 0; one is far off or no number")
    for column, places in enumerate(_PLACES):
        points[:, column] = points[:, column].round(places) + 0.0  # no -0.0
    points.setflags(write=False)
    return points


def _checked_text(field: str, text: object, longest: int) -> str:
    if not isinstance(text, str):
        raise DrawingError(f"{field} should be text, not {type(text).__name__}")
    if len(text) > longest:
        raise DrawingError(f"{field} should have at most {longest} characters, not {len(text):,}")
    # Control characters and halves of characters, which no file can hold, become spaces.
    return "".join(" " if unicodedata.category(letter) in ("Cc", "Cs") else letter for letter in text)


def _check_number(field: str, value: object, lowest: int, highest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise DrawingError(f"{field} should be a whole number from {lowest} to {highest}, not {value!r}")
