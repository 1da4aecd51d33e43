"""The list of runs as a table: keys, clicks, columns."""

from __future__ import annotations

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from ..training.run_index import RunSummary
from .runs_model import CREATED, HEADERS, STAR, STATUS, TITLE, RunsModel, RunsProxy

SAMPLES = (
    "",
    "",
    "Unicorn-MAML",
    "Glyphs (invented)",
    "20-way 1-shot",
    "99.9 ± 0.9 %",
    "60,000 / 60,000",
    "12 h 05 min",
    "22 Nov 20:37",
    "finished",
)
"""What each column should have room for; the title takes the rest."""
LEAST_TITLE = 150


class RunsTable(QTableView):
    """Shows the runs.

    Signals:
        chosen_changed: Other runs are chosen.
        open_wanted: Return, or a double click.
    """

    chosen_changed = Signal()
    open_wanted = Signal()

    def __init__(self, model: RunsModel, proxy: RunsProxy) -> None:
        super().__init__()
        self._proxy = proxy
        self._model = model
        self.setModel(proxy)
        self.setAccessibleName("Runs")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setSortingEnabled(True)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setIconSize(QSize(16, 16))
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # the runs of a grid differ at the end of their names
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        rows = self.verticalHeader()
        rows.hide()
        # One height for all rows: otherwise Qt measures each of the thousands.
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 10)
        columns = self.horizontalHeader()
        columns.setHighlightSections(False)
        columns.setMinimumSectionSize(28)
        metrics = QFontMetrics(self.font())
        for column, sample in enumerate(SAMPLES):
            if column == STAR:
                columns.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
                columns.resizeSection(column, 30)
            elif sample:
                # The header's arrow needs room beside its word.
                wide = max(metrics.horizontalAdvance(sample) + 12, metrics.horizontalAdvance(HEADERS[column]) + 24)
                columns.resizeSection(column, wide)
        columns.moveSection(STATUS, TITLE + 1)  # on a narrow window the date may be scrolled away, this not
        self.sortByColumn(CREATED, Qt.SortOrder.DescendingOrder)
        self.doubleClicked.connect(self._double_clicked)

    def chosen(self) -> list[RunSummary]:
        """The chosen runs, from the top."""
        rows = sorted(index.row() for index in self.selectionModel().selectedRows())
        return [self._proxy.run(row) for row in rows]

    def choose(self, run: RunSummary) -> None:
        """Choose one run and bring it into view."""
        index = self._proxy.mapFromSource(self._model.index(self._model.row_of(run.folder), TITLE))
        if index.isValid():
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def rename(self) -> None:
        """Let the title of the current run be typed."""
        index = self.currentIndex()
        if index.isValid():
            self.edit(index.siblingAtColumn(TITLE))

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:  # noqa: N802
        super().selectionChanged(selected, deselected)
        self.chosen_changed.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.open_wanted.emit()
        elif event.key() == Qt.Key.Key_F2:
            self.rename()
        elif event.key() == Qt.Key.Key_Home and not event.modifiers():
            self._go_to(0)
        elif event.key() == Qt.Key.Key_End and not event.modifiers():
            self._go_to(self._proxy.rowCount() - 1)
        else:
            super().keyPressEvent(event)

    def _go_to(self, row: int) -> None:
        index = self._proxy.index(row, TITLE)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the title what the others leave, and never less than a name needs."""
        super().resizeEvent(event)
        header = self.horizontalHeader()
        others = sum(header.sectionSize(column) for column in range(header.count()) if column != TITLE)
        header.resizeSection(TITLE, max(self.viewport().width() - others, LEAST_TITLE))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and index.column() == STAR and event.button() == Qt.MouseButton.LeftButton and not event.modifiers():
            run = self._proxy.run(index.row())
            self._model.starred.emit(run.folder, not run.starred)
            return
        super().mousePressEvent(event)

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() != STAR:
            self.open_wanted.emit()
