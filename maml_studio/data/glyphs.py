"""Endless invented characters: drawn as strokes by :mod:`.glyph_hand`, rendered as a drawing on the canvas is."""

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..paths import cache_dir
from ..spec import DataSettings, Glyphs
from ..strokes import Drawing, Frame, render_many
from . import image_cache
from .bank import ImageBank
from .glyph_classes import Floats, glyph_class
from .glyph_hand import NUMBERS, Hand, write
from .images import SIDE, Pixels
from .progress import Progress, throttled

_VERSION = 1  # of what the numbers below and in glyph_classes and glyph_hand draw; another number makes older files stale
_KEPT = 4  # sets of images in the cache, 24 MB each with the default settings
_TOGETHER = 128  # classes at a time
_HANDS = 1_000_003  # third number of the seeds of hands, beyond every sibling's

# Where ink stands in Omniglot (28x28) and in MNIST: box 17.9 and 19.4 pixels, lines 1.4 and 2.2, off the middle by 1.5 and 1.
_BOX, _BOX_SPREAD, _BOX_RANGE = 18.5, 2.2, (12, 24)
_WIDTH, _WIDTH_SPREAD, _WIDTH_RANGE = 1.7, 0.36, (0.8, 3.4)
_OFF_CENTRE = 1.2
_FRAME = 4  # normal numbers for box, width and shift


def load_glyph_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """All classes and instances that the settings ask for, out of the cache or drawn anew; nothing is downloaded.

    Raises:
        Cancelled: when ``progress`` asked for it.
    """
    assert isinstance(settings, Glyphs)
    count = settings.classes * settings.instances
    about = f"{_VERSION} {settings.classes} {settings.instances} {settings.glyph_seed} {settings.siblings} {settings.variation}"
    key = hashlib.sha256(about.encode()).hexdigest()
    path = cache_dir() / "glyphs" / f"{key[:32]}.safetensors"
    images = image_cache.load(path, key, count)
    if images is None:
        images = _draw_all(settings, throttled(progress))
        image_cache.store(path, key, images)
        _forget_oldest(path.parent)
    return ImageBank(
        torch.from_numpy(images),
        torch.arange(settings.classes).repeat_interleave(settings.instances),
        tuple(f"glyph {number:0{len(str(settings.classes - 1))}d}" for number in range(settings.classes)),
        ("",) * settings.classes,
        torch.zeros(count, dtype=torch.bool),
    )


def glyph_strokes(settings: Glyphs, classes: Sequence[int]) -> list[Drawing]:
    """The strokes behind the images: of each class all instances, in the order of the bank's images.

    Image ``i`` of the bank is instance ``i % settings.instances`` of class ``i // settings.instances``.

    Args:
        settings: as for the bank.
        classes: numbers of the classes.

    Returns:
        ``len(classes) * instances`` drawings; a drawing is a list of strokes, float32 ``[points, 3]``: x and y about 0 to 1, t in seconds.
    """
    return _strokes(settings, classes, _numbers(settings, classes))


def render_glyphs(drawings: Sequence[Drawing], numbers: Floats) -> Pixels:
    """Draw glyphs as several people's pens would: each with its own line width, size and place.

    Args:
        drawings: strokes.
        numbers: ``[drawings, 4]`` standard normal numbers for size, line width and the shift to the right and down.

    Returns:
        uint8 ``[drawings, 28, 28]``, ink = 255.
    """
    # Steps, so that drawings with the same frame can be rendered together.
    box = np.clip(np.round(_BOX + _BOX_SPREAD * numbers[:, 0]), *_BOX_RANGE)
    width = np.clip(np.round(_WIDTH * np.exp(_WIDTH_SPREAD * numbers[:, 1]) * 4) / 4, *_WIDTH_RANGE)
    room = ((SIDE - box) // 2)[:, None]
    shift = np.clip(np.round(_OFF_CENTRE * numbers[:, 2:]), -room, room).astype(int)
    images = np.empty((len(drawings), SIDE, SIDE), np.uint8)
    frames, which = np.unique(np.stack([box, width], 1), axis=0, return_inverse=True)
    for row, (side, line) in enumerate(frames):
        chosen = np.flatnonzero(which == row).tolist()
        drawn = render_many([drawings[i] for i in chosen], Frame(SIDE, side, "box", line))
        images[chosen] = (drawn * 255).round().astype(np.uint8)
    places = np.arange(SIDE)
    down, right = (places - shift[:, 1, None]) % SIDE, (places - shift[:, 0, None]) % SIDE
    moved: Pixels = images[np.arange(len(images))[:, None, None], down[:, :, None], right[:, None, :]]
    return moved


def _draw_all(settings: Glyphs, progress: Progress) -> Pixels:
    images = np.empty((settings.classes * settings.instances, SIDE, SIDE), np.uint8)
    for begin in range(0, settings.classes, _TOGETHER):
        progress(f"Inventing characters: {begin:,} of {settings.classes:,}", begin / settings.classes)
        classes = range(begin, min(begin + _TOGETHER, settings.classes))
        numbers = _numbers(settings, classes)
        rows = slice(begin * settings.instances, (begin + len(classes)) * settings.instances)
        images[rows] = render_glyphs(_strokes(settings, classes, numbers), numbers[..., -_FRAME:].reshape(-1, _FRAME))
    return images


def _forget_oldest(folder: Path) -> None:
    with contextlib.suppress(OSError):  # another program may have removed one
        for old in sorted(folder.glob("*.safetensors"), key=lambda file: file.stat().st_mtime)[:-_KEPT]:
            old.unlink()


def _strokes(settings: Glyphs, classes: Sequence[int], numbers: Floats) -> list[Drawing]:
    programs = [glyph_class(settings.glyph_seed, index, settings.siblings) for index in classes]
    return write(programs, numbers[..., :-_FRAME], Hand().scaled(settings.variation))


def _numbers(settings: Glyphs, classes: Sequence[int]) -> Floats:
    """All that is random about the instances, ``[classes, instances, NUMBERS + 4]``; each class has a generator of its own."""
    shape = (settings.instances, NUMBERS + _FRAME)
    return np.stack([np.random.default_rng([settings.glyph_seed, index, _HANDS]).standard_normal(shape) for index in classes])
