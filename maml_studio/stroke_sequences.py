"""Vector strokes -> a sequence of pen moves, what a recurrent network reads instead of an image.

After Sketch-RNN (Ha and Eck 2017, 1704.03477), which has the pen's moves and whether it touches the paper, with two differences: points lie
at equal distances along the line instead of wherever the hand was reported, and so every drawing has the same length; and the unit is the
drawing's own box instead of a data set's spread, so that a new drawing needs no statistics.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .strokes import MAX_ZOOM, Array, Drawing, Stroke

Counts = npt.NDArray[np.int_]

LENGTH, FEATURES = 64, 3
"""Shape of a sequence: points, and for each how far to the right and down it lies from the one before, and whether a line leads there."""
_UNIT = 10.0  # offsets are in tenths of the box: most steps along a line then lie between 0.2 and 1


def to_sequence(strokes: Drawing) -> Array:
    """A drawing as pen moves.

    Args:
        strokes: Float arrays ``[points, 3]`` or ``[points, 2]``, x and y in units of the canvas side, y downwards.

    Returns:
        Float32 ``[64, 3]``: dx and dy in tenths of the longer side of the drawing's box, the first from the middle of the box; and 1 where
        the pen drew, 0 where it was lifted. Points are shared out among the strokes by their lengths, one at least, so a dot is a point. Of
        more than 64 strokes the longest are kept. All zeros without strokes.

    Raises:
        ValueError: A stroke has another shape, or a point that is not finite.
    """
    sequence = np.zeros((LENGTH, FEATURES), np.float32)
    lines = [line for line in map(_checked, strokes) if len(line)]
    if not lines:
        return sequence
    everything = np.concatenate(lines)
    low, high = everything.min(0), everything.max(0)
    # As in an image, a drawing far smaller than the canvas is not magnified for ever: a hand that taps a dot moves a little.
    scale = _UNIT / max((high - low).max(), 1 / MAX_ZOOM)
    lengths = np.array([np.hypot(*np.diff(line, axis=0).T).sum() for line in lines])
    if len(lines) > LENGTH:
        kept = np.sort(np.argsort(-lengths, kind="stable")[:LENGTH])
        lines, lengths = [lines[i] for i in kept], lengths[kept]
    counts = _shared_out(lengths)
    points = np.concatenate([_along(line, count) for line, count in zip(lines, counts, strict=True)])
    points = (points - (low + high) / 2) * scale
    sequence[:, :2] = np.diff(points, axis=0, prepend=np.zeros((1, 2)))
    sequence[:, 2] = 1
    sequence[np.cumsum(counts) - counts, 2] = 0
    return sequence


def to_sequences(drawings: Sequence[Drawing]) -> Array:
    """Many drawings, float32 ``[drawings, 64, 3]``; see :func:`to_sequence`."""
    return np.stack([to_sequence(strokes) for strokes in drawings]) if len(drawings) else np.zeros((0, LENGTH, FEATURES), np.float32)


def _checked(stroke: Stroke) -> Stroke:
    line = np.asarray(stroke, np.float64)
    if line.ndim != 2 or line.shape[1] not in (2, 3):
        raise ValueError(f"A stroke must have the shape [points, 3], not {list(line.shape)}.")
    if not (np.abs(line[:, :2]) < 1e100).all():  # nan is not less than anything
        raise ValueError("A stroke has a point that is not finite or absurdly far away; x and y are about 0 to 1.")
    return line[:, :2]


def _shared_out(lengths: Stroke) -> Counts:
    """How many of the 64 points each stroke gets: one, and of the others its share, rounded so that all are used."""
    free, total = LENGTH - len(lengths), lengths.sum()
    shares = free * (lengths / total if total > 0 else np.full(len(lengths), 1 / len(lengths)))
    counts = np.floor(shares).astype(int)
    counts[np.argsort(counts - shares, kind="stable")[: free - counts.sum()]] += 1
    whole: Counts = counts + 1
    return whole


def _along(line: Stroke, count: int) -> Stroke:
    """``[count, 2]`` points at equal distances from end to end; one alone lies in the middle."""
    travelled = np.concatenate([[0.0], np.hypot(*np.diff(line, axis=0).T).cumsum()])
    places = np.linspace(0, travelled[-1], count) if count > 1 else travelled[-1:] / 2
    return np.stack([np.interp(places, travelled, line[:, axis]) for axis in (0, 1)], 1)
