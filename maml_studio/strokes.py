"""Vector strokes -> image: the one door for the canvas, the glyph tasks and the drawn tasks.

A stroke is a float array ``[points, 3]``: x and y in units of the canvas side (0..1, y downwards) and t in seconds (no
part of the picture, so ``[points, 2]`` will do). A drawing is a sequence of strokes. An image is float32
``[size, size]`` in [0, 1], ink = 1.

Where the ink lies in the image is a property of a data source (MNIST: 20 pixels of 28, the centre of mass in the
middle), and a model only knows the framing that it was trained on. A `Frame` says it, and a checkpoint carries it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

Array = npt.NDArray[np.float32]
Stroke = npt.NDArray[np.floating[Any]]
Drawing = Sequence[Stroke]
Centre = Literal["mass", "box"]

# A drawing smaller than a fifth of the canvas is not magnified any further. A hand that taps a dot moves by up to 2% of
# the canvas; at five times that is 2 of 20 pixels, no more than the line is wide, so a dot stays a dot. And a figure
# with a shape to it is hardly ever drawn that small.
MAX_ZOOM = 5.0
INK = 0.2  # a pixel above this belongs to the figure; below lie the soft edge and the noise of a scan
# What measure_frame reads on images that render_many made with one smooth line each, boxes 14 to 24 pixels: sides 0.55
# too long (the soft edge above INK), widths 1.25, 1.56, 2.2, 2.97 and 3.9 for 1, 1.5, 2.2, 3 and 4.
_SIDE_BIAS, _WIDTH_SLOPE, _WIDTH_BIAS = 0.55, 1.12, 0.3
_FAR = 1e100  # beyond, sums and squares would overflow
_CHUNK = 96  # segments at a time: the working arrays, float32 [96, 28, 28], stay in a core's own cache


@dataclass(frozen=True)
class Frame:
    """How a data source places its ink in the image.

    Attributes:
        size: Side of the square image, pixels.
        box: Longest side of the ink's bounding box, line width included, pixels.
        centre: What lies in the middle of the image: the ink's centre of mass or the middle of its bounding box.
        width: Line width, pixels.

    Raises:
        ValueError: A number does not fit; the sentence says which.
    """

    size: int = 28
    box: float = 20.0
    centre: Centre = "mass"
    width: float = 2.2

    def __post_init__(self) -> None:
        if isinstance(self.size, bool) or not isinstance(self.size, int) or not 4 <= self.size <= 1024:
            raise ValueError(f"frame.size must be a whole number of pixels from 4 to 1024, not {self.size!r}.")
        for name in ("box", "width"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ValueError(f"frame.{name} must be a finite number of pixels, not {value!r}.")
            object.__setattr__(self, name, float(value))
        if not 0 < self.box <= self.size:
            raise ValueError(f"frame.box must be above 0 and at most frame.size ({self.size}), not {self.box!r}.")
        if not 0 < self.width < self.box:
            raise ValueError(f"frame.width must be above 0 and below frame.box ({self.box}), not {self.width!r}.")
        if self.centre not in get_args(Centre):
            raise ValueError(f'frame.centre must be "mass" or "box", not {self.centre!r}.')

    def to_dict(self) -> dict[str, int | float | str]:
        """Return plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Frame":
        """Read what `to_dict` wrote; missing fields take their defaults.

        Raises:
            ValueError: It is not a table, has an unknown field, or a value does not fit.
        """
        if not isinstance(values, Mapping):
            raise ValueError(f"frame must be a table of size, box, centre and width, not {type(values).__name__}.")
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"frame has no field {unknown[0]!r}; it has size, box, centre and width.")
        return cls(**values)


def render(strokes: Drawing, frame: Frame) -> Array:
    """Draw strokes as the model gets them.

    Args:
        strokes: Float arrays ``[points, 3]`` or ``[points, 2]``; none at all gives an empty image.
        frame: Where the ink goes and how wide the line is.

    Returns:
        Float32 ``[size, size]`` in [0, 1], ink = 1.

    Raises:
        ValueError: A stroke has another shape, or a point that is not finite.
    """
    image: Array = render_many([strokes], frame)[0]
    return image


def render_many(drawings: Sequence[Drawing], frame: Frame) -> Array:
    """Draw many drawings, each framed for itself.

    Args:
        drawings: As in `render`; they need not have the same number of strokes or points.
        frame: Where the ink goes and how wide the line is.

    Returns:
        Float32 ``[drawings, size, size]`` in [0, 1], ink = 1.

    Raises:
        ValueError: A stroke has another shape, or a point that is not finite.
    """
    images = np.zeros((len(drawings), frame.size, frame.size), np.float32)
    start, end, owner = _segments(drawings)
    if not len(owner):
        return images
    present, first = np.unique(owner, return_index=True)
    low = np.minimum.reduceat(np.minimum(start, end), first)
    high = np.maximum.reduceat(np.maximum(start, end), first)
    scale = (frame.box - frame.width) / np.maximum((high - low).max(axis=1), 1 / MAX_ZOOM)

    row = np.searchsorted(present, owner)
    middle = (low + high) / 2
    start = ((start - middle[row]) * scale[row, None]).astype(np.float32)
    end = ((end - middle[row]) * scale[row, None]).astype(np.float32)
    if frame.centre == "mass":
        # The picture's mass, where strokes that cross count once, so it has to be painted first.
        shift = _centre_of_mass(_coverage(start, end, row, len(present), frame.size, frame.width))
        room = np.maximum(frame.size / 2 - (high - low) * scale[:, None] / 2 - frame.width / 2, 0)
        shift = np.clip(shift, -room, room).astype(np.float32)  # no ink is pushed over the edge
        start, end = start - shift[row], end - shift[row]
    images[present] = _coverage(start, end, row, len(present), frame.size, frame.width)
    return images


def measure_frame(images: Array, centre: Centre) -> Frame:
    """Estimate the frame of a data source from its images.

    The line width is twice the ink's area over its perimeter, the perimeter being the total variation; box and width
    are corrected by what they read on images that `render_many` made with a known frame.

    Args:
        images: Float32 ``[n, size, size]`` in [0, 1], ink = 1; empty ones are passed over.
        centre: What the source puts in the middle.

    Raises:
        ValueError: The shape is another, or no image has ink.
    """
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        raise ValueError(f"measure_frame needs images of shape [n, size, size], not {list(images.shape)}.")
    images = images[(images > INK).any(axis=(1, 2))]
    if not len(images):
        raise ValueError("measure_frame needs at least one image with ink on it (a pixel above 0.2).")
    size = images.shape[1]
    sides = np.maximum(_span(images.max(axis=1) > INK), _span(images.max(axis=2) > INK))
    padded = np.pad(images.astype(np.float64), ((0, 0), (1, 1), (1, 1)))
    down, right = np.diff(padded, axis=1)[:, :, :-1], np.diff(padded, axis=2)[:, :-1, :]
    perimeter = np.hypot(down, right).sum(axis=(1, 2))
    width = float(np.median(2 * images.sum(axis=(1, 2)) / perimeter))  # crowded figures read too wide: the median minds less
    box = min(float(sides.mean()) - _SIDE_BIAS, float(size))
    return Frame(size, max(box, 2.0), centre, min(max(_WIDTH_SLOPE * width - _WIDTH_BIAS, 0.5), max(box, 2.0) / 2))


def place(image: npt.NDArray[np.floating[Any]], frame: Frame) -> Array:
    """Frame a bitmap as `render` frames strokes: a dropped image file, an 8x8 digit.

    Cropping, antialiased scaling and a shift by fractions of a pixel are one resize. The line keeps its own width.

    Args:
        image: ``[h, w]`` in [0, 1], ink = 1. Ink is what lies above a fifth of the darkest pixel.
        frame: Where the ink goes.

    Returns:
        Float32 ``[size, size]`` in [0, 1], ink = 1; all zeros for an image without ink.

    Raises:
        ValueError: The image has another shape, or a value that is not finite.
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 2 or not image.size:
        raise ValueError(f"An image to place must have the shape [h, w], not {list(image.shape)}.")
    if not np.isfinite(image).all():
        raise ValueError("An image to place must hold finite numbers only.")
    shrink = max(image.shape) // (16 * frame.size)
    if shrink > 1:  # a photograph: what follows pads the picture, and has pixels enough
        image = np.asarray(Image.fromarray(image).reduce(shrink), np.float32)
    ink = image > INK * image.max()
    if not ink.any():
        return np.zeros((frame.size, frame.size), np.float32)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    low, high = np.array([columns[0], rows[0]]), np.array([columns[-1], rows[-1]]) + 1
    scale = frame.box / max((high - low).max(), max(image.shape) / MAX_ZOOM)
    half = frame.size / scale / 2  # half the crop's side, in pixels of the source
    image = image[low[1] : high[1], low[0] : high[0]]
    middle = (high - low) / 2
    if frame.centre == "mass":
        room = np.maximum(half - middle, 0)
        middle = middle + np.clip(_centre_of_mass(image[None])[0], -room, room)
    margin = math.ceil(half)
    left, top = middle - half + margin
    small = Image.fromarray(np.pad(image, margin)).resize(
        (frame.size, frame.size), Image.Resampling.BICUBIC, box=(left, top, left + 2 * half, top + 2 * half)
    )
    return np.asarray(small, np.float32).clip(0, 1)


def distance(stroke: Stroke, x: float, y: float) -> float:
    """Distance from a point to a stroke, in the stroke's own units; infinite for a stroke without points."""
    start, end, _ = _segments([[np.asarray(stroke) - np.array([x, y, 0.0])[: np.shape(stroke)[1]]]])
    if not len(start):
        return math.inf
    along = end - start
    length2 = (along**2).sum(axis=1)
    t = np.clip(-(start * along).sum(axis=1) / np.where(length2 > 0, length2, 1), 0, 1)
    return float(np.hypot(*(start + t[:, None] * along).T).min())


def _segments(
    drawings: Sequence[Drawing],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Lay all strokes out flat: starts and ends ``[segments, 2]`` and the drawing that each belongs to, in order."""
    starts, ends, owners, counts = [], [], [], []
    for owner, strokes in enumerate(drawings):
        for stroke in strokes:
            points = np.asarray(stroke, np.float64)
            if points.ndim != 2 or points.shape[1] not in (2, 3):
                raise ValueError(f"A stroke must have the shape [points, 3], not {list(points.shape)}.")
            if not len(points):
                continue
            points = points[:, :2]
            starts.append(points[:-1] if len(points) > 1 else points)
            ends.append(points[1:] if len(points) > 1 else points)  # one point alone is a segment of no length: a dot
            owners.append(owner)
            counts.append(max(len(points) - 1, 1))
    if not starts:
        return np.empty((0, 2)), np.empty((0, 2)), np.empty(0, np.intp)
    start, end = np.concatenate(starts), np.concatenate(ends)
    if not ((np.abs(start) < _FAR).all() and (np.abs(end) < _FAR).all()):  # nan is not less than anything
        raise ValueError("A stroke has a point that is not finite or absurdly far away; x and y are about 0 to 1.")
    return start, end, np.repeat(owners, counts)


def _coverage(start: Array, end: Array, row: npt.NDArray[np.intp], rows: int, size: int, width: float) -> Array:
    """Paint segments, given in pixels from the middle of the image, as lines with a soft edge one pixel wide.

    In the segment's own axes a pixel's squared distance is (across)² + (overshoot beyond the nearer end)², and either is
    the sum of a term for the pixel's column and one for its row: little work per ``[segments, size, size]``.

    Args:
        start: ``[segments, 2]``.
        end: ``[segments, 2]``.
        row: The image of each segment, ascending, ``[segments]``.
        rows: Number of images.
        size: Side of an image, pixels.
        width: Line width, pixels.

    Returns:
        Float32 ``[rows, size, size]``.
    """
    pixels = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
    nearest = np.full((rows, size, size), np.inf, np.float32)
    middle, half = (start + end) / 2, np.hypot(*(end - start).T) / 2
    direction = np.divide(end - start, 2 * half[:, None], out=np.zeros_like(start), where=half[:, None] > 0)
    direction[half == 0] = (1, 0)
    beyond, across = np.empty((2, _CHUNK, size, size), np.float32)
    for begin in range(0, len(row), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        dx, dy = pixels - middle[part, :1], pixels - middle[part, 1:]
        ux, uy = direction[part, :1], direction[part, 1:]
        beyond, across = beyond[: len(dx)], across[: len(dx)]
        np.add((dx * ux)[:, None, :], (dy * uy)[:, :, None], out=beyond)
        np.abs(beyond, out=beyond)
        beyond -= half[part, None, None]
        np.maximum(beyond, 0, out=beyond)
        np.square(beyond, out=beyond)
        np.subtract((dx * uy)[:, None, :], (dy * ux)[:, :, None], out=across)
        np.square(across, out=across)
        beyond += across
        owner, first = np.unique(row[part], return_index=True)
        # A minimum per image: eight times faster here than one minimum.reduceat over all.
        for image, i, j in zip(owner, first, [*first[1:], len(beyond)], strict=True):
            np.minimum(nearest[image], beyond[i:j].min(axis=0), out=nearest[image])
    coverage: Array = np.clip(np.float32(width / 2 + 0.5) - np.sqrt(nearest), 0, 1)
    return coverage


def _centre_of_mass(images: Array) -> npt.NDArray[np.float64]:
    """Centre of mass of ``[n, h, w]`` as x and y in pixels from the middle of the image, ``[n, 2]``."""
    height, width = images.shape[1:]
    total = images.sum(axis=(1, 2), dtype=np.float64)
    x = images.sum(axis=1, dtype=np.float64) @ (np.arange(width) - (width - 1) / 2)
    y = images.sum(axis=2, dtype=np.float64) @ (np.arange(height) - (height - 1) / 2)
    centres: npt.NDArray[np.float64] = np.stack([x, y], axis=1) / total[:, None]
    return centres


def _span(hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Length from the first to the last true entry of each row of ``[n, size]``."""
    size = hits.shape[1]
    spans: npt.NDArray[np.intp] = size - hits.argmax(axis=1) - hits[:, ::-1].argmax(axis=1)
    return spans
