"""Tasks of another source with their ink where a model's training images have it."""

import numpy as np
import torch
from torch import Tensor

from ..data import Episodes, Sampler
from ..strokes import Frame, place


class FramedSampler:
    """The tasks of a sampler, each picture placed as somebody's drawing would be; what is drawn does not change, only where it lies.

    A model knows the framing that it was trained on: digits 20 pixels tall tell it little about letters of 28.
    """

    def __init__(self, sampler: Sampler, frame: Frame) -> None:
        self._sampler, self._frame = sampler, frame

    @property
    def class_names(self) -> tuple[str, ...]:
        """See :class:`Sampler`."""
        return self._sampler.class_names

    def sample(self, tasks: int, generator: torch.Generator) -> Episodes:
        """See :class:`Sampler`."""
        drawn = self._sampler.sample(tasks, generator)
        return Episodes(self._placed(drawn.support_x), drawn.support_y, self._placed(drawn.query_x), drawn.query_y, drawn.classes)

    def _placed(self, images: Tensor) -> Tensor:
        """Images ``[tasks, examples, 1, H, W]``."""
        flat = images.flatten(0, 2).numpy()
        return torch.from_numpy(np.stack([place(image, self._frame) for image in flat])).view(images.shape)
