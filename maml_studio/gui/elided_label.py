"""A line of words that gives way where there is no room."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from .theme import ThemeManager


class ElidedLabel(QWidget):
    """One line of words that ends in an ellipsis where there is no room, and is then whole in its tooltip.

    Args:
        text: The words.
        theme: Whose colours it takes.
        role: The colour's role.
        bold: Whether it is a title: the last to give way.
        small: Whether it is a side note in smaller letters.
        right: Whether the words stand at the right.
    """

    def __init__(self, text: str, theme: ThemeManager, *, role: str, bold: bool = False, small: bool = False, right: bool = False) -> None:
        super().__init__()
        self._theme, self._role, self._text = theme, role, ""
        self._least = 140 if bold else 20
        self._align = Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft)
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        if small:
            font.setPointSizeF(font.pointSizeF() * 0.9)
        self.setFont(font)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        theme.changed.connect(self.update)
        self.set_text(text)

    def text(self) -> str:
        """Return all its words."""
        return self._text

    def set_text(self, text: str) -> None:
        """Show other words."""
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.updateGeometry()
            self._explain()
            self.update()

    def sizeHint(self) -> QSize:
        """Return the room that it would like."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self._text) + 2, metrics.height())

    def minimumSizeHint(self) -> QSize:
        """Return the least room."""
        return QSize(min(self.sizeHint().width(), self._least), self.fontMetrics().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        painter = QPainter(self)
        painter.setPen(self._theme.theme.color(self._role))
        text = self.fontMetrics().elidedText(self._text, Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), self._align, text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the words to the new width."""
        self._explain()

    def _explain(self) -> None:
        self.setToolTip(self._text if self.width() < self.sizeHint().width() else "")
