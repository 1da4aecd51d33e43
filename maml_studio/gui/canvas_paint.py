"""How a drawing canvas looks."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

from . import pixels
from .sketch import Sketch
from .stroke_path import smooth_path
from .theme import Theme

PEN = 0.036  # the pen's width in sides of the canvas: a felt pen's, and near the model's line for a full-size figure
_INSET, _LARGE_INSET = 0.2, 0.32  # sides of the canvas; large when there are weights on it
_SCORE_HEIGHT = 5


@dataclass(frozen=True)
class CanvasLook:
    """What a canvas shows besides its drawing.

    Attributes:
        square: the drawing area.
        hint: words in its middle.
        inset: whether the image that the model gets is in a corner.
        faded: whether it is out of use.
        focused: whether it has the focus.
        cursor: where the keyboard's pen is, in sides of the square; None while it is not in use.
        score: a share from 0 to 1 along the lower edge.
        heat: ``[size, size]`` in [-1, 1] over the inset: for (positive) and against.
    """

    square: QRectF
    hint: str
    inset: bool
    faded: bool
    focused: bool
    cursor: QPointF | None
    score: float | None
    heat: np.ndarray | None


def paint_canvas(painter: QPainter, sketch: Sketch, look: CanvasLook, colours: Theme) -> None:
    """Paint paper, drawing and the rest."""
    painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
    square = look.square
    side = square.width()
    if look.faded:
        painter.setOpacity(0.4)
    outline = QPainterPath()
    outline.addRoundedRect(square.adjusted(1, 1, -1, -1), 5, 5)
    painter.fillPath(outline, colours.color("canvas_paper"))

    painter.save()
    painter.setClipPath(outline)
    ink = colours.color("muted" if sketch.old else "canvas_ink")
    if sketch.picture is not None:
        painter.drawImage(square, pixels.tinted(sketch.picture, ink))
    if look.score is not None:
        _paint_score(painter, square, look.score, colours)
    painter.translate(square.topLeft())
    painter.setPen(QPen(ink, PEN * side, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    for stroke in sketch.strokes():
        painter.drawPath(smooth_path(stroke, side))
    painter.restore()

    if look.hint:
        painter.setPen(colours.color("muted"))
        margin = side * 0.08
        words = square.adjusted(margin, margin, -margin, -margin)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, look.hint)
    if look.inset:
        _paint_inset(painter, sketch, look, colours)
    if look.cursor is not None:
        _paint_cursor(painter, square, look.cursor, sketch.drawing, colours)
    painter.setPen(QPen(colours.color("accent" if look.focused else "border"), 2 if look.focused else 1))
    painter.drawPath(outline)


def _paint_score(painter: QPainter, square: QRectF, score: float, colours: Theme) -> None:
    """A bar along the lower edge."""
    track = QRectF(square.left(), square.bottom() - _SCORE_HEIGHT - 1, square.width(), _SCORE_HEIGHT)
    painter.fillRect(track, colours.color("grid"))
    painter.fillRect(QRectF(track.topLeft(), QSizeF(track.width() * score, track.height())), colours.color("support"))


def _paint_inset(painter: QPainter, sketch: Sketch, look: CanvasLook, colours: Theme) -> None:
    """The model's image, pixel by pixel, in the corner with the least ink; in the lower right one if all are free."""
    square, margin = look.square, 8
    side = max(square.width() * (_INSET if look.heat is None else _LARGE_INSET), 2.0 * sketch.frame.size)
    room = square.adjusted(margin, margin, -margin - side, -margin - side)
    corners = (room.bottomRight(), room.bottomLeft(), room.topRight(), room.topLeft())
    ink = np.concatenate([np.empty((0, 2)), *(stroke[:, :2] for stroke in sketch.strokes())]) * square.width()
    x, y = ink.T + np.array(square.topLeft().toTuple())[:, None]
    reach = side / 2 + margin

    def covered(corner: QPointF) -> int:
        near = (np.abs(x - corner.x() - side / 2) < reach) & (np.abs(y - corner.y() - side / 2) < reach)
        return int(near.sum())

    place = QRectF(min(corners, key=covered), QSizeF(side, side))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.fillRect(place, colours.color("canvas_paper"))
    painter.drawImage(place, pixels.tinted(sketch.image(), colours.color("canvas_ink" if look.heat is None else "border")))
    if look.heat is not None:
        painter.drawImage(place, pixels.tinted(look.heat.clip(0, 1), colours.color("query")))
        painter.drawImage(place, pixels.tinted((-look.heat).clip(0, 1), colours.color("bad")))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(colours.color("muted"), 1))
    painter.drawRect(place.adjusted(-1, -1, 0, 0))
    painter.restore()


def _paint_cursor(painter: QPainter, square: QRectF, pen: QPointF, down: bool, colours: Theme) -> None:
    """A ring round the place where the keyboard's pen is, filled while it is down, with a cross through it."""
    side = square.width()
    centre = square.topLeft() + pen * side
    radius = max(side * PEN / 2 + 3, 5)
    painter.setPen(QPen(colours.color("accent"), 2))
    painter.setBrush(colours.color("accent") if down else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(centre, radius, radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for way in (QPointF(-1, 0), QPointF(1, 0), QPointF(0, -1), QPointF(0, 1)):
        painter.drawLine(centre + way * radius, centre + way * (radius + 5))
