"""The curves of several runs over one another: validation with its bands, and the loss of the outer loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from ..compare.curves import Curve, RunCurves, mean_curve, thinned
from ..compare.result import Run, grouped
from . import plot_data, theme
from .compare_style import dash, role
from .plots import Plot

LEGEND_EVERY = 50
"""Many runs want more rows of names than two curves do; what has no room is told in the tooltip."""
SMOOTHING = 0.9
UNITS = ((3 * 3600, 3600, "h"), (600, 60, "min"), (0, 1, "s"))
"""From so many seconds on, seconds are shown in a unit of so many."""


class ComparePlots(QWidget):
    """Two plots side by side, over iterations or over time."""

    def __init__(self) -> None:
        super().__init__()
        themes = theme.manager()
        words = "Validation after adaptation, with its 95% band. Tick runs at the left."
        self.validation = Plot("Validation", "outer iteration", "accuracy, %", theme=themes, empty_text=words, legend_every=LEGEND_EVERY)
        words = "The loss on the queries after adaptation, smoothed. Tick runs at the left."
        self.outer = Plot("Outer loop", "outer iteration", "query loss", theme=themes, empty_text=words, legend_every=LEGEND_EVERY)
        self._runs: Sequence[Run] = ()
        self._curves: Mapping[Path, RunCurves] = {}
        self._styles: Mapping[Path, int] = {}
        self._by_seed = False
        self.by_iteration = QPushButton("Iterations")
        self.by_time = QPushButton("Time")
        self.by_iteration.setToolTip("Draw the curves over outer iterations")
        self.by_time.setToolTip("Draw the curves over the time spent training and validating, pauses left out")
        group = QButtonGroup(self)
        for button in (self.by_iteration, self.by_time):
            button.setCheckable(True)
            group.addButton(button)
        self.by_iteration.setChecked(True)
        group.buttonToggled.connect(self._take_axis)
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(round(100 * SMOOTHING))
        self.smoothing.setFixedWidth(90)
        self.smoothing.setAccessibleName("Smoothing of the outer loop")
        self.smoothing.valueChanged.connect(self._take_smoothing)
        over, smooth = QLabel("Over"), QLabel("Smoothing")
        smooth.setBuddy(self.smoothing)
        self.bar = QHBoxLayout()
        self.bar.setSpacing(6)
        for widget in (over, self.by_iteration, self.by_time):
            self.bar.addWidget(widget)
        self.bar.addSpacing(12)
        self.bar.addWidget(smooth)
        self.bar.addWidget(self.smoothing)
        self.bar.addStretch(1)
        plots = QHBoxLayout()
        plots.setSpacing(8)
        plots.addWidget(self.validation, 1)
        plots.addWidget(self.outer, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(self.bar)
        layout.addLayout(plots, 1)
        self._explain_smoothing()

    def show_runs(self, runs: Sequence[Run], curves: Mapping[Path, RunCurves], styles: Mapping[Path, int], *, by_seed: bool) -> None:
        """Show the curves of other runs, or other curves of these."""
        if [run.folder for run in runs] != [run.folder for run in self._runs] or by_seed != self._by_seed:
            self.validation.zoom_back()
            self.outer.zoom_back()
        self._runs, self._curves, self._styles, self._by_seed = runs, curves, styles, by_seed
        self._draw()

    def _take_axis(self) -> None:
        self._draw()

    def _take_smoothing(self) -> None:
        self._explain_smoothing()
        self._draw()

    def _explain_smoothing(self) -> None:
        weight = self.smoothing.value() / 100
        self.smoothing.setToolTip(f"Smoothing {weight:.2f}: how much of each value is the mean of those before it; 0 shows them raw")

    def _draw(self) -> None:
        groups = grouped(self._runs, by_seed=self._by_seed)
        weight = self.smoothing.value() / 100
        metric = self._metric()
        outer = {group: mean_curve([_smoothed(self._curves[run.folder].outer, weight) for run in group]) for group in groups}
        validation = {
            group: mean_curve([one.validation for run in group if (one := self._curves[run.folder]).metric == metric]) for group in groups
        }
        by_time = self.by_time.isChecked()
        seconds = max((curve.seconds[-1] for curve in outer.values() if len(curve)), default=0.0)
        unit, name = next((unit, name) for least, unit, name in UNITS if seconds >= least) if by_time else (1, "")
        for plot in (self.validation, self.outer):
            plot.set_x(f"time, {name}" if by_time else "outer iteration", integer=not by_time)
        regression = metric == "mse"
        self.validation.set_titles(*(("Validation error", "squared error") if regression else ("Validation accuracy", "accuracy, %")))
        self._fill(self.validation, validation, 1 if regression else 100, by_time=by_time, unit=unit, clip=not regression)
        self._fill(self.outer, outer, 1, by_time=by_time, unit=unit, clip=False)
        self.validation.set_note(self._note(metric))
        self.outer.set_note(f"smoothed {weight:.2f}" if weight else "")

    def _fill(self, plot: Plot, curves: Mapping[tuple[Run, ...], Curve], scale: float, *, by_time: bool, unit: float, clip: bool) -> None:
        there = {group: thinned(curve) for group, curve in curves.items() if len(curve)}
        names = {str(group[0].folder) for group in there}
        for key in [key for key in plot.layers() if key.removesuffix(" band") not in names]:
            plot.remove(key)
        for group, curve in there.items():
            key, style = str(group[0].folder), self._styles.get(group[0].folder, 0)
            x, mean, half = curve.x(by_time=by_time) / unit, scale * curve.mean, scale * curve.half
            if np.isfinite(half).any():
                low, high = mean - half, mean + half
                if clip:
                    low, high = np.clip(low, 0, 100), np.clip(high, 0, 100)
                plot.set_band(f"{key} band", x, low, high, role=role(style))
            else:
                plot.remove(f"{key} band")
            name = group[0].name if len(group) == 1 else f"{group[0].name} (+{len(group) - 1})"
            plot.set_curve(key, x, mean, role=role(style), name=name, dashed=dash(style), symbol=len(x) < 3)

    def _metric(self) -> str:
        """What the runs' validations measure: the first one's, where they don't agree."""
        return next((self._curves[run.folder].metric for run in self._runs if self._curves[run.folder].metric), "accuracy")

    def _note(self, metric: str) -> str:
        looks = [self._curves[run.folder] for run in self._runs]
        there = [one for one in looks if one.metric == metric]
        words = []
        if there:
            tasks = " or ".join(f"{count:,}" for count in sorted({one.tasks for one in there}))
            words.append(f"{tasks} tasks, {' or '.join(dict.fromkeys(one.norm_mode for one in there))}")
            seeds = any(len(group) > 1 for group in grouped(self._runs, by_seed=self._by_seed))
            words.append("± 95%, or σ over seeds" if seeds else "± 95%")
        if without := sum(not one.metric for one in looks):
            words.append(f"{without} without validation")
        if other := sum(bool(one.metric) and one.metric != metric for one in looks):
            words.append(f"{other} with {'accuracies' if metric == 'mse' else 'errors'} not shown")
        return ", ".join(words)


def _smoothed(curve: Curve, weight: float) -> Curve:
    mean = plot_data.Smoothing().of(curve.mean, 0, weight) if weight else curve.mean
    return Curve(curve.iterations, curve.seconds, mean, curve.half)
