"""Where each open window keeps its drawings, so that no two write the same file and nothing is ever thrown away.

The first window keeps ``drawing.json``, a second one that is open at the same time ``drawing-2.json``, and so on. Each claims its file by a
lock, which the system takes back when the process ends, however it ends.
"""

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from ..files import write_whole
from .document import MAX_SHOTS, DrawingError, DrawnClass, DrawnTask, Example
from .file import MAX_BYTES, SUFFIX, read_drawn, to_json

_MOST_WINDOWS = 50
_ASIDE = "drawings"


class KeptPlace:
    """A window's own file.

    Args:
        path: the file, which need not be there.
        number: which window it is, from 1.
        lock: held until `release`.
    """

    def __init__(self, path: Path, number: int, lock: FileLock) -> None:
        self.path, self.number, self._lock = path, number, lock

    def read(self) -> DrawnTask | None:
        """The drawings; None where there are none yet.

        Raises:
            DrawingError: when the file can't be used.
        """
        return read_kept(self.path) if self.path.exists() else None

    def write(self, task: DrawnTask) -> None:
        """Keep the drawings.

        Raises:
            OSError: when they can't be written.
            DrawingError: when there are too many for a file.
        """
        write_whole(self.path, to_json(task, preview=False))

    def release(self) -> None:
        """Let another window have it."""
        self._lock.release()


def claim(folder: Path) -> KeptPlace:
    """The first file that no other window has.

    Raises:
        OSError: when there can be none in this folder.
    """
    for number in range(1, _MOST_WINDOWS + 1):
        place = _try(folder, number)
        if place is not None:
            return place
    raise OSError(f"{_MOST_WINDOWS} windows are open")


def gather_others(folder: Path, own: int) -> list[Path]:
    """Put the drawings of windows that are closed, other than the first, among the files that one opens by hand.

    Args:
        folder: where they are kept.
        own: the number of the window that asks; what an earlier window of that number left goes there too, unless it is the first.

    Returns:
        The files as they are called now.

    Raises:
        OSError: when the window's own place can't be emptied.
    """
    found = []
    for number in range(2, _MOST_WINDOWS + 1):
        path = _path(folder, number)
        if not path.exists():
            continue
        if number == own:
            found += _empty(path, number)
            continue
        place = _try(folder, number)
        if place is not None:
            with suppress(OSError):  # then it stays where it is
                found += _empty(path, number)
            place.release()
    return found


def _empty(path: Path, number: int) -> list[Path]:
    """Move a second window's drawings away; gives where they are now, if there are any that can be read."""
    try:
        blank = is_blank(read_kept(path))
    except DrawingError:
        set_aside(path, "unreadable")
        return []
    if blank:
        path.unlink()
        return []
    return [set_aside(path, f"window-{number}", SUFFIX)]


def set_aside(path: Path, word: str, suffix: str = "") -> Path:
    """Give a file another name, in a folder beside it; gives where it is now.

    Raises:
        OSError: when it can't be moved.
    """
    folder = path.parent / _ASIDE
    folder.mkdir(exist_ok=True)
    stem = f"{word}-{datetime.now():%Y-%m-%d-%H%M%S}"
    number, target = 2, folder / f"{stem}{suffix or path.suffix}"
    while target.exists():
        target, number = folder / f"{stem}-{number}{suffix or path.suffix}", number + 1
    return path.rename(target)


def is_blank(task: DrawnTask) -> bool:
    """Whether nobody has drawn or named anything."""
    return task.query.is_empty and not any(one.name or one.drawn for one in task.classes)


def read_kept(path: Path) -> DrawnTask:
    """Read a kept file, of today or of the first days.

    Raises:
        DrawingError: naming the file and what is wrong with it.
    """
    try:
        return read_drawn(path)
    except DrawingError:
        first = _read_first_format(path)
        if first is None:
            raise
        return first


def _try(folder: Path, number: int) -> KeptPlace | None:
    """Claim one file; None where another window has it."""
    path = _path(folder, number)
    lock = FileLock(path.with_name(f".{path.stem}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    except NotImplementedError as error:  # a network drive without locks
        raise OSError(str(error)) from None
    return KeptPlace(path, number, lock)


def _path(folder: Path, number: int) -> Path:
    return folder / ("drawing.json" if number == 1 else f"drawing-{number}.json")


def _read_first_format(path: Path) -> DrawnTask | None:
    """What the window kept before drawings had a file format: ``{"format": 1, "shots": ..., "classes": ..., "query": ...}``."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        raw = json.loads(path.read_bytes())
        if not isinstance(raw, dict) or raw.get("format") != 1:
            return None
        classes = tuple(DrawnClass(str(one["name"]), tuple(map(_strokes, one["drawings"]))) for one in raw["classes"])
        return DrawnTask(classes, _strokes(raw["query"]), min(max(int(raw["shots"]), 1), MAX_SHOTS))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _strokes(raw: Any) -> Example:
    return Example(tuple(np.array(stroke, np.float64) for stroke in raw))
