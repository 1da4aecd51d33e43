"""Which classes were taken for which: the whole matrix for few classes, the most confused pairs for many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHeaderView, QLabel, QSizePolicy, QStackedWidget, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from . import theme

if TYPE_CHECKING:
    from ..training.confusion import Confusion

SMALLEST, LARGEST = 15, 46
WIDEST_NAME = 90
STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
LEGEND = "Rows: true class. Columns: answer. In % of a class's queries."


class ConfusionMatrix(QWidget):
    """A square of cells; the one under the mouse, or the one that the arrow keys walked to, is told in words.

    Signals:
        pointed: What is to be told of a cell; empty for none.
    """

    pointed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._counts = np.zeros((0, 0), np.int64)
        self._cell: tuple[int, int] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Confusion matrix")
        self.setToolTip("Point at a cell, or walk with the arrow keys, and the line below says what it stands for")
        theme.manager().changed.connect(self.update)

    def show_counts(self, names: tuple[str, ...], counts: np.ndarray) -> None:
        """Show another matrix ``[classes, classes]``, a row for each true class."""
        self._names, self._counts = names, counts
        self._point(None)
        self.setMinimumSize(self.minimumSizeHint())
        self.updateGeometry()
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Room in which every cell can be seen."""
        return QSize(self._left() + SMALLEST * len(self._names) + 4, self._top() + SMALLEST * len(self._names) + 4)

    def cell_words(self, row: int, column: int) -> str:
        """A cell in words."""
        count, total = int(self._counts[row, column]), int(self._counts[row].sum())
        share = f" ({100 * count / total:.1f} %)" if total else ""
        if row == column:
            return f"{self._names[row]} recognised: {count:,} of {total:,}{share}"
        return f"{self._names[row]} taken for {self._names[column]}: {count:,} of {total:,}{share}"

    def _longest(self) -> int:
        return max((self.fontMetrics().horizontalAdvance(name) for name in self._names), default=0)

    def _left(self) -> int:
        return min(WIDEST_NAME, self._longest()) + 12

    def _top(self) -> int:
        # Names that are wider than a cell stand upright.
        return (min(WIDEST_NAME, self._longest()) if self._longest() > SMALLEST + 6 else self.fontMetrics().height()) + 8

    def _side(self) -> float:
        room = min(self.width() - self._left() - 4, self.height() - self._top() - 4)
        return float(max(SMALLEST, min(LARGEST, room // max(1, len(self._names)))))

    def _box(self, row: int, column: int) -> QRectF:
        side = self._side()
        return QRectF(self._left() + column * side, self._top() + row * side, side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint names and cells."""
        painter, colours = QPainter(self), theme.current()
        metrics, side = painter.fontMetrics(), self._side()
        painter.setPen(colours.color("text"))
        upright = self._longest() > SMALLEST + 6
        for index, name in enumerate(self._names):
            words = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, WIDEST_NAME)
            box = QRectF(0, self._top() + index * side, self._left() - 6, side)
            painter.drawText(box, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
            x = self._left() + index * side
            if upright:
                painter.save()
                painter.translate(x, self._top() - 4)
                painter.rotate(-90)
                painter.drawText(QRectF(0, 0, WIDEST_NAME, side), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
                painter.restore()
            else:
                painter.drawText(QRectF(x, 0, side, self._top() - 4), Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, words)
        font = painter.font()
        font.setPointSizeF(font.pointSizeF() * (0.85 if side >= 26 else 0.7))
        painter.setFont(font)
        for row in range(len(self._names)):
            total = max(1, int(self._counts[row].sum()))
            for column in range(len(self._names)):
                self._paint_cell(painter, colours, row, column, int(self._counts[row, column]) / total)
        if self._cell is not None:
            painter.setPen(QPen(colours.color("accent"), 2))
            painter.drawRect(self._box(*self._cell).adjusted(1, 1, -1, -1))

    def _paint_cell(self, painter: QPainter, colours: theme.Theme, row: int, column: int, share: float) -> None:
        box, own = self._box(row, column), row == column
        tint = colours.color("good" if own else "bad")
        # The square root lets a mistake in a hundred be seen.
        tint.setAlphaF(0.75 * share**0.5)
        painter.fillRect(box.adjusted(0.5, 0.5, -0.5, -0.5), tint)
        painter.setPen(QPen(colours.color("outline" if own else "grid"), 1))
        painter.drawRect(box.adjusted(0.5, 0.5, -0.5, -0.5))
        if self._counts[row, column]:
            words = f"{100 * share:.0f}" if share >= 0.005 else "<1"
            painter.setPen(colours.color("text"))
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words if box.width() >= 18 else "·")

    def _point(self, cell: tuple[int, int] | None) -> None:
        self._cell = cell
        words = self.cell_words(*cell) if cell is not None else ""
        self.setAccessibleDescription(words)
        self.pointed.emit(words)
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell of the cell under the mouse."""
        at = event.position() - QPointF(self._left(), self._top())
        row, column = int(at.y() // self._side()), int(at.x() // self._side())
        inside = 0 <= row < len(self._names) and 0 <= column < len(self._names)
        self._point((row, column) if inside else None)

    def leaveEvent(self, event: object) -> None:
        """Tell of no cell."""
        self._point(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk from cell to cell."""
        if event.key() in STEPS and self._names:
            step = STEPS[Qt.Key(event.key())]
            row, column = self._cell or (0, 0)
            if self._cell is not None:
                last = len(self._names) - 1
                row, column = min(max(row + step[0], 0), last), min(max(column + step[1], 0), last)
            self._point((row, column))
        elif event.key() == Qt.Key.Key_Escape and self._cell is not None:
            self._point(None)
        else:
            super().keyPressEvent(event)


class ConfusionView(QWidget):
    """The matrix with a line that tells of a cell; or a table of the most confused pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = ConfusionMatrix()
        self.words = QLabel(LEGEND)
        self.words.setProperty("role", "muted")
        self.words.setWordWrap(True)
        self.matrix.pointed.connect(self._tell)
        self.table = QTableWidget(0, 4)
        self.table.setHorizontalHeaderLabels(["true class", "taken for", "times", "of"])
        self.table.setAccessibleName("Most confused classes")
        self.table.setToolTip("Classes that were taken for one another most often; of: queries of the class in tasks that had both")
        self.table.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.setWordWrap(False)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        for column in (2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.no_mistake = QLabel("No query was taken for another class.")
        self.no_mistake.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedWidget()
        for widget in (self.matrix, self.table, self.no_mistake):
            self._stack.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.words)

    def show_confusion(self, confusion: Confusion) -> None:
        """Show other counts."""
        self.words.setVisible(confusion.counts is not None)
        if confusion.counts is not None:
            self.matrix.show_counts(confusion.names, confusion.counts)
            self._stack.setCurrentWidget(self.matrix)
            return
        self.table.setRowCount(len(confusion.pairs))
        for row, pair in enumerate(confusion.pairs):
            for column, words in enumerate((pair.true, pair.predicted, f"{pair.count:,}", f"{pair.chances:,}")):
                item = QTableWidgetItem(words)
                item.setToolTip(words)
                if column >= 2:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)
        self._stack.setCurrentWidget(self.table if confusion.pairs else self.no_mistake)

    def _tell(self, words: str) -> None:
        self.words.setText(words or LEGEND)
