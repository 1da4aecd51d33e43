"""How many tasks scored what, as bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from . import theme

if TYPE_CHECKING:
    from ..training.report import Histogram

BELOW, LEFT, ABOVE, RIGHT = 36, 34, 8, 10


class TaskHistogram(QWidget):
    """Bars of tasks by accuracy or by squared error, with their mean as a dashed line."""

    def __init__(self) -> None:
        super().__init__()
        self._histogram: Histogram | None = None
        self._mean = 0.0
        self._accuracy = True
        self._bars: list[tuple[QRectF, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Tasks by their score")
        theme.manager().changed.connect(self.update)

    def show_histogram(self, histogram: Histogram, mean: float, *, accuracy: bool) -> None:
        """Show other bars.

        Args:
            histogram: the bars.
            mean: of all tasks.
            accuracy: whether the scores are accuracies, shown in per cent, or squared errors.
        """
        self._histogram, self._mean, self._accuracy = histogram, mean, accuracy
        told = [self._words(bar) for bar in range(len(histogram.counts)) if histogram.counts[bar]]
        self.setAccessibleDescription("; ".join(told))
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Room in which bars can be told apart."""
        return QSize(240, 130)

    def bar_words(self) -> list[str]:
        """What each bar means, as its tooltip says it."""
        return [self._words(bar) for bar in range(len(self._histogram.counts))] if self._histogram else []

    def _words(self, bar: int) -> str:
        assert self._histogram is not None
        low, high = self._histogram.edges[bar : bar + 2]
        count, total = self._histogram.counts[bar], sum(self._histogram.counts)
        levels = len(self._histogram.counts) - 1
        if self._accuracy and self._histogram.edges[0] < 0:
            where = f"{100 * bar / levels:.3g} % right"
        elif self._accuracy:
            where = f"{100 * low:.3g} to {100 * high:.3g} % right"
        else:
            where = f"squared error {low:.3g} to {high:.3g}"
        return f"{where}: {count:,} of {total:,} tasks"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bars over their axis."""
        painter, colours = QPainter(self), theme.current()
        self._bars = []
        if self._histogram is None:
            return
        edges, counts = self._histogram.edges, self._histogram.counts
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * 0.85)
        painter.setFont(font)
        area = QRectF(self.rect()).adjusted(LEFT, ABOVE, -RIGHT, -BELOW)
        most, span = max(1, *counts), edges[-1] - edges[0]
        line = painter.fontMetrics().height()

        def x_of(value: float) -> float:
            return area.left() + (value - edges[0]) / span * area.width()

        for share in (0.0, 0.5, 1.0):
            y = area.bottom() - share * area.height()
            painter.setPen(QPen(colours.color("grid"), 1))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            if share != 0.5 or most % 2 == 0:
                painter.setPen(colours.color("muted"))
                box = QRectF(0, y - line / 2, LEFT - 5, line)
                painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{most * share:,.0f}")
        for bar, count in enumerate(counts):
            left, right = x_of(edges[bar]), x_of(edges[bar + 1])
            height = count / most * area.height()
            if count:
                # A single task among thousands is still to be seen.
                shown = max(height, 2.0)
                painter.fillRect(QRectF(left + 1, area.bottom() - shown, max(1.0, right - left - 2), shown), colours.color("after"))
            self._bars.append((QRectF(left, area.top(), right - left, area.height()), self._words(bar)))
        painter.setPen(colours.color("muted"))
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            value = share if self._accuracy else edges[0] + share * span
            words = f"{100 * value:.0f}" if self._accuracy else f"{value:.2g}"
            width = painter.fontMetrics().horizontalAdvance(words)
            x = min(max(x_of(value) - width / 2, 0), self.width() - width)
            painter.drawText(QPointF(x, area.bottom() + line), words)
        title = "accuracy of a task, %" if self._accuracy else "squared error of a task"
        painter.drawText(QRectF(area.left(), area.bottom() + line + 2, area.width(), line + 2), Qt.AlignmentFlag.AlignHCenter, title)
        if edges[0] <= self._mean <= edges[-1]:
            pen = QPen(colours.color("text"), 1)
            pen.setDashPattern([4, 3])
            painter.setPen(pen)
            x = x_of(self._mean)
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            words = "mean"
            width = painter.fontMetrics().horizontalAdvance(words)
            at = x - width - 4 if x - width - 4 > area.left() else x + 4
            veil = colours.color("panel")
            veil.setAlphaF(0.8)
            painter.fillRect(QRectF(at - 2, area.top() + 1, width + 4, line), veil)
            painter.drawText(QPointF(at, area.top() + line - 3), words)

    def event(self, event: object) -> bool:
        """Tell what the bar under the mouse stands for."""
        if isinstance(event, QHelpEvent):
            at = QPointF(event.pos())
            QToolTip.showText(event.globalPos(), next((words for box, words in self._bars if box.contains(at)), ""), self)
            return True
        return super().event(event)  # type: ignore[arg-type]
