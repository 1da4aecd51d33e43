"""The handwritten digits that ship with scikit-learn (Alpaydin and Kaynak 1998): 1,797 images of 8x8, no download."""

from functools import lru_cache

import numpy as np
import torch

from ..spec import DataSettings
from ..strokes import Frame, place
from .bank import ImageBank
from .progress import Progress

FULL_INK = 16
FRAME = Frame(box=20, centre="mass")
"""MNIST's place for a digit: longest side 20 of 28 pixels, centre of mass in the middle."""


def load_digit_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """All digits, enlarged and placed by the function that also places what somebody draws."""
    del settings, progress
    return _bank()


@lru_cache(maxsize=1)
def _bank() -> ImageBank:
    # Kept: every preview and every run asks for the same 1.4 MB, and placing them takes a third of a second.
    from sklearn.datasets import load_digits  # a second of importing, for which runs on other data need not wait

    raw = load_digits()
    order = np.argsort(raw.target, kind="stable")
    images = np.stack([place(raw.images[i].astype(np.float32) / FULL_INK, FRAME) for i in order])
    return ImageBank(
        torch.from_numpy((images * 255).round().astype(np.uint8)),
        torch.from_numpy(raw.target[order].astype(np.int64)),
        tuple(str(digit) for digit in range(10)),
        ("",) * 10,
        torch.zeros(len(order), dtype=torch.bool),
    )
