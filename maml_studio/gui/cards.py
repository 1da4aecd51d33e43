"""The frames that pages are laid out with."""

from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget


def card(inside: QWidget, title: str = "") -> QFrame:
    """A framed panel round a widget, with a title where it has none of its own."""
    frame = QFrame()
    frame.setProperty("card", True)
    layout = QVBoxLayout(frame)
    layout.setContentsMargins(10, 8, 10, 8)
    if title:
        layout.addWidget(heading(title))
    layout.addWidget(inside, 1)
    return frame


def heading(text: str) -> QLabel:
    """A bold line of text."""
    label = QLabel(text)
    font = label.font()
    font.setBold(True)
    label.setFont(font)
    return label


def line() -> QFrame:
    """A thin line across."""
    frame = QFrame()
    frame.setProperty("line", True)
    frame.setFixedHeight(1)
    return frame


def scrolling(content: QWidget) -> QScrollArea:
    """A frameless place to scroll in, in the colour of what it lies on."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setWidget(content)
    # Qt fills both by itself, with the window's colour.
    content.setAutoFillBackground(False)
    scroll.viewport().setAutoFillBackground(False)
    return scroll
