"""The Compare page's tables: who does best on the same tasks, all pairs in plain words, and what differs in the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableWidget, QTableWidgetItem

from ..compare.differences import Difference
from ..compare.result import Comparison
from . import theme
from .compare_runs import LINE
from .compare_style import swatch

WIDEST = 260
"""Pixels of a column at most; longer words are elided, and whole in their tooltip."""


class _Table(QTableWidget):
    """A table to read: rows can be chosen and copied, nothing edited."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setFrameShape(QTableWidget.Shape.NoFrame)
        self.setIconSize(QSize(LINE))
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        # Under the words of the header, which the style sheet indents.
        self.setStyleSheet("QTableWidget::item { padding-left: 4px; }")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 10)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        theme.manager().changed.connect(self.viewport().update)

    def fill(self, heads: Sequence[str], rows: Sequence[Sequence[str]], *, icons: Mapping[int, int] | None = None, bold: int = -1) -> None:
        """Show other cells.

        Args:
            heads: of the columns.
            rows: as many words each.
            icons: a run's look for the first cell of some rows.
            bold: the row that stands out.
        """
        self.setColumnCount(len(heads))
        self.setHorizontalHeaderLabels(list(heads))
        self.setRowCount(len(rows))
        for row, words in enumerate(rows):
            for column, text in enumerate(words):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if column == 0 and icons is not None and row in icons:
                    item.setIcon(swatch(icons[row]))
                if row == bold:
                    font = QFont(self.font())
                    font.setBold(True)
                    item.setFont(font)
                self.setItem(row, column, item)
        self.resizeColumnsToContents()
        for column in range(len(heads)):
            self.setColumnWidth(column, min(self.columnWidth(column) + 8, WIDEST))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy the chosen rows as a table."""
        if event.matches(QKeySequence.StandardKey.Copy):
            rows = sorted({index.row() for index in self.selectedIndexes()})
            lines = ["\t".join(self.item(row, column).text() for column in range(self.columnCount())) for row in rows]
            QApplication.clipboard().setText("\n".join(lines))
        else:
            super().keyPressEvent(event)


class FiguresTable(_Table):
    """One line for each run, the best first."""

    def __init__(self) -> None:
        super().__init__("Accuracy on the same test tasks")

    def show_comparison(self, comparison: Comparison, styles: Mapping[Path, int], names: Mapping[str, int]) -> None:
        """Show other figures.

        Args:
            comparison: what was measured.
            styles: each run's look, by its folder.
            names: the same by its name.
        """
        what = "Error ± 95%" if comparison.common.regression else "Accuracy ± 95%"
        rows, icons = [], {}
        for place, entry in enumerate(comparison.entries):
            pair = comparison.pair(0, place)
            icons[place] = styles.get(entry.runs[0].folder, -1)
            behind = "" if pair is None else comparison.difference(pair.difference, unit=False)
            iterations = ", ".join(f"{count:,}" for count in dict.fromkeys(entry.iterations))
            figures = [comparison.figure(entry), behind, comparison.p_of(place), comparison.verdict(place)]
            rows.append([entry.name, *figures, comparison.spread(entry), entry.norm_mode, str(entry.steps), iterations])
        for name, why in comparison.left_out.items():
            icons[len(rows)] = names.get(name, -1)
            rows.append([name, "–", "", "", why, "", "", "", ""])
        behind = "Behind" if comparison.common.regression else "Points behind"
        heads = ["Run", what, f"{behind} ± 95%", "p", "", "Seeds", "Norm mode", "Steps", "Iteration"]
        self.fill(heads, rows, icons=icons, bold=0 if len(comparison.entries) > 1 else -1)
        self.setColumnHidden(5, all(len(entry.runs) == 1 for entry in comparison.entries))
        for column in (2, 3):
            self.setColumnHidden(column, len(comparison.entries) < 2)


class PairsTable(_Table):
    """One sentence for each pair."""

    def __init__(self) -> None:
        super().__init__("All pairs")
        self.setAlternatingRowColors(False)
        self.horizontalHeader().hide()

    def show_comparison(self, comparison: Comparison) -> None:
        """Show other pairs, those with a difference first."""
        pairs = sorted(comparison.pairs, key=lambda pair: not pair.significant)
        self.fill(["Pair"], [[comparison.sentence(pair)] for pair in pairs])
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)


class SettingsTable(_Table):
    """A line for each setting that differs, a column for each run."""

    def __init__(self) -> None:
        super().__init__("Settings that differ")

    def show_differences(self, names: Sequence[str], found: Sequence[Difference]) -> None:
        """Show other settings."""
        self.fill(["Setting", *names], [[one.title, *one.values] for one in found])
