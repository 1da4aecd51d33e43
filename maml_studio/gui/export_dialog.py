"""Ask what an export is to be and where it goes, have it written, and say what came of it."""

import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QLabel, QMessageBox, QRadioButton, QVBoxLayout, QWidget

from ..export import FORMATS, refusal
from .export_worker import ExportRequest, ExportWorker
from .model_chooser import title_of
from .save_dialog import ask_where

TITLE = "Export trained model"
_INDENT = 24
_WIDTH = 460


class FormatDialog(QDialog):
    """The formats, each with a sentence; those that don't fit the model say why."""

    def __init__(self, parent: QWidget, what: str, refusals: dict[str, str]) -> None:
        """Show the choice.

        Args:
            parent: whose dialog it is.
            what: what is exported.
            refusals: for each format why it can't hold the model; empty where it can.
        """
        super().__init__(parent)
        self.setWindowTitle(f"Export {what}")
        self.setMinimumWidth(_WIDTH)
        layout = QVBoxLayout(self)
        self.choices: dict[str, QRadioButton] = {}
        for name, kind in FORMATS.items():
            button = QRadioButton(f"{kind.title} ({kind.suffix})")
            button.setEnabled(not refusals[name])
            reason = refusals[name]
            about = QLabel(f"{reason[0].upper()}{reason[1:]}." if reason else kind.about)
            about.setWordWrap(True)
            about.setIndent(_INDENT)
            about.setEnabled(button.isEnabled())
            button.setAccessibleDescription(about.text())
            button.toggled.connect(self._chosen)
            layout.addWidget(button)
            layout.addWidget(about)
            self.choices[name] = button
        self.softmax = QCheckBox("Give probabilities (end in a softmax)")
        self.softmax.setChecked(True)
        self.softmax.setToolTip("For ONNX and PyTorch programs. Off: the network's outputs as they are.")
        layout.addSpacing(8)
        layout.addWidget(self.softmax)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.choose_file = buttons.addButton("Choose file…", QDialogButtonBox.ButtonRole.AcceptRole)
        self.choose_file.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        next(button for button in self.choices.values() if button.isEnabled()).setChecked(True)

    @property
    def file_format(self) -> str:
        """The format chosen."""
        return next(name for name, button in self.choices.items() if button.isChecked())

    def _chosen(self, chosen: bool) -> None:
        if chosen:
            self.softmax.setEnabled(FORMATS[self.file_format].graph)


class Exporter(QObject):
    """The export commands of the window.

    Signals:
        idle: All that was asked for is written, or was said not to be.
    """

    idle = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.dialog: FormatDialog | None = None
        """The last choice of a format that was on show."""
        self.pending = 0
        """How many exports are still to be written."""
        self.quiet = False
        """Whether only what went wrong is told."""
        self._ended = False
        self.worker = ExportWorker(self)
        self.worker.done.connect(self._done)
        self.worker.failed.connect(self._failed)

    def ask(self, model: Any, suggestion: str) -> None:
        """Ask for a format and a place, and export there.

        Args:
            model: a run folder, or an adapted model and its inner step.
            suggestion: a file name to begin with; its ending follows the format.
        """
        adapted_by = None if isinstance(model, Path) else model[0].trained.experiment.algorithm
        what = f"the trained initialisation of {title_of(model)}" if isinstance(model, Path) else "the adapted model"
        dialog = self.dialog = FormatDialog(self._window, what, {name: refusal(name, adapted_by) for name in FORMATS})
        dialog.accepted.connect(lambda: self._ask_where(model, Path(suggestion).stem, dialog))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def end(self) -> None:
        """Write what is still to be written, and end the thread; from here on nothing is asked of anybody."""
        self.quiet = self._ended = True
        self.worker.end()

    def _ask_where(self, model: Any, stem: str, dialog: FormatDialog) -> None:
        name = dialog.file_format
        kind = FORMATS[name]
        folder = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
        file_name = f"{stem}-{name}{kind.suffix}" if kind.prototypes else f"{stem}{kind.suffix}"
        place = str(folder / file_name) if folder.is_dir() else file_name
        file = ask_where(self._window, dialog.windowTitle(), place, kind.title, kind.suffix, beside=(kind.card_suffix,))
        if file is not None:
            self.write(ExportRequest(model, file, name, dialog.softmax.isChecked()))

    def write(self, request: ExportRequest) -> None:
        """Write an export in the thread, behind those that were asked for before."""
        self.pending += 1
        self.worker.ask(request)

    def _done(self, request: ExportRequest, paths: tuple[Path, Path]) -> None:
        file, card = paths
        lines = [f"{file.name} ({FORMATS[request.file_format].title})", f"{card.name}, the model card with the lines that use it"]
        if not self.quiet:
            QMessageBox.information(self._window, TITLE, f"Written to {file.parent}:\n\n" + "\n".join(lines))
        self._count()

    def _failed(self, request: ExportRequest, message: str) -> None:
        if self._ended:
            print(f"maml-studio: {message}", file=sys.stderr)  # nobody is at the window any more
        else:
            QMessageBox.warning(self._window, TITLE, message)
        self._count()

    def _count(self) -> None:
        self.pending -= 1
        if not self.pending:
            self.idle.emit()
