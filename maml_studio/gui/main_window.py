"""The main window: settings at the left, pages at the right, and who talks to whom."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMessageBox,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ..drawings import SUFFIX as DRAWN_SUFFIX
from ..files import write_whole
from ..paths import runs_dir
from ..spec import Experiment, SpecError, load, to_toml, with_changes
from ..training.naming import new_run_path, recent_runs
from . import layout, theme
from .export_dialog import Exporter
from .form import ExperimentForm
from .icons import icon
from .menus import Menus
from .own_code import allow_remembered, may_run
from .preset_chooser import PresetChooser
from .run_model import RunModel, describe_score
from .save_dialog import ask_where
from .session import RunSession
from .settings import Memory

FILTER = "Experiment (*.toml)"
RECENT_RUNS = 8
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
        self.form = ExperimentForm(self.memory.experiment())
        self._last_saved: tuple[Path | None, int] | None = None
        self.train_page = None
        self.draw_page = None
        self.evaluate_page = None
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
        self.lock_note = QLabel("These are the settings of the run under way; they can be edited when it has ended.")
        self.lock_note.setWordWrap(True)
        self.lock_note.setProperty("role", "muted")
        self.lock_note.setContentsMargins(18, 0, 10, 0)
        self.lock_note.hide()
        self.left = left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.lock_note)
        column.addWidget(self.form, 1)
        left.setMinimumWidth(270)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.waiting = QLabel("…")
        self.waiting.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tabs.addTab(self.waiting, icon("train"), "Train")
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.addWidget(left)
        self.splitter.addWidget(self.tabs)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setCollapsible(1, False)
        self.setCentralWidget(self.splitter)
        self.best_label = QLabel()
        self.saved_label = QLabel()
        self.statusBar().addWidget(self.best_label, 1)
        self.statusBar().addPermanentWidget(self.saved_label)

    def build_pages(self) -> None:
        """Build the pages; separate from the constructor since plots take a second to import."""
        if self.train_page is not None:
            return
        from .pages.draw import DrawPage
        from .pages.evaluate import EvaluatePage
        from .pages.train import TrainPage
        from .preview_session import PreviewSession

        self.train_page = page = TrainPage(self.run)
        page.train_wanted.connect(self.start_run)
        page.pause_wanted.connect(self.session.pause)
        page.resume_wanted.connect(self.session.resume)
        page.step_wanted.connect(self.step_run)
        page.stop_wanted.connect(self.session.stop)
        self.preview = PreviewSession(page, self.form, self)
        self.preview.checked.connect(self._refresh_actions)
        self.draw_page = DrawPage()
        self.draw_page.export_wanted.connect(self._export_adapted)
        self.draw_page.data_source_wanted.connect(self._train_on_drawings)
        self.draw_page.said.connect(lambda words: self.statusBar().showMessage(words, MESSAGE_MS))
        layout.restore_drawings(self.draw_page, self.memory)
        runs = recent_runs(runs_dir(), RECENT_RUNS)
        self.draw_page.offer_runs(runs)
        self.evaluate_page = EvaluatePage()
        self.evaluate_page.bring_back(self.memory.text("evaluate"))
        self.evaluate_page.offer_runs(runs)
        if runs:
            self.session.restore(runs[0])
        self.tabs.removeTab(0)
        self.waiting.deleteLater()
        self.tabs.addTab(page, icon("train"), "Train")
        self.tabs.addTab(self.draw_page, icon("draw"), "Draw")
        self.tabs.addTab(self.evaluate_page, icon("evaluate"), "Evaluate")
        self.tabs.currentChanged.connect(self._page_changed)
        self.menus.follow_page(self.draw_page)
        layout.restore_pages(self, self.memory)
        self._settings_changed()

    def _page_changed(self) -> None:
        # The settings belong to training; drawing has better uses for the room.
        self.left.setVisible(self.tabs.currentWidget() is self.train_page)
        self.menus.refresh_draw()

    def show_train_page(self) -> None:
        """Turn to the Train page."""
        if self.train_page is not None:
            self.tabs.setCurrentWidget(self.train_page)

    def show_draw_page(self) -> None:
        """Turn to the Draw page."""
        if self.draw_page is not None:
            self.tabs.setCurrentWidget(self.draw_page)

    def show_evaluate_page(self) -> None:
        """Turn to the Evaluate page."""
        if self.evaluate_page is not None:
            self.tabs.setCurrentWidget(self.evaluate_page)

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
        self.session.start(experiment, new_run_path(runs_dir(), experiment.name), paused=paused)

    def continue_run(self) -> None:
        """Go on with the run that was stopped, from its saved state."""
        if self.session.running or self.session.folder is None or self.session.experiment is None:
            return
        if not may_run(self.session.experiment, self.memory, self):
            return
        self._show_opened(self.session.experiment, self.session.folder.name)
        self.session.start(self.session.experiment, self.session.folder, resume=True)

    def open_file(self, path: str) -> None:
        """Open what a double click named: a drawn task on the Draw page, anything else as settings."""
        if path.endswith(DRAWN_SUFFIX) and self.draw_page is not None:
            if self.draw_page.files.open(Path(path)):
                self.tabs.setCurrentWidget(self.draw_page)
        else:
            self.open_experiment(path)

    def open_experiment(self, path: str) -> None:
        """Load settings from a file; a bad file is told in one sentence and changes nothing."""
        if self.session.running:
            return
        try:
            self._show_opened(load(Path(path)), Path(path).name)
        except SpecError as error:
            QMessageBox.warning(self, "Open experiment", str(error))

    def _show_opened(self, experiment: Experiment, origin: str) -> None:
        self.presets.set_opened(experiment, f"(opened: {origin})")
        self.form.set_experiment(experiment)

    def save_experiment(self, path: str) -> None:
        """Write the settings to a file."""
        experiment = self.form.experiment()
        if experiment is None:
            return
        try:
            write_whole(Path(path), to_toml(experiment).encode())
        except OSError as error:
            QMessageBox.warning(self, "Save experiment", f"{path} can't be written: {error.strerror or error}")

    def ask_open(self) -> None:
        """Let the user choose an experiment file."""
        path, _ = QFileDialog.getOpenFileName(self, "Open experiment", "", FILTER)
        if path:
            self.open_experiment(path)

    def ask_open_run(self) -> None:
        """Let the user choose a run folder."""
        folder = QFileDialog.getExistingDirectory(self, "Open run", str(runs_dir()))
        if folder and not self.session.running:
            self.session.open(Path(folder))

    def _run_opened(self) -> None:
        if self.train_page is not None:
            self.train_page.clear_plots()
            self.train_page.refresh()
        if self.session.experiment is not None and self.session.folder is not None:
            self._show_opened(self.session.experiment, self.session.folder.name)

    def _run_not_opened(self, message: str) -> None:
        QMessageBox.warning(self, "Open run", message)

    def ask_save(self) -> None:
        """Let the user choose a file for the settings."""
        experiment = self.form.experiment()
        if experiment is None:
            text = "The settings can't be saved while a field is wrong: " + self._first_problem()
            QMessageBox.information(self, "Save experiment", text)
            return
        path = ask_where(self, "Save experiment", f"{experiment.name}.toml", "Experiment", ".toml")
        if path is not None:
            self.save_experiment(str(path))

    def export_trained(self) -> None:
        """Let the user choose where the trained model goes."""
        if self.session.folder is not None and self.session.experiment is not None:
            self.exporter.ask(self.session.folder, f"{self.session.experiment.name}.safetensors")

    def _export_adapted(self, adapted_at_step: object) -> None:
        self.exporter.ask(adapted_at_step, "adapted.safetensors")

    def _train_on_drawings(self, path: Path) -> None:
        """Let the form take its tasks from a file of drawings; while a run is under way it shows that run's settings."""
        if self.session.running:
            QMessageBox.information(self, "Use as data source", "The settings are those of the run under way. Stop it first.")
            return
        experiment = self.form.experiment() or self.memory.experiment()
        try:
            experiment = with_changes(experiment, {"data.source": "drawn", "data.path": str(path)})
        except SpecError as error:
            QMessageBox.warning(self, "Use as data source", str(error))
            return
        self._show_opened(experiment, path.name)
        self.show_train_page()

    def set_scheme(self, choice: str) -> None:
        """Take on the ``system`` colours, ``dark`` or ``light`` ones, and remember it."""
        theme.manager().set_choice(choice)
        self.memory.scheme = choice

    def pause_or_resume(self) -> None:
        """Hold the run, or let it go on."""
        if self.session.paused:
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
        if self.train_page is not None:
            self.preview.follow()
        self._refresh_actions()
        name = experiment.name if experiment else "…"
        self.setWindowTitle(f"{name} – MAML Studio")

    def _first_problem(self) -> str:
        problems = self.form.problems()
        return str(problems[0]) if problems else ""

    def _state_changed(self) -> None:
        running = self.session.running
        self.form.set_locked(running)
        self.presets.setEnabled(not running)
        self.lock_note.setVisible(running)
        if self.train_page is not None:
            self.train_page.set_paused(self.session.paused)
        self._refresh_actions()
        self._refresh_status()

    def _refresh_actions(self) -> None:
        running = self.session.running
        problem = self._first_problem()
        if self.train_page is not None:
            self.train_page.set_blocked(problem)
        ready = self.train_page is not None and not problem
        menus = self.menus
        menus.train.setEnabled(ready and not running)
        menus.step.setEnabled(running or ready)
        for action in (menus.open, menus.open_run):
            action.setEnabled(not running)
        for action in (menus.pause, menus.stop):
            action.setEnabled(running)
        resumable = self.run.status == "stopped" and self.session.folder is not None
        menus.go_on.setEnabled(resumable and not running)
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
        self.draw_page.set_run(self.session.folder, self.session.experiment.name)
        self.evaluate_page.set_run(self.session.folder, self.session.experiment.name)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask before a run is ended; remember layout and settings."""
        if self.session.running and not self._may_end_run():
            event.ignore()
            return
        self.finish()
        event.accept()

    def close_at_once(self) -> None:
        """Close without a question, for when the system asks; a run saves its state first."""
        self.finish()
        self.close()

    def finish(self) -> None:
        """End all threads, and remember layout and settings."""
        self.session.finish()
        self.exporter.end()
        if self.train_page is not None:
            self.preview.end()
            self.draw_page.end()
            self.evaluate_page.end()
            self.memory.set_text("evaluate", self.evaluate_page.remembered())
            self._remember(self.memory.set_drawn_task, self.draw_page.drawn())
            layout.store_drawings(self.draw_page, self.memory)
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

    def _may_end_run(self) -> bool:
        answer = QMessageBox.question(
            self,
            "A run is under way",
            "Stop the run and close? Its state is saved, and it can be continued with “maml-studio resume”.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Yes
