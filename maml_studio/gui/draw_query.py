"""The large canvas of the Draw page: the query, which of its pixels decided, and the test mode's question above it."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from . import theme
from .canvas import DrawingCanvas
from .draw_test_mode import TestMode
from .icons import icon

PAUSE_MS = 1300
"""How long the pen rests before a drawing counts as done in test mode: strokes of one figure follow each other sooner."""


class TestStrip(QWidget):
    """What is to be drawn, and the score."""

    __test__ = False  # no test of pytest's

    def __init__(self, mode: TestMode) -> None:
        super().__init__()
        self._mode = mode
        self.question = QLabel()
        self.question.setTextFormat(Qt.TextFormat.PlainText)
        self.question.setWordWrap(True)
        font = self.question.font()
        font.setPointSizeF(font.pointSizeF() * 1.25)
        font.setBold(True)
        self.question.setFont(font)
        self.verdict, self.score = QLabel(), QLabel()
        for label in (self.verdict, self.score):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
        self.score.setProperty("role", "muted")
        self.skip_button, self.reset_button, self.stop_button = QPushButton("Skip"), QPushButton("Reset"), QPushButton("End")
        head = QHBoxLayout()
        head.addWidget(self.question, 1)
        for button, words, slot in (
            (self.skip_button, "Ask for another class; the score stays", mode.skip),
            (self.reset_button, "Begin the score anew", mode.reset),
            (self.stop_button, "End the test (Ctrl+T)", mode.stop),
        ):
            button.setToolTip(words)
            button.clicked.connect(slot)
            head.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(3)
        column.addLayout(head)
        column.addWidget(self.verdict)
        column.addWidget(self.score)
        mode.changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        mode = self._mode
        self.setVisible(mode.active)
        self.question.setText(f"Draw: {mode.asked}")
        self.verdict.setText(mode.verdict or "It counts when the pen rests, or with Enter.")
        self.verdict.setProperty("role", ("good" if mode.was_right else "bad") if mode.verdict else "muted")
        self.verdict.style().polish(self.verdict)
        self.score.setText(f"Score: {mode.score}")
        self.reset_button.setEnabled(bool(mode.total))


class QueryPanel(QWidget):
    """Canvas, buttons, and what goes with them.

    Signals:
        judge_wanted: The drawing is done and counts.
        test_wanted: A test should begin, or end.
        saliency_wanted: Whether to tell which pixels decided.
    """

    judge_wanted = Signal()
    test_wanted = Signal()
    saliency_wanted = Signal(bool)

    def __init__(self, mode: TestMode) -> None:
        super().__init__()
        self._mode = mode
        self.canvas = DrawingCanvas(hint="Draw one of your classes here", side=260)
        self.canvas.setAccessibleName("Query drawing")
        self.canvas.set_inset_visible(True)
        self.canvas.changed.connect(self._take_change)
        self.canvas.live.connect(self._hold)
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self.judge_wanted)
        line = QHBoxLayout()
        self.clear_button = self._button("clear", "Clear the query (Delete)")
        self.clear_button.clicked.connect(self.canvas.clear)
        line.addWidget(self.clear_button)
        line.addStretch(1)
        self.saliency_button = self._button("eye", "Which pixels decided: what each pixel does for the top prediction (Ctrl+Shift+W)")
        self.saliency_button.setCheckable(True)
        self.saliency_button.toggled.connect(self._toggle_saliency)
        self.test_button = self._button("target", "Test: a class is named, you draw it, the model's answer counts (Ctrl+T)")
        self.test_button.setCheckable(True)
        self.test_button.clicked.connect(self.test_wanted)
        line.addWidget(self.saliency_button)
        line.addWidget(self.test_button)
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.legend.hide()
        self._explained = ""
        self.strip = TestStrip(mode)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.strip)
        column.addWidget(self.canvas, 1)
        column.addWidget(self.legend)
        column.addLayout(line)
        mode.changed.connect(self._take_mode)
        theme.manager().changed.connect(self._explain)
        self.refresh()

    def _button(self, picture: str, text: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(picture))
        button.setToolTip(text)
        button.setAccessibleName(text)
        return button

    def refresh(self) -> None:
        """Let those buttons be pressed that can do something."""
        self.clear_button.setEnabled(not self.canvas.is_empty())

    def explain(self, top: str) -> None:
        """Say what the colours over the pixels mean for the most probable class; empty: they are not there."""
        self._explained = top
        self._explain()

    def _explain(self) -> None:
        on = self.saliency_button.isChecked()
        colours = theme.current()
        self.legend.setVisible(on)
        if self._explained:
            name = self._explained.replace("&", "&amp;").replace("<", "&lt;")
            square = '<span style="color:{}">■</span>'
            self.legend.setText(f"{square.format(colours.query)} speaks for {name} &nbsp; {square.format(colours.bad)} against it")
        else:
            self.legend.setText("Which pixels decided appears with the prediction.")

    def _toggle_saliency(self, on: bool) -> None:
        if not on:
            self.canvas.set_heat(None)
            self._explained = ""
        self._explain()
        self.saliency_wanted.emit(on)

    def _take_mode(self) -> None:
        self.test_button.setChecked(self._mode.active)
        if not self._mode.active:
            self._hold()
            self.canvas.set_old(False)

    def _take_change(self) -> None:
        """The pen was lifted, or something undone: from here on the pause counts."""
        self.refresh()
        if self._waits():
            self._pause.start()
        else:
            self._hold()

    def _waits(self) -> bool:
        """Whether there is a drawing that has not counted yet."""
        return self._mode.active and not self.canvas.is_empty() and not self.canvas.sketch.old

    def _hold(self) -> None:
        self._pause.stop()

    def end(self) -> None:
        """Wait for nothing any more."""
        self._hold()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Count the drawing with Enter."""
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and self._waits():
            self._hold()
            self.judge_wanted.emit()
        else:
            super().keyPressEvent(event)
