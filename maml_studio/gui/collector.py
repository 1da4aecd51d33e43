"""Python's cyclic garbage is collected in the window's thread only.

Otherwise it is collected in whichever thread allocates next, and with it the Python halves of widgets and of their connections. PySide6
below 6.11 keeps those connections in one table that it also walks, without the interpreter's lock, when a sender is destroyed
(PYSIDE-3072): a collection in a worker at that moment was seen to hang the window for good.
"""

import gc
import time

from PySide6.QtCore import QObject, QTimer

EVERY = 100
"""Milliseconds between two looks at how much has gathered."""
BETWEEN_ALL = 30.0
"""Seconds between two collections of everything, which take long where much is loaded."""


class Collector(QObject):
    """Takes the collecting over from Python, until it is ended.

    Args:
        parent: in the window's thread.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thresholds = gc.get_threshold()
        self._last = time.monotonic()
        self._timer = QTimer(self, interval=EVERY)
        self._timer.timeout.connect(self.look)
        gc.disable()
        self._timer.start()

    def look(self) -> int | None:
        """Collect as far as Python would have by now; the oldest generation that was collected, or None."""
        # The counts of the older two are of collections of the next younger one.
        for generation in (2, 1, 0):
            if gc.get_count()[generation] <= self._thresholds[generation]:
                continue
            if generation == 2:
                if time.monotonic() - self._last < BETWEEN_ALL:
                    continue
                self._last = time.monotonic()
            gc.collect(generation)
            return generation
        return None

    def end(self) -> None:
        """Give the collecting back."""
        self._timer.stop()
        gc.enable()
