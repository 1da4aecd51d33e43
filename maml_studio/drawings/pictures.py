"""Pictures of a drawn task: what is taken, PNG in and out, and which side the ink is on."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
MAX_SIDE = 128
"""`strokes.place` magnifies at most to a fifth of the picture's side: 128 pixels are enough for 26 of them in the ink's box of 20."""


def as_pixels(picture: npt.NDArray[Any]) -> Pixels:
    """A picture as it is kept: uint8 ``[h, w]``, not to be written to; a larger one is made smaller.

    Args:
        picture: ``[h, w]``, uint8 with ink = 255, or floats in [0, 1] with ink = 1.

    Raises:
        ValueError: when it has another shape, or values out of that range.
    """
    picture = np.asarray(picture)
    if picture.ndim != 2 or not picture.size:
        raise ValueError(f"a picture should have the shape [h, w], not {list(picture.shape)}")
    if picture.dtype != np.uint8:
        if picture.dtype.kind != "f":
            raise ValueError(f"a picture should hold uint8 or floats, not {picture.dtype}")
        if not ((picture >= 0) & (picture <= 1)).all():  # NaN is neither
            raise ValueError("a picture of floats should lie between 0 and 1, ink = 1")
        picture = (picture * 255).round().astype(np.uint8)
    if max(picture.shape) > MAX_SIDE:
        small = Image.fromarray(picture)
        small.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
        picture = np.asarray(small)
    pixels: Pixels = np.array(picture)
    pixels.setflags(write=False)
    return pixels


def ink_of(grey: npt.NDArray[np.uint8]) -> Pixels:
    """A picture in shades of grey turned to ink = 255 on 0; its border says which is the paper, as in the folder source.

    Args:
        grey: uint8 ``[h, w]``, white = 255.
    """
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    return 255 - grey if border.mean() >= 128 else grey


def to_png(pixels: Pixels) -> bytes:
    """``[h, w]`` uint8 as PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return file.getvalue()


def from_png(content: bytes) -> Pixels:
    """What `to_png` wrote.

    Raises:
        ValueError: when it is no such PNG; nothing large is unpacked.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.mode != "L" or max(image.size) > MAX_SIDE:
                raise ValueError(f"a PNG in shades of grey with sides up to {MAX_SIDE} is needed")
            return np.array(image)
    except Exception as error:  # Pillow's readers fail in many ways on broken bytes
        reason = str(error) if type(error) is ValueError else "its bytes are broken"
        raise ValueError(reason) from None
