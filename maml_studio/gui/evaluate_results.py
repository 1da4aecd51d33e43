"""What an evaluation found: figures, score by inner step, tasks by score, confusion, worst tasks; on the page and on the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QFrame, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ..training.norm_words import norm_words
from . import theme
from .cards import card, heading, scrolling
from .evaluate_confusion import ConfusionView
from .evaluate_histogram import TaskHistogram
from .evaluate_tasks import LEAST, AnsweredTask
from .plots import Plot
from .wheel import leave_wheel_to_page

if TYPE_CHECKING:
    from ..training.report import Report, Result

ROLES = {"trained": "after", "random start": "before"}
WHOLE = 560
"""Pixels of height for the worst tasks on a picture."""
NOTHING = "How the model does on new tasks, before the first inner step and after each. Choose a model and press Evaluate."


class EvaluateResults(QWidget):
    """Shows a report; the histogram, the confusion and the worst tasks are those of one start and norm mode."""

    def __init__(self) -> None:
        super().__init__()
        self.report: Report | None = None
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._figures = QGridLayout()
        self._figures.setHorizontalSpacing(22)
        self._figures.setVerticalSpacing(2)
        self.plot = Plot("Score", "inner step", "accuracy, %", theme=theme.manager(), empty_text=NOTHING)
        self.histogram = TaskHistogram()
        self.confusion = ConfusionView()
        self.tasks = TaskGrid()
        self.which = QComboBox()
        self.which.setAccessibleName("Details of")
        self.which.setToolTip("Whose tasks, confusion and worst tasks are shown below")
        self.which.currentIndexChanged.connect(self._show_details)
        leave_wheel_to_page(self.which)
        self.step = QComboBox()
        self.step.setAccessibleName("Inner step of the details")
        self.step.setToolTip("After how many inner steps the tasks' scores, the confusion and the answers to the worst tasks are shown")
        self.step.currentIndexChanged.connect(self._show_details)
        leave_wheel_to_page(self.step)
        for box in (self.which, self.step):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self._notes = {key: QLabel() for key in ("tasks", "confusion", "worst")}
        for note in self._notes.values():
            note.setProperty("role", "muted")
            note.setWordWrap(True)  # a figure's tasks and norm are never cut off
        self._build()
        self.clear()

    def _build(self) -> None:
        choice = QHBoxLayout()
        self._labels = {}
        for words, box in (("Details of", self.which), ("after", self.step)):
            self._labels[box] = label = QLabel(words)
            label.setBuddy(box)
            choice.addWidget(label)
            choice.addWidget(box)
        self._choice = QWidget()
        self._choice.setLayout(choice)
        choice.setContentsMargins(0, 0, 0, 0)
        figures = QHBoxLayout()
        figures.addLayout(self._figures)
        figures.addStretch(1)
        self.head = QWidget()
        head = QVBoxLayout(self.head)
        head.setContentsMargins(2, 0, 0, 0)
        head.setSpacing(4)
        head.addWidget(self.about)
        head.addLayout(figures)
        # A line of its own: beside the figures it made the page wider than a small window.
        head.addWidget(self._choice, 0, Qt.AlignmentFlag.AlignRight)
        self._confusion_card = self._titled("Taken for one another", "confusion", self.confusion)
        self._tasks_card = self._titled("Tasks by their score", "tasks", self.histogram)
        self._worst_card = self._titled("The worst tasks", "worst", self.tasks)
        self._cards = (self._tasks_card, self._confusion_card, self._worst_card)
        self._grid = QGridLayout()
        self._grid.setSpacing(8)
        for row in (0, 1):
            self._grid.setRowStretch(row, 1)
            self._grid.setColumnStretch(row, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.head)
        layout.addLayout(self._grid, 1)
        self._place(confusion=True)

    def _titled(self, title: str, note: str, inside: QWidget) -> QFrame:
        box = QWidget()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(heading(title))
        layout.addWidget(self._notes[note])
        layout.addWidget(inside, 1)
        return card(box)

    def _place(self, *, confusion: bool) -> None:
        """A function has no classes to be confused: its worst tasks take that room."""
        for widget in (self.plot, *self._cards):
            self._grid.removeWidget(widget)
        self._grid.addWidget(self.plot, 0, 0)
        self._grid.addWidget(self._tasks_card, 0, 1)
        if confusion:
            self._grid.addWidget(self._confusion_card, 1, 0)
            self._grid.addWidget(self._worst_card, 1, 1)
        else:
            self._grid.addWidget(self._worst_card, 1, 0, 1, 2)
        self._confusion_card.setVisible(confusion)

    def clear(self) -> None:
        """Show nothing, and say what would be shown."""
        self.report = None
        self.head.hide()
        for one in self._cards:
            one.hide()
        self.plot.clear()
        self._grid.removeWidget(self.plot)
        self._grid.addWidget(self.plot, 0, 0, 2, 2)

    def show_report(self, report: Report) -> None:
        """Show another report."""
        self.report = report
        self.head.show()
        for one in self._cards:
            one.show()
        self._place(confusion=not report.experiment.regression)
        words = f"{report.model}, trained on {report.trained_on}, weights of iteration {report.iteration:,}. {report.about}."
        if len({result.transductive for result in report.results}) == 1 and not report.experiment.model.batch_norm:
            words += f" One norm mode only ({report.results[0].norm_mode}): the network has no batch norm."
        self.about.setText(words)
        self._show_figures(report)
        self._show_plot(report)
        steps = [step for step, _, _ in report.results[0].figures]
        for box, texts in ((self.which, [result.name for result in report.results]), (self.step, [after(step) for step in steps])):
            with QSignalBlocker(box):
                box.clear()
                box.addItems(texts)
                box.setCurrentIndex(0 if box is self.which else len(steps) - 1)
            for widget in (box, self._labels[box]):
                widget.setVisible(len(texts) > 1)
        self._choice.setVisible(len(report.results) > 1 or len(steps) > 1)
        self._show_details()

    def _show_figures(self, report: Report) -> None:
        while self._figures.count():
            item = self._figures.takeAt(0)
            if item is not None and item.widget() is not None:
                item.widget().deleteLater()
        last = report.results[0].figures[-1][0]
        what = "squared error" if report.metric == "mse" else "accuracy"
        heads = [
            f"{what} ± 95%",
            "before adaptation",
            *([f"after {last} inner steps" if last != 1 else "after 1 inner step"] if last else []),
        ]
        rows = [heads] + [[result.name, *_before_and_after(result, report.metric)] for result in report.results]
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                label = QLabel(text)
                label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
                if row == 0:
                    label.setProperty("role", "muted")
                elif row == 1 and column:
                    font = label.font()
                    font.setBold(True)
                    label.setFont(font)
                self._figures.addWidget(label, row, column)

    def _show_plot(self, report: Report) -> None:
        plot, scale = self.plot, 1 if report.metric == "mse" else 100
        plot.clear()
        plot.set_titles(*(("Error", "squared error") if report.metric == "mse" else ("Accuracy", "accuracy, %")))
        for result in report.results:
            x, mean, half = np.array(result.figures, np.float64).T
            low, high = scale * (mean - half), scale * (mean + half)
            if report.metric != "mse":
                low, high = np.clip(low, 0, 100), np.clip(high, 0, 100)
            role, dashed = ROLES[result.start], result is not report.results[0] and result.transductive != report.results[0].transductive
            plot.set_band(f"{result.name} 95%", x, low, high, role=role)
            plot.set_curve(result.name, x, scale * mean, role=role, name=result.name, dashed=dashed, symbol=True)
        plot.set_note(f"± 95%, {report.tasks:,} tasks")  # the curves' names tell the norm

    def prepare_picture(self) -> int:
        """Show as many of the worst tasks as a page has room for, whole, and nothing to choose or to scroll.

        Returns:
            How many pixels of height it lacks for that.
        """
        self._choice.hide()
        self.confusion.table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        lacking = self.tasks.show_whole()
        # The rows of the grid share what is added.
        return 2 * lacking

    def result(self) -> Result | None:
        """Whose details are shown."""
        return self.report.results[max(0, self.which.currentIndex())] if self.report else None

    def _show_details(self) -> None:
        report, result = self.report, self.result()
        if report is None or result is None:
            return
        point = max(0, self.step.currentIndex())
        step, mean, half = result.figures[point]
        self.histogram.show_histogram(result.histograms[point], mean, accuracy=report.metric != "mse")
        words = f"{report.tasks:,} tasks, {result.start}, {norm_words(result.norm_mode)}, {after(step)}"
        figure = f"{mean:.3g} ± {half:.2g}" if report.metric == "mse" else f"{100 * mean:.1f} ± {100 * half:.1f} %"
        self._notes["tasks"].setText(f"{figure}, {words}")
        self._notes["confusion"].setText(words)
        # Which tasks they are is decided by the last step; what they were answered is told for the chosen one.
        last = after(result.figures[-1][0])
        self._notes["worst"].setText(words if point == len(result.figures) - 1 else f"{words}; the worst of those {last}")
        if result.confusions:
            self.confusion.show_confusion(result.confusions[point])
        self.tasks.show_tasks([AnsweredTask(task.at(point)) for task in result.worst])


class TaskGrid(QWidget):
    """Tasks under one another, or beside one another where there is room; they scroll."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[AnsweredTask] = []
        self._content = QWidget()
        self._grid = QGridLayout(self._content)
        self._grid.setContentsMargins(0, 0, 4, 0)
        self._grid.setSpacing(10)
        self.scroll = scrolling(self._content)
        self.scroll.setAccessibleName("The worst tasks")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.scroll)
        self._columns = 0

    def show_tasks(self, tasks: list[AnsweredTask]) -> None:
        """Show other tasks."""
        for task in self.tasks:
            self._grid.removeWidget(task)
            task.hide()
            task.deleteLater()
        self.tasks, self._columns = tasks, 0
        self._lay_out()
        self.scroll.verticalScrollBar().setValue(0)

    def show_whole(self) -> int:
        """Show the first tasks only, and all of each; tells how many pixels of height it lacks for that."""
        rows = max(1, WHOLE // max(task.height() for task in self.tasks)) if self.tasks else 0
        for task in self.tasks[rows * self._columns :]:
            task.hide()
        self.scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return max(0, sum(task.height() + 10 for task in self.tasks[: rows * self._columns : self._columns]) - self.scroll.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the room."""
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        columns = max(1, self.width() // (LEAST + 40))
        if columns == self._columns:
            return
        self._columns = columns
        for index, task in enumerate(self.tasks):
            self._grid.addWidget(task, index // columns, index % columns, Qt.AlignmentFlag.AlignTop)
        for column in range(self._grid.columnCount()):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self._grid.setRowStretch(self._grid.rowCount(), 1)


def after(step: int) -> str:
    """A point of the inner loop in words."""
    return "before adaptation" if step == 0 else f"{step:,} inner step{'' if step == 1 else 's'}"


def _before_and_after(result: Result, metric: str) -> list[str]:
    ends = [result.figures[0], *result.figures[1:][-1:]]
    return [f"{mean:.3g} ± {half:.2g}" if metric == "mse" else f"{100 * mean:.1f} ± {100 * half:.1f} %" for _, mean, half in ends]
