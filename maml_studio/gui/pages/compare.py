"""The Compare page: several runs side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ...compare.common import TASKS, CommonTasks
from ...compare.result import Comparison
from ...training.run_index import RunSummary, summarise
from ..cards import heading, scrolling
from ..compare_form import TasksForm
from ..compare_plots import ComparePlots
from ..compare_results import CompareResults
from ..compare_runs import RunList
from ..compare_worker import NOT_YET, Look, LookRequest, LookWorker, MeasureRequest, MeasureWorker
from ..icons import icon
from ..message import Message
from ..own_code import RefusedModels
from ..runs_list import RunsWatch
from ..wheel import leave_wheel_to_page

LEFT_WIDTH = 290
MOST_TASKS = 100_000
NO_RUNS = "Tick runs at the left: how they did on the same test tasks, and which differences are more than chance."


class ComparePage(QWidget):
    """Runs at the left, curves and tables at the right.

    Args:
        root: the folder of runs, which is watched while the page is on show.

    Signals:
        settled: A look or a measurement was answered, or given up.
    """

    settled = Signal()

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._look: Look | None = None
        self._asked: LookRequest | None = None
        self._looked: LookRequest | None = None
        self._request: MeasureRequest | None = None
        self._extra: dict[Path, RunSummary] = {}
        self._listed: list[RunSummary] = []
        self.own_code = RefusedModels(self)
        self.looker = LookWorker(self)
        self.looker.done.connect(self._take_look)
        self.looker.failed.connect(self._no_look)
        self.worker = MeasureWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)
        self.worker.progress.connect(self._tell)
        self.watch = RunsWatch(root, self)
        self.watch.listed.connect(self.set_runs)
        self.watch.failed.connect(self._not_listed)
        self._build()
        keys = (("Ctrl+Return", self.measure), ("Escape", self.cancel), ("F5", self.refresh), ("Ctrl+F", self.runs.search.setFocus))
        for words, slot in keys:
            QShortcut(QKeySequence(words), self, slot, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._refresh()

    def _build(self) -> None:
        self.runs = RunList()
        self.runs.changed.connect(self._ask)
        self.tasks = QSpinBox()
        self.tasks.setRange(2, MOST_TASKS)
        self.tasks.setGroupSeparatorShown(True)
        self.tasks.setValue(TASKS)
        self.tasks.setAccessibleName("Test tasks")
        self.tasks.setToolTip("How many test tasks, the same ones for every run")
        self.tasks.valueChanged.connect(self._ask)
        leave_wheel_to_page(self.tasks)
        label = QLabel("Test tasks")
        label.setBuddy(self.tasks)
        self.by_seed = QCheckBox("Take seeds together")
        self.by_seed.setToolTip("Runs that differ in their seed only become one: the mean over the seeds, and how far they lie apart")
        self.by_seed.toggled.connect(self._ask)
        self.chosen = QCheckBox("Other tasks for all")
        self.chosen.setToolTip("Try all runs on tasks that you choose, instead of those that they were made for")
        self.chosen.toggled.connect(self._choose_tasks)
        self.form = TasksForm()
        self.form.changed.connect(self._ask)
        self._form_area = scrolling(self.form)
        self._form_area.setVisible(False)
        self._form_area.setMinimumHeight(150)
        self.measure_button = QPushButton(icon("play", "on_accent"), "Measure")
        self.measure_button.setProperty("primary", True)
        self.measure_button.clicked.connect(self.measure)
        self.cancel_button = QPushButton(icon("close"), "Cancel")
        self.cancel_button.setToolTip("Give it up; what was measured by then is kept (Esc)")
        self.cancel_button.clicked.connect(self.cancel)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.message = Message()
        tasks = QHBoxLayout()
        tasks.addWidget(label)
        tasks.addWidget(self.tasks, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.measure_button, 1)
        buttons.addWidget(self.cancel_button)
        self.left = QWidget()
        self.left.setFixedWidth(LEFT_WIDTH)
        column = QVBoxLayout(self.left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(7)
        column.addWidget(heading("Runs"))
        column.addWidget(self.runs, 3)
        column.addWidget(self.by_seed)
        column.addLayout(tasks)
        column.addWidget(self.chosen)
        column.addWidget(self._form_area, 2)
        column.addWidget(self.message)
        column.addWidget(self.bar)
        column.addLayout(buttons)
        self.plots = ComparePlots()
        self.results = CompareResults()
        self.results.said.connect(self.message.say)
        self.results.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self.plots)
        self.splitter.addWidget(self.results)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        self.splitter.setSizes([560, 440])
        self.splitter.setHandleWidth(7)
        self.splitter.setStyleSheet("QSplitter::handle:vertical { background: transparent; height: 7px; }")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.setSpacing(12)
        layout.addWidget(self.left)
        layout.addWidget(self.splitter, 1)

    # Which runs

    def set_runs(self, runs: Sequence[RunSummary]) -> None:
        """Offer these runs; those that were ticked stay so while they are there."""
        self._listed = list(runs)
        if self._request is not None:
            return  # they stand until it is done
        there = {run.folder for run in self._listed}
        self._extra = {folder: run for folder, run in self._extra.items() if folder not in there and folder.is_dir()}
        before = self.runs.ticked()
        self.runs.set_runs([*self._listed, *self._extra.values()])
        if before != self.runs.ticked():
            self._ask()  # one of them trained on, or is called otherwise
        self._refresh()

    def _not_listed(self, message: str) -> None:
        self.message.say(message, "bad")

    def compare(self, folders: Sequence[Path]) -> None:
        """Tick these runs and no others; also such as are not among the ones on offer, from elsewhere on the disk."""
        known = {run.folder for run in self._listed} | self._extra.keys()
        for folder in folders:
            summary = None if folder in known else summarise(folder)
            if summary is not None:
                self._extra[folder] = summary
        self.set_runs(self._listed)
        self.runs.tick(folders)

    def refresh(self) -> None:
        """Read everything again."""
        self.watch.look()
        self._ask()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the runs, now that somebody looks at the page."""
        super().showEvent(event)
        self.watch.start()
        self._ask()

    def hideEvent(self, event: QHideEvent) -> None:
        """Look no more."""
        super().hideEvent(event)
        self.watch.rest()

    # What is known without measuring

    def common(self) -> CommonTasks | None:
        """The tasks that the user chose; None for those that the runs were made for."""
        return self.form.common(self.tasks.value()) if self.chosen.isChecked() else None

    def _names(self) -> tuple[tuple[Path, str], ...]:
        """Each run's name, with its folder's where two have the same."""
        runs = self.runs.ticked()
        titles = [run.title for run in runs]
        return tuple((run.folder, run.title if titles.count(run.title) == 1 else f"{run.title} ({run.folder.name})") for run in runs)

    def _ask(self) -> None:
        request = LookRequest(self._names(), self.common(), self.tasks.value(), self.by_seed.isChecked())
        if self._request is not None and (request.runs, request.by_seed) != (self._asked.runs, self._asked.by_seed):
            self.cancel()
        self._asked = request
        if self.isVisible():
            self.looker.ask(request)
        self._refresh()

    def _take_look(self, request: LookRequest, look: Look) -> None:
        if request != self._asked:
            return
        self._look, self._looked = look, request
        styles = self.runs.styles()
        self.plots.show_runs(look.runs, look.curves, styles, by_seed=request.by_seed)
        self.results.show_differences([run.name for run in look.runs], look.differing)
        if self._request is None:
            self._show_comparison(look.comparison, self._why_not(look))
            self.message.say("; ".join(f"{name} {why}" for name, why in look.problems.items()), "bad")
        self._refresh()
        self.settled.emit()

    def _no_look(self, request: LookRequest, message: str) -> None:
        if request == self._asked:
            self._look = None
            self.message.say(message, "bad")
            self._refresh()
            self.settled.emit()

    def _show_comparison(self, comparison: Comparison | None, words: str) -> None:
        styles = self.runs.styles()
        self.results.show_comparison(comparison, styles, {name: styles[folder] for folder, name in self._names()}, words)

    def _why_not(self, look: Look) -> str:
        if not look.runs:
            return NO_RUNS
        if look.obstacles:
            reasons = "; ".join(look.obstacles)
            return (
                f"These runs were made for different tasks: {reasons}.\n"
                "Tick “Other tasks for all” to try every one of them on the same tasks, or leave one out."
            )
        if self.chosen.isChecked() and look.common is None:
            return "A field of the tasks is wrong; it is marked at the left."
        return "Not measured on these tasks yet. Press Measure; what is measured is kept in the run folders, and the next look is instant."

    def _choose_tasks(self, chosen: bool) -> None:
        if chosen and self.form.experiment() is None and self._look is not None and self._look.runs:
            self.form.begin([run.experiment for run in self._look.runs])
        self._form_area.setVisible(chosen)
        self._ask()

    # Measuring

    def measure(self) -> None:
        """Try every run on the same tasks, as far as it was not measured on them before."""
        look = self._look
        if self._request is not None or not self._ready() or look is None or look.common is None:
            return
        # A run whose module is not allowed is left out, and the result says why.
        self.own_code.ask(run.experiment for run in look.runs)
        self._request = MeasureRequest(look.runs, look.common, self.by_seed.isChecked())
        self.bar.setValue(0)
        self.message.say("Loading")
        self.worker.ask(self._request)
        self._refresh()
        self.cancel_button.setFocus()

    def cancel(self) -> None:
        """Give it up; the thread ends it at its next pass through a network, and what it says then is not listened to."""
        if self._request is not None:
            self._request.cancelled.set()
            self._end("Cancelled.", "muted")
            self._ask()
            self.settled.emit()

    @property
    def running(self) -> bool:
        """Whether runs are being measured."""
        return self._request is not None

    def _tell(self, message: str, share: float) -> None:
        if self._request is not None:
            self.bar.setValue(round(1000 * max(share, 0)))
            self.message.say(message)

    def _take(self, request: MeasureRequest, comparison: Comparison) -> None:
        if request is not self._request:
            return
        self._end("", "muted")
        if comparison.entries:
            self._show_comparison(comparison, "")
        else:
            self._show_comparison(None, "\n".join(f"{name} {why}." for name, why in comparison.left_out.items()))
        self._refresh()
        self.settled.emit()

    def _refuse(self, request: MeasureRequest, message: str) -> None:
        if request is self._request:
            self._end(message, "bad")
            self._refresh()
            self.settled.emit()

    def _end(self, message: str, role: str) -> None:
        self._request = None
        self.message.say(message, role)
        self.measure_button.setEnabled(True)
        if self.cancel_button.hasFocus():
            self.measure_button.setFocus()
        self.set_runs(self._listed)

    def _ready(self) -> bool:
        look = self._look
        if look is None or self._looked != self._asked:
            return False  # what is known is of what was asked for before
        return bool(look.runs) and look.common is not None and (not self.chosen.isChecked() or self.common() is not None)

    def _done(self) -> bool:
        """Whether what is on show is all that measuring could bring."""
        comparison = self.results.comparison
        return comparison is not None and not any(why == NOT_YET for why in comparison.left_out.values())

    def _refresh(self) -> None:
        running = self._request is not None
        count = len(self.runs.styles())
        self.runs.setEnabled(not running)
        for widget in (self.tasks, self.by_seed, self.form):
            widget.setEnabled(not running)
        self.chosen.setEnabled(not running and (count > 0 or self.chosen.isChecked()))
        done = self._done()
        self.measure_button.setEnabled(self._ready() and count > 0 and not running and not done)
        problems = self.form.problems() if self.chosen.isChecked() else []
        tip = "Try every run on the same test tasks; what was measured before is taken as it is (Ctrl+Return)"
        tip = "All of these runs are measured on these tasks" if done else tip
        self.measure_button.setToolTip(str(problems[0]) if problems else tip)
        self.cancel_button.setEnabled(running)
        self.bar.setVisible(running)

    # Memory, end

    def remembered(self) -> str:
        """What stays from one start to the next, as text."""
        return json.dumps(
            {
                "runs": [str(folder) for folder in self.runs.styles()],
                "tasks": self.tasks.value(),
                "by_seed": self.by_seed.isChecked(),
                "by_time": self.plots.by_time.isChecked(),
                "smoothing": self.plots.smoothing.value(),
            }
        )

    def bring_back(self, text: str) -> None:
        """Take remembered settings on; a text that can't be read changes nothing."""
        try:
            kept = json.loads(text)
            runs, tasks, by_seed, by_time, smoothing = (kept[key] for key in ("runs", "tasks", "by_seed", "by_time", "smoothing"))
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if isinstance(tasks, int):
            self.tasks.setValue(tasks)
        if isinstance(smoothing, int):
            self.plots.smoothing.setValue(smoothing)
        self.by_seed.setChecked(by_seed is True)
        self.plots.by_time.setChecked(by_time is True)
        if isinstance(runs, list):
            self.compare([Path(folder) for folder in runs if isinstance(folder, str)])

    def end(self) -> None:
        """End the threads."""
        self.watch.end()
        if self._request is not None:
            self._request.cancelled.set()
        self.looker.end()
        self.worker.end()
