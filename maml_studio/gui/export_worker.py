"""Writes exports in a thread, one after the other; unlike other workers it forgets none, not even when the window closes."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from ..export import FORMATS
from .worker import LatestWorker


@dataclass(frozen=True)
class ExportRequest:
    """What is wanted: a run folder, or an adapted model and its inner step; the file, its format, and whether it ends in a softmax."""

    model: Any
    file: Path
    file_format: str
    softmax: bool


class ExportWorker(LatestWorker):
    """Writes all that was asked for, in that order."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._waiting: deque[ExportRequest] = deque()

    def ask(self, request: ExportRequest) -> None:
        """Write this too, behind what was asked for before."""
        with self._news:
            self._waiting.append(request)
            self._news.notify_all()
        if not self.isRunning():
            QTimer.singleShot(0, self._begin)

    def end(self) -> None:
        """Write what is still to be written, then end the thread."""
        with self._news:
            begin = bool(self._waiting) and not self.isRunning()
        if begin:
            self.start()  # the window closes before it came to that
        super().end()

    def _next(self) -> ExportRequest | None:
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._ending)
            return self._waiting.popleft() if self._waiting else None

    def work(self, request: ExportRequest) -> tuple[Path, Path]:
        """Write file and card; gives their paths."""
        from ..api import load
        from ..export import export_model

        model, step = (load(request.model), None) if isinstance(request.model, Path) else request.model
        if FORMATS[request.file_format].prototypes:
            step = 0
        return export_model(model, request.file, request.file_format, step=step, softmax=request.softmax, overwrite=True)
