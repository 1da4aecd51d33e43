"""A stroke as a line to paint."""

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath

_ROUND = 0.02  # how far from its corners a painted stroke is rounded, in sides


def smooth_path(stroke: np.ndarray, side: float) -> QPainterPath:
    """Return a stroke ``[points, 3]`` on a canvas of so many pixels a side.

    Its corners are rounded by a hair: smooth where a hand drew it, elsewhere sharp as the model sees it.
    """
    # In pixels: to stroke a path in units of the side under a scaled painter took 65 ms in place of 3.
    points = stroke[:, :2] * side
    ways = np.diff(points, axis=0)
    lengths = np.hypot(*ways.T)[:, None]
    hairs = ways * np.minimum(0.5, _ROUND * side / np.maximum(lengths, 1e-9))  # how far before and after a corner the curve runs
    path = QPainterPath(QPointF(*points[0]))
    if len(points) == 1:
        path.lineTo(QPointF(*points[0]) + QPointF(0.01, 0))  # a path of no length would not be painted
    corners = points[1:-1]
    for before, corner, after in zip((corners - hairs[:-1]).tolist(), corners.tolist(), (corners + hairs[1:]).tolist(), strict=True):
        path.lineTo(*before)
        path.quadTo(*corner, *after)
    path.lineTo(*points[-1])
    return path
