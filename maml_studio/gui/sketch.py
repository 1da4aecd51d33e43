"""What is on a drawing canvas: strokes or a picture, the stroke that grows, and the way back through all changes."""

import time

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from .. import strokes as vector
from ..drawings import DrawingError, Example
from ..strokes import Frame

_LIVE_MS = 50
_UNDO_STEPS = 200
_EMPTY = Example()


class Sketch(QObject):
    """The drawing behind a canvas. Places are x and y in units of the canvas side.

    Its content is never changed in place, so that undo only has to keep the old one.

    Signals:
        changed: The content is another: the pen lifted, something was erased, set, cleared, undone or redone.
        live: A stroke is growing; at most every 50 ms.
    """

    changed = Signal()
    live = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._frame = Frame()
        self._content = _EMPTY
        self._undo: list[Example] = []
        self._redo: list[Example] = []
        self._points: list[tuple[float, float, float]] = []  # the stroke that grows
        self._before_erasing: Example | None = None
        self._clock = 0.0  # when t was 0
        self._rendered: np.ndarray | None = None
        self._live_timer = QTimer(self, singleShot=True, interval=_LIVE_MS)
        self._live_timer.timeout.connect(self._emit_waiting)
        self._live_waits = False
        self._old = False

    # What is there

    @property
    def example(self) -> Example:
        """What is drawn, without a stroke that still grows: the same object for as long as it is the same drawing."""
        return self._content

    @property
    def old(self) -> bool:
        """Whether what is there is done with: the next stroke begins another drawing."""
        return self._old

    @property
    def frame(self) -> Frame:
        """How the strokes are framed for the model."""
        return self._frame

    @property
    def picture(self) -> np.ndarray | None:
        """The picture that was set, as the model gets it, while no stroke is drawn over it."""
        return None if self._points or self._content.picture is None else self.image()

    @property
    def drawing(self) -> bool:
        """Whether a stroke is growing."""
        return bool(self._points)

    def strokes(self) -> list[np.ndarray]:
        """Return the strokes, float64 ``[points, 3]`` each, the growing one included."""
        return [*self._content.strokes, *([np.array(self._points)] if self._points else [])]

    def image(self) -> np.ndarray:
        """Return what the model gets: float32 ``[size, size]`` in [0, 1], ink = 1; not to be written to."""
        if self._rendered is None:
            self._rendered = vector.render(self.strokes(), self._frame) if self._points else self._content.image(self._frame)
            self._rendered.setflags(write=False)
        return self._rendered

    def is_empty(self) -> bool:
        """Tell whether there is neither a stroke nor a picture."""
        return self._content.is_empty and not self._points

    def can_undo(self) -> bool:
        """Tell whether there is a step back."""
        return bool(self._undo or self._points)

    def can_redo(self) -> bool:
        """Tell whether there is a step forward again."""
        return bool(self._redo)

    # Changing it as a whole

    def set_example(self, example: Example, *, undoable: bool = True) -> None:
        """Take another drawing; `DrawingCanvas.set_example` says the rest."""
        same = example.is_empty and self._content.is_empty
        if not undoable:  # what was there is nothing to come back to
            self._undo.clear()
            self._redo.clear()
        elif not same:
            self._remember(self._content)
        if not same or self._points:
            self._content = example
            self._clock = time.perf_counter() - (example.strokes[-1][-1, 2] if example.strokes else 0.0)
            self._changed()

    def set_frame(self, frame: Frame) -> None:
        """Frame the strokes as another data source does; emits `changed` unless there is nothing to frame, or a stroke grows."""
        if frame == self._frame:
            return
        self._frame = frame
        self._rendered = None
        if not self._points and not self.is_empty():
            self.changed.emit()

    def clear(self) -> None:
        """Take everything off; undo brings it back."""
        self.set_example(_EMPTY)

    def let_next_replace(self) -> None:
        """Keep what is there until the next stroke begins: that takes its place. Undo brings it back."""
        if not self._content.is_empty and not self._points:
            self._old = True

    def undo(self) -> None:
        """Go back to what was there before the last change; in the middle of a stroke, drop that stroke."""
        if self._points:
            self.drop()
        else:
            self._travel(self._undo, self._redo)

    def redo(self) -> None:
        """Go forward again to what undo took back."""
        if not self._points:
            self._travel(self._redo, self._undo)

    # One stroke: mouse, pen, finger and keys all come through begin, grow and lift

    def begin(self, x: float, y: float) -> None:
        """Put the pen down; a stroke that was still growing is finished first."""
        self.lift()
        if self._old:
            self.clear()
        now = time.perf_counter()
        strokes = self._content.strokes
        # t runs on through all strokes of a drawing, pauses included, and never back.
        self._clock = min(self._clock, now - strokes[-1][-1, 2]) if strokes else now
        self._add(x, y)

    def grow(self, x: float, y: float) -> None:
        """Move the pen; without a stroke that grows, nothing happens."""
        if self._points and (x, y) != self._points[-1][:2]:
            self._add(x, y)

    def lift(self) -> None:
        """Lift the pen: the stroke is part of the drawing, and takes a picture's place."""
        if self._points:
            try:
                grown = Example((*self._content.strokes, np.array(self._points)))
            except DrawingError:  # more strokes or points than any drawing needs
                self.drop()
                return
            self._remember(self._content)
            self._content = grown
            self._changed()

    def drop(self) -> None:
        """Forget the stroke that grows."""
        if self._points:
            self._changed()

    def erase(self, x: float, y: float, reach: float) -> None:
        """Take off the topmost stroke within reach, or the picture; until `end_erasing` it is all one step of undo."""
        strokes = list(self._content.strokes)
        hit = next((i for i in reversed(range(len(strokes))) if vector.distance(strokes[i], x, y) <= reach), None)
        if hit is None and self._content.picture is None:
            return
        if self._before_erasing is None:
            self._before_erasing = self._content
        if hit is not None:
            del strokes[hit]
        self._content = Example(tuple(strokes))
        self._rendered = None
        self.live.emit()

    def end_erasing(self) -> None:
        """Lift the eraser."""
        if self._before_erasing is not None:
            self._remember(self._before_erasing)
            self._before_erasing = None
            self._changed()

    def _add(self, x: float, y: float) -> None:
        self._points.append((x, y, time.perf_counter() - self._clock))
        self._rendered = None
        if self._live_timer.isActive():
            self._live_waits = True
        else:
            self._live_timer.start()
            self.live.emit()

    def _emit_waiting(self) -> None:
        if self._live_waits:
            self._live_waits = False
            self._live_timer.start()
            self.live.emit()

    def _remember(self, content: Example) -> None:
        self._undo.append(content)
        del self._undo[:-_UNDO_STEPS]
        self._redo.clear()

    def _travel(self, back: list[Example], forth: list[Example]) -> None:
        if back:
            forth.append(self._content)
            self._content = back.pop()
            self._changed()

    def _changed(self) -> None:
        self._points.clear()
        self._old = False
        self._live_timer.stop()
        self._live_waits = False
        self._rendered = None
        self.changed.emit()
