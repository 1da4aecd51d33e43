"""A hand that writes invented characters: the program of a class, run with this hand's own deviations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..strokes import Drawing
from .glyph_classes import MAX_PARTS, MAX_STROKES, Floats, GlyphClass, follow, headings

_STEPS = 12  # straight steps per line or arc: a full circle has a corner of 30 degrees at each, a quarter of a pixel
_COLUMNS = {
    "length": MAX_PARTS,
    "turn": MAX_PARTS,
    "bend": MAX_PARTS,
    "corner": MAX_PARTS,
    "size": 1,
    "rotation": 1,
    "offset": 2,
    "along": 2,
}
_PER_STROKE = sum(_COLUMNS.values())
_WHOLE = 10
NUMBERS = MAX_STROKES * _PER_STROKE + _WHOLE
"""How many standard normal numbers one drawing takes."""
_SPEED = 1.5  # sides of the canvas per second
_LIFT = 0.15  # seconds from the end of a stroke to the start of the next


@dataclass(frozen=True)
class Hand:
    """How far hands deviate: standard deviations.

    Attributes:
        length: of the logarithm of each part's length.
        turn: of each part's bend, as a share of it.
        bend: of each part's bend, radians.
        corner: of each corner, radians.
        size: of the logarithm of each stroke's size.
        rotation: of each stroke's heading, radians.
        offset: of a stroke's place, in units of the character's side.
        along: of the place on itself and on the other where a stroke begins, as a share of the stroke.
        slant: of the shear of the whole.
        turned: of the turn of the whole, radians.
        aspect: of the logarithm of width by height.
        warp: of a bend of the whole sheet.
        smooth: mean share of a corner that a fast pen rounds off.
    """

    length: float = 0.14
    turn: float = 0.1
    bend: float = 0.12
    corner: float = 0.14
    size: float = 0.1
    rotation: float = 0.09
    offset: float = 0.035
    along: float = 0.05
    slant: float = 0.17
    turned: float = 0.08
    aspect: float = 0.16
    warp: float = 0.1
    smooth: float = 0.35

    def scaled(self, by: float) -> "Hand":
        """All deviations times ``by``, but for the rounding of corners."""
        names = [name for name in self.__dataclass_fields__ if name != "smooth"]
        return replace(self, **{name: getattr(self, name) * by for name in names})


def write(classes: Sequence[GlyphClass], normals: Floats, hand: Hand) -> list[Drawing]:
    """Write every class several times.

    Args:
        classes: what to write.
        normals: ``[classes, instances, NUMBERS]`` standard normal numbers; the same numbers give the same drawing.
        hand: how far they make it deviate.

    Returns:
        ``classes * instances`` drawings, class after class: lists of strokes, float32 ``[points, 3]``, x and y within about 0 to 1, t in
        seconds.
    """
    per_stroke = normals[..., _WHOLE:].reshape(*normals.shape[:2], MAX_STROKES, _PER_STROKE)
    bounds = np.cumsum([0, *_COLUMNS.values()])
    own = {name: per_stroke[..., a:b] for name, a, b in zip(_COLUMNS, bounds[:-1], bounds[1:], strict=True)}
    whole = normals[..., :_WHOLE]
    lengths, turns, corners, places, parents = _stack(classes)

    last = (lengths > 0).sum(-1) * _STEPS  # index of each stroke's last point
    turns = turns * (1 + hand.turn * own["turn"]) + hand.bend * own["bend"] * (lengths > 0)
    off = hand.corner * own["corner"] * (corners != 0)
    off[..., 0] = hand.rotation * own["rotation"][..., 0]  # before the first part there is no corner but the stroke's own heading
    corners = corners + off
    lengths = lengths * np.exp(hand.length * own["length"] + hand.size * own["size"])
    heading = _rounded(headings(turns, corners, _STEPS), hand.smooth * np.exp(0.5 * whole[..., 0]))
    points = np.stack(follow(heading, lengths, _STEPS), -1)  # [classes, instances, strokes, points, 2]
    _attach(points, last, places, parents, own["offset"] * hand.offset, own["along"] * hand.along)
    return _cut(_timed(_whole_sheet(points, whole, hand)), classes)


def _stack(classes: Sequence[GlyphClass]) -> tuple[Floats, Floats, Floats, Floats, npt.NDArray[np.int64]]:
    """The programs of all classes as arrays: three of ``[n, 1, strokes, parts]``, places ``[n, strokes, 4]`` and parents."""
    numbers = np.zeros((3, len(classes), 1, MAX_STROKES, MAX_PARTS))
    places = np.zeros((len(classes), MAX_STROKES, 4))
    parents = np.full((len(classes), MAX_STROKES), -1)
    for c, one in enumerate(classes):
        for s, stroke in enumerate(one.strokes):
            for array, values in zip(numbers, (stroke.lengths, stroke.turns, stroke.corners), strict=True):
                array[c, 0, s, : len(values)] = values
            places[c, s] = (stroke.on_parent, stroke.on_self, *stroke.offset)
            parents[c, s] = stroke.parent
    return *numbers, places, parents


def _rounded(heading: Floats, share: Floats) -> Floats:
    """Round off corners: a fast pen turns over a stretch, not at a point. ``share`` ``[classes, instances]``, 0: sharp."""
    near = np.pad(heading, [(0, 0)] * (heading.ndim - 1) + [(2, 2)], mode="edge")
    smooth = (near[..., :-4] + near[..., 1:-3] + near[..., 2:-2] + near[..., 3:-1] + near[..., 4:]) / 5
    return heading + (smooth - heading) * np.clip(share, 0, 1)[..., None, None]


def _attach(
    points: Floats, last: npt.NDArray[np.int64], places: Floats, parents: npt.NDArray[np.int64], offset: Floats, along: Floats
) -> None:
    """Put each stroke, in place, where the program says: on an earlier one or beside it."""
    rows, columns = np.indices(points.shape[:2])
    for s in range(points.shape[2]):
        on_parent, on_self = (np.clip(places[:, None, s, i] + along[:, :, s, i], 0, 1) for i in (0, 1))
        parent = parents[:, s, None]
        length = np.take_along_axis(last[:, 0], parents[:, s, None], 1)
        target = points[rows, columns, parent, np.round(on_parent * length).astype(int)] * (parent >= 0)[..., None]
        here = points[rows, columns, s, np.round(on_self * last[:, :, s]).astype(int)]
        points[:, :, s] += (target + places[:, None, s, 2:] + offset[:, :, s] - here)[:, :, None]


def _whole_sheet(points: Floats, whole: Floats, hand: Hand) -> Floats:
    """Slant, turn, stretch and bend the whole drawing; the middle of the sheet goes to (0.5, 0.5)."""
    x, y = points[..., 0], points[..., 1]
    slant, turn, aspect, *bends = (whole[..., i, None, None] for i in range(1, _WHOLE))
    x, y = (
        x + hand.warp * (bends[0] * x * y + bends[1] * y * y + bends[2] * x * x),
        y + hand.warp * (bends[3] * x * y + bends[4] * x * x + bends[5] * y * y),
    )
    x = x * np.exp(hand.aspect / 2 * aspect) - hand.slant * slant * y
    y = y * np.exp(-hand.aspect / 2 * aspect)
    cos, sin = np.cos(hand.turned * turn), np.sin(hand.turned * turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], -1) + 0.5


def _timed(points: Floats) -> npt.NDArray[np.float32]:
    """Points with the time at which an even pen is there, ``[..., strokes, points, 3]``."""
    along = np.cumsum(np.hypot(*np.moveaxis(np.diff(points, axis=-2, prepend=points[..., :1, :]), -1, 0)), -1) / _SPEED
    begin = np.zeros(along.shape[:-1])
    begin[..., 1:] = np.cumsum(along[..., :-1, -1] + _LIFT, -1)
    return np.concatenate([points, (along + begin[..., None])[..., None]], -1).astype(np.float32)


def _cut(points: npt.NDArray[np.float32], classes: Sequence[GlyphClass]) -> list[Drawing]:
    """One array per stroke, with as many points as its bends need."""
    drawings: list[Drawing] = []
    for one, written in zip(classes, points, strict=True):
        strokes = [written[:, s, _needed(stroke.turns)] for s, stroke in enumerate(one.strokes)]
        drawings += [list(drawing) for drawing in zip(*strokes, strict=True)]
    return drawings


def _needed(turns: Floats) -> list[int]:
    """Which of a stroke's points a drawing keeps: more where it bends, and of a straight part those beside its rounded corners."""
    kept = [0]
    for part, turn in enumerate(turns):
        stride = 1 if abs(turn) > 2.5 else 2 if abs(turn) > 1 else 3
        offsets = range(stride, _STEPS + 1, stride) if abs(turn) > 0.5 else (2, 10, 12) if len(turns) > 1 else (6, 12)
        kept += [part * _STEPS + offset for offset in offsets]
    return kept
