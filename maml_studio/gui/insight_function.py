"""A function at every inner step beside the truth, with points to drag by mouse or keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from . import theme
from .plot_data import short
from .plots import Plot

if TYPE_CHECKING:
    from ..insight.functions import FunctionInsight

NEAR = 12
"""A point is taken hold of within so many pixels."""
X_EDGE, Y_EDGE = 5.0, 10.0
STEP, FAR = 0.1, 0.5
"""How far an arrow key moves a point, alone and with Shift."""


class FunctionPlot(Plot):
    """The function before the first inner step and after each, and the points that it adapts to.

    Drag a point to move it. With the focus: Page Down and Page Up choose a point, the arrows move the one that is chosen (with Shift five
    times as far), Escape lets it go; the rest is as in any plot.

    Signals:
        moved: The user moved a point.
    """

    moved = Signal()

    def __init__(self) -> None:
        super().__init__("Function by inner step", "x", "y", theme=theme.manager(), integer_x=False)
        self._x, self._y = np.empty(0), np.empty(0)
        self._chosen: int | None = None
        self._held: int | None = None
        self._follows = True
        self._points = pg.ScatterPlotItem(size=11, pxMode=True)
        self._points.setZValue(40)
        self._mark_of_chosen = pg.ScatterPlotItem(size=19, pxMode=True)
        self._mark_of_chosen.setZValue(39)
        for item in (self._points, self._mark_of_chosen):
            self._view.box.addItem(item, ignoreBounds=True)
        self._view.viewport().installEventFilter(self)
        self._show_points()

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """The points as they lie: x and y ``[points]``."""
        return self._x.copy(), self._y.copy()

    @property
    def chosen(self) -> int | None:
        """Which point the keys move."""
        return self._chosen

    def set_points(self, x: np.ndarray, y: np.ndarray) -> None:
        """Show other points."""
        self._x, self._y = np.array(x, float), np.array(y, float)
        self._chosen = self._held = None
        self._show_points()

    def show_function(self, found: FunctionInsight) -> None:
        """Show the function at every inner step; the points stay where the user has them by now."""
        last = len(found.values) - 1
        for key in [key for key in self._layers if key.startswith("step ") and int(key.removeprefix("step ")) > last]:
            self.remove(key)
        truth = found.task.true_values(found.x)
        if truth is None:
            self.remove("truth")
        else:
            self.set_curve("truth", found.x, truth, role="query", name="truth", dashed=True)
        self.set_curve("random", found.x, found.random, role="before", name=f"random start, {last} steps", dashed=True)
        for step, values in enumerate(found.values):
            ends = {0: "before", last: f"after {last} step{'' if last == 1 else 's'}"}
            # The start stands out from what lies between it and the end.
            share = 0.7 if step == 0 else 0.25 + 0.3 * step / max(1, last)
            role, opacity = ("after", 1.0) if step == last and last else ("inner", share)
            self.set_curve(f"step {step}", found.x, values, role=role, name=ends.get(step, ""), opacity=opacity)

    def place_of(self, point: int) -> QPointF:
        """Where a point is painted, in the drawing area's own pixels."""
        return QPointF(self._view.mapFromScene(self._view.box.mapViewToScene(QPointF(self._x[point], self._y[point]))))

    def area(self) -> QObject:
        """The widget that takes the mouse."""
        return self._view.viewport()

    def _take_theme(self) -> None:
        super()._take_theme()
        if hasattr(self, "_points"):  # Plot's constructor calls this before there are any
            self._show_points()

    def _show_points(self) -> None:
        colours = theme.current()
        self._points.setData(self._x, self._y, brush=pg.mkBrush(colours.color("support")), pen=pg.mkPen(colours.color("panel"), width=1))
        if self._chosen is None:
            self._mark_of_chosen.clear()
        else:
            at = self._chosen
            self._mark_of_chosen.setData([self._x[at]], [self._y[at]], brush=None, pen=pg.mkPen(colours.color("accent"), width=2))
            self.set_note(f"point {at + 1} of {len(self._x)}: x {short(self._x[at], 3)}, y {short(self._y[at], 3)}")
        if self._chosen is None:
            self.set_note("drag a point")

    def _move(self, point: int, x: float, y: float) -> None:
        x, y = float(np.clip(x, -X_EDGE, X_EDGE)), float(np.clip(y, -Y_EDGE, Y_EDGE))
        if (x, y) != (self._x[point], self._y[point]):
            self._x[point], self._y[point] = x, y
            self._show_points()
            self.moved.emit()

    def _point_near(self, at: QPointF) -> int | None:
        away = [(self.place_of(point) - at).manhattanLength() for point in range(len(self._x))]
        return int(np.argmin(away)) if away and min(away) <= NEAR else None

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let points be dragged; where there is none, the mouse zooms as in any plot."""
        if not isinstance(event, QMouseEvent) or watched is not self._view.viewport():
            return super().eventFilter(watched, event)
        at = event.position()
        if event.type() == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._held = self._point_near(at)
            if self._held is not None:
                self.setFocus()
                self._chosen = self._held
                # The axis stays while a point is in the hand, or the point would run away from it.
                self._follows, self._auto_y = self._auto_y, False
                self._leave()
                self._show_points()
                return True
        elif event.type() == QEvent.Type.MouseMove and self._held is not None:
            place = self._view.box.mapSceneToView(self._view.mapToScene(at.toPoint()))
            self._move(self._held, place.x(), place.y())
            return True
        elif event.type() == QEvent.Type.MouseMove and event.buttons() == Qt.MouseButton.NoButton:
            near = self._point_near(at) is not None
            watched.setCursor(Qt.CursorShape.OpenHandCursor if near else Qt.CursorShape.ArrowCursor)  # type: ignore[attr-defined]
        elif event.type() == QEvent.Type.MouseButtonRelease and self._held is not None:
            self._held = None
            self._auto_y = self._follows
            self._mark()
            return True
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose and move points."""
        key = event.key()
        ways = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, 1),
            Qt.Key.Key_Down: (0, -1),
        }
        if key in (Qt.Key.Key_PageDown, Qt.Key.Key_PageUp) and len(self._x):
            order = np.argsort(self._x, kind="stable").tolist()
            way = 1 if key == Qt.Key.Key_PageDown else -1
            at = order.index(self._chosen) + way if self._chosen is not None else (0 if way > 0 else -1)
            self._chosen = order[at % len(order)]
            self._show_points()
        elif key in ways and self._chosen is not None:
            far = FAR if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else STEP
            right, up = ways[Qt.Key(key)]
            self._move(self._chosen, self._x[self._chosen] + right * far, self._y[self._chosen] + up * far)
        elif key == Qt.Key.Key_Escape and self._chosen is not None:
            self._chosen = None
            self._show_points()
        else:
            super().keyPressEvent(event)

    def _read_out(self) -> None:
        super()._read_out()
        if hasattr(self, "_points") and len(self._x):
            places = ", ".join(f"({short(x, 3)}, {short(y, 3)})" for x, y in zip(self._x.tolist(), self._y.tolist(), strict=True))
            self.setAccessibleDescription(f"{self.accessibleDescription()}; points at {places}")

    def _columns(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        columns = [(key if head.startswith(("before", "after")) else head, x, y) for head, x, y in super()._columns() for key in [head]]
        return [*columns, ("points", self._x, self._y)]
