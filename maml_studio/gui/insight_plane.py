"""A loss on the plane of weights as a map with contour lines, and the inner path drawn on it."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QTransform
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ..training.norm_words import norm_words
from . import theme
from .insight_figure import Figure
from .plot_data import log_ticks, short
from .plot_view import PlotView

if TYPE_CHECKING:
    from ..insight.plane import PlaneInsight

FINER = 8
"""The map is drawn on a grid so many times as fine; in between, the logarithm of the loss is taken as linear."""
CONTOURS = 9
DEEPEST, FAINTEST = 0.85, 0.04
"""How much of the role's colour the lowest and the highest loss have."""
NEAR = 12
ASPECT = 1.5
"""Width of the map to its height, see `maml_studio.insight.plane`."""


class MapView(PlotView):
    """The drawing area.

    Signals:
        pointed: The pointer is over this place.
    """

    pointed = Signal(float, float)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Tell where the pointer is, in both directions."""
        super().mouseMoveEvent(event)
        at = self.mapToScene(event.position().toPoint())
        if event.buttons() == Qt.MouseButton.NoButton and self.box.sceneBoundingRect().contains(at):
            place = self.box.mapSceneToView(at)
            self.pointed.emit(place.x(), place.y())


class LossMap(QWidget):
    """The map with its scale below.

    Args:
        role: the colour's role, ``support`` or ``query``.
    """

    def __init__(self, role: str) -> None:
        super().__init__()
        self.role = role
        self.plane: PlaneInsight | None = None
        self.view = MapView("distance from θ towards φ", "across", whole_x=False, empty_text="")
        self.view.box.setAspectLocked(True)
        self.view.setAccessibleName(f"{role} loss on the plane")
        self.scale = ScaleBar(role)
        self._image = pg.ImageItem()
        self._image.setZValue(-50)
        self._lines: list[pg.IsocurveItem] = []
        self._path = pg.PlotCurveItem()
        self._path.setZValue(10)
        self._dots = pg.ScatterPlotItem(pxMode=True)
        self._dots.setZValue(12)
        self._ring = pg.ScatterPlotItem(size=15, pxMode=True)
        self._ring.setZValue(11)
        self._labels = [pg.TextItem(text, anchor=anchor) for text, anchor in (("θ", (1.2, 0.5)), ("φ", (-0.2, 0.5)))]
        for item in (self._image, self._path, self._dots, self._ring, *self._labels):
            self.view.box.addItem(item, ignoreBounds=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.scale)
        self.view.reset.connect(self.fit)
        theme.manager().changed.connect(self.recolour)
        self.view.set_theme(theme.current())

    def losses(self) -> np.ndarray:
        """The loss on the grid, ``[rows, columns]``."""
        assert self.plane is not None
        return self.plane.support if self.role == "support" else self.plane.query

    def show_plane(self, plane: PlaneInsight) -> None:
        """Show another plane."""
        self.plane = plane
        for line in self._lines:
            self.view.box.removeItem(line)
        self._lines = []
        logs = _logs(self.losses())
        self._fine = _finer(logs, FINER)
        low, high = float(logs.min()), float(logs.max())
        levels = np.log10(log_ticks(low, high, CONTOURS)) if high - low > 1e-6 else np.empty(0)
        dx, dy = plane.x[1] - plane.x[0], plane.y[1] - plane.y[0]
        smooth = _finer(logs, 2)
        place = QTransform.fromTranslate(plane.x[0] - dx / 4, plane.y[0] - dy / 4).scale(dx / 2, dy / 2)
        for level in levels[(levels > low) & (levels < high)]:
            # Isocurves are drawn through the middles of cells of size one.
            line = pg.IsocurveItem(smooth.T, float(level))
            line.setTransform(place)
            line.setZValue(-40)
            self.view.box.addItem(line, ignoreBounds=True)
            self._lines.append(line)
        self.scale.set_range(low, high, levels)
        x, y = np.array([[point.x, point.y] for point in plane.path]).T
        self._path.setData(x, y)
        for label, point in zip(self._labels, (plane.path[0], plane.path[-1]), strict=True):
            label.setPos(point.x, point.y)
        self.choose(None)
        self.recolour()
        self.fit()

    def fit(self) -> None:
        """Show all of the map."""
        if self.plane is not None:
            x, y = self.plane.x, self.plane.y
            self.view.box.setRange(QRectF(x[0], y[0], x[-1] - x[0], y[-1] - y[0]), padding=0.01)

    def choose(self, step: int | None) -> None:
        """Put a ring round the weights after an inner step, or round none."""
        if step is None or self.plane is None:
            self._ring.clear()
        else:
            point = self.plane.path[step]
            self._ring.setData([point.x], [point.y], brush=None, pen=pg.mkPen(theme.current().color("accent"), width=2))

    def step_near(self, x: float, y: float) -> int | None:
        """The inner step whose weights are drawn within a few pixels of a place."""
        if self.plane is None:
            return None
        pixel = self.view.box.viewPixelSize()
        away = [math.hypot((point.x - x) / pixel[0], (point.y - y) / pixel[1]) for point in self.plane.path]
        nearest = int(np.argmin(away))
        return nearest if away[nearest] < NEAR else None

    def loss_at(self, x: float, y: float) -> float | None:
        """The loss at a place, from the finer grid; None beyond its edge."""
        if self.plane is None:
            return None
        rows, columns = self._fine.shape
        across = [self.plane.x, self.plane.y]
        column, row = ((v - axis[0]) / (axis[-1] - axis[0]) * (n - 1) for v, axis, n in zip((x, y), across, (columns, rows), strict=True))
        if not (0 <= column <= columns - 1 and 0 <= row <= rows - 1):
            return None
        return float(10 ** self._fine[round(row), round(column)])

    def recolour(self) -> None:
        """Take the scheme's colours on."""
        colours = theme.current()
        self.view.set_theme(colours)
        self.scale.update()
        if self.plane is None:
            return
        # Contour lines reach a quarter of a cell beyond the grid's edge; so does the picture behind them.
        picture = _coloured(np.pad(self._fine, FINER // 4, mode="edge"), colours, self.role)
        self._image.setImage(np.ascontiguousarray(picture.transpose(1, 0, 2)), levels=None)
        x, y = self.plane.x, self.plane.y
        # After the picture is there: the item works out its scale from that.
        dx, dy = (x[1] - x[0]) / 4, (y[1] - y[0]) / 4
        self._image.setRect(QRectF(x[0] - dx, y[0] - dy, x[-1] - x[0] + 2 * dx, y[-1] - y[0] + 2 * dy))
        faint = QColor(colours.color("text"))
        faint.setAlphaF(0.35)
        for line in self._lines:
            line.setPen(pg.mkPen(faint, width=1))
        self._path.setPen(pg.mkPen(colours.color("inner"), width=2))
        x, y = np.array([[point.x, point.y] for point in self.plane.path]).T
        roles = ["before", *["inner"] * (len(x) - 2), "after"]
        self._dots.setData(
            x,
            y,
            size=[11, *[6] * (len(x) - 2), 11],
            brush=[pg.mkBrush(colours.color(role)) for role in roles],
            pen=pg.mkPen(colours.color("panel"), width=1),
        )
        for label in self._labels:
            label.setColor(colours.color("text"))

    def minimumSizeHint(self) -> QSize:
        """Room in which a path can be seen."""
        return QSize(260, 220)


class ScaleBar(QWidget):
    """From the lowest to the highest loss, with the contour lines' values."""

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = role
        self._low, self._high, self._levels = 0.0, 1.0, np.empty(0)
        self.setFixedHeight(self.fontMetrics().height() + 14)

    def set_range(self, low: float, high: float, levels: np.ndarray) -> None:
        """Show another range; all are logarithms to the base 10."""
        self._low, self._high, self._levels = low, high, levels
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint it."""
        self.paint(QPainter(self), QRectF(self.rect()))

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Paint it somewhere: on itself, or into a file."""
        colours = theme.current()
        font = painter.font()
        font.setPointSizeF(self.font().pointSizeF() * 0.85)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        words = "loss "
        left = rect.left() + 34
        bar = QRectF(left, rect.top() + 2, rect.width() - 34 - 24, 8)
        painter.setPen(colours.color("muted"))
        painter.drawText(QRectF(rect.left(), rect.top() - 2, 34, 16), Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, words)
        pieces = 64
        ramp = _coloured(np.linspace(0, 1, pieces)[None], colours, self._role)[0]
        for piece, (red, green, blue) in enumerate(ramp.tolist()):
            painter.fillRect(
                QRectF(bar.left() + piece * bar.width() / pieces, bar.top(), bar.width() / pieces + 1, bar.height()),
                QColor(red, green, blue),
            )
        end = -math.inf
        span = self._high - self._low or 1.0
        for level in self._levels.tolist():
            x = bar.left() + (level - self._low) / span * bar.width()
            text = short(10**level, 2)
            width = metrics.horizontalAdvance(text)
            painter.setPen(QPen(colours.color("text"), 1))
            if bar.left() - 1 <= x <= bar.right() + 1:
                painter.drawLine(QPointF(x, bar.top()), QPointF(x, bar.bottom() + 2))
                if x - width / 2 > end + 4:
                    painter.setPen(colours.color("muted"))
                    painter.drawText(QPointF(x - width / 2, bar.bottom() + 2 + metrics.ascent()), text)
                    end = x + width / 2


class PlaneFigure(Figure):
    """A map in its frame. Left and right go along the inner path and read the losses out; 0 or a double click shows all again.

    Args:
        role: ``support`` or ``query``.
    """

    def __init__(self, role: str) -> None:
        self.map = LossMap(role)
        super().__init__(f"{role.capitalize()} loss", self.map)
        self._role = role
        self._step: int | None = None
        self.map.view.pointed.connect(self._point)
        self.map.view.left.connect(self._leave)

    @property
    def step(self) -> int | None:
        """The inner step that is read out."""
        return self._step

    def show_plane(self, plane: PlaneInsight) -> None:
        """Show another plane."""
        self.map.show_plane(plane)
        self._choose(None)

    def _words(self, step: int) -> str:
        plane = self.map.plane
        assert plane is not None
        point = plane.path[step]
        where = "θ" if step == 0 else f"after step {step}" + (" (φ)" if step == len(plane.path) - 1 else "")
        return f"{where}: {short(point.support if self._role == 'support' else point.query, 3)}"

    def _choose(self, step: int | None, note: str = "") -> None:
        self._step = step
        self.map.choose(step)
        plane = self.map.plane
        if plane is None:
            return
        whole = f"{plane.metric}, {norm_words(plane.norm)}"
        self.set_note(note or (self._words(step) if step is not None else whole))
        steps = [step] if step is not None else range(len(plane.path))
        self.setAccessibleDescription("; ".join(self._words(one) for one in steps))

    def _point(self, x: float, y: float) -> None:
        step, loss = self.map.step_near(x, y), self.map.loss_at(x, y)
        self._choose(step, "" if step is not None or loss is None else f"here: {short(loss, 3)}")

    def _leave(self) -> None:
        self._choose(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go along the path."""
        plane, key = self.map.plane, event.key()
        if plane is None:
            super().keyPressEvent(event)
        elif key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            way = 1 if key == Qt.Key.Key_Right else -1
            before = self._step if self._step is not None else (-1 if way > 0 else len(plane.path))
            self._choose(min(max(before + way, 0), len(plane.path) - 1))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._choose(0 if key == Qt.Key.Key_Home else len(plane.path) - 1)
        elif key == Qt.Key.Key_0:
            self.map.fit()
        elif key == Qt.Key.Key_Escape and self._step is not None:
            self._choose(None)
        else:
            super().keyPressEvent(event)

    def paint_body(self, painter: QPainter, rect: QRectF) -> None:
        """See `Figure`."""
        below = self.map.scale.height()
        self.map.view.paint(painter, rect.adjusted(0, 0, 0, -below - 2))
        self.map.scale.paint(painter, QRectF(rect.left(), rect.bottom() - below, rect.width(), below))

    def table(self) -> bytes:
        """See `Figure`: a row per grid point, then the path."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(["inner step", "along", "across", f"{self._role} loss"])
        plane = self.map.plane
        if plane is not None:
            for point in plane.path:
                writer.writerow([point.step, point.x, point.y, point.support if self._role == "support" else point.query])
            for y, row in zip(plane.y.tolist(), self.map.losses().tolist(), strict=True):
                writer.writerows(["", x, y, loss] for x, loss in zip(plane.x.tolist(), row, strict=True))
        return stream.getvalue().encode()

    def height_for(self, width: int) -> int:
        """How high it should be for that width, so that the map fills it."""
        # What title, scale and axes take.
        return round((width - 76) / ASPECT) + 118


def _logs(losses: np.ndarray) -> np.ndarray:
    """Logarithms, what is no number or zero being taken as the highest or the lowest there is."""
    there = losses[np.isfinite(losses) & (losses > 0)]
    low, high = (float(there.min()), float(there.max())) if len(there) else (1.0, 1.0)
    return np.log10(np.clip(np.where(np.isnan(losses), high, losses), max(low, high * 1e-9), high))


def _finer(values: np.ndarray, times: int) -> np.ndarray:
    """Values ``[rows, columns]`` on a grid so many times as fine, linear in between, the same at the old points."""
    for axis in (0, 1):
        count = values.shape[axis]
        at = np.linspace(0, count - 1, (count - 1) * times + 1)
        low = np.minimum(at.astype(int), count - 2)
        share = (at - low).reshape((-1, 1) if axis == 0 else (1, -1))
        values = np.take(values, low, axis) * (1 - share) + np.take(values, low + 1, axis) * share
    return values


def _coloured(values: np.ndarray, colours: theme.Theme, role: str) -> np.ndarray:
    """Colours ``[..., 3]``: the role's where a value is lowest, the panel's where it is highest."""
    low, high = float(values.min()), float(values.max())
    share = DEEPEST + (FAINTEST - DEEPEST) * (values - low) / (high - low or 1.0)
    ends = [np.array(colours.color(name).getRgb()[:3], float) for name in ("panel", role)]
    return (ends[0] + share[..., None] * (ends[1] - ends[0])).round().astype(np.uint8)
