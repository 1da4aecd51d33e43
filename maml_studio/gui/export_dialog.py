"""Ask where an export goes, write it in a thread, and say what came of it."""

from pathlib import Path
from typing import Any

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QMessageBox, QWidget

from .save_dialog import ask_where
from .worker import LatestWorker

TITLE = "Export trained model"


class ExportWorker(LatestWorker):
    """Writes exports. A request is a run folder, or an adapted model and its inner step, and a path."""

    def work(self, request: tuple[Any, Path]) -> tuple[Path, ...]:
        """Write weights and card; gives their paths."""
        from ..api import load
        from ..export import export_safetensors

        model, path = request
        if isinstance(model, Path):
            return export_safetensors(load(model), path, overwrite=True)
        adapted, step = model
        return export_safetensors(adapted, path, step=step, overwrite=True)


class Exporter:
    """The export commands of the window."""

    def __init__(self, window: QWidget) -> None:
        self._window = window
        self.worker = ExportWorker(window)
        self.worker.done.connect(self._done)
        self.worker.failed.connect(self._failed)

    def ask(self, model: Any, suggestion: str) -> None:
        """Ask for a place, and export there.

        Args:
            model: a run folder, or an adapted model and its inner step.
            suggestion: a file name to begin with.
        """
        what = "the trained initialisation" if isinstance(model, Path) else "the model adapted to the drawings"
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        place = str(Path(folder) / suggestion) if Path(folder).is_dir() else suggestion
        file = ask_where(self._window, f"Export {what}", place, "Weights for PyTorch", ".safetensors", beside=(".md",))
        if file is not None:
            self.worker.ask((model, file))

    def end(self) -> None:
        """End the thread."""
        self.worker.end()

    def _done(self, request: Any, paths: tuple[Path, ...]) -> None:
        weights, card = paths
        QMessageBox.information(
            self._window,
            TITLE,
            f"Written to {weights.parent}:\n\n{weights.name}, the weights\n{card.name}, the model card with the lines that load them",
        )

    def _failed(self, request: Any, message: str) -> None:
        QMessageBox.warning(self._window, TITLE, message)
