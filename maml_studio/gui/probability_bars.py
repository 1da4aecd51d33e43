"""Class probabilities as bars that a glance can read and a screen reader can say."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from . import theme

ROW = 38
SMALL_HEIGHT = 30


class ProbabilityBars(QWidget):
    """One bar per class, the most probable one in the colour of queries."""

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._probabilities: tuple[float, ...] = ()
        self._message = ""
        self._announced = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Prediction")
        theme.manager().changed.connect(self.update)

    def show_probabilities(self, names: tuple[str, ...], probabilities: tuple[float, ...]) -> None:
        """Show one probability per class."""
        self._names, self._probabilities, self._message = names, probabilities, ""
        self.setAccessibleDescription(f"{self.top}, {max(probabilities):.0%}")
        self.setMinimumHeight(len(names) * ROW)
        self._grow(QSizePolicy.Policy.Fixed)

    def show_message(self, message: str) -> None:
        """Show a sentence instead."""
        self._names, self._probabilities, self._message = (), (), message
        self._announced = ""
        self.setAccessibleDescription(message)
        self.setMinimumHeight(2 * ROW)
        self._grow(QSizePolicy.Policy.Expanding)

    def _grow(self, policy: QSizePolicy.Policy) -> None:
        """A sentence stands in the middle of all the room there is; bars take what they need."""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, policy)
        self.updateGeometry()
        self.update()

    def announce(self) -> None:
        """Let a screen reader say the most probable class, once for each answer."""
        words = self.accessibleDescription()
        if self._names and words != self._announced:
            self._announced = words
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, words))

    @property
    def announced(self) -> str:
        """What a screen reader was last told, and is still so."""
        return self._announced

    @property
    def top(self) -> str:
        """The most probable class; empty without a prediction."""
        return _top(self._names, self._probabilities)

    @property
    def probabilities(self) -> dict[str, float]:
        """What is on show, by class."""
        return dict(zip(self._names, self._probabilities, strict=True))

    @property
    def message(self) -> str:
        """The sentence on show, if any."""
        return self._message

    def sizeHint(self) -> QSize:
        """Room for its classes, or five of them."""
        return QSize(220, (len(self._names) or 5) * ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint bars or the sentence."""
        painter = QPainter(self)
        colours = theme.current()
        if not self._names:
            painter.setPen(colours.color("muted"))
            painter.drawText(self.rect().adjusted(8, 4, -8, -4), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._message)
            return
        for row, (name, probability) in enumerate(zip(self._names, self._probabilities, strict=True)):
            self._paint_row(painter, colours, row, name, probability)

    def _paint_row(self, painter: QPainter, colours: theme.Theme, row: int, name: str, probability: float) -> None:
        metrics = painter.fontMetrics()
        figure = metrics.horizontalAdvance("100 %") + 10
        top = row * ROW
        winner = name == self.top
        painter.setPen(colours.color("text" if winner else "muted"))
        font = painter.font()
        font.setBold(winner)
        painter.setFont(font)
        words = QRectF(4, top + 2, self.width() - figure - 8, metrics.height())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(words.width())))
        figures = QRectF(self.width() - figure - 4, top + 2, figure, metrics.height())
        painter.drawText(figures, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{100 * probability:.0f} %")
        track = QRectF(4, top + metrics.height() + 5, self.width() - 8, 9)
        painter.fillRect(track, colours.color("grid"))
        filled = QRectF(track.left(), track.top(), track.width() * probability, track.height())
        painter.fillRect(filled, colours.color("query" if winner else "border"))


class SmallBars(QWidget):
    """One column per class, the most probable one strong; for a model beside another.

    Args:
        run: which of the runs' colours it has.
    """

    def __init__(self, run: int) -> None:
        super().__init__()
        self._run = run
        self._names: tuple[str, ...] = ()
        self._probabilities: tuple[float, ...] = ()
        self.setFixedHeight(SMALL_HEIGHT)
        theme.manager().changed.connect(self.update)

    def show_probabilities(self, names: tuple[str, ...], probabilities: tuple[float, ...]) -> None:
        """Show one probability per class; none at all takes them away."""
        self._names, self._probabilities = names, probabilities
        figures = "\n".join(f"{name}: {100 * probability:.0f} %" for name, probability in zip(names, probabilities, strict=True))
        self.setToolTip(figures)
        self.setAccessibleDescription(figures)
        self.update()

    @property
    def top(self) -> str:
        """The most probable class; empty without a prediction."""
        return _top(self._names, self._probabilities)

    @property
    def probabilities(self) -> dict[str, float]:
        """What is on show, by class."""
        return dict(zip(self._names, self._probabilities, strict=True))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the columns from the left, in the order of the classes."""
        if not self._names:
            return
        painter = QPainter(self)
        colours = theme.current()
        wide = min(26.0, (self.width() - 8) / len(self._names))
        for column, (name, probability) in enumerate(zip(self._names, self._probabilities, strict=True)):
            track = QRectF(4 + column * wide, 1, max(wide - 3, 1), self.height() - 2)
            painter.fillRect(track, colours.color("grid"))
            height = max(track.height() * probability, 1)
            painter.setOpacity(1.0 if name == self.top else 0.5)
            painter.fillRect(QRectF(track.left(), track.bottom() - height, track.width(), height), QColor(colours.runs[self._run]))
            painter.setOpacity(1.0)


def _top(names: tuple[str, ...], probabilities: tuple[float, ...]) -> str:
    return max(zip(probabilities, names, strict=True), key=lambda pair: pair[0])[1] if names else ""
