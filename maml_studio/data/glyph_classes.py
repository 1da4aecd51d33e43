"""Invented characters: which strokes a class consists of, as a small program of a pen.

A character is a program, as in Bayesian program learning (Lake 2015, Science 350): strokes that begin on one another, each a row of
lines and arcs. A hand then runs the program with its own deviations (:mod:`.glyph_hand`). So two instances of a class differ as two
people's letters do (a loop that closes or does not, a longer tail), and not as two noisy pictures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Random = np.random.Generator

MAX_STROKES = 4
MAX_PARTS = 4
_DEGREE = np.pi / 180


@dataclass(frozen=True, eq=False)
class PenStroke:
    """One stroke: up to four lines or arcs, drawn without lifting the pen, and where it is put.

    Attributes:
        lengths: ``[parts]`` lengths along the line, in units of the character's side.
        turns: ``[parts]`` by how much each part bends, radians; 0 is a straight line.
        corners: ``[parts]`` change of heading before each part, radians; the first is the stroke's own heading (0: right, π/2: down).
        parent: the earlier stroke on which it begins; -1: none.
        on_parent: where along the parent, 0 (its start) to 1 (its end).
        on_self: which place along this stroke lies there, 0 to 1.
        offset: ``[2]`` from that place to this one; from the middle of the sheet where there is no parent.
    """

    lengths: Floats
    turns: Floats
    corners: Floats
    parent: int
    on_parent: float
    on_self: float
    offset: Floats


@dataclass(frozen=True)
class GlyphClass:
    """One invented character: its strokes in the order of writing, at most four."""

    strokes: tuple[PenStroke, ...]


def glyph_class(seed: int, index: int, siblings: int = 1) -> GlyphClass:
    """The character with that number; the same for the same three numbers, whatever else is drawn.

    Args:
        seed: of the whole set.
        index: number of the class, 0 or more.
        siblings: the classes come in families of this many, all of which differ from the first in one stroke.
    """
    family, member = divmod(index, siblings)
    first = _family(seed, family)
    if member == 0:
        return first
    return _sibling(np.random.default_rng([seed, family, member]), first)


@lru_cache(maxsize=8)
def _family(seed: int, family: int) -> GlyphClass:
    rng = np.random.default_rng([seed, family, 0])
    strokes: list[PenStroke] = []
    total = int(rng.choice(MAX_STROKES, p=_STROKES)) + 1
    for _ in range(total):
        strokes.append(_stroke(rng, strokes, total))
    return GlyphClass(tuple(strokes))


def _sibling(rng: Random, first: GlyphClass) -> GlyphClass:
    """The same character but for one stroke: added, left out, another one, mirrored, or begun elsewhere."""
    strokes = list(first.strokes)
    changes = ["replace", "mirror"]
    if len(strokes) > 1:
        changes += ["leave out", "move"]
    if len(strokes) < MAX_STROKES:
        changes.append("add")
    change = changes[int(rng.integers(len(changes)))]
    if change == "add":
        return GlyphClass((*strokes, _stroke(rng, strokes, len(strokes) + 1)))
    if change == "leave out":
        return GlyphClass(tuple(strokes[:-1]))  # the last one has no other on it
    which = int(rng.integers(1, len(strokes))) if change == "move" else int(rng.integers(len(strokes)))
    old = strokes[which]
    new = _stroke(rng, strokes[:which], len(strokes))
    match change:
        case "mirror" if np.abs(old.turns).sum() + np.abs(old.corners[1:]).sum() > 60 * _DEGREE:
            signs = np.r_[1.0, -np.ones(len(old.corners) - 1)]
            new = PenStroke(old.lengths, -old.turns, old.corners * signs, old.parent, old.on_parent, old.on_self, old.offset)
        case "move":
            new = PenStroke(old.lengths, old.turns, old.corners, new.parent, (old.on_parent + 0.5) % 1.001, new.on_self, new.offset)
    strokes[which] = new
    return GlyphClass(tuple(strokes))


def _stroke(rng: Random, before: Sequence[PenStroke], total: int) -> PenStroke:
    """One more stroke of a character that is to have ``total``."""
    kind = _KINDS[int(rng.choice(len(_KINDS), p=_SHARES[total - 1]))]
    parts = kind(rng)
    lengths, turns, corners = np.array([[part[i] for part in parts] for i in range(3)])
    mirror = rng.choice((-1.0, 1.0))
    turns, corners = turns * mirror, corners * mirror
    # People write along the axes more than across them, down and to the right more than up and to the left.
    heading = float(rng.choice((0, 45, 90, 135, 180, 270), p=(0.32, 0.1, 0.34, 0.12, 0.07, 0.05)))
    corners[0] = (heading + rng.normal(0, 7)) * _DEGREE
    size = rng.uniform(0.6, 1.0)
    if before:
        size = rng.choice((0.3, 0.45, 0.6, 0.8, 1.0), p=(0.2, 0.25, 0.25, 0.2, 0.1)) * rng.uniform(0.85, 1.1)
    lengths = lengths * size / max(extent(lengths, turns, corners), 0.05)
    if not before:
        return PenStroke(lengths, turns, corners, -1, 0.0, 0.5, np.zeros(2))
    if rng.random() < _BESIDE:
        away = rng.integers(8) * np.pi / 4 + rng.normal(0, 0.15)
        offset = rng.uniform(0.35, 0.65) * np.array([np.cos(away), np.sin(away)])
        return PenStroke(lengths, turns, corners, -1, 0.0, 0.5, offset)
    on_parent = float(rng.choice((0.0, 0.25, 0.5, 0.75, 1.0), p=(0.3, 0.1, 0.25, 0.1, 0.25)))
    on_self = float(rng.choice((0.0, 0.5, 1.0), p=(0.55, 0.3, 0.15)))
    return PenStroke(lengths, turns, corners, int(rng.integers(len(before))), on_parent, on_self, np.zeros(2))


def extent(lengths: Floats, turns: Floats, corners: Floats) -> float:
    """Longest side of the bounding box of a stroke."""
    x, y = trace(lengths, turns, corners, 6)
    return float(max(np.ptp(x), np.ptp(y)))


def trace(lengths: Floats, turns: Floats, corners: Floats, steps: int) -> tuple[Floats, Floats]:
    """Run the pen: x and y from (0, 0) on.

    Args:
        lengths: ``[..., parts]``
        turns: ``[..., parts]``
        corners: ``[..., parts]``
        steps: straight steps in which each part is drawn.

    Returns:
        Two arrays ``[..., parts * steps + 1]``.
    """
    return follow(headings(turns, corners, steps), lengths, steps)


def headings(turns: Floats, corners: Floats, steps: int) -> Floats:
    """Direction of every step, ``[..., parts * steps]``."""
    bends = np.repeat(turns[..., None] / steps, steps, axis=-1)
    bends[..., 1:, 0] += turns[..., :-1] / steps / 2 - turns[..., 1:] / steps / 2 + corners[..., 1:]
    bends[..., 0, 0] = corners[..., 0] + turns[..., 0] / steps / 2
    return np.cumsum(bends.reshape(*bends.shape[:-2], -1), axis=-1)


def follow(heading: Floats, lengths: Floats, steps: int) -> tuple[Floats, Floats]:
    """Walk every step of the given heading; see :func:`trace`."""
    step = np.repeat(lengths / steps, steps, axis=-1)
    start = [(0, 0)] * (heading.ndim - 1) + [(1, 0)]
    return np.pad(np.cumsum(step * np.cos(heading), -1), start), np.pad(np.cumsum(step * np.sin(heading), -1), start)


# Each kind: a row of (length, turn, corner before it) in degrees as they are drawn, the sizes to be scaled later.
_Parts = list[tuple[float, float, float]]


def _bent(rng: Random, length: float, turn: float, corner: float = 0.0) -> tuple[float, float, float]:
    return length, turn * _DEGREE, corner * _DEGREE


def _line(rng: Random) -> _Parts:
    return [_bent(rng, 1, rng.normal(0, 12))]


def _arc(rng: Random) -> _Parts:
    return [_bent(rng, 1, rng.uniform(60, 270))]


def _loop(rng: Random) -> _Parts:
    """An o, closed or overlapping."""
    turn = rng.uniform(340, 400)
    return [_bent(rng, 1, turn / 2), _bent(rng, rng.uniform(0.7, 1.3), turn / 2)]


def _hook(rng: Random) -> _Parts:
    """A j, or turned around, an f."""
    parts = [_bent(rng, 1, rng.normal(0, 10)), _bent(rng, rng.uniform(0.3, 1), rng.uniform(90, 230))]
    return parts if rng.random() < 0.5 else parts[::-1]


def _wave(rng: Random) -> _Parts:
    """An s or a tilde."""
    turn = rng.uniform(80, 240)
    parts = [_bent(rng, 1, turn / 2), _bent(rng, rng.uniform(0.8, 2), -turn), _bent(rng, rng.uniform(0.6, 1), turn / 2)]
    return parts if rng.random() < 0.5 else [_bent(rng, 1, turn), _bent(rng, rng.uniform(0.6, 1.6), -turn)]


def _angle(rng: Random) -> _Parts:
    """A v, an l, a 7."""
    return [_bent(rng, 1, rng.normal(0, 10)), _bent(rng, rng.uniform(0.4, 1.6), rng.normal(0, 15), rng.choice((60, 90, 90, 120, 145)))]


def _zigzag(rng: Random) -> _Parts:
    """A z, an n, and with four parts a w."""
    corner = rng.choice((90, 120, 140))
    count = int(rng.integers(3, 5))
    return [_bent(rng, rng.uniform(0.6, 1.3), rng.normal(0, 10), corner * (-1) ** i) for i in range(count)]


def _box(rng: Random) -> _Parts:
    """A u with corners, or a square, or a triangle."""
    corner = rng.choice((90, 90, 120))
    count = int(rng.integers(3, 5)) if corner == 90 else 3
    return [_bent(rng, 1 if i % 2 else rng.choice((0.6, 1, 1)), rng.normal(0, 8), corner) for i in range(count)]


def _loop_tail(rng: Random) -> _Parts:
    """A 6, a 9, a p: a loop with a tail, or a tail that ends in one."""
    loop = _bent(rng, rng.uniform(1.2, 2.2), rng.uniform(280, 380), rng.choice((0, 0, 90)))
    tail = _bent(rng, rng.uniform(0.6, 1.2), rng.choice((0, 0, 40, 90)) + rng.normal(0, 10))
    return [tail, loop] if rng.random() < 0.5 else [(loop[0], loop[1], 0.0), (tail[0], tail[1], loop[2])]


def _bumps(rng: Random) -> _Parts:
    """A 3, an m: two or three arcs with a corner between them."""
    turn = rng.uniform(120, 240)
    return [_bent(rng, rng.uniform(0.7, 1.3), turn, -turn * rng.uniform(0.6, 0.9)) for _ in range(int(rng.integers(2, 4)))]


def _spiral(rng: Random) -> _Parts:
    shrink = rng.uniform(0.55, 0.8)
    parts = [_bent(rng, shrink**i, 180) for i in range(int(rng.integers(3, 5)))]
    return parts if rng.random() < 0.5 else parts[::-1]


def _free(rng: Random) -> _Parts:
    """Anything: two to four parts, straight or bent, joined smoothly or by a corner."""
    return [
        _bent(
            rng,
            rng.uniform(0.4, 1.4),
            0.0 if rng.random() < 0.4 else rng.choice((-1, 1)) * rng.uniform(50, 220),
            0.0 if rng.random() < 0.4 else rng.choice((-1, 1)) * rng.uniform(45, 150),
        )
        for _ in range(int(rng.integers(2, 5)))
    ]


# How often each kind is taken in a character of one, two, three and four strokes: the more strokes, the simpler each of them.
_KINDS_AND_SHARES: list[tuple[Callable[[Random], _Parts], tuple[float, float, float, float]]] = [
    (_line, (0.03, 0.26, 0.45, 0.60)),
    (_arc, (0.08, 0.14, 0.17, 0.16)),
    (_loop, (0.05, 0.08, 0.07, 0.06)),
    (_hook, (0.12, 0.12, 0.10, 0.06)),
    (_wave, (0.12, 0.07, 0.03, 0.00)),
    (_angle, (0.12, 0.14, 0.13, 0.12)),
    (_zigzag, (0.08, 0.03, 0.00, 0.00)),
    (_box, (0.06, 0.04, 0.03, 0.00)),
    (_loop_tail, (0.13, 0.05, 0.02, 0.00)),
    (_bumps, (0.08, 0.04, 0.00, 0.00)),
    (_spiral, (0.03, 0.01, 0.00, 0.00)),
    (_free, (0.10, 0.02, 0.00, 0.00)),
]
_KINDS = [kind for kind, _ in _KINDS_AND_SHARES]
_SHARES = [[shares[column] for _, shares in _KINDS_AND_SHARES] for column in range(MAX_STROKES)]
_STROKES = (0.30, 0.34, 0.23, 0.13)  # characters of one, two, three and four strokes
_BESIDE = 0.25  # strokes that touch no other: the dot of an i, the second bar of =
