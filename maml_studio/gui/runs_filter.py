"""What narrows the list of runs: words, status, algorithm, data, star."""

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QToolButton, QWidget

from ..training.run_index import STATUSES, RunSummary
from .icons import icon
from .runs_model import Wanted
from .wheel import leave_wheel_to_page


class RunsFilter(QWidget):
    """A row of fields.

    Signals:
        changed: Other runs are wanted.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.words = QLineEdit()
        self.words.setPlaceholderText("Search title, algorithm, data, tags, notes (Ctrl+F)")
        self.words.setAccessibleName("Search runs")
        self.words.setToolTip("Runs that have all these words in their title, folder, algorithm, data, task, tags or notes")
        self.words.setClearButtonEnabled(True)
        for action in self.words.findChildren(QAction):
            action.setToolTip("Clear")
        self.status = self._box("Any status", "Status", [(status, status) for status in STATUSES])
        self.algorithm = self._box("Any algorithm", "Algorithm", [])
        self.source = self._box("Any data", "Data", [])
        self.starred = QToolButton()
        self.starred.setIcon(icon("star"))
        self.starred.setCheckable(True)
        self.starred.setToolTip("Only runs with a star")
        self.starred.setAccessibleName("Only runs with a star")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.words, 1)
        for field in (self.status, self.algorithm, self.source, self.starred):
            row.addWidget(field)
        self.words.textChanged.connect(self.changed)
        self.starred.toggled.connect(self._star_toggled)

    def _box(self, nothing: str, name: str, choices: list[tuple[str, str]]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(f"{name}: show only runs with this one")
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        box.addItem(nothing, "")
        for key, title in choices:
            box.addItem(title, key)
        box.currentIndexChanged.connect(self.changed)
        leave_wheel_to_page(box)
        return box

    def _star_toggled(self, on: bool) -> None:
        self.starred.setIcon(icon("star-filled" if on else "star", "accent" if on else "text"))
        self.changed.emit()

    def wanted(self) -> Wanted:
        """Which runs are wanted."""
        return Wanted(
            self.words.text(),
            self.status.currentData(),
            self.algorithm.currentData(),
            self.source.currentData(),
            self.starred.isChecked(),
        )

    def offer(self, runs: Iterable[RunSummary]) -> None:
        """Offer the algorithms and data that there are; what is chosen stays."""
        runs = list(runs)
        for box, choices in (
            (self.algorithm, {run.algorithm: run.algorithm_title for run in runs}),
            (self.source, {run.source: run.source_title for run in runs}),
        ):
            chosen = box.currentData()
            wanted = sorted(((key, title) for key, title in choices.items() if key), key=lambda pair: pair[1].casefold())
            if [(box.itemData(row), box.itemText(row)) for row in range(1, box.count())] == wanted:
                continue
            box.blockSignals(True)
            while box.count() > 1:
                box.removeItem(1)
            for key, title in wanted:
                box.addItem(title, key)
            box.setCurrentIndex(max(box.findData(chosen), 0))
            box.blockSignals(False)
            if box.currentData() != chosen:
                self.changed.emit()

    def clear(self) -> None:
        """Show all runs."""
        self.words.clear()
        for box in (self.status, self.algorithm, self.source):
            box.setCurrentIndex(0)
        self.starred.setChecked(False)
