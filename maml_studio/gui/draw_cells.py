"""Canvases side by side, on as many lines as they need."""

from collections.abc import Sequence

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from .canvas import DrawingCanvas

SIDE, GAP = 76, 6


class CellGrid(QWidget):
    """Holds canvases of one size; where the line is full the next one begins."""

    def __init__(self) -> None:
        super().__init__()
        self._canvases: tuple[DrawingCanvas, ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_canvases(self, canvases: Sequence[DrawingCanvas]) -> None:
        """Show these, in this order; those that were there before are hidden."""
        for canvas in self._canvases:
            canvas.setVisible(canvas in canvases)
        self._canvases = tuple(canvases)
        for canvas in canvases:
            canvas.setParent(self)
            canvas.setFixedSize(SIDE, SIDE)
            canvas.show()
        self._place()
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the room for a few."""
        return QSize(self._width(min(len(self._canvases), 3)), SIDE)

    def minimumSizeHint(self) -> QSize:
        """Return the room for one."""
        return QSize(SIDE, SIDE)

    def hasHeightForWidth(self) -> bool:
        """Tell that more lines take more height."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines."""
        lines = -(-len(self._canvases) // self._across(width))
        return max(lines, 1) * (SIDE + GAP) - GAP

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place them anew."""
        self._place()

    def _place(self) -> None:
        across = self._across(self.width())
        for index, canvas in enumerate(self._canvases):
            canvas.move(index % across * (SIDE + GAP), index // across * (SIDE + GAP))

    @staticmethod
    def _across(width: int) -> int:
        return max((width + GAP) // (SIDE + GAP), 1)

    @staticmethod
    def _width(count: int) -> int:
        return max(count, 1) * (SIDE + GAP) - GAP
