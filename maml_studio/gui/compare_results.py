"""What a comparison found: figures, pairs and settings, and the files that they are saved as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ..compare.differences import Difference
from ..compare.result import Comparison
from ..compare.tables import to_csv, to_markdown
from ..files import write_whole
from .cards import card
from .compare_tables import FiguresTable, PairsTable, SettingsTable
from .icons import icon
from .save_dialog import ask_where

SAME = "These runs do not differ in their settings."
ONE = "Tick two runs or more to see which settings differ."


class CompareResults(QWidget):
    """Three tables in tabs, and a line above them that says what they are about.

    Signals:
        said: Something was done, in a sentence.
    """

    said = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.comparison: Comparison | None = None
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.figures, self.pairs, self.settings = FiguresTable(), PairsTable(), SettingsTable()
        self.no_figures, self.no_pairs, self.no_settings = (self._words() for _ in range(3))
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self._stacks = []
        for table, words, title in (
            (self.figures, self.no_figures, "Test tasks"),
            (self.pairs, self.no_pairs, "All pairs"),
            (self.settings, self.no_settings, "Settings that differ"),
        ):
            stack = QStackedWidget()
            stack.addWidget(table)
            stack.addWidget(words)
            self._stacks.append(stack)
            self.tabs.addTab(stack, title)
        menu = QMenu(self)
        menu.addAction("Table (CSV)…", self.save_csv)
        menu.addAction("Markdown…", self.save_markdown)
        menu.addSeparator()
        menu.addAction("Copy as Markdown", self.copy_markdown)
        self.save_button = QPushButton(icon("save"), "Save table")
        self.save_button.setToolTip("Write figures, pairs and settings as a table; the plots have buttons of their own")
        self.save_button.setMenu(menu)
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, 2)
        row.addWidget(self.save_button)
        self.tabs.setCornerWidget(corner)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.tabs, 1)
        column.addWidget(self.about)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(card(inside))
        self.show_comparison(None, {}, {}, "")
        self.show_differences((), ())

    @staticmethod
    def _words() -> QLabel:
        label = QLabel()
        label.setProperty("role", "muted")
        label.setWordWrap(True)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setContentsMargins(24, 8, 24, 8)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def show_comparison(self, comparison: Comparison | None, styles: Mapping[Path, int], names: Mapping[str, int], words: str) -> None:
        """Show other figures, or in their place why there are none."""
        self.comparison = comparison
        self.save_button.setEnabled(comparison is not None)
        self.about.setVisible(comparison is not None)
        for stack in self._stacks[:2]:
            stack.setCurrentIndex(0 if comparison is not None else 1)
        self.no_figures.setText(words)
        self.no_pairs.setText(words)
        if comparison is None:
            return
        self.figures.show_comparison(comparison, styles, names)
        self.pairs.show_comparison(comparison)
        if not comparison.pairs:
            self._stacks[1].setCurrentIndex(1)
            self.no_pairs.setText("One run alone has nothing to be compared with.")
        self.about.setText("  ".join(f"{line}." for line in (comparison.summary, *comparison.notes)))

    def show_differences(self, names: Sequence[str], found: Sequence[Difference]) -> None:
        """Show other settings."""
        self._stacks[2].setCurrentIndex(0 if found else 1)
        self.no_settings.setText(ONE if len(names) < 2 else SAME)
        self.settings.show_differences(names, found)

    # Files

    def save_csv(self) -> None:
        """Ask where the table goes, and write it for a spreadsheet."""
        self._save("Save table", "comparison.csv", "Table", ".csv", to_csv)

    def save_markdown(self) -> None:
        """Ask where the table goes, and write it as Markdown."""
        self._save("Save table", "comparison.md", "Markdown", ".md", to_markdown)

    def copy_markdown(self) -> None:
        """Put the table on the clipboard as Markdown."""
        if self.comparison is not None:
            QApplication.clipboard().setText(to_markdown(self.comparison))
            self.said.emit("Copied as Markdown.")

    def _save(self, title: str, suggestion: str, kind: str, suffix: str, write: object) -> None:
        if self.comparison is None:
            return
        text = write(self.comparison)
        file = ask_where(self.window(), title, suggestion, kind, suffix)
        if file is None:
            return
        try:
            write_whole(file, text.encode())
        except OSError as error:
            QMessageBox.warning(self.window(), title, f"{error.filename or file} can't be written: {error.strerror or error}")
        else:
            self.said.emit(f"Saved as {file.name}.")
