"""Which curve of a plot is which, with the values under the crosshair."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from .theme import ThemeManager

_SWATCH, _GAP, _LONGEST = 14, 5, 150  # pixels: a curve's line, the space behind it, the longest name


@dataclass(frozen=True)
class Entry:
    """One curve in the legend.

    Attributes:
        name: Its name; elided where it is long.
        role: The colour's role.
        dashed: Whether its line is dashed, or its pattern of dashes and gaps in pixels.
        value: Its value under the crosshair, or nothing.
    """

    name: str
    role: str
    dashed: bool | tuple[float, ...] = False
    value: str = ""


class Legend(QWidget):
    """The curves' names in rows as needed, each behind a piece of its line, and the values under the crosshair.

    Room for the values is kept free while there is no crosshair, so that nothing moves when it comes.
    """

    def __init__(self, theme: ThemeManager) -> None:
        super().__init__()
        self._theme = theme
        self._entries: tuple[Entry, ...] = ()
        self._position = ""
        self._most_rows = 2
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 0.9)
        self.setFont(font)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, False)

    def set_entries(self, entries: Sequence[Entry], position: str = "") -> None:
        """Show these curves, and where the crosshair stands ("step 3")."""
        entries = tuple(entries)
        if (entries, position) != (self._entries, self._position):
            self._entries, self._position = entries, position
            self.setToolTip("\n".join(f"{e.name}  {e.value}".rstrip() for e in entries) if self._hidden(self.width()) else "")
            self._fit()
            self.update()

    def entries(self) -> tuple[Entry, ...]:
        """Return the curves shown."""
        return self._entries

    def position(self) -> str:
        """Return where the crosshair stands, in words."""
        return self._position

    def set_most_rows(self, rows: int) -> None:
        """Set how many rows it may take."""
        self._most_rows = max(rows, 1)
        self._fit()

    def sizeHint(self) -> QSize:
        """Return the room that it would like."""
        return QSize(200, self._rows(self.width()) * self._row_height())

    def minimumSizeHint(self) -> QSize:
        """Return the least room."""
        return QSize(60, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the words to the new width."""
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        self.paint(painter, self.rect())

    def paint(self, painter: QPainter, rect: QRect) -> None:
        """Paint it somewhere: on itself, or into a file."""
        metrics, colours = self.fontMetrics(), self._theme.theme
        painter.setFont(self.font())
        for entry, spot in zip(self._entries, self._spots(rect.width()), strict=False):
            spot = spot.translated(rect.topLeft())
            middle = spot.top() + spot.height() // 2
            style = Qt.PenStyle.DashLine if entry.dashed else Qt.PenStyle.SolidLine
            pen = QPen(QColor(colours.color(entry.role)), 2, style, Qt.PenCapStyle.FlatCap)
            if entry.dashed:
                pen.setDashPattern([2, 1.2] if entry.dashed is True else [length / 2 for length in entry.dashed])
            painter.setPen(pen)
            painter.drawLine(QPointF(spot.left(), middle), QPointF(spot.left() + _SWATCH, middle))
            words = spot.adjusted(_SWATCH + _GAP, 0, 0, 0)
            value = max(metrics.horizontalAdvance("0.00000"), metrics.horizontalAdvance(entry.value))
            name = metrics.elidedText(entry.name, Qt.TextElideMode.ElideMiddle, words.width() - _GAP - value + 1)
            painter.setPen(colours.color("muted"))
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, name)
            words.setLeft(words.left() + metrics.horizontalAdvance(name) + _GAP)
            painter.setPen(colours.color("text"))
            painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextDontClip, entry.value)
        painter.setPen(colours.color("muted"))
        height, hidden = self._row_height(), self._hidden(rect.width())
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRect(rect.left(), rect.top(), rect.width(), height), flags, self._position)
        if hidden:
            last = rect.top() + (self._rows(rect.width()) - 1) * height
            painter.drawText(
                QRect(rect.left(), last, rect.width() - self._corner(self._rows(rect.width()) - 1), height), flags, f"+{hidden} more "
            )

    def _row_height(self) -> int:
        return self.fontMetrics().height() + 2

    def _fit(self) -> None:
        height = self._rows(self.width()) * self._row_height()
        if height != self.height() or height != self.maximumHeight():
            self.setFixedHeight(height)

    def _rows(self, width: int) -> int:
        spots = self._spots(width)
        return spots[-1].top() // self._row_height() + 1 if spots else int(bool(self._position))

    def _hidden(self, width: int) -> int:
        return len(self._entries) - len(self._spots(width))

    def _corner(self, row: int) -> int:
        """How much of a row's right end the crosshair's position takes."""
        return self.fontMetrics().horizontalAdvance(self._position or "step 00000") + _GAP if row == 0 else 0

    def _spots(self, width: int) -> list[QRect]:
        """Where each entry goes; fewer than the entries where the rows don't suffice."""
        metrics, height = self.fontMetrics(), self._row_height()
        value = metrics.horizontalAdvance("0.00000")
        more = metrics.horizontalAdvance("+00 more ")
        spots: list[QRect] = []
        x = row = 0
        for number, entry in enumerate(self._entries):
            fixed = _SWATCH + 2 * _GAP + max(value, metrics.horizontalAdvance(entry.value))
            name = min(metrics.horizontalAdvance(entry.name), _LONGEST)
            last = row == self._most_rows - 1 and number < len(self._entries) - 1
            room = width - self._corner(row) - (more if last else 0)
            if x and x + fixed + name > room:
                x, row = 0, row + 1
                last = row == self._most_rows - 1 and number < len(self._entries) - 1
                room = width - self._corner(row) - (more if last else 0)
            if row >= self._most_rows:
                break
            wide = fixed + max(min(name, room - fixed), 20)
            spots.append(QRect(x, row * height, wide, height))
            x += wide + 2 * _GAP
        return spots
