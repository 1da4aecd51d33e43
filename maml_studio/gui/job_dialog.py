"""Asks how an experiment is to be trained on a cluster, shows the script, and writes the job's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QLabel,
    QMessageBox,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from ..job import FILES, SLURM, Job, JobError, refusal, slurm_script, write_job
from ..spec import Experiment
from ..spec.errors import Problem, problems_of
from .editors import Editor, describe, make_editor

if TYPE_CHECKING:
    from .main_window import MainWindow

TITLE = "Write a job"
SIZE = (620, 700)


class JobDialog(QDialog):
    """The job's settings above the script that comes of them.

    Args:
        parent: whose dialog it is.
        experiment: what is trained.
        before: the settings of last time, as far as they are known.
    """

    def __init__(self, parent: QWidget, experiment: Experiment, before: dict[str, Any] | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"{TITLE} for {experiment.name}")
        self.resize(*SIZE)
        self._experiment = experiment
        self._raw: dict[str, Any] = Job().model_dump()
        for name, value in (before or {}).items():
            if name in self._raw and _taken({**self._raw, name: value}) is not None:
                self._raw[name] = value
        self.written: Path | None = None
        """The folder, once it is written."""
        self._rows: dict[str, tuple[Editor, QLabel]] = {}
        self._build()
        self._refresh()

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(4)
        for row, (name, info) in enumerate(Job.model_fields.items()):
            editor = make_editor(info)
            editor.setProperty("name", name)
            editor.set_value(self._raw[name])
            editor.edited.connect(self._edit)
            unit = (info.json_schema_extra or {}).get("unit", "")
            label = QLabel(f"{info.title} {unit}" if unit.startswith("per ") else str(info.title))
            label.setBuddy(editor.inner)
            editor.inner.setAccessibleName(str(info.title))
            for widget in (label, editor.inner):
                widget.setToolTip(describe(info))
                widget.setWhatsThis(describe(info))
            reason = QLabel()
            reason.setProperty("role", "bad")
            reason.setWordWrap(True)
            grid.addWidget(label, 2 * row, 0)
            grid.addWidget(editor, 2 * row, 1)
            grid.addWidget(reason, 2 * row + 1, 0, 1, 2)
            self._rows[name] = (editor, reason)
        self.script = QPlainTextEdit()
        self.script.setReadOnly(True)
        self.script.setTabChangesFocus(True)
        self.script.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.script.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.script.setAccessibleName(SLURM)
        self.note = QLabel()
        self.note.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.choose_folder = buttons.addButton("Choose folder…", QDialogButtonBox.ButtonRole.AcceptRole)
        self.choose_folder.setDefault(True)
        buttons.accepted.connect(self._choose)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(grid)
        layout.addWidget(self.note)
        layout.addWidget(self.script, 1)
        layout.addWidget(buttons)

    def editor(self, name: str) -> Editor:
        """The editor of one of the job's settings."""
        return self._rows[name][0]

    def settings(self) -> dict[str, Any]:
        """The settings as edited, to begin with next time."""
        return dict(self._raw)

    def _edit(self, value: Any) -> None:
        self._raw[self.sender().property("name")] = value
        self._refresh()

    def _refresh(self) -> None:
        problems, job = _checked(self._raw)
        if job is not None:
            self.script.setPlainText(slurm_script(job, self._experiment))
        reasons = {problem.field: problem.message for problem in problems}
        for name, (editor, reason) in self._rows.items():
            editor.mark(name in reasons)
            reason.setText(reasons.get(name, ""))
            reason.setVisible(name in reasons)
            editor.inner.setAccessibleDescription(reasons.get(name, ""))
        cannot = refusal(job, self._experiment) if job is not None else None
        self.note.setText(str(cannot) if cannot else _notes(self._experiment))
        self.note.setProperty("role", "bad" if cannot else "muted")
        self.note.style().polish(self.note)
        self.note.setVisible(bool(self.note.text()))
        self.choose_folder.setEnabled(job is not None and cannot is None)

    def _choose(self) -> None:
        start = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        where = QFileDialog.getExistingDirectory(self, "Where the job's folder goes, best on the disk that the cluster shares", start)
        if where:
            self.write(Path(where) / f"{self._experiment.name}-job")

    def write(self, folder: Path) -> None:
        """Write the job, asking before anything is replaced."""
        there = [name for name in FILES if (folder / name).exists()]
        if there and not self._may_replace(folder, there):
            return
        try:
            write_job(folder, Job(**self._raw), self._experiment, overwrite=True)
        except JobError as error:
            QMessageBox.warning(self, TITLE, str(error))
            return
        self.written = folder
        self.accept()

    def _may_replace(self, folder: Path, names: list[str]) -> bool:
        yes, cancel = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.Cancel
        question = f"Replace {', '.join(names)} in {folder}?"
        return QMessageBox.question(self, TITLE, question, yes | cancel, cancel) == yes


def _taken(raw: dict[str, Any]) -> Job | None:
    return _checked(raw)[1]


def _checked(raw: dict[str, Any]) -> tuple[list[Problem], Job | None]:
    try:
        return [], Job(**raw)
    except ValidationError as error:
        return problems_of(error), None


def _notes(experiment: Experiment) -> str:
    """What the cluster has to have, too."""
    paths = [path for path in (getattr(experiment.data, "path", ""), experiment.training.start_from) if path]
    return f"It has to be found there under the same name: {', '.join(paths)}" if paths else ""


def ask_job(window: MainWindow) -> JobDialog | None:
    """Let the user write a job for the experiment in the form; it begins with what was chosen last time."""
    experiment = window.form.experiment()
    if experiment is None:
        QMessageBox.information(window, TITLE, "A job can't be written while a field is wrong: " + window.first_problem())
        return None
    try:
        before = json.loads(window.memory.text("job") or "{}")
    except ValueError:
        before = {}
    dialog = JobDialog(window, experiment, before if isinstance(before, dict) else {})
    dialog.accepted.connect(lambda: _written(window, dialog))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def _written(window: MainWindow, dialog: JobDialog) -> None:
    window.memory.set_text("job", json.dumps(dialog.settings()))
    folder = dialog.written
    box = QMessageBox(QMessageBox.Icon.Information, TITLE, f"Written to {folder}: {', '.join(FILES)}.", parent=window)
    box.setInformativeText(
        f"On the cluster, in that folder: sbatch {SLURM}\n"
        "To watch it from here: File > Open run, and choose its run folder on the shared disk."
    )
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()
