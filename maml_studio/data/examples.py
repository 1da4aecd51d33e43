"""Examples for the drawing page: out of image files, out of class folders, and out of any source that is open."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..drawings import MAX_CLASSES, MAX_EXAMPLES, MAX_NAME, MAX_SHOTS, DrawnClass, DrawnTask, Example
from ..strokes import Array
from . import ImageTasks, Part, Tasks
from .bank import DataError
from .episodes import sample_distinct
from .folder_tree import find_classes
from .images import SIDE, Polarity, is_dark_on_light, read_grey
from .progress import Progress, silent, throttled

MAX_PICKED = 100
"""Classes at once."""

Picked = list[tuple[str, Array]]
"""Classes' names with their images, float32 ``[shots, 28, 28]``, ink = 1."""


def read_examples(paths: Sequence[str | Path], polarity: Polarity = "auto", progress: Progress = silent) -> list[Example]:
    """Image files as examples: one of 28x28 is taken as it is, any other is raw, to be placed as a drawing is.

    Args:
        paths: the files.
        polarity: whether ink is darker than paper; ``auto``: as most images' borders say.
        progress: told how far reading is.

    Raises:
        DataError: naming the file that can't be read.
        Cancelled: when ``progress`` asked for it.
    """
    progress = throttled(progress)
    files = [Path(path) for path in paths]
    dark_on_light = is_dark_on_light(files, progress) if polarity == "auto" else polarity == "dark_on_light"
    examples = []
    for number, file in enumerate(files):
        progress(f"Reading images: {number:,} of {len(files):,}", number / len(files))
        grey = np.asarray(read_grey(file))
        examples.append(Example(picture=255 - grey if dark_on_light else grey, to_place=grey.shape != (SIDE, SIDE)))
    return examples


def import_folder(path: Path, polarity: Polarity = "auto", progress: Progress = silent) -> DrawnTask:
    """A folder of class folders (or two levels of them) as a drawn task, in the order of their names.

    Raises:
        DataError: naming the folder or file that can't be used, or when it is more than one drawn task may hold.
        Cancelled: when ``progress`` asked for it.
    """
    try:
        root = path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path} can't be opened: {getattr(error, 'strerror', None) or error}") from None
    folders = find_classes(root, throttled(progress))
    if len(folders) > MAX_CLASSES:
        raise DataError(f"{path} holds {len(folders):,} classes; a drawn task takes {MAX_CLASSES:,} at most")
    for folder in folders:
        if len(folder.files) > MAX_EXAMPLES:
            raise DataError(
                f"{path} holds {len(folder.files):,} images in class {folder.name!r}; a drawn task takes {MAX_EXAMPLES} at most"
            )
    examples = iter(read_examples([file for folder in folders for file in folder.files], polarity, progress))
    classes = tuple(DrawnClass(folder.name[:MAX_NAME], tuple(next(examples) for _ in folder.files)) for folder in folders)
    shots = min(MAX_SHOTS, *(len(one.examples) for one in classes))
    return DrawnTask(classes, shots=shots, title=root.name[:MAX_NAME])


def pick_examples(tasks: Tasks, part: Part, classes: int, shots: int, seed: int) -> Picked:
    """Random examples of random classes of a source that is open.

    Args:
        tasks: as :func:`open_tasks` gives it; nothing is loaded here.
        part: which part of its split.
        classes: how many different classes, 1 to 100.
        shots: different examples of each, 1 to 100.
        seed: the same seed picks the same.

    Returns:
        For each class its name and float32 ``[shots, 28, 28]``, ink = 1.

    Raises:
        DataError: when the source has no images, or too few classes with so many examples.
    """
    for name, value, most in (("classes", classes, MAX_PICKED), ("shots", shots, MAX_SHOTS)):
        if not 1 <= value <= most:
            raise DataError(f"{name} should be from 1 to {most}, not {value}")
    pool = getattr(tasks.split, part) if isinstance(tasks, ImageTasks) else None
    if pool is None or pool.images.is_floating_point():
        raise DataError("This source has functions or pen moves and no images; choose a source of images")
    large = (pool.counts >= shots).nonzero().squeeze(1)
    if len(large) < classes:
        raise DataError(f"{classes} classes with {shots} examples are too many: this part of the source has {len(large)} such classes")
    generator = torch.Generator().manual_seed(seed)
    picked = []
    for index in large[sample_distinct(torch.tensor(len(large)), classes, generator)].tolist():
        places = pool.starts[index] + sample_distinct(pool.counts[index], shots, generator)
        images = pool.images[pool.index[places]].rot90(int(pool.turns[index]), (-2, -1))
        picked.append((pool.class_names[index], images.numpy().astype(np.float32) / np.float32(255)))
    return picked
