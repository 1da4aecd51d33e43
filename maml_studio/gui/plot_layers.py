"""What can lie in a plot: curves, an interval's band, the fading history of a short curve.

Each layer keeps its data, says what of it is to be drawn between two positions (`collect`) and hands that to pyqtgraph
(`draw`). Pens are one pixel wide and never antialiased: of three curves of 20,000 points, that made the difference
between 3 ms and 4,500 ms.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem

from . import plot_data
from .theme import Theme

Scale = Callable[[np.ndarray], np.ndarray]  # values to what the axis shows of them: themselves, or powers of ten
Dash = bool | tuple[float, ...]  # whether a line is dashed, or its pattern of dashes and gaps in pixels
_FAINT = 0.3  # how much of a raw curve shows behind its smoothed one
_LEVELS = 8  # steps in which a history fades


def _line(z: float) -> pg.PlotCurveItem:
    item = pg.PlotCurveItem(connect="finite")
    item.setZValue(z)
    return item


def _pen(theme: Theme, role: str, opacity: float, *, dashed: Dash = False) -> QPen:
    colour = theme.color(role)
    colour.setAlphaF(min(max(opacity, 0.0), 1.0))
    pen = QPen(colour, 1)
    pen.setCosmetic(True)
    if dashed:
        pen.setDashPattern([4, 3] if dashed is True else list(dashed))
    return pen


class Layer:
    """One thing in a plot.

    Attributes:
        role: The colour's role.
        name: Its name in the legend, or nothing.
        dashed: Whether its line is dashed, or how.
    """

    def __init__(self, view: pg.ViewBox, items: Sequence[pg.GraphicsObject]) -> None:
        self._view, self._items = view, items
        self.role, self.name = "", ""
        self.dashed: Dash = False
        for item in items:
            view.addItem(item, ignoreBounds=True)

    def remove(self) -> None:
        """Take it out of the plot."""
        for item in self._items:
            self._view.removeItem(item)

    def extent(self) -> plot_data.Range | None:
        """Return the least and the greatest x."""
        raise NotImplementedError

    def collect(self, low: float, high: float, weight: float) -> list[np.ndarray]:
        """Work out what to draw between two positions, at a smoothing weight; return the values to make room for."""
        raise NotImplementedError

    def draw(self, scale: Scale) -> None:
        """Draw what was collected."""
        raise NotImplementedError

    def recolour(self, theme: Theme) -> None:
        """Take a scheme's colours on."""
        raise NotImplementedError


class CurveLayer(Layer):
    """A curve; a smoothed one lies over the raw one where wanted, and dots on its points where there are few."""

    def __init__(self, view: pg.ViewBox) -> None:
        self._raw, self._over = _line(10), _line(20)
        self._dots = pg.ScatterPlotItem(size=5, pxMode=True)
        self._dots.setZValue(15)
        super().__init__(view, (self._raw, self._over, self._dots))
        self.series, self.smoothed = plot_data.Series(), plot_data.Series()
        self._smoothing = plot_data.Smoothing()
        self.smooth = self._symbol = False
        self._opacity, self._faint = 1.0, False
        self._kept = 0
        self._drawn: list[tuple[np.ndarray, np.ndarray]] = []

    def set(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take other points on."""
        self._kept = min(self._kept, self.series.set(x, y))

    def style(self, role: str, name: str, smooth: bool, dashed: Dash, symbol: bool, opacity: float) -> bool:
        """Take another look on; tell whether it is one."""
        before = (self.role, self.name, self.smooth, self.dashed, self._symbol, self._opacity)
        self.role, self.name, self.smooth, self.dashed, self._symbol, self._opacity = role, name, smooth, dashed, symbol, opacity
        return before != (role, name, smooth, dashed, symbol, opacity)

    def extent(self) -> plot_data.Range | None:
        """Return the least and the greatest x."""
        return self.series.extent()

    def collect(self, low: float, high: float, weight: float) -> list[np.ndarray]:
        """Work out what to draw; see `Layer`."""
        self._drawn = [self.series.bins(low, high)]
        if self.smooth and weight:
            # With a longer buffer of its own, the smoothed curve is appended to just as the raw one was.
            self.smoothed.set(self.series.x, self._smoothing.of(self.series.y, self._kept, weight))
            self._kept = len(self.series.y)
            self._drawn.append(self.smoothed.bins(low, high))
        return [y for _, y in self._drawn]

    def draw(self, scale: Scale) -> None:
        """Draw what was collected."""
        lines = [(x, scale(y)) for x, y in self._drawn]
        self._raw.setData(*lines[0], connect="finite")
        self._over.setVisible(len(lines) > 1)
        if len(lines) > 1:
            self._over.setData(*lines[1], connect="finite")
        x, y = lines[0]
        there = np.isfinite(x) & np.isfinite(y)
        dots = self._symbol and len(x) <= 200
        alone = not dots and there.sum() == 1  # a line through one point is nothing to see
        self._dots.setData(x[there], y[there]) if dots or alone else self._dots.clear()

    def recolour(self, theme: Theme, weight: float = 0.0) -> None:
        """Take a scheme's colours on, the raw curve faint where a smoothed one lies over it."""
        faint = _FAINT if self.smooth and weight else 1.0
        self._raw.setPen(_pen(theme, self.role, self._opacity * faint, dashed=self.dashed))
        self._over.setPen(_pen(theme, self.role, self._opacity, dashed=self.dashed))
        self._dots.setPen(None)
        self._dots.setBrush(_pen(theme, self.role, self._opacity).color())

    def value(self, x: float) -> tuple[float, float, float | None] | None:
        """Return x, y and the smoothed y (None without) of the point nearest to a position."""
        at = self.series.nearest(x)
        if at is None:
            return None
        smoothed = float(self.smoothed.y[at]) if len(self._drawn) > 1 and at < len(self.smoothed.y) else None
        return float(self.series.x[at]), float(self.series.y[at]), smoothed


class BandLayer(Layer):
    """A translucent band between two curves."""

    def __init__(self, view: pg.ViewBox) -> None:
        self._area = QGraphicsPathItem()
        self._area.setPen(QPen(Qt.PenStyle.NoPen))
        self._area.setZValue(-10)
        super().__init__(view, (self._area,))
        self.low, self.high = plot_data.Series(), plot_data.Series()
        self._drawn: list[tuple[np.ndarray, np.ndarray]] = []

    def set(self, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        """Take another band on."""
        self.low.set(x, low)
        self.high.set(x, high)

    def extent(self) -> plot_data.Range | None:
        """Return the least and the greatest x."""
        return self.low.extent()

    def collect(self, low: float, high: float, weight: float) -> list[np.ndarray]:
        """Work out what to draw; see `Layer`."""
        self._drawn = [self.low.bins(low, high), self.high.bins(low, high)]
        return [y for _, y in self._drawn]

    def draw(self, scale: Scale) -> None:
        """Draw what was collected."""
        (x, low), (_, high) = self._drawn
        low, high = scale(low), scale(high)
        there = np.flatnonzero(np.isfinite(x) & np.isfinite(low) & np.isfinite(high))
        path = QPainterPath()
        for run in np.split(there, np.flatnonzero(np.diff(there) > 1) + 1) if len(there) else ():
            around = np.concatenate([low[run], high[run[::-1]]])
            path.addPolygon(pg.functions.arrayToQPolygonF(np.concatenate([x[run], x[run[::-1]]]), around))
        self._area.setPath(path)

    def recolour(self, theme: Theme) -> None:
        """Take a scheme's colours on."""
        colour = theme.color(self.role)
        colour.setAlphaF(0.22)
        self._area.setBrush(colour)


class HistoryLayer(Layer):
    """Earlier courses of a short curve, fading with age; one item per step of fading, however many curves."""

    def __init__(self, view: pg.ViewBox) -> None:
        self._levels = [_line(-20 - level) for level in range(_LEVELS)]
        super().__init__(view, self._levels)
        self.curves: list[tuple[np.ndarray, np.ndarray]] = []
        self.opacity = 0.5
        self._drawn: list[tuple[np.ndarray, np.ndarray]] = []

    def set(self, curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        """Take other curves on, the oldest first."""
        self.curves = [(np.asarray(x), np.asarray(y)) for x, y in curves]
        for x, y in self.curves:
            if x.ndim != 1 or x.shape != y.shape:
                raise ValueError(f"x and y of a curve must be two rows of one length, not of shapes {x.shape} and {y.shape}.")

    def extent(self) -> plot_data.Range | None:
        """Return the least and the greatest x."""
        return plot_data.span(*(x for x, _ in self.curves))

    def collect(self, low: float, high: float, weight: float) -> list[np.ndarray]:
        """Work out what to draw; see `Layer`."""
        count, gap = len(self.curves), np.array([np.nan])
        self._drawn = []
        for level in range(_LEVELS):  # 0 holds the newest
            mine = [c for age, c in enumerate(reversed(self.curves)) if age * _LEVELS // max(count, _LEVELS) == level]
            x, y = ([part for curve in mine for part in (plot_data.drawable(curve[axis]), gap)] for axis in (0, 1))
            self._drawn.append((np.concatenate(x), np.concatenate(y)) if mine else (np.empty(0), np.empty(0)))
        return [y for _, y in self._drawn]

    def draw(self, scale: Scale) -> None:
        """Draw what was collected."""
        for item, (x, y) in zip(self._levels, self._drawn, strict=True):
            item.setData(x, scale(y), connect="finite")

    def recolour(self, theme: Theme) -> None:
        """Take a scheme's colours on."""
        for level, item in enumerate(self._levels):
            item.setPen(_pen(theme, self.role, self.opacity * (1 - level / _LEVELS), dashed=self.dashed))
