"""Keeps an eye on the folder of runs, in the background, while somebody looks."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from ..training.run_index import RunIndex, RunSummary
from .worker import LatestWorker

LOOK_MS = 2000
"""How often running runs are looked at; new folders are told by the system at once."""


class ListWorker(LatestWorker):
    """A request is the folder of runs; the result all runs in it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._index: RunIndex | None = None

    def work(self, request: Path) -> list[RunSummary]:
        """List the runs; only what has changed since the last time is read."""
        if self._index is None or self._index.root != request:
            self._index = RunIndex(request)
        return self._index.refresh()


class RunsWatch(QObject):
    """Tells which runs there are, and again whenever that changes.

    Signals:
        listed: All runs of the folder.
        failed: They can't be listed, in a sentence.
    """

    listed = Signal(object)
    failed = Signal(str)

    def __init__(self, root: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.root = root
        self._worker = ListWorker(self)
        self._worker.done.connect(self._take)
        self._worker.failed.connect(self._refuse)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self.look)

    def start(self) -> None:
        """Look now, and from now on."""
        self._timer.start()
        self.look()

    def rest(self) -> None:
        """Look no longer: nobody sees the list."""
        self._timer.stop()

    def look(self, _: str = "") -> None:
        """List the runs anew."""
        # A folder that was deleted and made again is another one to the system.
        if not self._watcher.directories() and self.root.is_dir():
            self._watcher.addPath(str(self.root))
        self._worker.ask(self.root)

    def end(self) -> None:
        """End the thread."""
        self._timer.stop()
        self._worker.end()

    def _take(self, root: Path, runs: Sequence[RunSummary]) -> None:
        del root
        self.listed.emit(runs)

    def _refuse(self, root: Path, message: str) -> None:
        del root
        self.failed.emit(message)
