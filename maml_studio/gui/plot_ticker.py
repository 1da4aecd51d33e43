"""When plots are redrawn: together, at most 30 times a second, and only while one of them has news."""

import weakref
from typing import Protocol

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimer
from shiboken6 import isValid

INTERVAL = 33  # milliseconds between two redraws


class Redrawn(Protocol):
    """What can be redrawn."""

    def redraw(self) -> None:
        """Draw what is new."""


class Ticker(QObject):
    """One timer for all plots, running only while one of them has news."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: weakref.WeakSet[Redrawn] = weakref.WeakSet()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL)
        self._timer.timeout.connect(self._tick)

    def add(self, plot: Redrawn) -> None:
        """Redraw a plot at the next tick."""
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
        plots = list(self._waiting)
        self._waiting.clear()
        for plot in plots:
            plot.redraw()


def ticker() -> Ticker:
    """Return the application's ticker; the first call makes it."""
    app = QCoreApplication.instance()
    return app.findChild(Ticker, options=Qt.FindChildOption.FindDirectChildrenOnly) or Ticker(app)
