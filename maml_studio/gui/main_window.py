"""The main window: settings at the left, pages at the right, and who talks to whom."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ..paths import runs_dir
from ..spec import Experiment, SpecError, load, with_changes
from ..training.naming import new_run_path
from ..training.run_index import EXPERIMENT
from . import assembly, layout, theme
from .cards import line
from .closing import may_close
from .experiment_files import ExperimentFiles
from .export_dialog import Exporter
from .form import ExperimentForm
from .help_place import HelpPlace
from .icons import icon
from .lock_bar import LockBar
from .menus import Menus
from .own_code import allow_remembered, may_run
from .page_tabs import PageTabs
from .preset_chooser import PresetChooser
from .run_model import RunModel, describe_score
from .session import RunSession
from .settings import Memory

MESSAGE_MS = 10_000


class MainWindow(QMainWindow):
    """Assembles form, run and pages."""

    def __init__(self, memory: Memory | None = None) -> None:
        super().__init__()
        self.memory = memory or Memory()
        allow_remembered(self.memory)
        theme.manager().set_choice(self.memory.scheme)
        self.run = RunModel(self)
        self.session = RunSession(self.run, self)
        self.exporter = Exporter(self)
        self.files = ExperimentFiles(self)
        self.form = ExperimentForm(self.memory.experiment())
        self._last_saved: tuple[Path | None, int] | None = None
        self.pages: dict[str, Any] = {}
        self._ending = False
        self.help = HelpPlace(self)
        self._build_left()
        layout.restore_window(self, self.memory)
        self.menus = Menus(self)
        self.form.changed.connect(self._settings_changed)
        self.session.state_changed.connect(self._state_changed)
        self.session.opened.connect(self._run_opened)
        self.session.open_failed.connect(self._run_not_opened)
        self.run.changed.connect(self._refresh_status)
        self._settings_changed()

    def _build_left(self) -> None:
        self.presets = PresetChooser()
        self.presets.chosen.connect(self.form.set_experiment)
        label = QLabel("Preset")
        label.setBuddy(self.presets)
        row = QHBoxLayout()
        row.setContentsMargins(18, 10, 10, 4)
        row.addWidget(label)
        row.addWidget(self.presets, 1)
        self.lock_bar = LockBar()
        self.lock_bar.toggled.connect(self._prepare)
        self._aside: Experiment | None = None
        self.left = left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.lock_bar)
        column.addWidget(self.form, 1)
        self.needs = QLabel()
        self.needs.setProperty("role", "muted")
        self.needs.setContentsMargins(18, 4, 10, 6)
        self.needs.setToolTip("An estimate from the settings, of the whole program while it trains")
        column.addWidget(self.needs)
        left.setMinimumWidth(270)
        self.tabs = PageTabs()
        self.waiting = QLabel("…")
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tabs.add_page(self.waiting, icon("train"), "Train")
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setCollapsible(1, False)
        whole = QWidget()
        rows = QVBoxLayout(whole)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 8, 0)
        top.addWidget(self.tabs.bar, 1)
        top.addWidget(self.help.button)
        rows.addLayout(top)
        rows.addWidget(line())
        rows.addWidget(self.splitter, 1)
        self.setCentralWidget(whole)
        self.best_label = QLabel()
        self.saved_label = QLabel()
        self.statusBar().addWidget(self.best_label, 1)
        self.statusBar().addPermanentWidget(self.saved_label)

    def build_pages(self) -> None:
        """Build the pages; separate from the constructor since plots take a second to import."""
        if self.pages:
            return
        assembly.build(self)
        self.tabs.currentChanged.connect(self._page_changed)
        self._page_changed()
        self._settings_changed()

    @property
    def train_page(self) -> Any:
        """Where training is watched; None before the pages are there."""
        return self.pages.get("train")

    @property
    def draw_page(self) -> Any:
        """Where users draw; None before the pages are there."""
        return self.pages.get("draw")

    @property
    def evaluate_page(self) -> Any:
        """Where models are tried on new tasks; None before the pages are there."""
        return self.pages.get("evaluate")

    @property
    def runs_page(self) -> Any:
        """The list of runs and the queue; None before the pages are there."""
        return self.pages.get("runs")

    def _page_changed(self) -> None:
        # The settings belong to training; drawing has better uses for the room.
        self.left.setVisible(self.tabs.currentWidget() is self.train_page)
        self.menus.refresh_draw()

    def show_page(self, name: str) -> None:
        """Turn to a page, by its name in :data:`assembly.PAGES`."""
        if name in self.pages:
            self.tabs.setCurrentWidget(self.pages[name])

    def start_run(self) -> None:
        """Train with the settings in the form, in a new run folder."""
        self._start(paused=False)

    def step_run(self) -> None:
        """One outer step; starts a run that holds after it when none is under way."""
        if self.session.running:
            self.session.step()
        else:
            self._start(paused=True)

    def _start(self, *, paused: bool) -> None:
        experiment = self.form.experiment()
        if experiment is None or self.session.running or self.train_page is None:
            return
        if not may_run(experiment, self.memory, self):
            return
        self._remember(self.memory.set_experiment, experiment)
        self.preview.cancel_download()
        self.train_page.clear_plots()
        self.lock_bar.set_preparing(False)
        self.session.start(experiment, new_run_path(runs_dir(), experiment.name), paused=paused)

    def continue_run(self) -> None:
        """Go on with the run that was stopped, from its saved state."""
        if self.session.running or self.session.folder is None or self.session.experiment is None:
            return
        if not may_run(self.session.experiment, self.memory, self):
            return
        self.lock_bar.set_preparing(False)
        self.show_opened(self.session.experiment, self.session.folder.name)
        self.session.start(self.session.experiment, self.session.folder, resume=True)

    def show_run(self, folder: Path) -> None:
        """Show a run on the Train page."""
        if folder != self.session.folder and not self.session.running:
            self.session.open(folder)
        self.show_page("train")

    def continue_other_run(self, folder: Path) -> None:
        """Train a run of the list further."""
        try:
            experiment = load(folder / EXPERIMENT)
        except SpecError as error:
            QMessageBox.warning(self, "Continue", str(error))
            return
        if not self.session.running and may_run(experiment, self.memory, self):
            self.train_page.clear_plots()
            self.lock_bar.set_preparing(False)
            self.show_opened(experiment, folder.name)
            self.session.start(experiment, folder, resume=True)
            self.show_page("train")

    def queue_starting(self, experiment: Experiment, folder: Path) -> None:
        """A run of the queue begins: the Train page shows it."""
        self.preview.cancel_download()
        self.train_page.clear_plots()
        if self.lock_bar.preparing:
            return  # the form holds what the user is at
        self._aside = self.form.experiment()
        self.show_opened(experiment, folder.name)

    def take_settings(self, experiment: Experiment, origin: str) -> None:
        """Bring a run's settings into the form, for a new run."""
        if self.session.running and not self.lock_bar.preparing:
            self._aside = experiment
            self.lock_bar.set_preparing(True)
            self._lock_form()
        self.show_opened(experiment, origin)
        self.show_page("train")

    def compare_runs(self, folders: list[Path]) -> None:
        """Put runs side by side on the Compare page."""
        self.pages["compare"].compare(folders)
        self.show_page("compare")

    def add_to_queue(self) -> None:
        """Put the settings in the form at the end of the queue."""
        experiment = self.form.experiment()
        if experiment is not None and self.pages and may_run(experiment, self.memory, self):
            self.runs_page.add_to_queue([experiment])
            self.show_page("runs")

    def add_grid_to_queue(self) -> None:
        """Let the user vary some of the settings in the form, and put all that comes of it into the queue."""
        experiment = self.form.experiment()
        if experiment is not None and self.pages and may_run(experiment, self.memory, self):
            self.runs_page.ask_grid(experiment)

    def say(self, words: str) -> None:
        """Say something in passing, in the status bar."""
        self.statusBar().showMessage(words, MESSAGE_MS)

    def show_opened(self, experiment: Experiment, origin: str) -> None:
        """Show settings in the form, and in the list of presets where they are from."""
        self.presets.set_opened(experiment, f"(opened: {origin})")
        self.form.set_experiment(experiment)

    def _run_opened(self) -> None:
        if self.train_page is not None:
            self.train_page.clear_plots()
            self.train_page.refresh()
        if self.session.experiment is not None and self.session.folder is not None:
            self.show_opened(self.session.experiment, self.session.folder.name)
        self._refresh_title()

    def _run_not_opened(self, message: str) -> None:
        QMessageBox.warning(self, "Open run", message)

    def export_trained(self) -> None:
        """Let the user choose where the trained model goes."""
        if self.session.folder is not None and self.session.experiment is not None:
            self.exporter.ask(self.session.folder, f"{self.session.experiment.name}.safetensors")

    def export_adapted(self, adapted_at_step: object) -> None:
        """Let the user choose where a model adapted to drawings goes."""
        self.exporter.ask(adapted_at_step, "adapted.safetensors")

    def train_on_drawings(self, path: Path) -> None:
        """Let the form take its tasks from a file of drawings; while a run is under way it shows that run's settings."""
        experiment = self.form.experiment() or self.memory.experiment()
        try:
            experiment = with_changes(experiment, {"data.source": "drawn", "data.path": str(path)})
        except SpecError as error:
            QMessageBox.warning(self, "Use as data source", str(error))
            return
        self.take_settings(experiment, path.name)

    def set_scheme(self, choice: str) -> None:
        """Take on the ``system`` colours, ``dark`` or ``light`` ones, and remember it."""
        theme.manager().set_choice(choice)
        self.memory.scheme = choice

    def pause_or_resume(self) -> None:
        """Hold the run, or let it go on."""
        if self.session.paused or self.run.status == "held":
            self.session.resume()
        else:
            self.session.pause()

    def another_task(self) -> None:
        """Show another task in the preview."""
        if self.train_page is not None:
            self.preview.another()

    def _settings_changed(self) -> None:
        experiment = self.form.experiment()
        self.presets.follow(experiment)
        needs = self.form.needs()
        self.needs.setText(f"Training {needs} besides the program" if needs else "")
        if self.train_page is not None:
            self.preview.follow()
        self.refresh_actions()
        self._refresh_title()

    def _refresh_title(self) -> None:
        """Name the run on show, which everything but the form belongs to; before the first one, the settings."""
        shown = self.session.experiment or self.form.experiment()
        self.setWindowTitle(f"{shown.name if shown else '…'} – MAML Studio")

    def first_problem(self) -> str:
        """What is wrong with the settings, in a sentence; empty where nothing is."""
        problems = self.form.problems()
        return str(problems[0]) if problems else ""

    def _state_changed(self) -> None:
        self.lock_bar.setVisible(self.session.running)
        self._lock_form()
        self._refresh_title()
        if self.train_page is not None:
            self.train_page.set_paused(self.session.paused)
        self.refresh_actions()
        self._refresh_status()

    def _lock_form(self) -> None:
        locked = self.session.running and not self.lock_bar.preparing
        self.form.set_locked(locked)
        self.presets.setEnabled(not locked)

    def _prepare(self, preparing: bool) -> None:
        """Let the form be for the next run, or show the run's settings again."""
        if preparing:
            if self._aside is not None:
                self.form.set_experiment(self._aside)
        else:
            self._aside = self.form.experiment()
            if self.session.experiment is not None:
                self.form.set_experiment(self.session.experiment)
        self._lock_form()

    def refresh_actions(self) -> None:
        """Say which commands can be given now."""
        running = self.session.running
        problem = self.first_problem()
        if self.train_page is not None:
            self.train_page.set_blocked(problem)
        ready = self.train_page is not None and not problem
        menus = self.menus
        menus.train.setEnabled(ready and not running)
        for action in (menus.queue, menus.grid):
            action.setEnabled(ready)
        menus.step.setEnabled(running or ready)
        for action in (menus.open, menus.open_run):
            action.setEnabled(not running)
        for action in (menus.pause, menus.stop):
            action.setEnabled(running)
        resumable = self.run.status in ("stopped", "failed") and self.session.folder is not None and self.session.folder.is_dir()
        menus.go_on.setEnabled(resumable and not running)
        if self.train_page is not None:
            self.train_page.set_resumable(resumable and not running)
        menus.export.setEnabled(self.session.folder is not None and self.run.saved_at is not None)

    def _refresh_status(self) -> None:
        run = self.run
        self.best_label.setText("best " + describe_score(run.best_validation) if run.best_validation else "")
        self.saved_label.setText(f"saved at iteration {run.saved_at:,}" if run.saved_at is not None else "")
        if run.saved_at is not None:
            self.menus.export.setEnabled(True)
            self._show_saved(run.saved_at)

    def _show_saved(self, iteration: int) -> None:
        """Let the drawing page look at the run's model whenever a checkpoint was written."""
        saved = (self.session.folder, iteration)
        if saved == self._last_saved or self.draw_page is None or self.session.folder is None or self.session.experiment is None:
            return
        self._last_saved = saved
        # A run that was only opened again is offered; one that is trained here is what one wants to look at.
        for name in assembly.WITH_MODELS:
            self.pages[name].set_run(self.session.folder, choose=self.session.running)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask before a run is ended, and let exports be written first; remember layout and settings."""
        if not self._ending and not may_close(self):
            event.ignore()
            return
        self.finish()
        event.accept()

    def close_at_once(self) -> None:
        """Close without a question, for when the system asks; a run saves its state first, and exports are written."""
        self._ending = True
        self.finish()
        self.close()

    def finish(self) -> None:
        """End all threads, and remember layout and settings."""
        if self.pages:
            assembly.end(self)
        self.session.finish()
        self.exporter.end()
        layout.store(self, self.memory)
        experiment = self.form.experiment()
        if experiment is not None:
            self._remember(self.memory.set_experiment, experiment)
        self.memory.save()

    def _remember(self, store: Callable[[Any], None], value: object) -> None:
        try:
            store(value)
        except OSError as error:
            # Nothing that the user asked for has failed: a word in passing is enough.
            where = f" ({error.filename})" if error.filename else ""
            self.statusBar().showMessage(f"This can't be remembered for the next start: {error.strerror or error}{where}.", MESSAGE_MS)
