"""The list of runs to choose from on the Compare page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from ..training.run_index import RunSummary
from . import theme
from .compare_style import MOST_RUNS, free_style, swatch

FOLDER, STYLE, WORDS = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
LINE = QSize(30, 12)


class RunList(QWidget):
    """Runs with a box each to tick, and a line to search them.

    Signals:
        changed: Other runs are ticked.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[Path, RunSummary] = {}
        self._filling = False
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: name, algorithm, data, tag")
        self.search.setAccessibleName("Search runs")
        self.search.setToolTip("Show runs with all of these words only (Ctrl+F); ticked ones stay in sight")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.list = QListWidget()
        self.list.setAccessibleName("Runs to compare")
        self.list.setToolTip(f"Tick the runs to compare (space bar), at most {MOST_RUNS}")
        self.list.setIconSize(LINE)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setSpacing(2)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.itemChanged.connect(self._take)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.search)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.note)
        theme.manager().changed.connect(self.list.viewport().update)
        self._tell()

    def set_runs(self, runs: Sequence[RunSummary]) -> None:
        """Offer these runs, in this order; those that were ticked stay so, and those that are gone are let go."""
        if list(runs) == list(self._runs.values()):
            return
        before, names = self.styles(), {folder: run.title for folder, run in self._runs.items()}
        self._runs = {run.folder: run for run in runs}
        self._filling = True
        place = self.list.verticalScrollBar().value()
        current = self.list.currentItem().data(FOLDER) if self.list.currentItem() else None
        self.list.clear()
        for run in runs:
            item = QListWidgetItem(_words(run))
            item.setData(FOLDER, run.folder)
            item.setData(
                WORDS, " ".join((run.title, run.folder.name, run.algorithm_title, run.source_title, run.task, *run.tags)).casefold()
            )
            item.setToolTip(_tip(run))
            item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if run.folder in before else Qt.CheckState.Unchecked)
            if run.folder in before:
                item.setData(STYLE, before[run.folder])
                item.setIcon(swatch(before[run.folder]))
            self.list.addItem(item)
            if run.folder == current:
                self.list.setCurrentItem(item)
        self._filling = False
        self.list.verticalScrollBar().setValue(place)
        self._filter()
        gone = [names[folder] for folder in before if folder not in self._runs]
        self._tell(f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} no longer there." if gone else "")
        if gone:
            self.changed.emit()

    def tick(self, folders: Sequence[Path]) -> None:
        """Tick these runs and no others; those that are not in the list are passed over."""
        wanted = [folder for folder in dict.fromkeys(folders) if folder in self._runs][:MOST_RUNS]
        self._filling = True
        for item in self._items():
            item.setCheckState(Qt.CheckState.Unchecked)
            self._dress(item)
        by_folder = {item.data(FOLDER): item for item in self._items()}
        for folder in wanted:
            by_folder[folder].setCheckState(Qt.CheckState.Checked)
            self._dress(by_folder[folder])
        self._filling = False
        if wanted:
            self.list.scrollToItem(by_folder[wanted[0]])
        self._filter()
        self._tell()
        self.changed.emit()

    def ticked(self) -> list[RunSummary]:
        """The chosen runs, in the order in which they got their looks."""
        return [self._runs[folder] for folder in self.styles()]

    def styles(self) -> dict[Path, int]:
        """Each chosen run's look, see :mod:`.compare_style`."""
        found = {item.data(FOLDER): item.data(STYLE) for item in self._items() if item.data(STYLE) is not None}
        return dict(sorted(found.items(), key=lambda pair: pair[1]))

    def count(self) -> int:
        """How many runs there are to choose from."""
        return self.list.count()

    def _items(self) -> list[QListWidgetItem]:
        return [self.list.item(row) for row in range(self.list.count())]

    def _take(self, item: QListWidgetItem) -> None:
        if self._filling:
            return
        checked = item.checkState() == Qt.CheckState.Checked
        if checked == (item.data(STYLE) is not None):
            return
        self._filling = True
        if checked and len(self.styles()) >= MOST_RUNS:
            item.setCheckState(Qt.CheckState.Unchecked)
            self._filling = False
            self._tell(f"At most {MOST_RUNS} runs can be followed in one picture; take another out first.")
            return
        self._dress(item)
        self._filling = False
        self._filter()
        self._tell()
        self.changed.emit()

    def _dress(self, item: QListWidgetItem) -> None:
        """Give a ticked run the first look that is free, and take an unticked one's away."""
        if item.checkState() == Qt.CheckState.Checked:
            style = free_style(set(self.styles().values()))
            item.setData(STYLE, style)
            item.setIcon(swatch(style))
        else:
            item.setData(STYLE, None)
            item.setIcon(swatch(-1))

    def _filter(self) -> None:
        words = self.search.text().casefold().split()
        shown = 0
        for item in self._items():
            fits = item.data(STYLE) is not None or all(word in item.data(WORDS) for word in words)
            item.setHidden(not fits)
            shown += fits
        if words and not shown:
            self._tell("No run has all of these words.")
        elif not self.list.count() or words:
            self._tell()

    def _tell(self, words: str = "") -> None:
        if not words:
            count = len(self.styles())
            words = (
                f"{count} of {self.list.count():,} chosen" if self.list.count() else "There are no runs yet. Train one on the Train page."
            )
        self.note.setText(words)


def _words(run: RunSummary) -> str:
    # No score here: there is no room for what it means, which the tooltip has.
    facts = [run.algorithm_title, run.task, run.source_title, *([] if run.status == "finished" else [run.status])]
    return f"{run.title}\n{', '.join(fact for fact in facts if fact)}"


def _tip(run: RunSummary) -> str:
    best = f"best validation {run.best.text()} {run.best.conditions()}" if run.best else "no validation yet"
    lines = [
        run.title,
        f"{run.algorithm_title} on {run.source_title}, {run.task}",
        f"{run.status}, {run.iteration:,} of {run.iterations:,} iterations",
        best,
    ]
    return "\n".join([*lines, str(run.folder)] + ([run.problem] if run.problem else []))
