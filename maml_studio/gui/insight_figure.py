"""The frame of a figure that is no curve: title, a note, a button that saves it; the Insight page's bars and maps stand in it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from ..files import write_whole
from . import plot_export, plot_save, theme
from .elided_label import ElidedLabel
from .icons import icon

_TOOL_STYLE = "QToolButton { padding: 3px; } QToolButton:focus { padding: 2px; } QToolButton::menu-indicator { image: none; }"


class Figure(QFrame):
    """A framed figure that takes the keyboard focus and can be saved as picture, drawing or table.

    Args:
        title: what it shows.
        body: the widget that shows it.
    """

    def __init__(self, title: str, body: QWidget) -> None:
        super().__init__()
        self.body = body
        self.setProperty("card", True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(title)
        manager = theme.manager()
        self._title = ElidedLabel(title, manager, role="text", bold=True)
        self._note = ElidedLabel("", manager, role="muted", small=True, right=True)
        self.save_button = plot_save.SaveButton(title)
        self.save_button.setIcon(icon("save", "muted"))
        self.save_button.setIconSize(QSize(16, 16))
        self.save_button.setAutoRaise(True)
        self.save_button.setStyleSheet(_TOOL_STYLE)
        self.save_button.setToolTip("Save the figure")
        self.save_button.setAccessibleName(f"Save the figure: {title}")
        self.save_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.save_button.chosen.connect(self._save_as)
        self._head = QHBoxLayout()
        self._head.setSpacing(4)
        self._head.addWidget(self._title)
        self._head.addStretch(1)
        self._head.addWidget(self._note)
        self._head.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 5, 8, 6)
        layout.setSpacing(2)
        layout.addLayout(self._head)
        layout.addWidget(body, 1)
        manager.changed.connect(self._take_theme)

    def add_tool(self, tool: QToolButton) -> None:
        """Put a button before the one that saves."""
        self._head.insertWidget(self._head.count() - 1, tool)

    def set_note(self, text: str) -> None:
        """Show a few muted words at the right of the title."""
        self._note.set_text(text)

    def note(self) -> str:
        """The words at the right of the title."""
        return self._note.text()

    def paint_body(self, painter: QPainter, rect: QRectF) -> None:
        """Paint what it shows into a part of something else."""
        raise NotImplementedError

    def table(self) -> bytes:
        """What it shows as comma-separated values."""
        raise NotImplementedError

    def save(self, path: Path | str) -> None:
        """Write it as a picture at twice the resolution (.png), as vectors (.svg), or its numbers (.csv).

        Raises:
            ValueError: The name ends in something else.
            OSError: The file can't be written; one that was there is as it was.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in plot_save.FORMATS:
            raise ValueError(f"A figure is saved as .png, .svg or .csv; {path.name!r} ends in none of them.")
        if suffix == ".csv":
            content = self.table()
        elif suffix == ".png":
            content = plot_export.png(self._paint_all, self.size())
        else:
            content = plot_export.svg(self._paint_all, self.size(), self._title.text(), self.logicalDpiX())
        write_whole(path, content)

    def _paint_all(self, painter: QPainter) -> None:
        colours, margin = theme.current(), 10
        inner = QRect(0, 0, self.width(), self.height()).adjusted(margin, margin // 2, -margin, -margin // 2)
        painter.fillRect(QRect(0, 0, self.width(), self.height()), colours.color("panel"))
        height = self._title.sizeHint().height() + 6
        for label, role, side in ((self._title, "text", Qt.AlignmentFlag.AlignLeft), (self._note, "muted", Qt.AlignmentFlag.AlignRight)):
            painter.setFont(QFont(label.font()))
            painter.setPen(colours.color(role))
            painter.drawText(QRect(inner.left(), inner.top(), inner.width(), height), side | Qt.AlignmentFlag.AlignVCenter, label.text())
        painter.setFont(self.font())
        self.paint_body(painter, QRectF(inner.left(), inner.top() + height, inner.width(), inner.height() - height))

    def _save_as(self, path: str) -> None:
        try:
            self.save(path)
        except (OSError, ValueError) as error:
            self.save_button.complain(path, error)

    def _take_theme(self) -> None:
        self.body.update()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the card, and a ring while it has the focus."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.current().color("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 5, 5)
