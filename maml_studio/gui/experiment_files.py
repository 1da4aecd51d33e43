"""Settings and runs as files: what File > Open, Save and a double click do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QMessageBox

from ..drawings import SUFFIX as DRAWN_SUFFIX
from ..files import write_whole
from ..paths import runs_dir
from ..spec import SpecError, load, to_toml
from .save_dialog import ask_where

if TYPE_CHECKING:
    from .main_window import MainWindow

FILTER = "Experiment (*.toml)"


class ExperimentFiles:
    """Opens and saves for the window.

    Args:
        window: whose form and pages show what is opened.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def open(self, path: str) -> None:
        """Open what a double click or the command line named: drawings on the Draw page, a run folder or settings on the Train page."""
        window, found = self._window, Path(path).absolute()
        if path.endswith(DRAWN_SUFFIX) and window.draw_page is not None:
            if window.draw_page.files.open(found):
                window.show_page("draw")
            return
        window.show_page("train")
        if found.is_dir():
            window.show_run(found)
        else:
            self.open_experiment(path)

    def open_experiment(self, path: str) -> None:
        """Load settings from a file; a bad file is told in one sentence and changes nothing."""
        window = self._window
        if window.session.running:
            return
        try:
            window.show_opened(load(Path(path)), Path(path).name)
        except SpecError as error:
            QMessageBox.warning(window, "Open experiment", str(error))

    def save(self, path: str) -> None:
        """Write the settings to a file."""
        window = self._window
        experiment = window.form.experiment()
        if experiment is None:
            return
        try:
            write_whole(Path(path), to_toml(experiment).encode())
        except OSError as error:
            QMessageBox.warning(window, "Save experiment", f"{path} can't be written: {error.strerror or error}")

    def ask_open(self) -> None:
        """Let the user choose an experiment file."""
        window = self._window
        path, _ = QFileDialog.getOpenFileName(window, "Open experiment", "", FILTER)
        if path:
            self.open_experiment(path)

    def ask_open_run(self) -> None:
        """Let the user choose a run folder."""
        window = self._window
        folder = QFileDialog.getExistingDirectory(window, "Open run", str(runs_dir()))
        if folder and not window.session.running:
            window.session.open(Path(folder))

    def ask_save(self) -> None:
        """Let the user choose a file for the settings."""
        window = self._window
        experiment = window.form.experiment()
        if experiment is None:
            text = "The settings can't be saved while a field is wrong: " + window.first_problem()
            QMessageBox.information(window, "Save experiment", text)
            return
        path = ask_where(window, "Save experiment", f"{experiment.name}.experiment.toml", "Experiment", ".toml")
        if path is not None:
            self.save(str(path))
