"""The Runs page: find a run again, look at it, go on with it, throw it away; and the queue of those to come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from ...spec import Experiment, SpecError, load
from ...training.queue import Queue, queue_file
from ...training.run_about import clean_title
from ...training.run_index import EXPERIMENT, RunSummary
from .. import theme
from ..cards import card
from ..elided_label import ElidedLabel
from ..icons import icon
from ..runs_commands import RunCommands
from ..runs_details import RunDetails, change_about
from ..runs_filter import RunsFilter
from ..runs_grid_dialog import GridDialog
from ..runs_list import RunsWatch
from ..runs_model import RunsModel, RunsProxy, count_runs
from ..runs_queue import QueueRunner
from ..runs_queue_panel import QueuePanel
from ..runs_table import RunsTable
from ..runs_trash import RunsBin
from ..session import RunSession

NO_RUNS = "No runs yet: every training leaves one here, from this window or from the command line. Press Train on the Train page."
NONE_FOUND = "No run fits. Take a filter away, or search for other words."
DETAILS_WIDTH = 280


class RunsPage(QWidget):
    """The list of runs with the chosen one beside it, and the queue above.

    Args:
        session: what trains in this window.
        root: the folder of runs.

    Signals:
        open_wanted: Show the run of this folder on the Train page.
        continue_wanted: Train the run of this folder further.
        settings_wanted: Bring these settings into the form; where they come from.
        compare_wanted: Compare the runs of these folders.
        queue_starting: A run of the queue is about to begin, with these settings and in this folder.
        deleted: These folders went to the trash.
        said: What the user should know in passing.
    """

    open_wanted = Signal(object)
    continue_wanted = Signal(object)
    settings_wanted = Signal(object, str)
    compare_wanted = Signal(list)
    queue_starting = Signal(object, object)
    deleted = Signal(list)
    said = Signal(str)

    def __init__(self, session: RunSession, root: Path) -> None:
        super().__init__()
        self._session, self._root = session, root
        self.bin = RunsBin(self)
        self.bin.said.connect(self._say)
        self._listed = False
        self._pending: list[RunSummary] | None = None
        self.watch = RunsWatch(root, self)
        self.model = RunsModel(self)
        self.proxy = RunsProxy(self.model, self)
        self.filter = RunsFilter()
        self.table = RunsTable(self.model, self.proxy)
        self.details = RunDetails()
        self.runner = QueueRunner(session, Queue(queue_file()), root, self)
        self.queue = QueuePanel(self.runner)
        self.commands = RunCommands(
            self.table,
            {
                "open": self.open,
                "go_on": self.go_on,
                "settings": self.use_settings,
                "compare": self.compare,
                "star": self.star,
                "tag": self.ask_tag,
                "rename": self.table.rename,
                "show": self.show_folder,
                "delete": self.delete,
            },
        )
        self._build()
        self._connect()
        self._refresh()

    def _build(self) -> None:
        self.count = QLabel()
        self.count.setProperty("role", "muted")
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.filter, 1)
        top.addWidget(self.count)
        bar = QHBoxLayout()
        bar.setSpacing(6)
        for name in ("open", "go_on", "settings", "compare", "star", "tag", "rename", "show", "delete"):
            bar.addWidget(self.commands.button(name))
        bar.addStretch(1)
        self.empty = QLabel(NO_RUNS)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.empty.setProperty("role", "muted")
        self.empty.setContentsMargins(60, 20, 60, 60)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.empty)
        side = card(self.details)
        side.setMinimumWidth(240)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(self.stack)
        self.splitter.addWidget(side)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(9)
        self.splitter.setStyleSheet("QSplitter::handle { background: transparent; }")  # the card's own edge is line enough
        self.splitter.setSizes([900, DETAILS_WIDTH])
        self.message = ElidedLabel("", theme.manager(), role="muted")
        self.message.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.undo_button = QPushButton(icon("undo"), "Undo")
        self.undo_button.setToolTip("Bring back what was deleted last (Ctrl+Z)")
        self.undo_button.clicked.connect(self.undo)
        self.undo_button.hide()
        self.foot = QWidget()
        foot = QHBoxLayout(self.foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.addWidget(self.message, 1)
        foot.addWidget(self.undo_button)
        self.foot.hide()
        self.queue_card = card(self.queue)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.setSpacing(8)
        layout.addWidget(self.queue_card)
        layout.addLayout(top)
        layout.addLayout(bar)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self.foot)

    def _connect(self) -> None:
        for said in (self.watch.failed, self.details.failed, self.details.mended, self.runner.said, self.queue.said):
            said.connect(self._say)
        self.watch.listed.connect(self._take)
        self.filter.changed.connect(self._filter_changed)
        self.table.chosen_changed.connect(self._chosen_changed)
        self.table.open_wanted.connect(self.open)
        self.model.renamed.connect(self.rename)
        self.model.starred.connect(self._set_star)
        self.details.changed.connect(self.model.update)
        self.details.mended.connect(self.watch.look)
        self.runner.changed.connect(self._queue_changed)
        self.runner.starting.connect(self.queue_starting)
        self.queue.open_wanted.connect(self._open_folder)
        self._session.state_changed.connect(self.run_changed)
        for keys, slot in (("Ctrl+F", self._search), ("Escape", self._escape)):
            QShortcut(QKeySequence(keys), self, slot, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        QShortcut(QKeySequence("Ctrl+Z"), self.table, self.undo, context=Qt.ShortcutContext.WidgetShortcut)
        self._queue_changed()

    # The list

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the runs while somebody looks at the page."""
        super().showEvent(event)
        self.watch.start()
        self.runner.refresh()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.watch.rest()
        self.details.save()

    def run_changed(self) -> None:
        """A run began or ended in this window."""
        self._refresh()
        if self.isVisible():
            self.watch.look()

    def _take(self, runs: Sequence[RunSummary]) -> None:
        self._listed = True
        self.runner.refresh()
        if self.table.state() == self.table.State.EditingState:
            self._pending = list(runs)  # a row that moves away would take the editor with it
            return
        self._pending = None
        for run in runs:
            if run.status == "training" and run.folder == self._session.folder:
                self._session.follow(run.folder)
        self.model.set_runs(runs)
        self.filter.offer(runs)
        if not self.table.selectionModel().hasSelection() and self.proxy.rowCount():
            self.table.selectRow(0)
        self._chosen_changed()
        self._refresh()

    def _filter_changed(self) -> None:
        self.proxy.set_wanted(self.filter.wanted())
        self._chosen_changed()
        self._refresh()

    def _refresh(self) -> None:
        total, shown = len(self.model.runs), self.proxy.rowCount()
        self.count.setText(
            (f"{shown:,} of {total:,} runs" if shown != total else f"{total:,} run{'' if total == 1 else 's'}") if total else ""
        )
        self.stack.setCurrentWidget(self.table if shown else self.empty)
        self.empty.setText(NONE_FOUND if total else NO_RUNS if self._listed else "Looking for runs…")
        self.filter.setEnabled(total > 0)
        self._refresh_commands()

    def _refresh_commands(self) -> None:
        chosen = self.table.chosen() if self.proxy.rowCount() else []
        one = chosen[0] if len(chosen) == 1 else None
        own = one is not None and self._session.running and one.folder == self._session.folder
        self.commands.refresh(chosen, busy=self._session.running, own=own)

    def _trains(self, run: RunSummary) -> bool:
        return run.status == "training" or (self._session.running and run.folder == self._session.folder)

    def _chosen_changed(self) -> None:
        self.details.show_runs(self.table.chosen())
        self._refresh_commands()

    def _search(self) -> None:
        self.filter.words.setFocus()
        self.filter.words.selectAll()

    def _escape(self) -> None:
        self.filter.clear()
        self.table.setFocus()

    def _say(self, words: str) -> None:
        self.message.set_text(words)
        self.foot.setVisible(bool(words))
        self.said.emit(words)

    # What is done to runs

    def _one(self) -> RunSummary | None:
        chosen = self.table.chosen()
        return chosen[0] if len(chosen) == 1 else None

    def open(self) -> None:
        """Show the chosen run on the Train page."""
        run = self._one()
        if run is not None and self.commands.actions["open"].isEnabled():
            self.open_wanted.emit(run.folder)

    def _open_folder(self, folder: Path) -> None:
        if not self._session.running or folder == self._session.folder:
            self.open_wanted.emit(folder)
        else:
            self._say("A run is under way in this window; stop it first.")

    def go_on(self) -> None:
        """Train the chosen run further."""
        run = self._one()
        if run is not None:
            self.continue_wanted.emit(run.folder)

    def use_settings(self) -> None:
        """Bring the chosen run's settings into the form."""
        run = self._one()
        if run is None:
            return
        try:
            self.settings_wanted.emit(load(run.folder / EXPERIMENT), run.title)
        except SpecError as error:
            QMessageBox.warning(self, "Use its settings", str(error))

    def compare(self) -> None:
        """Put the chosen runs side by side."""
        chosen = self.table.chosen()
        if len(chosen) > 1:
            self.compare_wanted.emit([run.folder for run in chosen])

    def show_folder(self) -> None:
        """Open the chosen run's folder in the file manager."""
        run = self._one()
        if run is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.folder))):
            self._say(f"There is no program to show it with; it is {run.folder}")

    def star(self) -> None:
        """Give all chosen runs a star; where all have one, take it away."""
        chosen = self.table.chosen()
        self._change(chosen, starred=not all(run.starred for run in chosen))

    def _set_star(self, folder: Path, starred: bool) -> None:
        self._change([run for run in self.model.runs if run.folder == folder], starred=starred)

    def rename(self, folder: Path, title: str) -> None:
        """Give a run a title; an empty one brings its experiment's name back."""
        runs = [run for run in self.model.runs if run.folder == folder]
        title = clean_title(title)
        self._change(runs, title="" if runs and title == runs[0].experiment else title)
        if self._pending is not None:
            self.watch.look()

    def ask_tag(self) -> None:
        """Ask for a tag and add it to the chosen runs."""
        chosen = self.table.chosen()
        known = sorted({tag for run in self.model.runs for tag in run.tags}, key=str.casefold)
        tag, given = QInputDialog.getItem(self, "Tag", f"Tag for {count_runs(len(chosen))}", known, -1, True)
        if given and tag.strip():
            self.add_tag(tag)

    def add_tag(self, tag: str) -> None:
        """Add a tag to the chosen runs."""
        self.details.save()
        for run in self.table.chosen():
            self._change([run], tags=(*run.tags, *tag.split(",")))

    def _change(self, runs: Sequence[RunSummary], **changes: object) -> None:
        for run in runs:
            changed = change_about(run, **changes)
            if isinstance(changed, str):
                self._say(changed)
            else:
                self.model.update(changed)
        self._chosen_changed()

    def delete(self) -> None:
        """Move the chosen runs to the trash."""
        chosen = [run.folder for run in self.table.chosen() if not self._trains(run)]
        row = min((index.row() for index in self.table.selectionModel().selectedRows()), default=0)
        gone = self.bin.throw(chosen)
        if not gone:
            return
        self.model.set_runs([run for run in self.model.runs if run.folder not in gone])
        if self.proxy.rowCount():
            self.table.selectRow(min(row, self.proxy.rowCount() - 1))
        self.undo_button.show()
        self.deleted.emit(gone)
        self._chosen_changed()
        self._refresh()

    def undo(self) -> None:
        """Bring back what was deleted last."""
        self.bin.undo()
        self.undo_button.setVisible(self.bin.holds_some)
        self.watch.look()

    # The queue

    def add_to_queue(self, experiments: Sequence[Experiment]) -> None:
        """Put experiments at the end of the queue; an empty queue starts with them."""
        if self.runner.add(experiments):
            self._say(f"{count_runs(len(experiments))} added to the queue.")

    def ask_grid(self, experiment: Experiment) -> None:
        """Let the user vary some settings, and put all that comes of it into the queue."""
        dialog = GridDialog(experiment, self)
        if dialog.exec() == GridDialog.DialogCode.Accepted:
            self.add_to_queue(dialog.experiments())
        dialog.deleteLater()

    def _queue_changed(self) -> None:
        self.queue_card.setVisible(bool(self.runner.entries or self.runner.problem))

    def remembered(self) -> str:
        """The page's looks, for :meth:`bring_back`."""
        order = self.table.horizontalHeader()
        return f"{order.sortIndicatorSection()} {order.sortIndicatorOrder().value} {' '.join(map(str, self.splitter.sizes()))}"

    def bring_back(self, text: str) -> None:
        """Take on remembered looks; anything else is passed over."""
        words = text.split()
        if len(words) != 4 or not all(word.isdecimal() for word in words):
            return
        column, order, *sizes = map(int, words)
        if column < self.model.columnCount() and order in (0, 1):
            self.table.sortByColumn(column, Qt.SortOrder(order))
        if all(0 < size < 100_000 for size in sizes):
            self.splitter.setSizes(sizes)

    def end(self) -> None:
        """Save what was typed and end the threads; call it before the session ends."""
        self.details.save()
        self.runner.end()
        self.watch.end()
