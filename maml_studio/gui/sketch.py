"""What is on a drawing canvas: strokes or a picture, the stroke that grows, and the way back through all changes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from .. import strokes as vector
from ..strokes import Frame

_LIVE_MS = 50
_UNDO_STEPS = 200


@dataclass(frozen=True)
class _Content:
    """Strokes, or a picture set from outside. Never changed in place, so undo only has to keep the old one."""

    strokes: tuple[np.ndarray, ...] = ()
    image: np.ndarray | None = None

    def __bool__(self) -> bool:
        return bool(self.strokes) or self.image is not None


class Sketch(QObject):
    """The drawing behind a canvas. Places are x and y in units of the canvas side.

    Signals:
        changed: The content is another: the pen lifted, something was erased, set, cleared, undone or redone.
        live: A stroke is growing; at most every 50 ms.
    """

    changed = Signal()
    live = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._frame = Frame()
        self._content = _Content()
        self._undo: list[_Content] = []
        self._redo: list[_Content] = []
        self._points: list[tuple[float, float, float]] = []  # the stroke that grows
        self._before_erasing: _Content | None = None
        self._clock = 0.0  # when t was 0
        self._rendered: np.ndarray | None = None
        self._live_timer = QTimer(self, singleShot=True, interval=_LIVE_MS)
        self._live_timer.timeout.connect(self._emit_waiting)
        self._live_waits = False

    # What is there

    @property
    def frame(self) -> Frame:
        """How the strokes are framed for the model."""
        return self._frame

    @property
    def picture(self) -> np.ndarray | None:
        """The picture that was set, while no stroke is drawn over it."""
        return None if self._points else self._content.image

    @property
    def drawing(self) -> bool:
        """Whether a stroke is growing."""
        return bool(self._points)

    def strokes(self) -> list[np.ndarray]:
        """Return the strokes, float64 ``[points, 3]`` each, the growing one included."""
        return [*self._content.strokes, *([np.array(self._points)] if self._points else [])]

    def image(self) -> np.ndarray:
        """Return what the model gets: float32 ``[size, size]`` in [0, 1], ink = 1; not to be written to."""
        if self.picture is not None:
            return self.picture
        if self._rendered is None:
            self._rendered = vector.render(self.strokes(), self._frame)
            self._rendered.setflags(write=False)
        return self._rendered

    def is_empty(self) -> bool:
        """Tell whether there is neither a stroke nor a picture."""
        return not self._content and not self._points

    def can_undo(self) -> bool:
        """Tell whether there is a step back."""
        return bool(self._undo or self._points)

    def can_redo(self) -> bool:
        """Tell whether there is a step forward again."""
        return bool(self._redo)

    # Changing it as a whole

    def set_strokes(self, strokes: Sequence[np.ndarray], *, undoable: bool = True) -> None:
        """Take other strokes; `DrawingCanvas.set_strokes` says the rest."""
        kept = []
        for stroke in strokes:
            points = np.array(stroke, np.float64)
            if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
                raise ValueError("A stroke must be an array of finite numbers of the shape [points, 3]: x, y and t.")
            points.setflags(write=False)
            if len(points):
                kept.append(points)
        self._set(_Content(tuple(kept)), undoable)

    def set_image(self, image: np.ndarray | None, *, undoable: bool = True) -> None:
        """Take a picture; `DrawingCanvas.set_image` says the rest."""
        if image is not None:
            image = np.array(image, np.float32)
            size = self._frame.size
            if image.shape != (size, size) or not np.isfinite(image).all():
                raise ValueError(f"A picture for the canvas must hold finite numbers in the shape [{size}, {size}].")
            image = image.clip(0, 1)
            image.setflags(write=False)
        self._set(_Content(image=image), undoable)

    def set_frame(self, frame: Frame) -> None:
        """Frame the strokes as another data source does; emits `changed` unless there is nothing to frame."""
        if frame == self._frame:
            return
        self._frame = frame
        if self._content.image is not None and self._content.image.shape != (frame.size, frame.size):
            self._content = _Content()  # a picture of another size than the model's is of no use to it
            self._changed()
        elif not self.is_empty():
            self._changed()

    def clear(self) -> None:
        """Take everything off; undo brings it back."""
        self._set(_Content(), undoable=True)

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
            stroke = np.array(self._points)
            stroke.setflags(write=False)
            self._remember(self._content)
            self._content = _Content((*self._content.strokes, stroke))
            self._changed()

    def drop(self) -> None:
        """Forget the stroke that grows."""
        if self._points:
            self._changed()

    def erase(self, x: float, y: float, reach: float) -> None:
        """Take off the topmost stroke within reach, or the picture; until `end_erasing` it is all one step of undo."""
        strokes = list(self._content.strokes)
        hit = next((i for i in reversed(range(len(strokes))) if vector.distance(strokes[i], x, y) <= reach), None)
        if hit is None and self._content.image is None:
            return
        self._before_erasing = self._before_erasing or self._content
        if hit is not None:
            del strokes[hit]
        self._content = _Content(tuple(strokes))
        self._rendered = None
        self.live.emit()

    def end_erasing(self) -> None:
        """Lift the eraser."""
        if self._before_erasing:
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

    def _set(self, content: _Content, undoable: bool) -> None:
        same = not content and not self._content
        if not undoable:  # what was there is nothing to come back to
            self._undo.clear()
            self._redo.clear()
        elif not same:
            self._remember(self._content)
        if not same or self._points:
            self._content = content
            self._clock = time.perf_counter() - (content.strokes[-1][-1, 2] if content.strokes else 0.0)
            self._changed()

    def _remember(self, content: _Content) -> None:
        self._undo.append(content)
        del self._undo[:-_UNDO_STEPS]
        self._redo.clear()

    def _travel(self, back: list[_Content], forth: list[_Content]) -> None:
        if back:
            forth.append(self._content)
            self._content = back.pop()
            self._changed()

    def _changed(self) -> None:
        self._points.clear()
        self._live_timer.stop()
        self._live_waits = False
        self._rendered = None
        self.changed.emit()
