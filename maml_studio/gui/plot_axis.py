"""The axes of a plot: few ticks, on round numbers, in plain words."""

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFont, QFontMetrics, QPen

from . import plot_data
from .theme import Theme

_ROOM = {"bottom": 52, "left": 34}  # pixels that a tick needs


class Axis(pg.AxisItem):
    """An axis whose ticks carry its grid, linear or logarithmic, of whole numbers only where asked."""

    def __init__(self, orientation: str, title: str, *, whole: bool = False) -> None:
        super().__init__(orientation)
        self._title = title
        self._whole = whole
        self.enableAutoSIPrefix(False)
        self.setStyle(tickLength=0, tickTextOffset=6, autoReduceTextSpace=False, tickTextWidth=24, tickTextHeight=14)
        self.setGrid(255)

    def set_theme(self, theme: Theme, font: QFont) -> None:
        """Take a scheme's colours on."""
        self.setPen(QPen(theme.color("border"), 1))
        self.setTickPen(QPen(theme.color("grid"), 1))
        self.setTextPen(QPen(theme.color("muted"), 1))
        self.setTickFont(font)
        self.label.setFont(font)
        self.setLabel(self._title, color=theme.muted)
        if self.orientation == "bottom":
            self.setHeight(2 * QFontMetrics(font).height() + 10)

    def set_title(self, title: str, *, whole: bool | None = None) -> None:
        """Name what the axis shows; with ``whole``, say whether it counts something."""
        self._title = title
        self._whole = self._whole if whole is None else whole
        self.setLabel(title)

    def boundingRect(self) -> QRectF:  # noqa: N802
        """Return the axis and its grid, and room for half a tick's words beyond both ends: others are left out."""
        rect = super().boundingRect()
        return rect.adjusted(-20, 0, 20, 0) if self.orientation == "bottom" else rect.adjusted(0, -8, 0, 8)

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:  # noqa: N802
        """Return one level of ticks, as many as there is room for."""
        low, high = sorted((low, high))
        most = max(size / _ROOM[self.orientation], 2)
        if self.logMode:
            return [(1.0, np.log10(plot_data.log_ticks(low, high, most)).tolist())]
        step, values = plot_data.ticks(low, high, most, whole=self._whole)
        return [(step, values.tolist())]

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        """Return the ticks' words."""
        if self.logMode:
            return [plot_data.short(10**v) for v in values]
        return [plot_data.label(v, spacing) for v in values]
