"""The main window: settings at the left, pages at the right, and who talks to whom."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
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

from ..files import write_whole
from ..paths import runs_dir
from ..spec import Experiment, SpecError, load, load_preset, preset_names, to_toml
from ..training.naming import new_run_path, recent_runs
from . import theme
from .export_dialog import Exporter
from .form import ExperimentForm
from .icons import icon
from .run_model import RunModel, describe_score
from .session import RunSession
from .settings import Memory

FILTER = "Experiment (*.toml)"
RECENT_RUNS = 8
OWN = "(your own settings)"


class MainWindow(QMainWindow):
    """Assembles form, run and pages."""

    def __init__(self, memory: Memory | None = None) -> None:
        super().__init__()
        self.memory = memory or Memory()
        theme.manager().set_choice(self.memory.scheme)
        self.run = RunModel(self)
        self.session = RunSession(self.run, self)
        self.exporter = Exporter(self)
        self.form = ExperimentForm(self.memory.experiment())
        self._last_saved: tuple[Path | None, int] | None = None
        self.train_page = None
        self.draw_page = None
        self._build_left()
        self._build_menus()
        self._restore()
        self.form.changed.connect(self._settings_changed)
        self.session.state_changed.connect(self._state_changed)
        self.session.opened.connect(self._run_opened)
        self.session.open_failed.connect(self._run_not_opened)
        self.run.changed.connect(self._refresh_status)
        self._settings_changed()

    def _build_left(self) -> None:
        self.presets = QComboBox()
        self.presets.setAccessibleName("Preset")
        self.presets.setToolTip("Start from a ready-made experiment")
        self.presets.addItem(OWN, "")
        for name in preset_names():
            self.presets.addItem(name, name)
        self.presets.activated.connect(self._choose_preset)
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

    def _build_menus(self) -> None:
        file = self.menuBar().addMenu("&File")
        self._action(file, "&Open experiment…", QKeySequence.StandardKey.Open, self._ask_open, "open")
        self._action(file, "&Save experiment…", QKeySequence.StandardKey.Save, self._ask_save, "save")
        self.open_run_action = self._action(file, "Open &run…", "Ctrl+Shift+O", self._ask_open_run)
        file.addSeparator()
        self.export_action = self._action(file, "&Export trained model…", "Ctrl+Shift+E", self._export, "export")
        file.addSeparator()
        self._action(file, "&Quit", QKeySequence.StandardKey.Quit, self.close)
        run = self.menuBar().addMenu("&Run")
        self.train_action = self._action(run, "&Train", "Ctrl+R", self.start_run, "play")
        self.pause_action = self._action(run, "&Pause or go on", "Ctrl+P", self._pause_or_resume, "pause")
        self.step_action = self._action(run, "One &step", "Ctrl+.", self.step_run, "step")
        self.stop_action = self._action(run, "St&op", "Ctrl+E", self.session.stop, "stop")
        run.addSeparator()
        self.continue_action = self._action(run, "&Continue the stopped run", "Ctrl+Shift+R", self.continue_run)
        self.dice_action = self._action(run, "Another &task in the preview", "Ctrl+D", self._another_task, "dice")
        view = self.menuBar().addMenu("&View")
        self._action(view, "&Train page", "Ctrl+1", self._show_train_page, "train")
        self._action(view, "Dra&w page", "Ctrl+2", self._show_draw_page, "draw")
        view.addSeparator()
        self._build_scheme_menu(view)
        self.more_action = QAction("&More settings", self, checkable=True)
        self.more_action.setChecked(self.memory.flag("more"))
        self.more_action.toggled.connect(self.form.set_shows_more)
        view.addAction(self.more_action)
        self.form.set_shows_more(self.more_action.isChecked())
        self.form.more_toggled.connect(self.more_action.setChecked)
        helps = self.menuBar().addMenu("&Help")
        self._action(helps, "&About MAML Studio", None, self._about, "help")

    def _build_scheme_menu(self, view: object) -> None:
        group = QActionGroup(self)
        for choice, text in (("system", "Colours of the s&ystem"), ("dark", "&Dark"), ("light", "&Light")):
            action = QAction(text, self, checkable=True)
            action.setData(choice)
            action.setChecked(self.memory.scheme == choice)
            group.addAction(action)
            view.addAction(action)  # type: ignore[attr-defined]
        group.triggered.connect(self._choose_scheme)
        view.addSeparator()  # type: ignore[attr-defined]

    def _action(self, menu: object, text: str, keys: object, slot: object, picture: str = "") -> QAction:
        action = QAction(text, self)
        if picture:
            action.setIcon(icon(picture))
        if keys is not None:
            action.setShortcut(QKeySequence(keys))  # type: ignore[arg-type]
        action.triggered.connect(slot)
        menu.addAction(action)  # type: ignore[attr-defined]
        return action

    def build_pages(self) -> None:
        """Build the pages; separate from the constructor since plots take a second to import."""
        if self.train_page is not None:
            return
        from .pages.draw import DrawPage
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
        drawn = self.memory.drawn_task()
        if drawn is not None:
            self.draw_page.set_drawn(drawn)
        self.draw_page.offer_runs(recent_runs(runs_dir(), RECENT_RUNS))
        self.tabs.removeTab(0)
        self.waiting.deleteLater()
        self.tabs.addTab(page, icon("train"), "Train")
        self.tabs.addTab(self.draw_page, icon("draw"), "Draw")
        self.tabs.currentChanged.connect(self._page_changed)
        self._settings_changed()

    def _page_changed(self) -> None:
        # The settings belong to training; drawing has better uses for the room.
        self.left.setVisible(self.tabs.currentWidget() is self.train_page)

    def _show_train_page(self) -> None:
        if self.train_page is not None:
            self.tabs.setCurrentWidget(self.train_page)

    def _show_draw_page(self) -> None:
        if self.draw_page is not None:
            self.tabs.setCurrentWidget(self.draw_page)

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
        self.memory.set_experiment(experiment)
        self.train_page.clear_plots()
        self.session.start(experiment, new_run_path(runs_dir(), experiment.name), paused=paused)

    def continue_run(self) -> None:
        """Go on with the run that was stopped, from its saved state."""
        if self.session.running or self.session.folder is None or self.session.experiment is None:
            return
        self.form.set_experiment(self.session.experiment)
        self.session.start(self.session.experiment, self.session.folder, resume=True)

    def open_experiment(self, path: str) -> None:
        """Load settings from a file; a bad file is told in one sentence and changes nothing."""
        try:
            self.form.set_experiment(load(Path(path)))
        except SpecError as error:
            QMessageBox.warning(self, "Open experiment", str(error))

    def save_experiment(self, path: str) -> None:
        """Write the settings to a file."""
        experiment = self.form.experiment()
        if experiment is None:
            return
        try:
            write_whole(Path(path), to_toml(experiment).encode())
        except OSError as error:
            QMessageBox.warning(self, "Save experiment", f"{path} can't be written: {error.strerror or error}")

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Open experiment", "", FILTER)
        if path:
            self.open_experiment(path)

    def _ask_open_run(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open run", str(runs_dir()))
        if folder and not self.session.running:
            self.session.open(Path(folder))

    def _run_opened(self) -> None:
        if self.train_page is not None:
            self.train_page.clear_plots()
            self.train_page.refresh()
        if self.session.experiment is not None:
            self.form.set_experiment(self.session.experiment)

    def _run_not_opened(self, message: str) -> None:
        QMessageBox.warning(self, "Open run", message)

    def _ask_save(self) -> None:
        experiment = self.form.experiment()
        if experiment is None:
            self._complain("Save experiment", "The settings can't be saved while a field is wrong: " + self._first_problem())
            return
        path, _ = QFileDialog.getSaveFileName(self, "Save experiment", f"{experiment.name}.toml", FILTER)
        if path:
            self.save_experiment(path)

    def _complain(self, title: str, text: str) -> None:
        QMessageBox.information(self, title, text)

    def _export(self) -> None:
        if self.session.folder is not None and self.session.experiment is not None:
            self.exporter.ask(self.session.folder, f"{self.session.experiment.name}.safetensors")

    def _export_adapted(self, adapted_at_step: object) -> None:
        self.exporter.ask(adapted_at_step, "adapted.safetensors")

    def _choose_preset(self, index: int) -> None:
        name = self.presets.itemData(index)
        if name:
            self.form.set_experiment(load_preset(name))

    def _choose_scheme(self, action: QAction) -> None:
        theme.manager().set_choice(action.data())
        self.memory.scheme = action.data()

    def _pause_or_resume(self) -> None:
        if self.session.paused:
            self.session.resume()
        else:
            self.session.pause()

    def _another_task(self) -> None:
        if self.train_page is not None:
            self.preview.another()

    def _settings_changed(self) -> None:
        experiment = self.form.experiment()
        self._show_preset_of(experiment)
        if self.train_page is not None:
            self.preview.follow()
        self._refresh_actions()
        name = experiment.name if experiment else "…"
        self.setWindowTitle(f"{name} – MAML Studio")

    def _show_preset_of(self, experiment: Experiment | None) -> None:
        index = self.presets.findData(experiment.name) if experiment else -1
        if index > 0 and load_preset(self.presets.itemData(index)) != experiment:
            index = 0
        self.presets.setCurrentIndex(max(index, 0))

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
        self.train_action.setEnabled(ready and not running)
        self.step_action.setEnabled(running or ready)
        self.open_run_action.setEnabled(not running)
        for action in (self.pause_action, self.stop_action):
            action.setEnabled(running)
        resumable = self.run.status == "stopped" and self.session.folder is not None
        self.continue_action.setEnabled(resumable and not running)
        self.export_action.setEnabled(self.session.folder is not None and self.run.saved_at is not None)

    def _refresh_status(self) -> None:
        run = self.run
        self.best_label.setText("best " + describe_score(run.best_validation) if run.best_validation else "")
        self.saved_label.setText(f"saved at iteration {run.saved_at:,}" if run.saved_at is not None else "")
        if run.saved_at is not None:
            self.export_action.setEnabled(True)
            self._show_saved(run.saved_at)

    def _show_saved(self, iteration: int) -> None:
        """Let the drawing page look at the run's model whenever a checkpoint was written."""
        saved = (self.session.folder, iteration)
        if saved == self._last_saved or self.draw_page is None or self.session.folder is None or self.session.experiment is None:
            return
        self._last_saved = saved
        self.draw_page.set_run(self.session.folder, self.session.experiment.name)

    def _about(self) -> None:
        from .. import __version__

        QMessageBox.about(
            self,
            "MAML Studio",
            f"<b>MAML Studio {__version__}</b><p>A desktop workbench for meta-learning.</p>"
            "<p>MIT License. Uses Qt (LGPL) through PySide6, PyTorch, and pyqtgraph.</p>",
        )

    def _restore(self) -> None:
        self.resize(1280, 800)
        self.splitter.setSizes([335, 945])
        for key, restore in (("geometry", self.restoreGeometry), ("splitter", self.splitter.restoreState)):
            value = self.memory.bytes(key)
            if value is not None:
                restore(value)

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
            self.memory.set_drawn_task(self.draw_page.drawn())
        self.memory.set_bytes("geometry", self.saveGeometry())
        self.memory.set_bytes("splitter", self.splitter.saveState())
        self.memory.set_flag("more", self.form.shows_more())
        experiment = self.form.experiment()
        if experiment is not None:
            self.memory.set_experiment(experiment)
        self.memory.save()

    def _may_end_run(self) -> bool:
        answer = QMessageBox.question(
            self,
            "A run is under way",
            "Stop the run and close? Its state is saved, and it can be continued with “maml-studio resume”.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Cancel,
        )
        return answer == QMessageBox.StandardButton.Yes
