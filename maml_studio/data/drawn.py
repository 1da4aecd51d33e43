"""Drawn tasks as a source of images: exactly what was drawn, placed as the settings say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..drawings import SUFFIX, DrawingError, DrawnTask, Example, read_drawn
from ..spec import DataSettings, Drawn
from ..strokes import Frame
from .bank import DataError, ImageBank
from .images import SIDE
from .progress import Progress, throttled


def load_drawn_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """The source ``drawn`` as images, see :func:`drawn_bank`."""
    assert isinstance(settings, Drawn)
    frame = Frame(size=SIDE, box=settings.box, centre=settings.centre, width=settings.line)
    return drawn_bank(settings, progress, lambda example: (example.image(frame) * 255).round().astype(np.uint8))


def drawn_bank(settings: Drawn, progress: Progress, picture: Callable[[Example], npt.NDArray[Any]]) -> ImageBank:
    """One file, or a folder of files, each of which is then an alphabet.

    Two classes or more, of two drawings or more, as the smallest task needs; empty canvases do not count.

    Args:
        settings: which files.
        progress: told how far reading is.
        picture: what becomes of an example.

    Raises:
        DataError: when a file can't be used, or there is too little in it.
        Cancelled: when ``progress`` asked for it.
    """
    if not settings.path.strip():
        raise DataError(f"data.path should name a file *{SUFFIX}, or a folder that holds such files; it is empty")
    path = Path(settings.path).expanduser()
    progress = throttled(progress)
    images: list[npt.NDArray[Any]] = []
    labels: list[int] = []
    names: list[str] = []
    groups: list[str] = []
    tasks = _tasks(path, progress)
    total = sum(len(one.drawn) for _, task in tasks for one in task.classes)
    for group, task in tasks:
        for name, one in zip(task.names, task.classes, strict=True):
            shown = f"{group}/{name}" if group else name
            if len(one.drawn) < 2:
                count = ("no drawing", "one drawing only")[len(one.drawn)]
                raise DataError(f"data.path {settings.path} has {count} in class {shown!r}; two or more of each class are needed")
            progress(f"Drawing: {len(images):,} of {total:,}", len(images) / total)
            images += map(picture, one.drawn)
            labels += [len(names)] * len(one.drawn)
            names.append(shown)
            groups.append(group)
    if len(names) < 2:
        count = f"one class only, {names[0]!r}" if names else "no class"
        raise DataError(f"data.path {settings.path} holds {count}; two or more are needed")
    nothing_held_out = torch.zeros(len(labels), dtype=torch.bool)
    return ImageBank(torch.from_numpy(np.stack(images)), torch.tensor(labels), tuple(names), tuple(groups), nothing_held_out)


def _tasks(path: Path, progress: Progress) -> list[tuple[str, DrawnTask]]:
    """The drawn tasks with the names of their alphabets."""
    try:
        if not path.is_dir():
            return [("", read_drawn(path))]
        files = sorted(file for file in path.iterdir() if file.name.endswith(SUFFIX) and not file.name.startswith("."))
    except DrawingError as error:
        raise DataError(str(error)) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if not files:
        raise DataError(f"{path} holds no file *{SUFFIX}; choose such a file, or a folder that holds some")
    tasks = []
    for file in files:
        progress(f"Reading {file.name}", -1)
        try:
            tasks.append((file.name.removesuffix(SUFFIX), read_drawn(file)))
        except DrawingError as error:
            raise DataError(str(error)) from None
    return tasks if len(tasks) > 1 else [("", tasks[0][1])]
