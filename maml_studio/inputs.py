"""What people hand to a model: image files, arrays, labels. Checked here, each mistake with a sentence of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import ImageOps
from torch import Tensor

from .data import silent
from .data.images import Polarity, is_dark_on_light, read_grey, to_ink
from .models import input_shape
from .spec import Experiment
from .stroke_sequences import FEATURES, LENGTH, to_sequences
from .strokes import Frame, place

Array = npt.NDArray[np.float32]


class InputError(ValueError):
    """Images, points or labels that can't be used; one sentence."""


def read_images(paths: Sequence[str | Path], *, polarity: Polarity = "auto", frame: Frame | None = None) -> Array:
    """Image files as a model takes them.

    Args:
        paths: the files.
        polarity: whether ink is darker than paper; ``auto``: as most images' borders say.
        frame: place the ink as in a model's training images (``trained.frame``); None takes each image as it is.

    Returns:
        Float32 ``[n, 28, 28]`` in [0, 1], ink = 1 on 0.

    Raises:
        InputError: without any file.
        DataError: naming the file that can't be read.
    """
    files = [Path(path) for path in paths]
    if not files:
        raise InputError("There are no image files to read")
    dark_on_light = is_dark_on_light(files, silent) if polarity == "auto" else polarity == "dark_on_light"
    return np.stack([_read_image(file, dark_on_light, frame) for file in files])


def _read_image(file: Path, dark_on_light: bool, frame: Frame | None) -> Array:
    grey = read_grey(file)
    if frame is None:
        return to_ink(grey, dark_on_light).astype(np.float32) / np.float32(255)
    ink = ImageOps.invert(grey) if dark_on_light else grey
    return place(np.asarray(ink, np.float32) / np.float32(255), frame)


def checked_examples(images: npt.ArrayLike | Tensor, experiment: Experiment) -> Tensor:
    """Inputs as float32 ``[n, 1, 28, 28]``, ``[n, 1]`` for regression, or ``[n, 64, 3]`` for a network that reads strokes.

    Args:
        images: what somebody handed in; for a network that reads strokes drawings, each a list of strokes as ``strokes.render`` takes
            them, or sequences as ``stroke_sequences.to_sequences`` makes them.
        experiment: says which of them it should be.

    Raises:
        InputError: when it is something else.
    """
    if experiment.model.reads_strokes:
        return _checked_strokes(images)
    shape = input_shape(experiment)
    what = "points of shape [n, 1]" if experiment.regression else "images of shape [n, 28, 28] or [n, 1, 28, 28]"
    try:
        x = torch.as_tensor(_numbers(images))
    except (TypeError, ValueError):
        raise InputError(f"Examples should be {what}, all of one size") from None
    if x.shape[1:] == shape[1:] and not experiment.regression:
        x = x.unsqueeze(1)
    if x.shape[1:] != shape or x.dim() != len(shape) + 1:
        raise InputError(f"Examples should be {what}, not {list(x.shape)}")
    if not len(x):
        raise InputError(f"There are no examples; {what} are needed, with n of 1 or more")
    if not torch.isfinite(x).all():
        raise InputError("Examples should hold finite numbers only; there is a NaN or an infinity")
    if not experiment.regression and not (x.min() >= 0 and x.max() <= 1):
        raise InputError(f"Images should lie between 0 and 1, ink = 1; these go from {x.min():g} to {x.max():g}")
    return x


def _checked_strokes(drawings: Any) -> Tensor:
    if not len(drawings):
        raise InputError("There are no drawings; one or more are needed")
    try:
        moves = _numbers(drawings) if isinstance(drawings, np.ndarray | Tensor) else to_sequences(drawings)
    except (TypeError, ValueError) as error:
        raise InputError(f"Each drawing should be a list of strokes: {error}") from None
    if moves.ndim != 3 or moves.shape[1:] != (LENGTH, FEATURES):
        raise InputError(f"This network reads strokes: drawings, or sequences of shape [n, {LENGTH}, {FEATURES}], not {list(moves.shape)}")
    if not np.isfinite(moves).all():
        raise InputError("Sequences should hold finite numbers only; there is a NaN or an infinity")
    return torch.from_numpy(moves)


def _numbers(values: Any) -> Array:
    # A copy, so that what the caller does to the images later changes nothing here.
    return np.array(values.detach().cpu().numpy() if isinstance(values, Tensor) else values, dtype=np.float32)


def checked_values(labels: Any, count: int) -> Tensor:
    """The values of ``count`` points, float32 ``[n, 1]``.

    Raises:
        InputError: when they are no numbers, or more or fewer.
    """
    try:
        y = torch.as_tensor(_numbers(labels))
    except (TypeError, ValueError):
        raise InputError("Labels should be numbers, one value for each point") from None
    if y.shape not in ((count,), (count, 1)):
        raise InputError(f"Labels should be one value for each of the {count} points, not of shape {list(y.shape)}")
    if not torch.isfinite(y).all():
        raise InputError("Labels should be finite numbers only; there is a NaN or an infinity")
    return y.view(count, 1)


def checked_classes(labels: Any, count: int) -> tuple[tuple[str, ...], Tensor]:
    """The names of the classes, and which of them each of ``count`` images is: int64 ``[n]``.

    Raises:
        InputError: when the labels are of another kind, or another number.
    """
    plain = labels.tolist() if isinstance(labels, np.ndarray | Tensor) else list(labels)
    numbers = all(isinstance(label, int | np.integer) for label in plain)
    if not numbers and not all(isinstance(label, str) for label in plain):
        raise InputError("Labels should be class names, or whole numbers, one for each image")
    if len(plain) != count:
        raise InputError(f"Labels should be one for each image: there are {count} images and {len(plain)} labels")
    classes = sorted(set(plain)) if numbers else list(dict.fromkeys(plain))
    return tuple(str(name) for name in classes), torch.tensor([classes.index(label) for label in plain])
