"""A small picture of a drawn task, for file managers and other programs."""

import numpy as np

from ..strokes import Frame
from .document import DrawnTask
from .pictures import to_png

_CLASSES, _SHOTS = 8, 5


def preview_png(task: DrawnTask, frame: Frame | None = None) -> bytes:
    """A small PNG of the first classes and their first examples, a row per class, dark on light."""
    frame = frame or Frame()
    rows = [one.drawn[:_SHOTS] for one in task.classes[:_CLASSES]]
    rows = [row for row in rows if row] or [()]
    side = frame.size + 1
    sheet = np.zeros((len(rows) * side + 1, max(1, *map(len, rows), 1) * side + 1), np.uint8)
    for i, row in enumerate(rows):
        for j, example in enumerate(row):
            image = (example.image(frame) * 255).round().astype(np.uint8)
            sheet[i * side + 1 : (i + 1) * side, j * side + 1 : (j + 1) * side] = image
    return to_png(255 - sheet)
