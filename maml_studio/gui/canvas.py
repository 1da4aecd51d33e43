"""A square to draw on, with mouse, pen, finger or keys; a corner or a tooltip shows what the model gets of it."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import (
    QEventPoint,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPointingDevice,
    QTabletEvent,
    QTouchEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..drawings import Example
from ..strokes import Frame
from . import pixels, theme
from .canvas_paint import PEN, CanvasLook, paint_canvas
from .sketch import Sketch

_REACH = PEN / 2 + 0.03  # how near the eraser must come to the middle of a line
_STEP, _LEAP = 0.02, 0.1  # how far an arrow key moves the pen, without and with Shift
_TOOLTIP_MS = 6000
_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class DrawingCanvas(QWidget):
    """A square that records strokes and renders them as the model gets them.

    Left button, pen or finger draws; the right button or the pen's other end erases the stroke under it. With keys:
    arrows move the pen (Shift: further), Space puts it down and lifts it, Escape drops the stroke, Delete clears,
    Ctrl+Z and Ctrl+Shift+Z undo and redo.

    Signals:
        changed: The content is another: the pen lifted, something was erased, set, cleared, undone or redone.
        live: A stroke is growing; at most every 50 ms.
    """

    changed = Signal()
    live = Signal()

    def __init__(self, parent: QWidget | None = None, *, hint: str = "Draw here", side: int = 96) -> None:
        super().__init__(parent)
        self._hint = hint
        self._side = side
        self._inset = False
        self._pen = QPointF(0.5, 0.5)  # where mouse, pen, finger or keys were last
        self._by_keys = False
        self._finger: int | None = None
        self._faded = False
        self._score: float | None = None
        self._heat: np.ndarray | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Drawing canvas")
        self._sketch = Sketch(self)
        self._follow_sketch()

    # What is on it

    @property
    def sketch(self) -> Sketch:
        """The drawing on it."""
        return self._sketch

    def set_sketch(self, sketch: Sketch) -> None:
        """Show another drawing. `changed` is not emitted: whoever exchanges it knows, and has a growing stroke lifted before."""
        if sketch is not self._sketch:
            self._sketch.drop()
            self._sketch.disconnect(self)
            if self._sketch.parent() is self:
                self._sketch.deleteLater()
            self._sketch = sketch
            self._follow_sketch()

    def _follow_sketch(self) -> None:
        self._sketch.changed.connect(self._take_change)
        self._sketch.changed.connect(self.changed)
        self._sketch.live.connect(self._take_live)
        self._sketch.looks_changed.connect(self.update)
        self._score = self._heat = None
        self._take_change()

    def _take_live(self) -> None:
        self.update()
        self.live.emit()

    def strokes(self) -> list[np.ndarray]:
        """Return the strokes, float64 ``[points, 3]`` each, the growing one included."""
        return self._sketch.strokes()

    def set_strokes(self, strokes: Sequence[np.ndarray]) -> None:
        """Show other strokes.

        Args:
            strokes: Float arrays ``[points, 3]``, as `maml_studio.strokes` defines them.

        Raises:
            DrawingError: A stroke has another shape, or a point that is not finite.
        """
        self._sketch.set_example(Example(tuple(strokes)))

    def set_example(self, example: Example) -> None:
        """Show strokes, or a picture as the model gets it; drawing over a picture takes it off first.

        Args:
            example: What to show; an empty one clears.
        """
        self._sketch.set_example(example)

    def image(self) -> np.ndarray:
        """Return what the model gets: float32 ``[size, size]`` in [0, 1], ink = 1; not to be written to."""
        return self._sketch.image()

    def is_empty(self) -> bool:
        """Tell whether there is neither a stroke nor a picture."""
        return self._sketch.is_empty()

    def set_frame(self, frame: Frame) -> None:
        """Frame the strokes as another data source does; emits `changed` unless there is nothing to frame."""
        self._sketch.set_frame(frame)

    def can_undo(self) -> bool:
        """Tell whether there is a stroke to drop, or a step back of its own."""
        return self._sketch.can_undo()

    def can_redo(self) -> bool:
        """Tell whether there is a step forward again of its own."""
        return self._sketch.can_redo()

    def undo(self) -> None:
        """Take its last step back, unless the way back is a page's; in the middle of a stroke, drop that stroke."""
        self._sketch.undo()

    def redo(self) -> None:
        """Go forward again to what undo took back."""
        self._sketch.redo()

    def clear(self) -> None:
        """Take everything off; undo brings it back."""
        self._sketch.clear()

    def set_old(self, old: bool) -> None:
        """Show what is there as done with, so that the next stroke begins another drawing; or no longer."""
        self._sketch.set_old(old)

    # What it looks like

    def set_faded(self, faded: bool) -> None:
        """Show it as out of use; it can be drawn on all the same."""
        if faded != self._faded:
            self._faded = faded
            self.update()

    def set_score(self, score: float | None) -> None:
        """Show a share from 0 to 1 as a bar along the lower edge; None takes it away."""
        if score != self._score:
            self._score = score
            self._describe()
            self.update()

    @property
    def score(self) -> float | None:
        """The share on show."""
        return self._score

    def set_heat(self, heat: np.ndarray | None) -> None:
        """Lay weights of pixels over the image in the corner, which grows for it.

        Args:
            heat: ``[size, size]`` in [-1, 1]: 1 speaks for the prediction most, -1 against it, 0 not at all; None takes them away.
        """
        self._heat = heat
        self.update()

    @property
    def heat(self) -> np.ndarray | None:
        """The weights on show."""
        return self._heat

    def set_inset_visible(self, visible: bool) -> None:
        """Show the image that the model gets in a corner, or only while the pointer rests on the canvas or a Tab comes to it."""
        self._inset = visible
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(self._side, 64), min(self._side, 64))

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return width

    def paintEvent(self, event: QPaintEvent) -> None:
        keys = self._by_keys and self.hasFocus()
        look = CanvasLook(
            self._square(),
            "" if keys or not self.is_empty() else self._hint,
            inset=self._inset and not self.is_empty(),
            faded=self._faded or not self.isEnabled(),
            focused=self.hasFocus(),
            cursor=self._pen if keys else None,
            score=self._score,
            heat=self._heat,
        )
        paint_canvas(QPainter(self), self._sketch, look, theme.current())

    def _square(self) -> QRectF:
        """The drawing area: the largest square in the middle of the widget."""
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _take_change(self) -> None:
        if self.hasFocus():
            QToolTip.hideText()  # it would show what was there before
        self._score = self._heat = None
        self._describe()
        self.update()

    def _describe(self) -> None:
        count = len(self._sketch.strokes())
        if self._sketch.picture is not None:
            content = "Shows an example."
        else:
            content = f"{count} stroke{'s' * (count != 1)}." if count else f"Empty. {self._hint}."
        if self._score is not None:
            content += f" The model gives it {self._score:.0%}."
        self.setAccessibleDescription(f"{content} Arrow keys move the pen, Space puts it down or lifts it.")

    # Mouse, pen and finger

    def _put(self, position: QPointF) -> tuple[float, float]:
        """Put the pen at a position of the widget; return it in units of the square's side, kept within its edges."""
        square = self._square()
        at = (position - square.topLeft()) / max(square.width(), 1)
        self._pen = QPointF(min(max(at.x(), 0.0), 1.0), min(max(at.y(), 0.0), 1.0))
        self._by_keys = False
        self.update()
        return self._pen.toTuple()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._sketch.begin(*self._put(event.position()))
        elif event.button() == Qt.MouseButton.RightButton and not self._sketch.drawing:
            self._sketch.erase(*self._put(event.position()), _REACH)
        else:
            event.ignore()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._sketch.grow(*self._put(event.position()))
        elif event.buttons() & Qt.MouseButton.RightButton:
            self._sketch.erase(*self._put(event.position()), _REACH)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._sketch.lift()
        elif event.button() == Qt.MouseButton.RightButton:
            self._sketch.end_erasing()

    def tabletEvent(self, event: QTabletEvent) -> None:
        rubber = event.pointerType() == QPointingDevice.PointerType.Eraser
        rubber = rubber or bool((event.button() | event.buttons()) & Qt.MouseButton.RightButton)
        if event.type() == QEvent.Type.TabletPress:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            at = self._put(event.position())
            self._sketch.erase(*at, _REACH) if rubber else self._sketch.begin(*at)
        elif event.type() == QEvent.Type.TabletMove and event.buttons():
            at = self._put(event.position())
            self._sketch.erase(*at, _REACH) if rubber else self._sketch.grow(*at)
        elif event.type() == QEvent.Type.TabletRelease:
            self._sketch.lift()
            self._sketch.end_erasing()
        event.accept()  # or Qt would send the same once more as a mouse

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QTouchEvent):
            self._touch(event)
            event.accept()
            return True
        if event.type() == QEvent.Type.ShortcutOverride and self._is_own(event):
            event.accept()  # while the canvas itself has something to undo, Ctrl+Z is its own and not the page's
            return True
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._show_pixels(event.globalPos())
            return True
        return super().event(event)

    def _show_pixels(self, at: QPoint) -> None:
        """Show the image that the model gets beside a canvas that is too small to hold it."""
        if not self._inset and not self._sketch.drawing and not self.is_empty():
            size = self._sketch.frame.size
            words = f"What the model gets:<br>{size} × {size} pixels"
            QToolTip.showText(at, pixels.tooltip(self.image(), theme.current(), words), self, self.rect(), _TOOLTIP_MS)

    def _touch(self, event: QTouchEvent) -> None:
        """Let the first finger draw; further ones are the resting hand and do nothing."""
        if event.type() == QEvent.Type.TouchCancel:
            self._finger = None
            self._sketch.drop()
            return
        for point in event.points():
            if point.state() == QEventPoint.State.Pressed and self._finger is None:
                self._finger = point.id()
                self.setFocus(Qt.FocusReason.MouseFocusReason)
                self._sketch.begin(*self._put(point.position()))
            elif point.id() != self._finger:
                continue
            elif point.state() == QEventPoint.State.Released:
                self._finger = None
                self._sketch.lift()
            else:
                self._sketch.grow(*self._put(point.position()))

    # Keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        QToolTip.hideText()
        if not self._is_own(event) or not self.isEnabled():
            super().keyPressEvent(event)
            return
        key = event.key()
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undo()
        elif _is_redo(event):
            self.redo()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.clear()
        elif key == Qt.Key.Key_Escape:
            if self._sketch.drawing:
                self._sketch.drop()
            else:
                super().keyPressEvent(event)  # no stroke to drop: it may close a dialog
        else:
            self._move_pen(event)

    def _is_own(self, event: QKeyEvent) -> bool:
        if event.matches(QKeySequence.StandardKey.Undo):
            return self.can_undo()
        return self.can_redo() if _is_redo(event) else _is_pen_key(event)

    def _move_pen(self, event: QKeyEvent) -> None:
        self._by_keys = True
        if event.key() in _ARROWS:
            step = _LEAP if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else _STEP
            at = self._pen + QPointF(*_ARROWS[event.key()]) * step
            self._pen = QPointF(min(max(at.x(), 0.0), 1.0), min(max(at.y(), 0.0), 1.0))
            self._sketch.grow(*self._pen.toTuple())
        elif not event.isAutoRepeat():
            if self._sketch.drawing:
                self._sketch.lift()
            else:
                self._sketch.begin(*self._pen.toTuple())
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self._by_keys = True
            # Not before the focus is here: a change of focus hides every tooltip.
            QTimer.singleShot(0, self, lambda: self._show_pixels(self.mapToGlobal(self.rect().topRight())))
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        if self._by_keys:
            self._sketch.lift()
        super().focusOutEvent(event)


def _is_redo(event: QKeyEvent) -> bool:
    # Which of the two is standard depends on the system; both are in people's fingers.
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    pressed = (event.key(), event.modifiers())
    return event.matches(QKeySequence.StandardKey.Redo) or pressed in (
        (Qt.Key.Key_Z, control | shift),
        (Qt.Key.Key_Y, control),
    )


def _is_pen_key(event: QKeyEvent) -> bool:
    plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    keys = (*_ARROWS, Qt.Key.Key_Space, Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Escape)
    return plain and event.key() in keys
