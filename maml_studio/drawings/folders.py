"""A drawn task as class folders of PNG files, which the data source ``folder`` and any other program reads."""

import re
import unicodedata
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ..files import whole_folder
from ..strokes import Frame
from .document import DrawingError, DrawnTask, distinct

_UNSAFE = re.compile(r'[<>:"/\\|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows, with any suffix
_UNSEEN = frozenset({"thumbs.db", "desktop.ini", "__macosx"})  # what the folder source passes over
_LONGEST = 60  # characters; up to 240 bytes, of the 255 that a file system allows


def export_folders(
    task: DrawnTask,
    folder: Path,
    frame: Frame,
    polarity: Literal["dark_on_light", "light_on_dark"] = "dark_on_light",
) -> tuple[str, ...]:
    """Write ``folder/<class>/01.png`` and so on, as a model with that frame gets them; all of it appears at once.

    Args:
        task: what to write; empty canvases are left out.
        folder: a new folder.
        frame: where the ink goes.
        polarity: whether the ink is darker than the paper; the folder source finds out by itself.

    Returns:
        The folders' names, one per class.

    Raises:
        DrawingError: when the folder exists, or a class has no example.
        OSError: when it can't be written.
    """
    if folder.exists() or folder.is_symlink():
        raise DrawingError(f"{folder} exists already; choose a name that is new")
    if not task.classes:
        raise DrawingError("there is no class to export yet")
    for name, one in zip(task.names, task.classes, strict=True):
        if not one.drawn:
            raise DrawingError(f"class {name!r} has no example to export; draw one, or remove the class")
    names = folder_names(task)
    with whole_folder(folder) as part:
        for name, one in zip(names, task.classes, strict=True):
            (part / name).mkdir()
            for number, example in enumerate(one.drawn, 1):
                pixels = (example.image(frame) * 255).round().astype(np.uint8)
                Image.fromarray(pixels if polarity == "light_on_dark" else 255 - pixels).save(part / name / f"{number:03}.png")
    return names


def folder_names(task: DrawnTask) -> tuple[str, ...]:
    """A folder's name for each class that every system takes, each different even where case does not count."""
    return distinct([_safe(name) for name in task.names], fold=True)


def _safe(name: str) -> str:
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", name))[:_LONGEST].strip(" .") or "_"
    return f"{name}_" if _RESERVED.fullmatch(name) or name.lower() in _UNSEEN else name
