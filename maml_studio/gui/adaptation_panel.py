"""The inner loop on the drawings, step by step: a slider to walk it, a button to play it, losses and probabilities beside it."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from ..training.norm_words import norm_words
from . import theme
from .adapt_worker import LEAST_STEPS
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
        self._walk: np.ndarray | None = None
        self._names: tuple[str, ...] = ()
        self._norm = ""
        self._timer = QTimer(self)
        self._timer.setInterval(PLAY_MS)
        self._timer.timeout.connect(self._play_step)
        self.play_button = QToolButton()
        self.play_button.clicked.connect(self.play_or_hold)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setMaximum(LEAST_STEPS)
        self.slider.setAccessibleName("Inner step")
        self.slider.setToolTip("How many inner steps (k) the model has taken on your drawings")
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._take_step)
        self.words = QLabel()
        self.words.setTextFormat(Qt.TextFormat.PlainText)
        self.words.setWordWrap(True)
        self.plot = self._plot("Support loss by inner step", "loss", "Appears when every class has its drawings.")
        self.query_plot = self._plot("Query by inner step", "probability", "Appears when a query is drawn.")
        line = QHBoxLayout()
        line.addWidget(self.play_button)
        line.addWidget(self.slider, 1)
        steps = QWidget()
        column = QVBoxLayout(steps)
        column.setContentsMargins(0, 0, 0, 0)
        column.addStretch(1)
        column.addLayout(line)
        column.addWidget(self.words)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(card(steps, "Adaptation, step by step"), 1)
        row.addWidget(self.plot, 1)
        row.addWidget(self.query_plot, 1)
        self.clear()

    def _plot(self, title: str, y_title: str, empty_text: str) -> Plot:
        plot = Plot(title, "inner step", y_title, theme=theme.manager(), empty_text=empty_text)
        plot.setFixedHeight(HEIGHT)
        plot.setMinimumWidth(200)
        return plot

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

    def limit(self, count: int) -> None:
        """Offer no more than ``count`` steps."""
        if count != self.slider.maximum():
            self.slider.blockSignals(True)
            self.slider.setMaximum(count)
            self.slider.blockSignals(False)

    def show_losses(self, losses: Sequence[float], norm: str) -> None:
        """Show the support loss at every step, and what normalises a query."""
        if (tuple(losses), norm) == (self._losses, self._norm):
            return
        self._losses, self._norm = tuple(losses), norm
        self.plot.set_curve("support", np.arange(len(losses)), np.asarray(losses), role="support", name="support", symbol=True)
        self._refresh()

    def show_query(self, names: tuple[str, ...], walk: np.ndarray | None) -> None:
        """Show the query's probabilities ``[steps + 1, classes]`` at every step; None where there is no query."""
        if walk is None and self._walk is not None:
            self.query_plot.clear()
        self._names, self._walk = (names, walk) if walk is not None else ((), None)
        self._refresh()

    def clear(self) -> None:
        """There is no adapted model at present."""
        self._losses, self._walk, self._names = (), None, ()
        self.stop()
        self.plot.clear()
        self.query_plot.clear()
        self._refresh()

    def play_or_hold(self) -> None:
        """Walk on by itself, from the start where it is at the end; or hold."""
        if self.playing:
            self.stop()
        elif len(self._losses) > 1:
            if self.step >= self.slider.maximum():
                self.slider.setValue(0)
            self._timer.start()
            self._refresh()

    def stop(self) -> None:
        """Walk no further."""
        self._timer.stop()
        self._refresh()

    def _play_step(self) -> None:
        if self.slider.value() >= self.slider.maximum():
            self.stop()
        else:
            self.slider.setValue(self.slider.value() + 1)

    def _take_step(self, step: int) -> None:
        self._refresh()
        self.step_changed.emit(step)

    def _refresh(self) -> None:
        ready = len(self._losses) > 1
        self.slider.setEnabled(ready)
        self.play_button.setEnabled(ready)
        self.play_button.setIcon(icon("pause" if self.playing else "play"))
        words = "Hold" if self.playing else "Play the inner steps"
        self.play_button.setToolTip(f"{words} (Ctrl+Shift+P)")
        self.play_button.setAccessibleName(words)
        if not self._losses:
            self.words.setText("")
            return
        step = min(self.step, len(self._losses) - 1)
        walked = f"after {step} of {len(self._losses) - 1} inner steps" if ready else "this algorithm has no inner steps"
        self.words.setText(f"{walked}: support loss {self._losses[step]:.3f}, {norm_words(self._norm)}")
        self._mark(self.plot, step, min(self._losses), max(self._losses))
        if self._walk is not None:
            self._show_walk(self._walk, min(step, len(self._walk) - 1))

    def _show_walk(self, walk: np.ndarray, step: int) -> None:
        steps, top = np.arange(len(walk)), int(walk[step].argmax())
        # All but the most probable class are one curve with gaps: twenty classes are painted as fast as two.
        others = np.delete(walk, top, axis=1)
        gaps = np.full((1, others.shape[1]), np.nan)
        self.query_plot.set_curve(
            "others", np.tile([*steps, np.nan], others.shape[1]), np.concatenate([others, gaps]).T.ravel(), role="muted", opacity=0.6
        )
        self.query_plot.set_curve("top", steps, walk[:, top], role="query", name=self._names[top], symbol=True)
        self._mark(self.query_plot, step, 0.0, 1.0)

    @staticmethod
    def _mark(plot: Plot, step: int, low: float, high: float) -> None:
        """A line where the slider is."""
        plot.set_curve("here", np.array([step, step], float), np.array([low, high]), role="text", dashed=True, opacity=0.7)
