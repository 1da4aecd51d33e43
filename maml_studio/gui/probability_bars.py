"""Class probabilities as bars that a glance can read and a screen reader can say."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from . import theme

ROW = 38


class ProbabilityBars(QWidget):
    """One bar per class, the most probable one in the colour of queries."""

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._probabilities: tuple[float, ...] = ()
        self._message = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Prediction")
        theme.manager().changed.connect(self.update)

    def show_probabilities(self, names: tuple[str, ...], probabilities: tuple[float, ...]) -> None:
        """Show one probability per class."""
        self._names, self._probabilities, self._message = names, probabilities, ""
        top = max(range(len(names)), key=lambda row: probabilities[row])
        self.setAccessibleDescription(f"{names[top]}, {probabilities[top]:.0%}")
        self.setMinimumHeight(len(names) * ROW)
        self.update()

    def show_message(self, message: str) -> None:
        """Show a sentence instead."""
        self._names, self._probabilities, self._message = (), (), message
        self.setAccessibleDescription(message)
        self.setMinimumHeight(0)
        self.update()

    @property
    def probabilities(self) -> dict[str, float]:
        """What is on show, by class."""
        return dict(zip(self._names, self._probabilities, strict=True))

    @property
    def message(self) -> str:
        """The sentence on show, if any."""
        return self._message

    def sizeHint(self) -> QSize:
        """Room for five classes."""
        return QSize(220, 5 * ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint bars or the sentence."""
        painter = QPainter(self)
        colours = theme.current()
        if not self._names:
            painter.setPen(colours.color("muted"))
            painter.drawText(self.rect().adjusted(8, 4, -8, -4), Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._message)
            return
        best = max(self._probabilities)
        metrics = painter.fontMetrics()
        figure = metrics.horizontalAdvance("100 %") + 6
        for row, (name, probability) in enumerate(zip(self._names, self._probabilities, strict=True)):
            top = row * ROW
            winner = probability == best
            painter.setPen(colours.color("text" if winner else "muted"))
            font = painter.font()
            font.setBold(winner)
            painter.setFont(font)
            words = QRectF(4, top + 2, self.width() - figure - 8, metrics.height())
            painter.drawText(
                words, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(name, Qt.TextElideMode.ElideRight, int(words.width()))
            )
            figures = QRectF(self.width() - figure - 4, top + 2, figure, metrics.height())
            painter.drawText(figures, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{100 * probability:.0f} %")
            track = QRectF(4, top + metrics.height() + 5, self.width() - 8, 9)
            painter.fillRect(track, colours.color("grid"))
            painter.fillRect(
                QRectF(track.left(), track.top(), track.width() * probability, track.height()),
                colours.color("query" if winner else "border"),
            )
