"""The inner loop on the drawings, step by step: a slider to walk it, a button to play it, the support loss beside it."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from . import theme
from .cards import card
from .icons import icon
from .plots import Plot

PLAY_MS = 600
HEIGHT = 158


class AdaptationPanel(QWidget):
    """Walks the inner steps.

    Signals:
        step_changed: Another inner step is looked at.
    """

    step_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._losses: tuple[float, ...] = ()
        self._norm = ""
        self._timer = QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._play_step)
        self.play_button = QToolButton()
        self.play_button.setIcon(icon("play"))
        self.play_button.setToolTip("Play the inner steps from the start")
        self.play_button.setAccessibleName("Play the inner steps")
        self.play_button.clicked.connect(self.play)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Inner step")
        self.slider.setToolTip("How many inner steps (k) the model has taken on your drawings")
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._take_step)
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.plot = Plot(
            "Support loss by inner step",
            "inner step",
            "loss",
            theme=theme.manager(),
            empty_text="Appears when every class has its drawings.",
        )
        self.plot.setFixedHeight(HEIGHT)
        line = QHBoxLayout()
        line.addWidget(self.play_button)
        line.addWidget(self.slider, 1)
        steps = QWidget()
        column = QVBoxLayout(steps)
        column.addStretch(1)
        column.addLayout(line)
        column.addWidget(self.words)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(card(steps, "Adaptation, step by step"), 1)
        row.addWidget(self.plot, 1)
        self.clear()

    @property
    def step(self) -> int:
        """The inner step that is looked at."""
        return self.slider.value()

    @property
    def playing(self) -> bool:
        """Whether it walks by itself."""
        return self._timer.isActive()

    def set_steps(self, count: int, start: int) -> None:
        """Offer ``count`` steps and look at ``start``."""
        self.slider.setRange(0, count)
        self.slider.setValue(start)

    def show_losses(self, losses: Sequence[float], norm: str) -> None:
        """Show the support loss at every step, and what normalises a query."""
        self._losses, self._norm = tuple(losses), norm
        self.plot.set_curve("support", np.arange(len(losses)), np.asarray(losses), role="support", name="support", symbol=True)
        self._refresh()

    def clear(self) -> None:
        """There is no adapted model at present."""
        self._losses = ()
        self.stop()
        self.plot.clear()
        self._refresh()

    def play(self) -> None:
        """Walk from the start to the end."""
        self.slider.setValue(0)
        self._timer.start()

    def stop(self) -> None:
        """Walk no further."""
        self._timer.stop()

    def _play_step(self) -> None:
        if self.slider.value() >= self.slider.maximum():
            self.stop()
        else:
            self.slider.setValue(self.slider.value() + 1)

    def _take_step(self, step: int) -> None:
        self._refresh()
        self.step_changed.emit(step)

    def _refresh(self) -> None:
        ready = bool(self._losses)
        self.slider.setEnabled(ready)
        self.play_button.setEnabled(ready)
        if not ready:
            self.words.setText("")
            return
        step = min(self.step, len(self._losses) - 1)
        self.words.setText(
            f"after {step} of {len(self._losses) - 1} inner steps: support loss {self._losses[step]:.3f}, norm: {self._norm}"
        )
