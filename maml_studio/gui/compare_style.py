"""How runs are told apart in the plots: by a colour and a pattern of dashes, so that colour alone need not do it."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPen, QPixmap

from . import theme

DASHES: tuple[tuple[float, ...], ...] = ((), (9.0, 3.0), (2.0, 2.5), (9.0, 3.0, 2.0, 3.0))
MOST_RUNS = 16
"""More curves than these can't be followed in one picture."""


def role(style: int) -> str:
    """A run's colour."""
    return f"run {style}"


def dash(style: int) -> tuple[float, ...] | bool:
    """A run's dashes: neighbours differ in them, and so do runs that share a colour."""
    return DASHES[(style + style // len(theme.DARK.runs)) % len(DASHES)] or False


def free_style(taken: set[int]) -> int:
    """The first look that nobody has."""
    return next(number for number in range(len(taken) + 1) if number not in taken)


def swatch(style: int) -> QIcon:
    """A piece of a run's line, for lists and tables; of a look below zero, only the room for it."""
    return QIcon(_Line(style))


_clones: list[QIconEngine] = []


class _Line(QIconEngine):
    """Painted when it is needed, in the colours of the scheme in use."""

    def __init__(self, style: int) -> None:
        super().__init__()
        self._style = style

    def clone(self) -> QIconEngine:
        # As with our other icons: PySide6 does not hand a clone over to Qt, which would be left with a dead one.
        _clones.append(_Line(self._style))
        return _clones[-1]

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        if self._style < 0:
            return
        pen = QPen(theme.current().color(role(self._style)), 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
        pattern = dash(self._style)
        if isinstance(pattern, tuple):
            pen.setDashPattern([length / 2 for length in pattern])
        painter.setPen(pen)
        middle = QRectF(rect).center().y()
        painter.drawLine(QRectF(rect).left(), middle, QRectF(rect).right(), middle)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixmap
