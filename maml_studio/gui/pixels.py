"""Pictures ``[height, width]`` with ink = 1 in the colours of the scheme."""

import numpy as np
from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QColor, QImage, QPainter

from .theme import Theme


def tinted(image: np.ndarray, ink: QColor) -> QImage:
    """Return a picture ``[height, width]`` in [0, 1] in the ink's colour, as see-through as it has no ink."""
    alpha = np.ascontiguousarray(image * 255 + 0.5, dtype=np.uint8)
    height, width = alpha.shape
    mask = QImage(alpha.data, width, height, width, QImage.Format.Format_Alpha8)
    picture = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(ink)
    painter = QPainter(picture)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.drawImage(0, 0, mask)
    painter.end()
    return picture


def tooltip(image: np.ndarray, colours: Theme, words: str) -> str:
    """Return rich text that shows a picture large, pixel by pixel, over some words."""
    height, width = image.shape
    paper = QImage(width, height, QImage.Format.Format_RGB32)
    paper.fill(colours.color("canvas_paper"))
    painter = QPainter(paper)
    painter.drawImage(0, 0, tinted(image, colours.color("canvas_ink")))
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    paper.scaled(4 * width, 4 * height).save(buffer, "PNG")
    data = bytes(buffer.data().toBase64()).decode()
    return f'<p><img src="data:image/png;base64,{data}"></p><p>{words}</p>'
