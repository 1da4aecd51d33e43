"""Images in memory, grouped by class, and the parts of them that training, validation and test may see."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..spec.errors import one_line


class DataError(ValueError):
    """Data that can't be used: one sentence with the file or setting, and what would be right."""

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


@dataclass(frozen=True)
class ImageBank:
    """All images of a source, sorted by class.

    Attributes:
        images: ``[images, 28, 28]`` uint8, ink = 255 on 0; or the drawings as pen moves, ``[images, 64, 3]`` float32 (see
            ``stroke_sequences``).
        labels: ``[images]`` int64, ascending: the class of each image.
        class_names: one name per class.
        groups: one name per class: its alphabet, or empty.
        held_out: ``[images]`` bool: the images that the data set's author keeps for testing.
    """

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    groups: tuple[str, ...]
    held_out: Tensor


@dataclass(frozen=True)
class Pool:
    """The images of one part of a split, sorted by class.

    Attributes:
        images: as the bank's, and shared by all its pools.
        index: ``[m]`` int64 into ``images``, class after class.
        starts: ``[classes + 1]`` int64: class c owns ``index[starts[c]:starts[c + 1]]``.
        class_names: one name per class.
        turns: ``[classes]`` int64: by how many quarter turns the class's images are turned.
    """

    images: Tensor
    index: Tensor
    starts: Tensor
    class_names: tuple[str, ...]
    turns: Tensor

    @property
    def counts(self) -> Tensor:
        """Images per class, ``[classes]`` int64."""
        return self.starts.diff()


def make_pool(bank: ImageBank, keep: Tensor, rotations: bool) -> Pool:
    """The kept images as a pool; classes without a kept image disappear.

    Args:
        bank: all images.
        keep: ``[images]`` bool.
        rotations: add every class turned by 90, 180 and 270 degrees as a class of its own (Santoro 2016, 1605.06065).
    """
    index = keep.nonzero().squeeze(1)
    classes, counts = torch.unique_consecutive(bank.labels[index], return_counts=True)
    names = [bank.class_names[c] for c in classes.tolist()]
    turns = torch.zeros(len(names), dtype=torch.int64)
    if rotations:
        names = names + [f"{name} ↻{90 * turn}°" for turn in (1, 2, 3) for name in names]
        turns = torch.arange(4).repeat_interleave(len(counts))
        index, counts = index.repeat(4), counts.repeat(4)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    return Pool(bank.images, index, starts, tuple(names), turns)
