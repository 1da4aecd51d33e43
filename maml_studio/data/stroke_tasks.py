"""Drawings as sequences of pen moves instead of images, from the sources that know the strokes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from ..drawings import Example
from ..spec import DataSettings, Drawn, Glyphs
from ..stroke_sequences import to_sequence, to_sequences
from ..strokes import Array
from .bank import DataError, ImageBank
from .drawn import drawn_bank
from .glyphs import glyph_strokes, load_glyph_bank
from .progress import Progress, throttled

_TOGETHER = 64  # classes at a time


def load_glyph_sequences(settings: DataSettings, progress: Progress) -> ImageBank:
    """The strokes of the very glyphs that the images show.

    Raises:
        Cancelled: when ``progress`` asked for it.
    """
    assert isinstance(settings, Glyphs)
    bank, progress = load_glyph_bank(settings, progress), throttled(progress)
    parts = []
    for begin in range(0, settings.classes, _TOGETHER):
        progress(f"Following strokes: {begin:,} of {settings.classes:,} characters", begin / settings.classes)
        parts.append(to_sequences(glyph_strokes(settings, range(begin, min(begin + _TOGETHER, settings.classes)))))
    return replace(bank, images=torch.from_numpy(np.concatenate(parts)))


def load_drawn_sequences(settings: DataSettings, progress: Progress) -> ImageBank:
    """The strokes of drawn tasks.

    Raises:
        DataError: when a file can't be used, holds pictures, or there is too little in it.
        Cancelled: when ``progress`` asked for it.
    """
    assert isinstance(settings, Drawn)

    def strokes_of(example: Example) -> Array:
        if example.picture is not None:
            raise DataError(f"model.reads should be rows: data.path {settings.path} holds pictures too, which have no strokes")
        return to_sequence(example.strokes)

    return drawn_bank(settings, progress, strokes_of)


STROKE_SOURCES: dict[str, Callable[[DataSettings, Progress], ImageBank]] = {
    "glyphs": load_glyph_sequences,
    "drawn": load_drawn_sequences,
}
"""Every source of strokes by its name."""
