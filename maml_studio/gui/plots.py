"""The one live plot of the window: curves that grow, a read-out under the crosshair, a file of what it shows.

Pages hand it whole arrays as often as they like; it draws at most 30 times a second, only what has changed, only while
it can be seen, and of each curve only a few hundred bins.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QHideEvent, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget

from ..files import write_whole
from . import plot_data, plot_export, plot_save
from .elided_label import ElidedLabel
from .icons import icon
from .plot_layers import BandLayer, CurveLayer, Dash, HistoryLayer, Layer
from .plot_legend import Entry, Legend
from .plot_ticker import ticker
from .plot_view import PlotView
from .theme import ThemeManager

_TOOL_STYLE = """
QToolButton { padding: 3px; }
QToolButton:focus { padding: 2px; }
QToolButton:disabled { border-color: transparent; background: transparent; }
QToolButton::menu-indicator { image: none; }
"""


class Plot(QFrame):
    """Curves over one axis, with title, legend and tools.

    Drag to zoom into a rectangle, drag with Shift or the middle button to pan, wheel to zoom; double click or 0 shows all
    again. With the focus: left and right move the crosshair (with Shift by a twentieth), Home and End take it to the ends,
    + and - zoom, Escape takes the crosshair away.

    Args:
        title: What it shows.
        x_title: What x is.
        y_title: What y is, with its unit.
        theme: Whose colours it takes.
        log_y: Whether y starts out logarithmic; zeros and negative values then lie on the lower edge.
        integer_x: Whether x counts something.
        empty_text: What to say while there is no curve.
        legend_every: For so many pixels of its height the legend may take another row.
        parent: The widget that it is in.
    """

    def __init__(
        self,
        title: str,
        x_title: str,
        y_title: str,
        *,
        theme: ThemeManager,
        log_y: bool = False,
        integer_x: bool = True,
        empty_text: str = "Nothing to show yet.",
        legend_every: int = 90,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._x_title, self._y_title, self._theme = x_title, y_title, theme
        self._integer_x = integer_x
        self._legend_every = legend_every
        self._layers: dict[str, Layer] = {}
        self._ticker = ticker()
        self.destroyed.connect(self._ticker.tidy)
        self._dirty = False
        self._auto_x = self._auto_y = True
        self._y_range: plot_data.Range | None = None
        self._floor = 0.1
        self._crosshair: float | None = None

        self.setProperty("card", True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(title)
        self._title = ElidedLabel(title, theme, role="text", bold=True)
        self._note = ElidedLabel("", theme, role="muted", small=True, right=True)
        self._legend = Legend(theme)
        self._view = PlotView(x_title, y_title, whole_x=integer_x, empty_text=empty_text)
        self._view.hovered.connect(self._point_at)
        self._view.left.connect(self._leave)
        self._view.zoomed.connect(self._stay)
        self._view.reset.connect(self.zoom_back)

        self._smoothing = QSlider(Qt.Orientation.Horizontal)
        self._smoothing.setRange(0, 99)
        self._smoothing.setFixedWidth(56)
        self._smoothing.setAccessibleName("Smoothing")
        self._smoothing.setValue(90)
        self._smoothing.hide()
        self._log = self._tool("", "Logarithmic y axis")
        self._log.setText("log")
        self._log.setCheckable(True)
        self._log.setChecked(log_y)
        self._fit = self._tool("zoom-fit", "Show all again (0, or double click)")
        self._save = plot_save.SaveButton(title)
        self._save.chosen.connect(self._save_as)
        self._dress(self._save, "save", "Save the plot")
        self._smoothing.valueChanged.connect(self._take_smoothing)
        self._log.toggled.connect(self._take_log)
        self._fit.clicked.connect(self.zoom_back)

        head = QHBoxLayout()
        head.setSpacing(2)
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._note)
        head.addSpacing(4)
        for tool in (self._smoothing, self._log, self._fit, self._save):
            head.addWidget(tool)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 5, 8, 6)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self._legend)
        layout.addWidget(self._view, 1)

        self._take_smoothing()
        self._fit.setEnabled(False)
        self._view.set_log(log_y)
        self._take_theme()
        theme.changed.connect(self._take_theme)
        self.redraw()

    def _tool(self, name: str, words: str) -> QToolButton:
        return self._dress(QToolButton(), name, words)

    def _dress(self, tool: QToolButton, name: str, words: str) -> QToolButton:
        if name:
            tool.setIcon(icon(name, "muted"))
        tool.setIconSize(QSize(16, 16))
        tool.setAutoRaise(True)
        tool.setStyleSheet(_TOOL_STYLE)
        tool.setToolTip(words)
        tool.setAccessibleName(words)
        tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return tool

    # What it shows

    def set_curve(
        self,
        key: str,
        x: np.ndarray,
        y: np.ndarray,
        *,
        role: str,
        name: str = "",
        smooth: bool = False,
        dashed: Dash = False,
        symbol: bool = False,
        opacity: float = 1.0,
    ) -> None:
        """Show a curve, or other points of one. Cheap: nothing is drawn before the next redraw.

        Args:
            key: Which curve.
            x: Positions ``[points]``; rising, as a rule.
            y: Values ``[points]``; NaN and infinite ones are gaps. Both arrays are kept by reference and must not be
                changed in place; hand over longer views of a growing buffer, or new arrays.
            role: The colour's role.
            name: Its name in legend and read-out; without one it is in neither.
            smooth: Whether to draw it faint, with its smoothed course over it.
            dashed: Whether the line is dashed, or its pattern of dashes and gaps in pixels, for curves that are equals.
            symbol: Whether to mark the points, while there are few.
            opacity: How much of it shows, from 0 to 1.

        Raises:
            ValueError: The arrays are not two rows of one length.
        """
        layer = self._layer(key, CurveLayer)
        layer.set(x, y)
        if layer.style(role, name, smooth, dashed, symbol, opacity):
            layer.recolour(self._theme.theme, self.smoothing())
            self._smoothing.setVisible(any(curve.smooth for curve in self._curves()))
        self._mark()

    def set_band(self, key: str, x: np.ndarray, low: np.ndarray, high: np.ndarray, *, role: str) -> None:
        """Show a translucent band between two rows of values ``[points]``, such as an interval.

        Raises:
            ValueError: The arrays are not rows of one length.
        """
        layer = self._layer(key, BandLayer)
        layer.set(x, low, high)
        layer.role = role
        layer.recolour(self._theme.theme)
        self._mark()

    def set_history(
        self, key: str, curves: Sequence[tuple[np.ndarray, np.ndarray]], *, role: str, opacity: float = 0.6, dashed: bool = False
    ) -> None:
        """Show earlier courses of a short curve behind everything else, fading with age.

        Args:
            key: Which history.
            curves: x and y ``[points]`` of each, the oldest first.
            role: The colour's role.
            opacity: How much of the newest one shows.
            dashed: Whether the lines are dashed.

        Raises:
            ValueError: The arrays of a curve are not two rows of one length.
        """
        layer = self._layer(key, HistoryLayer)
        layer.set(curves)
        layer.role, layer.opacity, layer.dashed = role, opacity, dashed
        layer.recolour(self._theme.theme)
        self._mark()

    def layers(self) -> tuple[str, ...]:
        """Return the keys of everything that it shows."""
        return tuple(self._layers)

    def remove(self, key: str) -> None:
        """Take one curve, band or history out; one that isn't there is no error."""
        layer = self._layers.pop(key, None)
        if layer:
            layer.remove()
            self._mark()

    def clear(self) -> None:
        """Take everything out and show all of what comes next."""
        for key in list(self._layers):
            self.remove(key)
        self.set_note("")
        self._crosshair = None
        self.zoom_back()

    def set_titles(self, title: str, y_title: str) -> None:
        """Name the plot and its y axis anew, when it shows another quantity."""
        if (title, y_title) != (self._title.text(), self._y_title):
            self._y_title = y_title
            self.setAccessibleName(title)
            self._title.set_text(title)
            self._view.set_y_title(y_title)

    def set_x(self, title: str, *, integer: bool) -> None:
        """Name what x is anew, when the same curves lie over another quantity."""
        if (title, integer) != (self._x_title, self._integer_x):
            self._x_title, self._integer_x, self._crosshair = title, integer, None
            self._view.set_x_title(title, whole=integer)
            self.zoom_back()

    def set_note(self, text: str) -> None:
        """Show a few muted words at the right of the title."""
        self._note.set_text(text)

    def smoothing(self) -> float:
        """Return how strongly curves are smoothed, from 0 to 0.99."""
        return self._smoothing.value() / 100

    def set_smoothing(self, weight: float) -> None:
        """Set how strongly curves are smoothed, from 0 to 0.99."""
        self._smoothing.setValue(round(100 * weight))

    def log_y(self) -> bool:
        """Tell whether y is logarithmic."""
        return self._log.isChecked()

    def set_log_y(self, log: bool) -> None:
        """Make y logarithmic, or linear."""
        self._log.setChecked(log)

    def zoom_back(self) -> None:
        """Show all of the curves, and follow them as they grow."""
        self._auto_x = self._auto_y = True
        self._y_range = None
        self._fit.setEnabled(False)
        self._mark()

    def _layer(self, key: str, kind: type[Layer]) -> Layer:
        layer = self._layers.get(key)
        if type(layer) is not kind:
            self.remove(key)
            layer = self._layers[key] = kind(self._view.box)
        return layer

    def _curves(self, *, named: bool = False) -> list[CurveLayer]:
        curves = [layer for layer in self._layers.values() if isinstance(layer, CurveLayer) and (layer.name or not named)]
        # Dashed ones stand beside others, and are the first that a narrow legend leaves out.
        return sorted(curves, key=lambda curve: curve.dashed is True)

    # Drawing

    def _mark(self) -> None:
        self._dirty = True
        if self.isVisible():
            self._ticker.add(self)

    def redraw(self) -> None:
        """Draw what is new, now rather than at the next tick."""
        self._dirty = False
        layers = list(self._layers.values())
        if self._auto_x:
            ends = [extent for extent in (layer.extent() for layer in layers) if extent]
            low, high = (min(e[0] for e in ends), max(e[1] for e in ends)) if ends else (0.0, 1.0)
            x_range = plot_data.growing_range(low, high, self._integer_x)
            self._view.set_x_range(x_range)
        else:
            x_range = self._view.x_range()
        collected = [(layer, layer.collect(*x_range, self.smoothing())) for layer in layers]
        values = [v for _, drawn in collected for v in drawn]
        # A band may reach below zero without its curve; a curve below zero has no logarithm there.
        self._offer_log(not any((v < 0).any() for layer, drawn in collected for v in drawn if isinstance(layer, CurveLayer)))
        self._floor = plot_data.log_floor(values) if self.log_y() else 0.0
        for layer in layers:
            layer.draw(self._scale)
        if self._auto_y:
            ends = plot_data.span(*map(self._scale, values)) or ((-1.0, 0.0) if self.log_y() else (0.0, 1.0))
            self._y_range = plot_data.nice_range(*ends, self._y_range)
            self._view.set_y_range(self._y_range)
        self._view.set_empty(not any(layer.extent() for layer in layers))
        self._save.setEnabled(bool(layers))
        self._smoothing.setVisible(any(curve.smooth for curve in self._curves()))
        self._read_out()

    def _offer_log(self, possible: bool) -> None:
        self._log.setEnabled(possible or self.log_y())  # whoever has it can leave it
        words = "Logarithmic y axis" if possible else "Logarithmic y axis: not for negative values"
        self._log.setToolTip(words)
        self._log.setAccessibleName(words)

    def _scale(self, values: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(values, self._floor)) if self.log_y() else values

    def _take_smoothing(self) -> None:
        self._smoothing.setToolTip(f"Smoothing {self.smoothing():.2f}: how much of each value is the mean of those before it")
        for curve in self._curves():
            curve.recolour(self._theme.theme, self.smoothing())
        self._mark()

    def _take_log(self) -> None:
        self._view.set_log(self.log_y())
        self.zoom_back()

    def _take_theme(self) -> None:
        theme = self._theme.theme
        self._view.set_theme(theme)
        for layer in self._layers.values():
            layer.recolour(theme, self.smoothing()) if isinstance(layer, CurveLayer) else layer.recolour(theme)
        for widget in (self, self._legend):
            widget.update()
        self._mark()

    def _stay(self, *, x_only: bool = False) -> None:
        """Keep the range that the user chose; with `x_only`, y goes on to follow what is shown."""
        self._auto_x = False
        self._auto_y = self._auto_y and x_only
        self._fit.setEnabled(True)
        self._mark()

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while it was hidden."""
        super().showEvent(event)
        if self._dirty:
            self.redraw()

    def hideEvent(self, event: QHideEvent) -> None:
        """Draw no more until it is shown again."""
        super().hideEvent(event)
        self._ticker.discard(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the legend its share of the height."""
        super().resizeEvent(event)
        self._legend.set_most_rows(self.height() // self._legend_every)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the card, and a ring while it has the focus."""
        super().paintEvent(event)
        if self.hasFocus():
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(self._theme.theme.color("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 5, 5)

    def sizeHint(self) -> QSize:
        """Return the room that it would like."""
        return QSize(480, 300)

    def minimumSizeHint(self) -> QSize:
        """Return the least room in which it can be read."""
        return QSize(260, 170)

    # Reading

    def _point_at(self, x: float) -> None:
        found = [curve.value(x) for curve in self._curves(named=True)]
        near = min((v[0] for v in found if v), key=lambda at: abs(at - x), default=None)
        if near != self._crosshair:
            self._crosshair = near
            self._read_out()

    def _leave(self) -> None:
        if self._crosshair is not None:
            self._crosshair = None
            self._read_out()

    def _read_out(self) -> None:
        """Write each named curve's value at the crosshair into the legend, or no values."""
        at = self._crosshair
        entries, dots, spoken = [], [], []
        for curve in self._curves(named=True):
            value = ""
            found = curve.value(np.inf if at is None else at) if len(curve.series.x) else None
            if found:
                x, raw, smoothed = found
                y = raw if smoothed is None else smoothed
                value = plot_data.short(raw) if smoothed is None else f"{plot_data.short(smoothed)} ({plot_data.short(raw)})"
                if at is not None and x != at:
                    value += f" at {self._x_words(x)}"
                spoken.append(f"{curve.name} {value}" + (f" at {self._x_words(x)}" if at is None else ""))
                if np.isfinite(y):
                    dots.append((x, float(self._scale(np.array(y))), curve.role))
            entries.append(Entry(curve.name, curve.role, curve.dashed, value if at is not None else ""))
        where = "" if at is None else f"{self._x_title} {self._x_words(at)}"
        self._legend.setVisible(bool(entries))
        self._legend.set_entries(entries, where)
        self._view.set_crosshair(at, dots if at is not None else [])
        self.setAccessibleDescription("; ".join([where, *spoken] if where else spoken))

    def _x_words(self, x: float) -> str:
        return f"{x:.0f}" if self._integer_x and x == round(x) else plot_data.short(x)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the crosshair, zoom."""
        low, high = self._view.x_range()
        key, far = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self._step(1 if key == Qt.Key.Key_Right else -1, (high - low) / (20 if far else 1000))
        elif key == Qt.Key.Key_Home:
            self._step(1, 0.0, low)
        elif key == Qt.Key.Key_End:
            self._step(-1, 0.0, high)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self._view.zoom_x(1.25 if key == Qt.Key.Key_Minus else 0.8, self._crosshair)
            self._stay(x_only=True)
        elif key == Qt.Key.Key_0:
            self.zoom_back()
        elif key == Qt.Key.Key_Escape and self._crosshair is not None:
            self._leave()
        else:
            super().keyPressEvent(event)

    def _step(self, way: int, least: float, start: float | None = None) -> None:
        """Take the crosshair to the next point of any named curve that is at least so far away, within what is shown."""
        low, high = self._view.x_range()
        if start is None:
            start = self._crosshair if self._crosshair is not None else (low if way > 0 else high)
            least = least if self._crosshair is not None else 0.0
        found = []
        for curve in self._curves(named=True):
            x = curve.series.x
            near = x[(x >= max(start + least, low)) & (x <= high)] if way > 0 else x[(x <= min(start - least, high)) & (x >= low)]
            near = near[near != start] if least else near
            found += [near.min() if way > 0 else near.max()] if len(near) else []
        if found:
            self._crosshair = float(min(found) if way > 0 else max(found))
            self._read_out()

    # Saving

    def save(self, path: Path | str) -> None:
        """Write what is shown as a picture at twice the resolution (.png) or as vectors (.svg), or the full data (.csv).

        Raises:
            ValueError: The name ends in something else.
            OSError: The file can't be written; one that was there is as it was.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in plot_save.FORMATS:
            raise ValueError(f"A plot is saved as .png, .svg or .csv; {path.name!r} ends in none of them.")
        if self._dirty:
            self.redraw()
        if suffix == ".png":
            content = plot_export.png(self._paint_all, self.size())
        elif suffix == ".svg":
            content = plot_export.svg(self._paint_all, self.size(), self._title.text(), self.logicalDpiX())
        else:
            content = plot_export.table(self._x_title, self._columns())
        write_whole(path, content)

    def _columns(self) -> list[tuple[str, np.ndarray, np.ndarray]]:
        columns = []
        for key, layer in self._layers.items():
            if isinstance(layer, CurveLayer):
                columns.append((layer.name or key, layer.series.x, layer.series.y))
            elif isinstance(layer, BandLayer):
                columns += [(f"{key} low", layer.low.x, layer.low.y), (f"{key} high", layer.high.x, layer.high.y)]
            elif isinstance(layer, HistoryLayer):
                count = len(layer.curves)
                columns += [(f"{key} {count - i} back", x, y) for i, (x, y) in enumerate(layer.curves)]
        return columns

    def _paint_all(self, painter: QPainter) -> None:
        """Paint it without its tools and its frame."""
        theme, margin = self._theme.theme, 10
        inner = QRect(0, 0, self.width(), self.height()).adjusted(margin, margin // 2, -margin, -margin // 2)
        painter.fillRect(QRect(0, 0, self.width(), self.height()), theme.color("panel"))
        height = self._title.sizeHint().height() + 6
        for label, role, side in ((self._title, "text", Qt.AlignmentFlag.AlignLeft), (self._note, "muted", Qt.AlignmentFlag.AlignRight)):
            painter.setFont(QFont(label.font()))
            painter.setPen(theme.color(role))
            painter.drawText(QRect(inner.left(), inner.top(), inner.width(), height), side | Qt.AlignmentFlag.AlignVCenter, label.text())
        top = inner.top() + height
        if not self._legend.isHidden():
            self._legend.paint(painter, QRect(inner.left(), top, inner.width(), self._legend.height()))
            top += self._legend.height() + 2
        self._view.paint(painter, QRectF(inner.left(), top, inner.width(), inner.bottom() - top))

    def _save_as(self, path: str) -> None:
        try:
            self.save(path)
        except (OSError, ValueError) as error:
            self._save.complain(path, error)
