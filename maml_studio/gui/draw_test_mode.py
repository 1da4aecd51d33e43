"""Test mode: the page names a class, somebody draws it, the model's answer counts."""

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QObject, Signal

_Z = 1.959964  # of a 95 % interval


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson ("Probable inference, the law of succession, and statistical inference", 1927).

    Args:
        right: how many were right.
        total: of how many, 1 or more.
    """
    share = right / total
    z2 = _Z**2 / total
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z * math.sqrt(share * (1 - share) / total + z2 / (4 * total)) / (1 + z2)
    return max(middle - half, 0.0), min(middle + half, 1.0)


class TestMode(QObject):
    """Which class is asked for, and the score so far.

    Each round names every class once, in an order of its own.

    Signals:
        changed: Another class is asked for, or the score is another.
    """

    __test__ = False  # no test of pytest's
    changed = Signal()

    def __init__(self, parent: QObject | None = None, *, seed: int | None = None) -> None:
        super().__init__(parent)
        self._random = np.random.default_rng(seed)
        self._names: tuple[str, ...] = ()
        self._round: list[str] = []
        self._about: object = None
        self._forget()

    def _forget(self) -> None:
        self.right = self.total = 0
        self.verdict = ""
        """What became of the last drawing; empty before the first."""
        self.was_right = False

    @property
    def active(self) -> bool:
        """Whether a test is under way."""
        return bool(self._names)

    @property
    def asked(self) -> str:
        """The class to be drawn; empty when no test is under way."""
        return self._round[-1] if self._round else ""

    @property
    def score(self) -> str:
        """The score with its interval."""
        if not self.total:
            return "no drawing yet"
        low, high = wilson(self.right, self.total)
        return f"{self.right} of {self.total} right, {self.right / self.total:.0%} (95 %: {low:.0%} to {high:.0%})"

    def start(self, names: Sequence[str]) -> None:
        """Ask for one of these classes; the score goes on unless they are others than before."""
        if not self.active or tuple(names) != self._names:
            self._forget()
            self._names, self._round = tuple(names), []
            self._next()
            self.changed.emit()

    def stop(self) -> None:
        """Ask no more."""
        if self.active:
            self._names, self._round = (), []
            self._forget()
            self.changed.emit()

    def reset(self) -> None:
        """Begin the score anew."""
        self._forget()
        self.changed.emit()

    def answer(self, said: str, about: object = None) -> bool:
        """Take the model's answer to what was drawn; gives whether it was right, and asks for the next.

        Args:
            said: the class that the model named.
            about: what was tested (model, drawings, step); the score begins anew when it is another.
        """
        if about != self._about:
            self._about = about
            self._forget()
        asked = self.asked
        self.total += 1
        self.was_right = said == asked
        self.right += self.was_right
        self.verdict = f"Right: {asked}." if self.was_right else f"It was to be {asked}; the model says {said}."
        self._next()
        self.changed.emit()
        return self.was_right

    def skip(self) -> None:
        """Ask for another class; the score stays."""
        if self.active:
            self._next()
            self.changed.emit()

    def _next(self) -> None:
        last = self.asked
        self._round = self._round[:-1]
        if not self._round:
            self._round = [self._names[index] for index in self._random.permutation(len(self._names))]
            if self.asked == last:  # never the same twice in a row
                self._round.reverse()
