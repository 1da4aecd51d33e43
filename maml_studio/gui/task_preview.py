"""One sampled task as the model will see it: support beside query, pictures or points."""

import math

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from . import theme
from .pixels import tinted
from .worker import PreviewTask

GAP = 4
LARGEST, SMALLEST = 56, 18
HEADING = 20
WIDEST_NAME = 72


class TaskPreview(QWidget):
    """Draws a task; one row per class, its support pictures left and its queries right, or the points of a function."""

    def __init__(self) -> None:
        super().__init__()
        self._task: PreviewTask | None = None
        self._message = "A task appears here as soon as the data is loaded."
        self._cells: list[tuple[QRectF, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Task preview")
        theme.manager().changed.connect(self.update)

    @property
    def task(self) -> PreviewTask | None:
        """The task on show."""
        return self._task

    def show_task(self, task: PreviewTask) -> None:
        """Show a task."""
        self._task = task
        if task.names:
            self.setAccessibleDescription("Classes " + ", ".join(task.names))
        self.setMinimumHeight(self._least_height())
        self.update()

    def show_message(self, message: str) -> None:
        """Show a sentence instead of a task."""
        self._task, self._message = None, message
        self.setAccessibleDescription(message)
        self.setMinimumHeight(0)
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Room for a small picture of five ways."""
        return QSize(200, 110)

    def _rows(self) -> int:
        return int(self._task.support_y.max()) + 1 if self._task is not None else 1

    def _is_picture(self) -> bool:
        return self._task is not None and self._task.support_x.ndim == 4

    def _least_height(self) -> int:
        return HEADING + self._rows() * (SMALLEST + GAP) if self._is_picture() else 110

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint pictures, points or the sentence."""
        painter = QPainter(self)
        colours = theme.current()
        self._cells = []
        if self._task is None:
            painter.setPen(colours.color("muted"))
            box = self.rect().adjusted(12, 8, -12, -8)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._message)
        elif self._is_picture():
            self._paint_pictures(painter, colours)
        else:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_points(painter, colours)

    def _paint_pictures(self, painter: QPainter, colours: theme.Theme) -> None:
        assert self._task is not None
        task, rows = self._task, self._rows()
        shot, query = len(task.support_y) // rows, len(task.query_y) // rows
        between = 14
        names = [self._name(row) for row in range(rows)]
        metrics = painter.fontMetrics()
        left = min(WIDEST_NAME, max(metrics.horizontalAdvance(name) for name in names)) + 2 * GAP
        across = (self.width() - left - between - GAP) / (shot + query) - GAP
        down = (self.height() - HEADING) / rows - GAP
        side = max(SMALLEST, min(LARGEST, math.floor(min(across, down))))
        # What does not fit beside the others is counted, not squeezed.
        room = max(2, int((self.width() - left - between - GAP) // (side + GAP)))
        shown_shot = min(shot, max(1, room - min(query, max(1, room // 2))))
        shown_query = min(query, room - shown_shot)
        painter.setPen(colours.color("text"))
        for row, name in enumerate(names):
            words = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, left - GAP)
            painter.drawText(QRectF(GAP, HEADING + row * (side + GAP), left, side), Qt.AlignmentFlag.AlignVCenter, words)
        x = float(left + GAP)
        for title, role, images, labels, shown, total in (
            ("support", "support", task.support_x, task.support_y, shown_shot, shot),
            ("query", "query", task.query_x, task.query_y, shown_query, query),
        ):
            hidden = f" ({shown} of {total})" if shown < total else ""
            painter.setPen(colours.color(role))
            painter.drawText(QPointF(x, HEADING - 7), title + hidden)
            for row in range(rows):
                for column, picture in enumerate(images[labels == row][:shown]):
                    box = QRectF(x + column * (side + GAP), HEADING + row * (side + GAP), side, side)
                    _paint_picture(painter, box, picture[0], colours)
                    painter.setPen(QPen(colours.color(role), 1))
                    painter.drawRect(box)
                    self._cells.append((box, f"{title}: {self._name(row)}"))
            x += max(shown * (side + GAP), metrics.horizontalAdvance(title + hidden)) + between

    def _name(self, row: int) -> str:
        assert self._task is not None
        names = self._task.names
        if len(names) == 1:  # one against the rest
            return names[0] if row == 1 else f"not {names[0]}"
        return names[row]

    def _paint_points(self, painter: QPainter, colours: theme.Theme) -> None:
        assert self._task is not None
        task = self._task
        area = QRectF(self.rect()).adjusted(10, HEADING, -10, -8)
        reach = max(1e-6, float(np.abs(np.concatenate([task.support_y, task.query_y])).max()) * 1.1)
        painter.setPen(QPen(colours.color("grid"), 1))
        painter.drawLine(QPointF(area.left(), area.center().y()), QPointF(area.right(), area.center().y()))
        painter.drawLine(QPointF(area.center().x(), area.top()), QPointF(area.center().x(), area.bottom()))
        x = 10.0
        for title, role, xs, ys in (
            ("support", "support", task.support_x, task.support_y),
            ("query", "query", task.query_x, task.query_y),
        ):
            painter.setPen(colours.color(role))
            painter.drawText(QPointF(x, HEADING - 7), title)
            x += painter.fontMetrics().horizontalAdvance(title) + 14
            painter.setBrush(colours.color(role) if role == "support" else Qt.BrushStyle.NoBrush)
            for px, py in zip(xs[:, 0], ys[:, 0], strict=True):
                place = QPointF(
                    area.center().x() + float(px) / 5 * area.width() / 2, area.center().y() - float(py) / reach * area.height() / 2
                )
                painter.drawEllipse(place, 3.5, 3.5)
        painter.setPen(colours.color("muted"))
        heading = QRectF(10, 0, self.width() - 20, HEADING - 4)
        painter.drawText(heading, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"x −5 … 5, y ±{reach:.1f}")

    def event(self, event: object) -> bool:
        """Tell the class of the picture under the mouse."""
        if isinstance(event, QHelpEvent):
            text = next((name for box, name in self._cells if box.contains(QPointF(event.pos()))), "")
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)  # type: ignore[arg-type]


def _paint_picture(painter: QPainter, box: QRectF, picture: np.ndarray, colours: theme.Theme) -> None:
    """Ink on paper in the scheme's canvas colours, for a picture ``[H, W]`` in [0, 1]."""
    painter.fillRect(box, colours.color("canvas_paper"))
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(box, tinted(np.clip(picture, 0, 1), colours.color("canvas_ink")))
