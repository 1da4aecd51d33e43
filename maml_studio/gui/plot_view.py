"""The drawing area of a plot: axes, grid, crosshair, and the mouse's ways to zoom."""

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFont, QMouseEvent, QPainter, QPen, QWheelEvent
from PySide6.QtWidgets import QScrollArea

from .plot_axis import Axis
from .plot_data import Range
from .theme import Theme


class _Box(pg.ViewBox):
    """A view box in which dragging zooms into a rectangle; with Shift or the middle button it pans."""

    double_clicked = Signal()

    def __init__(self) -> None:
        super().__init__(enableMenu=False, defaultPadding=0)
        self.disableAutoRange()

    def mouseDragEvent(self, event: object, axis: int | None = None) -> None:
        """Choose between zoom and pan as a drag begins."""
        if event.isStart():
            pan = event.button() == Qt.MouseButton.MiddleButton or event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.setMouseMode(self.PanMode if pan else self.RectMode)
        super().mouseDragEvent(event, axis)

    def mouseClickEvent(self, event: object) -> None:
        """Tell of a double click."""
        if event.double() and event.button() == Qt.MouseButton.LeftButton:
            event.accept()
            self.double_clicked.emit()


class PlotView(pg.PlotWidget):
    """The drawing area.

    Signals:
        hovered: The pointer is over this x.
        left: The pointer is over it no longer.
        zoomed: The user zoomed or panned.
        reset: The user double clicked.
    """

    hovered = Signal(float)
    left = Signal()
    zoomed = Signal()
    reset = Signal()

    def __init__(self, x_title: str, y_title: str, *, whole_x: bool, empty_text: str) -> None:
        self.box = _Box()
        axes = {"bottom": Axis("bottom", x_title, whole=whole_x), "left": Axis("left", y_title)}
        super().__init__(viewBox=self.box, axisItems=axes, enableMenu=False)
        self._axes = axes
        self._empty_text, self._empty = empty_text, False
        self._theme: Theme | None = None
        for axis in axes.values():
            axis.setZValue(-1)  # its grid lies behind the curves
        self.hideButtons()
        self.getPlotItem().layout.setContentsMargins(0, 4, 12, 0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self._line = pg.InfiniteLine(angle=90)
        self._dots = pg.ScatterPlotItem(size=7)
        for z, item in ((30, self._line), (31, self._dots)):
            item.setZValue(z)
            item.setVisible(False)
            self.box.addItem(item, ignoreBounds=True)
        self.box.sigRangeChangedManually.connect(self.zoomed)
        self.box.double_clicked.connect(self.reset)

    def set_y_title(self, title: str) -> None:
        """Name what the y axis shows."""
        self._axes["left"].set_title(title)

    def set_x_title(self, title: str, *, whole: bool) -> None:
        """Name what the x axis shows, and say whether it counts something."""
        self._axes["bottom"].set_title(title, whole=whole)

    def set_theme(self, theme: Theme) -> None:
        """Take a scheme's colours on."""
        self._theme = theme
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 0.85)
        for axis in self._axes.values():
            axis.set_theme(theme, font)
        self.setBackground(theme.panel)
        self._line.setPen(pg.mkPen(theme.color("muted"), width=1))
        frame, veil = theme.color("accent"), theme.color("accent")
        veil.setAlphaF(0.15)
        self.box.rbScaleBox.setPen(QPen(frame, 0))
        self.box.rbScaleBox.setBrush(veil)

    def set_log(self, log: bool) -> None:
        """Label the y axis with powers of ten."""
        self._axes["left"].setLogMode(False, log)

    def set_empty(self, empty: bool) -> None:
        """Say in the middle that there is nothing to see, or not."""
        if empty != self._empty:
            self._empty = empty
            for axis in self._axes.values():  # numbers would mean nothing
                axis.setStyle(showValues=not empty)
                axis.setGrid(False if empty else 255)
            self.viewport().update()

    def shown_words(self) -> str:
        """Return what it says in the middle."""
        return self._empty_text if self._empty else ""

    def x_range(self) -> Range:
        """Return the left and the right edge."""
        return tuple(self.box.viewRange()[0])

    def set_x_range(self, x: Range) -> None:
        """Show this range of x, with a little air round it, and limit zooming to what makes sense there."""
        low, high = _aired(x, 0.015)
        self.box.setLimits(minXRange=(high - low) * 1e-7, maxXRange=(high - low) * 100)
        self.box.setXRange(low, high, padding=0)

    def set_y_range(self, y: Range) -> None:
        """Show this range of y in the same way."""
        low, high = _aired(y, 0.03)
        self.box.setLimits(minYRange=(high - low) * 1e-7, maxYRange=(high - low) * 100)
        self.box.setYRange(low, high, padding=0)

    def zoom_x(self, factor: float, x: float | None = None) -> None:
        """Zoom along x only, round a position or round the middle."""
        middle = self.box.viewRect().center()
        self.box.scaleBy(x=factor, center=QPointF(middle.x() if x is None else x, middle.y()))

    def set_crosshair(self, x: float | None, dots: Sequence[tuple[float, float, str]]) -> None:
        """Draw the line at x with a dot (x, y, role) on each curve, or neither."""
        self._line.setVisible(x is not None)
        self._dots.setVisible(bool(dots))
        if x is not None:
            self._line.setValue(x)
        if dots:
            brushes = [self._theme.color(role) for *_, role in dots]
            self._dots.setData([d[0] for d in dots], [d[1] for d in dots], brush=brushes, pen=pg.mkPen(self._theme.color("panel"), width=1))

    def paint(self, painter: QPainter, target: QRectF) -> None:
        """Paint the scene into a part of something else: slower than on the screen, so with soft edges."""
        items = [item for item in self.scene().items() if isinstance(item, pg.GraphicsObject)]
        for item in items:
            item.setExportMode(True, {"antialias": True, "painter": painter})
        self.render(painter, target, self.viewport().rect(), Qt.AspectRatioMode.IgnoreAspectRatio)
        for item in items:
            item.setExportMode(False)

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:  # noqa: N802
        """Write the words for an empty plot in its middle."""
        super().drawForeground(painter, rect)
        if self.shown_words() and self._theme:
            painter.setPen(self._theme.color("muted"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.box.sceneBoundingRect().adjusted(12, 8, -12, -8), flags, self.shown_words())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell where the pointer is."""
        super().mouseMoveEvent(event)
        at = self.mapToScene(event.position().toPoint())
        if event.buttons() == Qt.MouseButton.NoButton and self.box.sceneBoundingRect().contains(at):
            self.hovered.emit(self.box.mapSceneToView(at).x())
        else:
            self.left.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom; but on a page that scrolls the wheel is the page's, unless Ctrl is held or the plot is at work."""
        if self._on_scrolling_page() and not self.hasFocus() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            event.ignore()
            return
        super().wheelEvent(event)

    def _on_scrolling_page(self) -> bool:
        parent = self.parentWidget()
        while parent is not None and not (isinstance(parent, QScrollArea) and parent.verticalScrollBar().maximum() > 0):
            parent = parent.parentWidget()
        return parent is not None

    def leaveEvent(self, event: QEvent) -> None:
        """Tell that the pointer is gone."""
        super().leaveEvent(event)
        self.left.emit()


def _aired(ends: Range, share: float) -> Range:
    low, high = ends
    air = share * (high - low)
    return low - air, high + air
