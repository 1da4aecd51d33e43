"""Every layer as a row of two bars: how far it moves in the inner loop, and how much of its features stays."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..training.norm_words import norm_words
from . import theme
from .insight_figure import Figure

if TYPE_CHECKING:
    from ..insight.layers import Layer, LayerInsight
    from ..insight.subject import Estimate

ROW, BAR = 21, 11
HEAD = 56
NAME, WIDEST_NAME = 56, 150
VALUE = 118
GAP = 14


class LayerBars(QWidget):
    """The rows."""

    def __init__(self) -> None:
        super().__init__()
        self.found: LayerInsight | None = None
        self.chosen: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(HEAD)

    def show_layers(self, found: LayerInsight) -> None:
        """Show other layers."""
        self.found, self.chosen = found, None
        self.setFixedHeight(HEAD + ROW * (len(found.layers) + (found.embedding is not None)) + 8)
        self.update()

    def minimumSizeHint(self) -> QSize:
        """Room in which bars can be told apart."""
        return QSize(420, HEAD)

    def words(self, index: int) -> str:
        """All figures of a layer, in words."""
        assert self.found is not None
        layer = self.found.layers[index]
        if layer.relative is None:
            moved = f"starts at zero, ends at a length of {layer.distance.mean:.3g}"
        elif layer.fixed:
            moved = "does not adapt"
        else:
            steps = ", ".join(f"{one.mean:.3g}" for one in layer.relative)
            moved = (
                f"moves by {steps} of its own length after inner step 1{f' to {len(layer.relative)}' if len(layer.relative) > 1 else ''}"
            )
            moved += f" (± {layer.relative[-1].ci95:.2g})"
        alike = f"features before and after: CKA {layer.cka.mean:.3f} ± {layer.cka.ci95:.3f}" if layer.cka else "its features can't be had"
        yard = f"; trained and random start: CKA {layer.yardstick.mean:.3f} ± {layer.yardstick.ci95:.3f}" if layer.yardstick else ""
        return f"{layer.name}: {moved}; {alike}{yard}"

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        self.paint(painter, QRectF(self.rect()))

    def paint(self, painter: QPainter, area: QRectF) -> None:
        """Paint the rows somewhere: on itself, or into a file."""
        if self.found is None:
            return
        colours, metrics = theme.current(), painter.fontMetrics()
        layers = self.found.layers
        name = min(WIDEST_NAME, max(NAME, *(metrics.horizontalAdvance(layer.name) + 4 for layer in layers)))
        half = (area.width() - name - 3 * GAP) / 2
        left = QRectF(area.left() + name + GAP, area.top(), half, area.height())
        right = QRectF(left.right() + 2 * GAP, area.top(), half, area.height())
        self._paint_heads(painter, colours, left, right)
        most = max([layer.change for layer in layers if layer.relative and layer.change < float("inf")], default=0.0) or 1.0
        for index, layer in enumerate(layers):
            top = area.top() + HEAD + index * ROW
            if index == self.chosen:
                painter.fillRect(QRectF(area.left(), top, area.width(), ROW), colours.color("grid"))
            painter.setPen(colours.color("text"))
            box = QRectF(area.left() + 2, top, name, ROW)
            painter.drawText(
                box, Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(layer.name, Qt.TextElideMode.ElideMiddle, int(box.width()))
            )
            self._paint_movement(painter, colours, QRectF(left.left(), top, half, ROW), layer, most)
            self._paint_features(painter, colours, QRectF(right.left(), top, half, ROW), layer.cka, layer.yardstick)
        if self.found.embedding is not None:
            top = area.top() + HEAD + len(layers) * ROW + 4
            painter.setPen(QPen(colours.color("grid"), 1))
            painter.drawLine(QPointF(area.left(), top - 2), QPointF(area.right(), top - 2))
            painter.setPen(colours.color("text"))
            painter.drawText(
                QRectF(area.left() + 2, top, half + name, ROW), Qt.AlignmentFlag.AlignVCenter, "embedding: what the head is given"
            )
            row = QRectF(right.left(), top, half, ROW)
            self._paint_features(painter, colours, row, self.found.embedding, self.found.embedding_yardstick)

    def _paint_heads(self, painter: QPainter, colours: theme.Theme, left: QRectF, right: QRectF) -> None:
        assert self.found is not None
        line = painter.fontMetrics().height()
        steps = self.found.steps
        ticks = (
            f"ticks: after step {f'1 … {steps - 1}' if steps > 2 else '1'}; bar: after step {steps}"
            if steps > 1
            else "after the inner step"
        )
        heads = (
            (left, ("How far it moves", "‖φ − θ‖ / ‖θ‖", ticks)),
            (right, ("How alike its features stay", "linear CKA, before and after the inner loop", "of the trained and the random start")),
        )
        for area, texts in heads:
            for row, text in enumerate(texts):
                painter.setPen(colours.color("muted" if row else "text"))
                indent = 14 if row == 2 and area is right else 0
                box = QRectF(area.left() + indent, area.top() + row * line, area.width() - indent, line)
                painter.drawText(
                    box,
                    Qt.AlignmentFlag.AlignVCenter,
                    painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(box.width())),
                )
        _diamond(painter, QPointF(right.left() + 5, right.top() + 2.5 * line), colours.color("before"))

    def _paint_movement(self, painter: QPainter, colours: theme.Theme, row: QRectF, layer: Layer, most: float) -> None:
        track = _track(row)
        if layer.relative is None or layer.fixed:
            painter.setPen(colours.color("muted"))
            words = "does not adapt" if layer.fixed else f"from zero to a length of {layer.distance.mean:.3g}"
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, words)
            return
        painter.fillRect(track, colours.color("grid"))
        width = (min(layer.change / most, 1.0) if math.isfinite(layer.change) else 1.0) * track.width()
        painter.fillRect(QRectF(track.left(), track.top(), max(width, 1.0 if layer.moves else 0.0), track.height()), colours.color("inner"))
        painter.setPen(QPen(colours.color("text"), 1))
        for one in [one for one in layer.relative[:-1] if math.isfinite(one.mean)]:
            x = track.left() + min(one.mean / most, 1.0) * track.width()
            painter.drawLine(QPointF(x, track.top() - 2), QPointF(x, track.top() + 2))
        _value(painter, colours, row, layer.relative[-1])

    def _paint_features(
        self, painter: QPainter, colours: theme.Theme, row: QRectF, cka: Estimate | None, yardstick: Estimate | None
    ) -> None:
        track = _track(row)
        if cka is None:
            painter.setPen(colours.color("muted"))
            painter.drawText(row, Qt.AlignmentFlag.AlignVCenter, "can't be had")
            return
        painter.fillRect(track, colours.color("grid"))
        painter.fillRect(QRectF(track.left(), track.top(), cka.mean * track.width(), track.height()), colours.color("after"))
        if yardstick is not None:
            at = QPointF(track.left() + yardstick.mean * track.width(), track.center().y())
            _diamond(painter, at, colours.color("before"))
        _value(painter, colours, row, cka, places=3)

    def event(self, event: object) -> bool:
        """Tell the figures of the layer under the mouse."""
        if isinstance(event, QHelpEvent):
            index = (event.pos().y() - HEAD) // ROW
            known = self.found is not None and 0 <= index < len(self.found.layers)
            QToolTip.showText(event.globalPos(), self.words(index) if known else "", self)
            return True
        return super().event(event)  # type: ignore[arg-type]


class LayerFigure(Figure):
    """The rows in their frame; up and down go through the layers and read them out."""

    def __init__(self) -> None:
        self.bars = LayerBars()
        super().__init__("Layers in the inner loop", self.bars)

    def show_layers(self, found: LayerInsight) -> None:
        """Show other layers."""
        self.bars.show_layers(found)
        self._tell()

    def _tell(self) -> None:
        bars = self.bars
        if bars.found is None:
            return
        note = f"mean over {bars.found.tasks:,} tasks ± 95 %, {norm_words(bars.found.norm)}"
        self.set_note(note)
        rows = [bars.chosen] if bars.chosen is not None else range(len(bars.found.layers))
        told = [bars.words(row) for row in rows]
        if bars.chosen is None and bars.found.embedding is not None:
            told.append(f"embedding: CKA {bars.found.embedding.mean:.3f} ± {bars.found.embedding.ci95:.3f}")
        self.setAccessibleDescription("; ".join(told))
        self.setToolTip(bars.words(bars.chosen) if bars.chosen is not None else "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go through the layers."""
        found, step = self.bars.found, {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}.get(Qt.Key(event.key()))
        if found is None or step is None:
            super().keyPressEvent(event)
            return
        before = self.bars.chosen if self.bars.chosen is not None else (-1 if step > 0 else len(found.layers))
        self.bars.chosen = min(max(before + step, 0), len(found.layers) - 1)
        self.bars.update()
        self._tell()

    def paint_body(self, painter: QPainter, rect: QRectF) -> None:
        """See `Figure`."""
        self.bars.paint(painter, rect)

    def table(self) -> bytes:
        """See `Figure`: a row per layer."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\r\n")
        found = self.bars.found
        steps = range(1, (found.steps if found else 0) + 1)
        heads = ["layer", *(f"relative change after step {step}" for step in steps), "± 95 %", "distance", "CKA", "± 95 %"]
        writer.writerow([*heads, "CKA of trained and random start", "± 95 %"])
        for layer in found.layers if found else ():
            moved = [one.mean for one in layer.relative] + [layer.relative[-1].ci95] if layer.relative else [""] * (len(steps) + 1)
            pairs = [(one.mean, one.ci95) if one else ("", "") for one in (layer.cka, layer.yardstick)]
            writer.writerow([layer.name, *moved, layer.distance.mean, *pairs[0], *pairs[1]])
        if found is not None and found.embedding is not None and found.embedding_yardstick is not None:
            both = [number for one in (found.embedding, found.embedding_yardstick) for number in (one.mean, one.ci95)]
            writer.writerow(["embedding", *[""] * (len(steps) + 2), *both])
        return stream.getvalue().encode()


def _track(row: QRectF) -> QRectF:
    return QRectF(row.left(), row.center().y() - BAR / 2, max(20.0, row.width() - VALUE), BAR)


def _value(painter: QPainter, colours: theme.Theme, row: QRectF, value: Estimate, places: int | None = None) -> None:
    painter.setPen(colours.color("text"))
    if not math.isfinite(value.mean):
        words = "no number"
    elif places is None:
        # In per cent, with two digits at the least, however small.
        percent = 100 * value.mean
        digits = max(0, 1 - math.floor(math.log10(percent))) if 1e-4 < percent < math.inf else 1
        words = f"{percent:.{digits}f} ± {100 * value.ci95:.{digits}f} %"
    else:
        words = f"{value.mean:.{places}f} ± {value.ci95:.{places}f}"
    painter.drawText(QRectF(row.right() - VALUE + 6, row.top(), VALUE - 6, row.height()), Qt.AlignmentFlag.AlignVCenter, words)


def _diamond(painter: QPainter, at: QPointF, colour: QColor) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(theme.current().color("panel"), 1))
    painter.setBrush(colour)
    painter.drawPolygon([at + QPointF(0, -5), at + QPointF(4, 0), at + QPointF(0, 5), at + QPointF(-4, 0)])
    painter.restore()
