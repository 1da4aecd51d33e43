"""The Draw page's classes and drawings at one moment, and the step of undo from one such moment to another."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QUndoCommand

from .sketch import Sketch

_MERGED = 1


@dataclass(frozen=True, eq=False)
class ClassState:
    """One class.

    Attributes:
        uid: the same for as long as it is the same class, renamed and moved or not.
        name: may be empty.
        sketches: at least as many as the shots; the rest are kept out of sight.
    """

    uid: int
    name: str
    sketches: tuple[Sketch, ...]


@dataclass(frozen=True, eq=False)
class Arrangement:
    """All of it at one moment."""

    shots: int
    classes: tuple[ClassState, ...]
    query: Sketch


def worth_keeping(one: ClassState, least: int) -> tuple[Sketch, ...]:
    """Its sketches without the empty ones at the end, but not fewer than ``least``."""
    last = max((number for number, sketch in enumerate(one.sketches, 1) if not sketch.is_empty()), default=0)
    return one.sketches[: max(last, min(least, len(one.sketches)))]


class Rearrange(QUndoCommand):
    """One arrangement for another; steps with the same key that follow each other are one."""

    def __init__(self, show: Callable[[Arrangement], None], text: str, before: Arrangement, after: Arrangement, key: object) -> None:
        super().__init__(text)
        self._show, self._before, self._after, self._key = show, before, after, key

    def redo(self) -> None:
        self._show(self._after)

    def undo(self) -> None:
        self._show(self._before)

    def id(self) -> int:
        return -1 if self._key is None else _MERGED

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802
        if not isinstance(other, Rearrange) or other._key != self._key:
            return False
        self._after = other._after
        return True
