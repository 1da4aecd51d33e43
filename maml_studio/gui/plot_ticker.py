"""When plots are redrawn: each at most 30 times a second, and only while one of them has news."""

import time
import weakref
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer
from shiboken6 import isValid

INTERVAL = 0.03  # seconds between two redraws of one plot, at least
TICK = 8  # milliseconds between two redraws of any


class Redrawn(Protocol):
    """What can be redrawn."""

    def redraw(self) -> None:
        """Draw what is new."""


class Ticker(QObject):
    """One timer for all plots, running only while one of them has news.

    It redraws one plot at a time: three at once would hold the window up for as long as all of them take.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: weakref.WeakSet[Redrawn] = weakref.WeakSet()
        self._drawn: weakref.WeakKeyDictionary[Redrawn, float] = weakref.WeakKeyDictionary()
        self._timer = QTimer(self)
        self._timer.setInterval(TICK)
        self._timer.timeout.connect(self._tick)

    def add(self, plot: Redrawn) -> None:
        """Redraw a plot soon."""
        self._waiting.add(plot)
        if not self._timer.isActive():
            self._timer.start()

    def discard(self, plot: Redrawn) -> None:
        """Redraw a plot no more."""
        self._waiting.discard(plot)
        self.tidy()

    def tidy(self) -> None:
        """Rest if no plot is left that waits: one may go without a word, with its window or its last reference."""
        self._waiting = weakref.WeakSet(plot for plot in self._waiting if isValid(plot))
        if not self._waiting:
            self._timer.stop()

    def _tick(self) -> None:
        self.tidy()
        now = time.monotonic()
        plot = min(self._waiting, key=lambda p: self._drawn.get(p, 0.0), default=None)
        if plot is not None and now - self._drawn.get(plot, 0.0) >= INTERVAL:
            self._waiting.discard(plot)
            self._drawn[plot] = now
            plot.redraw()


def ticker() -> Ticker:
    """Return the application's ticker; the first call makes it."""
    app = QCoreApplication.instance()
    return app.findChild(Ticker, options=Qt.FindChildOption.FindDirectChildrenOnly) or Ticker(app)
