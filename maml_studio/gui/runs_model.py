"""The table of runs: one row per run, sorted and filtered by a proxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QSortFilterProxyModel, Qt, Signal

from ..training.run_index import RunSummary
from . import theme
from .icons import icon

STAR, TITLE, ALGORITHM, DATA, TASK, SCORE, ITERATIONS, TIME, CREATED, STATUS = range(10)
HEADERS = ("", "Run", "Algorithm", "Data", "Task", "Score ± 95 %", "Iterations", "Trained", "Made", "Status")
SORT_ROLE = Qt.ItemDataRole.UserRole + 1
ROLES = {"training": "accent", "finished": "good", "failed": "bad", "stopped": "text", "cut off": "warning"}
"""The colour of each status."""
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CUT_OFF = "It ended without a last word; it can be continued from its last checkpoint"
Index = QModelIndex


class RunsModel(QAbstractTableModel):
    """Holds the runs.

    Signals:
        renamed: A title was typed into the table, for the run in this folder.
        starred: A star was clicked: this folder's run should have one, or no longer.
    """

    renamed = Signal(object, str)
    starred = Signal(object, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs: list[RunSummary] = []
        self._keys: dict[int, list[Any]] = {}
        theme.manager().changed.connect(self._repaint)

    @property
    def runs(self) -> list[RunSummary]:
        """All runs, in no order that matters."""
        return self._runs

    def run(self, row: int) -> RunSummary:
        """The run of a row."""
        return self._runs[row]

    def row_of(self, folder: Path) -> int:
        """The row of a run, or -1."""
        return next((row for row, run in enumerate(self._runs) if run.folder == folder), -1)

    def set_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show these; rows that are as they were are left alone, so that selection and scrolling stay."""
        new = {run.folder: run for run in runs}
        for row in reversed(range(len(self._runs))):
            if self._runs[row].folder not in new:
                self.beginRemoveRows(Index(), row, row)
                del self._runs[row]
                self._keys.clear()
                self.endRemoveRows()
        for row, old in enumerate(self._runs):
            run = new.pop(old.folder)
            if run is not old and run != old:
                self._runs[row] = run
                self._keys.clear()
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(HEADERS) - 1))
        if new:
            self.beginInsertRows(Index(), len(self._runs), len(self._runs) + len(new) - 1)
            self._runs += new.values()
            self._keys.clear()
            self.endInsertRows()

    def update(self, run: RunSummary) -> None:
        """Show what has changed about one run."""
        row = self.row_of(run.folder)
        if row >= 0:
            self._runs[row] = run
            self._keys.clear()
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(HEADERS) - 1))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._runs)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: N802
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADERS[section]
        if role == Qt.ItemDataRole.ToolTipRole and section == SCORE:
            return "The best validation: mean over its tasks, and the half width of the 95% interval"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        return None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == TITLE else flags

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == SORT_ROLE:
            # Sorting asks for tens of thousands of them.
            column = index.column()
            keys = self._keys.get(column)
            if keys is None:
                keys = self._keys[column] = [_sort_key(run, column) for run in self._runs]
            return keys[index.row()]
        run, column = self._runs[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _text(run, column)
            case Qt.ItemDataRole.ToolTipRole:
                return _tip(run, column)
            case Qt.ItemDataRole.EditRole:
                return run.title if column == TITLE else None
            case Qt.ItemDataRole.AccessibleTextRole if column == STAR:
                return "starred" if run.starred else "not starred"
            case Qt.ItemDataRole.DecorationRole if column == STAR:
                return icon("star-filled", "accent") if run.starred else icon("star", "border")
            case Qt.ItemDataRole.ForegroundRole:
                return theme.current().color(_role(run, column))
            case Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(column)
        return None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802
        if role != Qt.ItemDataRole.EditRole or index.column() != TITLE:
            return False
        self.renamed.emit(self._runs[index.row()].folder, str(value))
        return True

    def _repaint(self) -> None:
        if self._runs:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._runs) - 1, len(HEADERS) - 1))


@dataclass(frozen=True)
class Wanted:
    """Which runs to show; empty words show all.

    Attributes:
        words: each has to be found in title, name, algorithm, data, task, tags or notes.
        status, algorithm, source: keys.
        starred: only those with a star.
    """

    words: str = ""
    status: str = ""
    algorithm: str = ""
    source: str = ""
    starred: bool = False

    def admits(self, run: RunSummary) -> bool:
        """Whether a run is one of them."""
        if (self.status and run.status != self.status) or (self.algorithm and run.algorithm != self.algorithm):
            return False
        if (self.source and run.source != self.source) or (self.starred and not run.starred):
            return False
        if not self.words:
            return True
        parts = (
            run.title,
            run.folder.name,
            run.algorithm,
            run.algorithm_title,
            run.source,
            run.source_title,
            run.task,
            *run.tags,
            run.notes,
        )
        text = "\n".join(parts).casefold()
        return all(word in text for word in self.words.casefold().split())


class RunsProxy(QSortFilterProxyModel):
    """Sorts and filters the runs."""

    def __init__(self, model: RunsModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._wanted = Wanted()
        self.setSourceModel(model)
        self.setSortRole(SORT_ROLE)
        self.setDynamicSortFilter(True)

    @property
    def wanted(self) -> Wanted:
        """Which runs are shown."""
        return self._wanted

    def set_wanted(self, wanted: Wanted) -> None:
        """Show only these."""
        if wanted != self._wanted:
            self._wanted = wanted
            self.invalidate()

    def filterAcceptsRow(self, row: int, parent: QModelIndex) -> bool:  # noqa: N802
        return self._wanted.admits(self.sourceModel().run(row))

    def run(self, row: int) -> RunSummary:
        """The run of a row as shown."""
        return self.sourceModel().run(self.mapToSource(self.index(row, 0)).row())


def count_runs(number: int) -> str:
    """So many runs: ``1 run``, ``2,000 runs``."""
    return f"{number:,} run{'' if number == 1 else 's'}"


def time_words(seconds: float) -> str:
    """A time such as ``48 s``, ``12 min`` or ``3 h 05 min``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def _text(run: RunSummary, column: int) -> str:
    match column:
        case 1:
            return run.title
        case 2:
            return run.algorithm_title
        case 3:
            return run.source_title
        case 4:
            return run.task
        case 5:
            return run.best.text() if run.best else ""
        case 6:
            return f"{run.iteration:,}" if run.status == "finished" else f"{run.iteration:,} / {run.iterations:,}"
        case 7:
            return time_words(run.seconds)
        case 8:
            return _day(run.created)
        case 9:
            return run.status
    return ""


def _day(when: datetime) -> str:
    """A day as short as it can be said: the time in this year, the year before it."""
    # By hand, since the month that strftime writes is in the system's language, and everything else here is English.
    day = f"{when.day} {MONTHS[when.month - 1]}"
    return f"{day} {when:%H:%M}" if when.year == datetime.now().astimezone().year else f"{day} {when.year}"


def _tip(run: RunSummary, column: int) -> str | None:
    match column:
        case 0:
            return "Starred; click (or S) to take it away" if run.starred else "Click (or S) for a star"
        case 1:
            tags = f"\n{', '.join(run.tags)}" if run.tags else ""
            return f"{run.title}\n{run.folder.name}{tags}"
        case 5 if run.best:
            what = "accuracy" if run.best.metric == "accuracy" else "squared error"
            return f"{what} {run.best.text()} {run.best.conditions()}"
        case 8:
            return f"{run.created:%Y-%m-%d %H:%M:%S}"
        case 9:
            words = run.message or {"cut off": "It ended without a last word; it can be continued from its last checkpoint"}.get(
                run.status, ""
            )
            return "\n".join(part for part in (words, run.problem) if part) or None
    return None


def _role(run: RunSummary, column: int) -> str:
    if column == STATUS:
        return ROLES[run.status]
    return "text" if column in (TITLE, SCORE) else "muted"


def _alignment(column: int) -> int:
    right = column in (SCORE, ITERATIONS, TIME)
    return int(Qt.AlignmentFlag.AlignVCenter | (Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft))


def _sort_key(run: RunSummary, column: int) -> Any:
    match column:
        case 0:
            return int(run.starred)
        case 5:
            return _goodness(run)
        case 6:
            return run.iteration
        case 7:
            return run.seconds
        case 8:
            return run.created.timestamp()
    return _text(run, column).casefold()


def _goodness(run: RunSummary) -> float:
    """Larger is better: accuracies first, then squared errors, then those without a score."""
    if run.best is None:
        return -1e300
    return run.best.mean if run.best.metric == "accuracy" else -1 - run.best.mean
