"""The handwritten digits that ship with scikit-learn (Alpaydin and Kaynak 1998): 1,797 images of 8x8, no download."""

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits

from ..spec import DataSettings
from .bank import ImageBank
from .progress import Progress

BOX = 20
MARGIN = 4


def load_digit_bank(settings: DataSettings, progress: Progress) -> ImageBank:
    """All digits, enlarged to 20x20 in the middle of 28x28, the place that MNIST gives its digits."""
    del settings, progress
    raw = load_digits()
    order = np.argsort(raw.target, kind="stable")
    images = np.zeros((len(order), BOX + 2 * MARGIN, BOX + 2 * MARGIN), dtype=np.uint8)
    for row, i in enumerate(order):
        small = Image.fromarray((raw.images[i] * (255 / 16)).astype(np.uint8))
        images[row, MARGIN:-MARGIN, MARGIN:-MARGIN] = np.asarray(small.resize((BOX, BOX), Image.Resampling.BICUBIC))
    return ImageBank(
        torch.from_numpy(images),
        torch.from_numpy(raw.target[order].astype(np.int64)),
        tuple(str(digit) for digit in range(10)),
        ("",) * 10,
        torch.zeros(len(order), dtype=torch.bool),
    )
