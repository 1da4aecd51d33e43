"""Any folder of class folders as a source of images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..spec import DataSettings, Folder
from . import image_cache
from .bank import DataError, ImageBank
from .folder_tree import find_classes
from .images import SIDE, Pixels, Polarity, is_dark_on_light, read_grey, to_ink
from .progress import Progress, silent, throttled


def load_folder_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """The source ``folder``: two classes or more, of two images or more, as the smallest task needs.

    Raises:
        DataError: when the folder or a file in it can't be used.
        Cancelled: when ``progress`` asked for it.
    """
    assert isinstance(settings, Folder)
    if not settings.path.strip():
        raise DataError("data.path should name a folder that holds one sub-folder of images per class; it is empty")
    bank = read_folder(Path(settings.path), settings.polarity, progress)
    if len(bank.class_names) < 2:
        raise DataError(f"data.path {settings.path} holds one class only, {bank.class_names[0]!r}; two or more are needed")
    smallest = int(bank.labels.bincount().argmin())
    if int((bank.labels == smallest).sum()) < 2:
        name = bank.class_names[smallest]
        raise DataError(f"data.path {settings.path} has one image only in class {name!r}; two or more of each class are needed")
    return bank


def read_folder(path: Path, polarity: Polarity = "auto", progress: Progress = silent) -> ImageBank:
    """All images below a folder of class folders; what was read before comes out of the cache.

    One thread: with small files Python itself is the bottleneck (measured on two cores, 19,280 Omniglot files: 3.1 s with one
    thread, 5.2 to 6.5 s with a pool of two to eight; photographs gained nothing either).

    Args:
        path: one level (``class/image.png``) or two (``alphabet/class/image.png``), see :mod:`.folder_tree`.
        polarity: whether ink is darker than paper; ``auto``: as most images' borders say.
        progress: told how far reading is.

    Raises:
        DataError: naming the folder or file that can't be used.
        Cancelled: when ``progress`` asked for it.
    """
    progress = throttled(progress)
    root = _existing_folder(path)
    classes = find_classes(root, progress)
    files = [file for one in classes for file in one.files]
    images = _cached_images(root, files, polarity, progress)
    counts = torch.tensor([len(one.files) for one in classes])
    return ImageBank(
        torch.from_numpy(images),
        torch.arange(len(classes)).repeat_interleave(counts),
        tuple(one.name for one in classes),
        tuple(one.group for one in classes),
        torch.zeros(len(files), dtype=torch.bool),
    )


def _existing_folder(path: Path) -> Path:
    try:
        root = path.expanduser().resolve(strict=True)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; choose a folder that holds one sub-folder of images per class") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path} can't be opened: {getattr(error, 'strerror', None) or error}") from None
    if not root.is_dir():
        raise DataError(f"{path} is a file; choose a folder that holds one sub-folder of images per class")
    return root


def _cached_images(root: Path, files: Sequence[Path], polarity: Polarity, progress: Progress) -> Pixels:
    cache = image_cache.cache_file(root, polarity)
    try:
        key = image_cache.fingerprint(root, files)
    except OSError as error:
        raise DataError(f"{error.filename} can't be read: {error.strerror or error}") from None
    images = image_cache.load(cache, key, len(files))
    if images is None:
        images = _read_images(files, polarity, progress)
        image_cache.store(cache, key, images)
    return images


def _read_images(files: Sequence[Path], polarity: Polarity, progress: Progress) -> Pixels:
    images = np.empty((len(files), SIDE, SIDE), dtype=np.uint8)
    dark_on_light = is_dark_on_light(files, progress) if polarity == "auto" else polarity == "dark_on_light"
    for row, file in enumerate(files):
        progress(f"Reading images: {row:,} of {len(files):,}", row / len(files))
        images[row] = to_ink(read_grey(file), dark_on_light)
    return images
