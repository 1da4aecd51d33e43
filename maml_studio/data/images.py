"""Any image file -> the one image convention: uint8 ``[28, 28]``, ink = 255 on 0."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from .bank import DataError
from .progress import Progress

SIDE = 28
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")

Polarity = Literal["auto", "dark_on_light", "light_on_dark"]
Pixels = npt.NDArray[np.uint8]

# Every n-th image votes on the ink, so that the vote stays short however many there are, and spans the whole folder.
_VOTERS = 200
# A long strip would grow to its length squared when it is padded to a square.
_LARGEST_SIDE = 1024
# Below the 89 million at which Pillow warns: a filter that turned its warning into an error would hold for every thread.
_MOST_PIXELS = 80_000_000


def read_grey(path: Path) -> Image.Image:
    """An image file in shades of grey, upright, what is transparent on white; of several frames the first.

    Raises:
        DataError: when the file is no image that can be read.
    """
    try:
        # Only these formats: some of Pillow's others start programs.
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise Image.DecompressionBombError
            # A photograph is decoded at a fraction of its size: 4 times as fast at 3 megapixels, and the picture is the same.
            image.draft("L", (4 * SIDE, 4 * SIDE))
            grey = _grey(ImageOps.exif_transpose(image))
            grey.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE), Image.Resampling.LANCZOS)
            return grey
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise DataError(f"{path} has too many pixels; make it smaller than {_MOST_PIXELS // 1_000_000} megapixels") from None
    except UnidentifiedImageError:
        raise DataError(f"{path} is no image that can be read; remove it, or save it again as PNG") from None
    except PermissionError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    except Exception as error:  # Pillow's readers fail in many ways on broken bytes
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"{path} can't be read as an image ({reason}); remove it, or save it again as PNG") from None


def _grey(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), coloured).convert("L")
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off at 255
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("its pixels are fractions; 8 bits are needed")
    return image.convert("L")


def is_dark_on_light(files: Sequence[Path], progress: Progress) -> bool:
    """Whether most images have a light border, and so dark ink on light paper.

    The majority decides for all of them, so that one odd image, or ink that reaches the border, does not turn a picture over.

    Raises:
        DataError: when a file can't be read.
        Cancelled: when ``progress`` asked for it.
    """
    voters = files[:: max(1, len(files) // _VOTERS)]
    light = 0
    for file in voters:
        progress("Looking for the ink", -1)
        light += int(_border(np.asarray(read_grey(file))).mean() >= 128)
    return 2 * light >= len(voters)


def to_ink(image: Image.Image, dark_on_light: bool) -> Pixels:
    """A grey image as uint8 ``[28, 28]``, ink = 255 on 0; one that is not square is padded with its own paper.

    Lanczos, as in MAML's own preparation of Omniglot, whose lines of 3 pixels in 105 stay brightest with it: 65 pixels'
    worth of ink in a character, 62 with a box or triangle filter, 64 with a bicubic one. The triangle pales lines (median
    ink 148 of 255, Lanczos 174), and the box makes them thick or thin by where they fall on the grid.
    """
    if dark_on_light:
        image = ImageOps.invert(image)
    if image.width != image.height:
        border = _border(np.asarray(image))
        paper = border[border < 128]
        side = max(image.size)
        square = Image.new("L", (side, side), int(np.median(paper)) if len(paper) else 0)
        square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        image = square
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _border(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
