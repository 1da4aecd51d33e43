"""Where tasks come from: sources, splits and samplers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ..spec import DataSettings, ImageSettings, Sinusoid, TaskSettings
from ..strokes import Frame, measure_frame
from .bank import DataError, ImageBank, Pool
from .digits import load_digit_bank
from .download import DownloadNeeded, downloads_allowed
from .drawn import load_drawn_bank
from .episodes import Episodes, Sampler
from .folder import load_folder_bank
from .glyphs import load_glyph_bank
from .image_tasks import image_sampler
from .progress import Cancelled, Progress, silent
from .sinusoid import SinusoidTasks
from .splits import Split, make_split
from .stroke_tasks import STROKE_SOURCES
from .torchvision_sources import load_emnist_bank, load_mnist_bank, load_omniglot_bank

FRAME_IMAGES = 500

Part = Literal["train", "validation", "test"]


class Tasks(Protocol):
    """A source that is open: it gives a sampler for each part of its split."""

    def sampler(self, part: Part, task: TaskSettings) -> Sampler:
        """Draws tasks of one part.

        Raises:
            DataError: when the part cannot fill such a task.
        """
        ...

    def frame(self) -> Frame | None:
        """Where this source's images have their ink, so that a drawing can be placed alike; None without images."""
        ...


@dataclass(frozen=True)
class ImageTasks:
    """Images in memory and the parts that they are divided into."""

    settings: ImageSettings
    split: Split

    def sampler(self, part: Part, task: TaskSettings) -> Sampler:
        """See :class:`Tasks`."""
        return image_sampler(getattr(self.split, part), task, "training" if part == "train" else part)

    def frame(self) -> Frame | None:
        """See :class:`Tasks`; measured on training images spread over all classes. Pen moves have none."""
        pool = self.split.train
        if pool.images.is_floating_point():
            return None
        index = pool.index[:: max(1, len(pool.index) // FRAME_IMAGES)]
        return measure_frame(pool.images[index].numpy().astype(np.float32) / np.float32(255), self.settings.centre)


SOURCES: dict[str, Callable[[DataSettings, Progress], ImageBank]] = {
    "digits": load_digit_bank,
    "glyphs": load_glyph_bank,
    "omniglot": load_omniglot_bank,
    "mnist": load_mnist_bank,
    "fashion_mnist": load_mnist_bank,
    "kmnist": load_mnist_bank,
    "emnist": load_emnist_bank,
    "folder": load_folder_bank,
    "drawn": load_drawn_bank,
}
"""Every source of images by its name: reads the images into memory."""


def open_tasks(settings: DataSettings, progress: Progress = silent, *, strokes: bool = False) -> Tasks:
    """Load a source and divide it.

    Args:
        settings: which source, and its split.
        progress: told how far loading is; may raise :class:`Cancelled`.
        strokes: deliver each example as pen moves, ``[64, 3]`` (see ``stroke_sequences``), instead of an image.

    Raises:
        DataError: when it can't be loaded or divided so, or has no strokes.
        Cancelled: when ``progress`` asked for it.
    """
    if isinstance(settings, Sinusoid):
        return SinusoidTasks(settings)
    assert isinstance(settings, ImageSettings)
    source: str = settings.source  # type: ignore[attr-defined]
    if strokes and source not in STROKE_SOURCES:
        raise DataError(f"data.source {source} has images without strokes; {' and '.join(STROKE_SOURCES)} have strokes")
    load = (STROKE_SOURCES if strokes else SOURCES)[source]
    return ImageTasks(settings, make_split(load(settings, progress), settings))


__all__ = [
    "SOURCES",
    "STROKE_SOURCES",
    "Cancelled",
    "DataError",
    "DownloadNeeded",
    "Episodes",
    "ImageBank",
    "ImageTasks",
    "Part",
    "Pool",
    "Progress",
    "Sampler",
    "Split",
    "Tasks",
    "downloads_allowed",
    "open_tasks",
    "silent",
]
