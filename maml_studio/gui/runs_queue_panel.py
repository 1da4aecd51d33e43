"""The queue on the Runs page: what trains, what waits, and the buttons for it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..training.queue import DONE, Entry
from . import theme
from .cards import heading
from .icons import icon
from .runs_queue import QueueRunner

ROLES = {"waiting": "text", "training": "accent", "finished": "good", "failed": "bad"}
ROWS = 5
"""So many rows are shown at a time; more can be scrolled to."""


class QueuePanel(QWidget):
    """Shows and changes the queue; hidden while it is empty.

    Signals:
        open_wanted: A run of the queue should be shown, by its folder.
        said: What the user should know.
    """

    open_wanted = Signal(object)
    said = Signal(str)

    def __init__(self, runner: QueueRunner) -> None:
        super().__init__()
        self._runner = runner
        self._removed: list[tuple[int, Entry]] = []
        self.words = QLabel()
        self.words.setProperty("role", "muted")
        self.words.setWordWrap(True)
        self.start_button = QPushButton(icon("play"), "Start")
        self.start_button.clicked.connect(self._start_or_hold)
        self.up_button = self._button("up", "Earlier (Alt+Up)", lambda: self._move(-1))
        self.down_button = self._button("down", "Later (Alt+Down)", lambda: self._move(1))
        self.remove_button = self._button("close", "Take out of the queue; a run that has begun stays on disk (Del)", self.remove)
        self.undo_button = self._button("undo", "Put back what was taken out (Ctrl+Z)", self.undo)
        self.clear_button = QPushButton("Clear done")
        self.clear_button.setToolTip("Forget what has finished or failed; the runs stay in the list")
        self.clear_button.clicked.connect(runner.clear_done)
        self.aside_button = QPushButton("Begin anew")
        self.aside_button.setToolTip("Keep the file that can't be read under another name, and begin with an empty queue")
        self.aside_button.clicked.connect(runner.set_aside)
        self.list = QListWidget()
        self.list.setAccessibleName("Queue")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.itemSelectionChanged.connect(self._refresh_buttons)
        self.list.itemActivated.connect(self._open)
        self._build()
        keys = {"Alt+Up": lambda: self._move(-1), "Alt+Down": lambda: self._move(1), "Del": self.remove, "Ctrl+Z": self.undo}
        for key, slot in keys.items():
            QShortcut(QKeySequence(key), self.list, slot, context=Qt.ShortcutContext.WidgetShortcut)
        runner.changed.connect(self.refresh)
        theme.manager().changed.connect(self.refresh)
        self.refresh()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(heading("Queue"))
        head.addWidget(self.words, 1)
        for button in (self.up_button, self.down_button, self.remove_button, self.undo_button):
            head.addWidget(button)
        for button in (self.aside_button, self.clear_button, self.start_button):
            head.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(head)
        layout.addWidget(self.list)

    def _button(self, picture: str, tip: str, slot: object) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(picture))
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition(" (")[0])
        button.clicked.connect(slot)
        return button

    def refresh(self) -> None:
        """Show the queue as it is."""
        runner, entries = self._runner, self._runner.entries
        chosen = {item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()}
        self.list.blockSignals(True)
        self.list.clear()
        for entry in entries:
            item = QListWidgetItem(_line(entry, runner.trains(entry)))
            item.setData(Qt.ItemDataRole.UserRole, entry.identity)
            item.setForeground(theme.current().color(ROLES[entry.state]))
            item.setToolTip(entry.message or entry.name)
            item.setSizeHint(QSize(0, self._row_height()))
            self.list.addItem(item)
            item.setSelected(entry.identity in chosen)
            if entry.identity in chosen:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)
        rows = min(max(len(entries), 1), ROWS)
        self.list.setFixedHeight(rows * self._row_height() + 2 * self.list.frameWidth())
        self.list.setVisible(bool(entries))
        self.words.setText(runner.problem or self._summary())
        self.setVisible(bool(entries or runner.problem))
        self._refresh_buttons()

    def _row_height(self) -> int:
        return self.list.fontMetrics().height() + 6

    def _summary(self) -> str:
        entries = self._runner.entries
        counts = {state: sum(entry.state == state for entry in entries) for state in ROLES}
        cut = sum(entry.state == "training" and not self._runner.trains(entry) for entry in entries)
        counts["training"] -= cut
        counts["waiting"] += cut
        names = {"training": "trains", "waiting": "waiting", "finished": "finished", "failed": "failed"}
        text = ", ".join(f"{counts[state]} {word}" for state, word in names.items() if counts[state])
        if self._runner.going:
            return text
        return text + ("; Start trains them one after the other" if counts["waiting"] and not counts["training"] else "")

    def _refresh_buttons(self) -> None:
        runner = self._runner
        chosen = self._chosen()
        waiting = [entry for entry in chosen if entry.state == "waiting"]
        self.start_button.setText("Hold" if runner.going else "Start")
        self.start_button.setIcon(icon("pause" if runner.going else "play"))
        tip = "Begin no further run; the one under way goes on to its end" if runner.going else "Train what waits, one after the other"
        self.start_button.setToolTip(tip)
        self.start_button.setEnabled(runner.going or runner.waiting > 0)
        for button in (self.up_button, self.down_button):
            button.setEnabled(len(chosen) == len(waiting) == 1)
        self.remove_button.setEnabled(any(entry.state != "training" for entry in chosen))
        self.undo_button.setVisible(bool(self._removed))
        self.clear_button.setVisible(any(entry.state in DONE for entry in runner.entries))
        self.aside_button.setVisible(bool(runner.problem))

    def _chosen(self) -> list[Entry]:
        identities = {item.data(Qt.ItemDataRole.UserRole) for item in self.list.selectedItems()}
        return [entry for entry in self._runner.entries if entry.identity in identities]

    def _start_or_hold(self) -> None:
        (self._runner.hold if self._runner.going else self._runner.go)()

    def _move(self, steps: int) -> None:
        chosen = self._chosen()
        if len(chosen) == 1:
            self._runner.move(chosen[0].identity, steps)

    def remove(self) -> None:
        """Take the chosen ones out."""
        gone = self._runner.remove([entry.identity for entry in self._chosen()])
        if gone:
            self._removed = gone
            self.said.emit(f"{len(gone)} taken out of the queue.")
        self._refresh_buttons()

    def undo(self) -> None:
        """Put back what was taken out last."""
        if self._removed:
            removed, self._removed = self._removed, []
            self._runner.put_back(removed)
            self._refresh_buttons()

    def _open(self, item: QListWidgetItem) -> None:
        entry = next((one for one in self._runner.entries if one.identity == item.data(Qt.ItemDataRole.UserRole)), None)
        if entry is not None and entry.folder and Path(entry.folder).is_dir():
            self.open_wanted.emit(Path(entry.folder))


def _line(entry: Entry, trains: bool) -> str:
    cut_off = entry.state == "training" and not trains
    state = "goes on where it was" if cut_off or (entry.state == "waiting" and entry.folder) else entry.state
    return f"{entry.name}   –   {state}" + (f": {entry.message}" if entry.state == "failed" and entry.message else "")
