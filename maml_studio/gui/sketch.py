"""What is on a drawing canvas: strokes or a picture, and the stroke that grows. Its changes are steps of a history."""

import time

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from .. import strokes as vector
from ..drawings import DrawingError, Example
from ..strokes import Frame

_LIVE_MS = 50
UNDO_STEPS = 500
_EMPTY = Example()


class Sketch(QObject):
    """The drawing behind a canvas. Places are x and y in units of the canvas side.

    Its content is never changed in place, so that a step of the history only has to keep the old one.

    Args:
        parent: Qt's owner.
        history: where its changes go, in the order in which they were made; sketches of one page share one, and the way back is the
            page's. One of its own if None.
        example: what is on it to begin with.

    Signals:
        changed: The content is another: the pen lifted, something was erased, set, cleared, undone or redone.
        live: A stroke is growing; at most every 50 ms.
        looks_changed: It counts as done with now, or no longer.
    """

    changed = Signal()
    live = Signal()
    looks_changed = Signal()

    def __init__(self, parent: QObject | None = None, history: QUndoStack | None = None, example: Example = _EMPTY) -> None:
        super().__init__(parent)
        self._own_history = QUndoStack(self) if history is None else None
        self._history = self._own_history if history is None else history
        self._frame = Frame()
        self._content = example
        self._points: list[tuple[float, float, float]] = []  # the stroke that grows
        self._before_erasing: Example | None = None
        self._clock = 0.0  # when t was 0
        self._set_clock()
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
        return self._old and not self._points

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
        return [*self._grown_on, np.array(self._points)] if self._points else list(self._content.strokes)

    @property
    def _grown_on(self) -> tuple[np.ndarray, ...]:
        """The strokes that the growing one is added to."""
        return () if self._old else self._content.strokes

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
        """Tell whether there is a stroke to drop, or a step back of its own."""
        return bool(self._points) or (self._own_history is not None and self._own_history.canUndo())

    def can_redo(self) -> bool:
        """Tell whether there is a step forward again of its own."""
        return self._own_history is not None and self._own_history.canRedo()

    # Changing it as a whole

    def set_example(self, example: Example, text: str = "change a drawing") -> None:
        """Take another drawing in place of what is there; an empty one clears.

        Args:
            example: The drawing.
            text: What the step of the history is called.
        """
        self.drop()
        if not (example.is_empty and self._content.is_empty):
            self._do(example, text)

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
        self.set_example(_EMPTY, "clear a drawing")

    def set_old(self, old: bool) -> None:
        """Keep what is there only until the next stroke begins: that takes its place, and undo brings it back. Or keep it on."""
        if old != self._old and not self._points and not (old and self._content.is_empty):
            self._old = old
            self.looks_changed.emit()

    def undo(self) -> None:
        """Take the last step of its own history back; in the middle of a stroke, drop that stroke."""
        if self.drawing:
            self.drop()
        elif self._own_history is not None:
            self._own_history.undo()

    def redo(self) -> None:
        """Go forward again to what undo took back."""
        if not self.drawing and self._own_history is not None:
            self._own_history.redo()

    # One stroke: mouse, pen, finger and keys all come through begin, grow and lift

    def begin(self, x: float, y: float) -> None:
        """Put the pen down; a stroke that was still growing is finished first."""
        self.lift()
        now = time.perf_counter()
        # t runs on through all strokes of a drawing, pauses included, and never back.
        self._clock = min(self._clock, now - self._grown_on[-1][-1, 2]) if self._grown_on else now
        self._add(x, y)

    def grow(self, x: float, y: float) -> None:
        """Move the pen; without a stroke that grows, nothing happens."""
        if self._points and (x, y) != self._points[-1][:2]:
            self._add(x, y)

    def lift(self) -> None:
        """Lift the pen: the stroke is part of the drawing, and takes a picture's place."""
        if self._points:
            try:
                grown = Example((*self._grown_on, np.array(self._points)))
            except DrawingError:  # more strokes or points than any drawing needs
                self.drop()
                return
            clock = self._clock
            self._do(grown, "draw a stroke")
            self._clock = clock

    def drop(self) -> None:
        """Forget the stroke that grows."""
        if self._points:
            self._changed(old=self._old)

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
            erased, self._content = self._content, self._before_erasing
            self._do(erased, "erase")

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

    def _do(self, content: Example, text: str) -> None:
        self._history.push(Redraw(self, self._content, content, text))

    def show_content(self, content: Example) -> None:
        """Have that on it; for steps of the history."""
        self._content = content
        self._set_clock()
        self._changed()

    def _set_clock(self) -> None:
        strokes = self._content.strokes
        self._clock = time.perf_counter() - (strokes[-1][-1, 2] if strokes else 0.0)

    def _changed(self, *, old: bool = False) -> None:
        self._points.clear()
        self._before_erasing = None
        self._old = old
        self._live_timer.stop()
        self._live_waits = False
        self._rendered = None
        self.changed.emit()


class Redraw(QUndoCommand):
    """One content of a sketch for another."""

    def __init__(self, sketch: Sketch, before: Example, after: Example, text: str) -> None:
        super().__init__(text)
        self.sketch, self._before, self._after = sketch, before, after

    def redo(self) -> None:
        self.sketch.show_content(self._after)

    def undo(self) -> None:
        self.sketch.show_content(self._before)
