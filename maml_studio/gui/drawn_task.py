"""The drawings on the Draw page as plain JSON, so that they are there again when the window is opened the next time."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_whole

FORMAT = 1
MAX_BYTES = 64 << 20
MAX_CLASSES, MAX_DRAWINGS = 100, 100
Strokes = list[np.ndarray]


@dataclass(frozen=True)
class DrawnClass:
    """A class's name and its drawings, each a list of strokes ``[points, 3]``."""

    name: str
    drawings: tuple[Strokes, ...]


@dataclass(frozen=True)
class DrawnTask:
    """All that was drawn.

    Attributes:
        shots: drawings per class on show.
        classes: one entry per row.
        query: strokes on the query canvas.
    """

    shots: int
    classes: tuple[DrawnClass, ...]
    query: Strokes


def save_drawn_task(path: Path, task: DrawnTask) -> None:
    """Write the drawings.

    Raises:
        OSError: when they can't be written.
    """
    raw = {
        "format": FORMAT,
        "shots": task.shots,
        "classes": [{"name": one.name, "drawings": [_plain(drawing) for drawing in one.drawings]} for one in task.classes],
        "query": _plain(task.query),
    }
    write_whole(path, json.dumps(raw).encode())


def load_drawn_task(path: Path) -> DrawnTask | None:
    """Read drawings back; None where there are none, or they can't be used."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        raw = json.loads(path.read_bytes())
        if raw["format"] != FORMAT or len(raw["classes"]) > MAX_CLASSES:
            return None
        classes = tuple(
            DrawnClass(str(one["name"])[:60], tuple(_strokes(drawing) for drawing in one["drawings"][:MAX_DRAWINGS]))
            for one in raw["classes"]
        )
        return DrawnTask(int(raw["shots"]), classes, _strokes(raw["query"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _plain(strokes: Strokes) -> list[Any]:
    return [np.round(stroke, 5).tolist() for stroke in strokes]


def _strokes(raw: Any) -> Strokes:
    strokes = [np.asarray(stroke, np.float32) for stroke in raw]
    for stroke in strokes:
        if stroke.ndim != 2 or stroke.shape[1] != 3 or not len(stroke) or not np.isfinite(stroke).all():
            raise ValueError("a stroke should be rows of x, y and time")
    return strokes
