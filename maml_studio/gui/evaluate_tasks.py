"""A test task and what it was answered: pictures, of which the wrong ones are framed, crossed and named; or a function's points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from . import theme
from .pixels import tinted

if TYPE_CHECKING:
    from ..training.report import WorstTask

SIDE, GAP, BETWEEN = 30, 4, 12
HEAD = 20
CAPTION = 13
WIDEST_NAME = 84
POINTS = 150
LEAST = 240


class AnsweredTask(QWidget):
    """One task. A row per class: its support pictures, then its queries, the wrong ones first."""

    def __init__(self, task: WorstTask) -> None:
        super().__init__()
        self.task = task
        self._cells: list[tuple[QRectF, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(LEAST)
        self.setAccessibleName(self.title())
        self.setAccessibleDescription("; ".join(self.mistakes()) or "no mistake")
        theme.manager().changed.connect(self.update)
        self.setFixedHeight(self._height())

    def title(self) -> str:
        """Which task it is, and how it went."""
        task = self.task
        if not task.names:
            return f"Task {task.number + 1:,}: squared error {task.score:.3g}"
        right, total = int((task.answers == task.query_y).sum()), len(task.query_y)
        return f"Task {task.number + 1:,}: {right} of {total} right ({100 * right / total:.0f} %)"

    def mistakes(self) -> list[str]:
        """Every wrong answer in words."""
        task = self.task
        if not task.names:
            return []
        pairs = zip(task.query_y.tolist(), task.answers.tolist(), strict=True)
        return [f"{self._name(true)} taken for {self._name(given)}" for true, given in pairs if true != given]

    def _name(self, label: int) -> str:
        # A network may have more outputs than the task has classes.
        return self.task.names[label] if label < len(self.task.names) else "none of these"

    def _is_picture(self) -> bool:
        return self.task.query_x.ndim == 4

    def _height(self) -> int:
        if not self.task.names:
            return POINTS
        return HEAD + len(self.task.names) * self._row_height() + GAP

    def _row_height(self) -> int:
        return SIDE + GAP + (CAPTION if self.mistakes() else 0)

    def sizeHint(self) -> QSize:
        """Room for a few queries beside the support."""
        return QSize(340, self._height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Forget where the pictures were."""
        self._cells = []

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the title, and the task."""
        painter, colours = QPainter(self), theme.current()
        self._cells = []
        painter.setPen(colours.color("text"))
        painter.drawText(QRectF(GAP, 0, self.width() - 2 * GAP, HEAD - 4), Qt.AlignmentFlag.AlignVCenter, self.title())
        if self.task.names:
            self._paint_classes(painter, colours)
        else:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_points(painter, colours)

    def _paint_classes(self, painter: QPainter, colours: theme.Theme) -> None:
        task, metrics = self.task, painter.fontMetrics()
        labels = task.names if self._names_fit(metrics) else [f"{row}  {name}" for row, name in enumerate(task.names, 1)]
        names = min(WIDEST_NAME, max(metrics.horizontalAdvance(name) for name in labels)) + 2 * GAP
        shots = max(int((task.support_y == label).sum()) for label in range(len(task.names)))
        room = max(2, int((self.width() - names - BETWEEN - GAP) // (SIDE + GAP)))
        shown_shots = min(shots, max(1, room // 3))
        for label, name in enumerate(task.names):
            y = float(HEAD + label * self._row_height())
            painter.setPen(colours.color("text"))
            words = metrics.elidedText(labels[label], Qt.TextElideMode.ElideMiddle, names - GAP)
            painter.drawText(QRectF(GAP, y, names, SIDE), Qt.AlignmentFlag.AlignVCenter, words)
            x = float(names + GAP)
            for picture in task.support_x[task.support_y == label][:shown_shots]:
                self._paint_example(painter, colours, QRectF(x, y, SIDE, SIDE), picture, "support", f"support: {name}")
                x += SIDE + GAP
            x = float(names + GAP + shown_shots * (SIDE + GAP) + BETWEEN)
            asked = np.flatnonzero(task.query_y == label)
            asked = asked[np.argsort(task.answers[asked] == label, kind="stable")]
            fitting = max(1, int((self.width() - x) // (SIDE + GAP)))
            for query in asked[:fitting]:
                self._paint_query(painter, colours, QRectF(x, y, SIDE, SIDE), int(query), name)
                x += SIDE + GAP

    def _paint_query(self, painter: QPainter, colours: theme.Theme, box: QRectF, query: int, name: str) -> None:
        given = int(self.task.answers[query])
        right = given == int(self.task.query_y[query])
        words = f"query: {name}, recognised" if right else f"query: {name}, taken for {self._name(given)}"
        self._paint_example(painter, colours, box, self.task.query_x[query], "query", words)
        if right:
            return
        bad = colours.color("bad")
        painter.setPen(QPen(bad, 3))
        painter.drawRect(box.adjusted(1, 1, -1, -1))
        # A cross in the corner: the frame's colour alone would not tell everybody.
        corner = QRectF(box.right() - 10, box.top(), 10, 10)
        painter.fillRect(corner, bad)
        painter.setPen(QPen(colours.color("canvas_paper"), 1.6))
        inner = corner.adjusted(2.5, 2.5, -2.5, -2.5)
        painter.drawLine(inner.topLeft(), inner.bottomRight())
        painter.drawLine(inner.topRight(), inner.bottomLeft())
        painter.save()
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.75)
        painter.setFont(font)
        painter.setPen(bad)
        caption = QRectF(box.left() - GAP / 2, box.bottom() + 1, SIDE + GAP, CAPTION)
        words = self._name(given) if self._names_fit(painter.fontMetrics()) else f"→ {given + 1}"
        painter.drawText(caption, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, words)
        painter.restore()

    def _names_fit(self, metrics: QFontMetrics) -> bool:
        """Whether a picture is wide enough for every class's name; where not, the classes are numbered."""
        return max(metrics.horizontalAdvance(name) for name in self.task.names) <= SIDE + GAP

    def _paint_example(self, painter: QPainter, colours: theme.Theme, box: QRectF, example: np.ndarray, role: str, words: str) -> None:
        painter.fillRect(box, colours.color("canvas_paper"))
        if self._is_picture():
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawImage(box, tinted(np.clip(example[0], 0, 1), colours.color("canvas_ink")))
        else:
            _paint_pen_moves(painter, colours, box, example)
        painter.setPen(QPen(colours.color(role), 1))
        painter.drawRect(box)
        self._cells.append((box, words))

    def _paint_points(self, painter: QPainter, colours: theme.Theme) -> None:
        task = self.task
        area = QRectF(self.rect()).adjusted(10, HEAD + 16, -10, -8)
        answers = np.nan_to_num(task.answers[:, 0], posinf=0, neginf=0)
        values = np.concatenate([task.support_y[:, 0], task.query_y[:, 0], answers])
        low, high = float(values.min()), float(values.max())
        edge = max(1e-6, float(np.abs(np.concatenate([task.support_x[:, 0], task.query_x[:, 0]])).max()))

        def place(x: float, y: float) -> QPointF:
            return QPointF(
                area.center().x() + x / edge * area.width() / 2, area.bottom() - (y - low) / max(1e-6, high - low) * area.height()
            )

        x = 14.0
        for words, role, mark in (("support", "support", _dot), ("query", "query", _ring), ("answer", "after", _cross)):
            painter.setPen(QPen(colours.color(role), 1.3))
            mark(painter, QPointF(x, HEAD + 4), colours.color(role))
            painter.drawText(QPointF(x + 8, HEAD + 8), words)
            x += painter.fontMetrics().horizontalAdvance(words) + 26
        painter.setPen(colours.color("muted"))
        words = f"y {low:.2g} … {high:.2g}"
        painter.drawText(QRectF(10, HEAD - 6, self.width() - 20, 18), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
        order = np.argsort(task.query_x[:, 0])
        places = [place(float(task.query_x[i, 0]), float(answers[i])) for i in order]
        painter.setPen(QPen(colours.color("after"), 1))
        painter.drawPolyline(places)
        for mark, role, at in [
            *((_cross, "after", at) for at in places),
            *((_dot, "support", place(*point)) for point in zip(task.support_x[:, 0].tolist(), task.support_y[:, 0].tolist(), strict=True)),
            *((_ring, "query", place(*point)) for point in zip(task.query_x[:, 0].tolist(), task.query_y[:, 0].tolist(), strict=True)),
        ]:
            painter.setPen(QPen(colours.color(role), 1.3))
            mark(painter, at, colours.color(role))

    def event(self, event: object) -> bool:
        """Tell what the picture under the mouse is, and what it was taken for."""
        if isinstance(event, QHelpEvent):
            at = QPointF(event.pos())
            QToolTip.showText(event.globalPos(), next((words for box, words in self._cells if box.contains(at)), ""), self)
            return True
        return super().event(event)  # type: ignore[arg-type]


def _paint_pen_moves(painter: QPainter, colours: theme.Theme, box: QRectF, moves: np.ndarray) -> None:
    """A drawing as a recurrent network reads it: ``[points, 3]`` steps in tenths of its box, and whether the pen drew on the way."""
    places = box.center().toTuple() + moves[:, :2].cumsum(0) / 10 * 0.8 * SIDE
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colours.color("canvas_ink"), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    for before, after, drew in zip(places, places[1:], moves[1:, 2], strict=False):
        if drew:
            painter.drawLine(QPointF(*before.tolist()), QPointF(*after.tolist()))
    painter.restore()


def _dot(painter: QPainter, at: QPointF, colour: QColor) -> None:
    painter.setBrush(colour)
    painter.drawEllipse(at, 3.5, 3.5)


def _ring(painter: QPainter, at: QPointF, colour: QColor) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(at, 3.5, 3.5)


def _cross(painter: QPainter, at: QPointF, colour: QColor) -> None:
    painter.drawLine(at + QPointF(-3, -3), at + QPointF(3, 3))
    painter.drawLine(at + QPointF(-3, 3), at + QPointF(3, -3))
