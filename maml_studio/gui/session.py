"""One run under way: its worker, its model, and what the buttons do to it."""

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ..spec import Experiment
from ..training.events import Event, Failed
from .run_model import RunModel
from .worker import ReplayWorker, TrainWorker

FRAME_MS = 33
"""The window takes events in 30 times a second, however fast they come."""


class RunSession(QObject):
    """Starts, holds and ends training; feeds the run model.

    Signals:
        state_changed: A run began or ended, or was paused or goes on.
        opened: An earlier run is on show.
        open_failed: It can't be shown, in one sentence.
    """

    state_changed = Signal()
    opened = Signal()
    open_failed = Signal(str)

    def __init__(self, model: RunModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.folder: Path | None = None
        self._restored: Path | None = None
        self.experiment: Experiment | None = None
        self._worker: TrainWorker | None = None
        self._beat = QTimer(self)
        self._beat.setSingleShot(True)
        self._beat.setInterval(FRAME_MS)
        self._beat.timeout.connect(self._collect)
        self._replay = ReplayWorker(self)
        self._replay.done.connect(self._opened)
        self._replay.failed.connect(self._not_opened)

    @property
    def running(self) -> bool:
        """Whether a run is under way, paused ones included."""
        return self._worker is not None

    @property
    def paused(self) -> bool:
        """Whether the run holds."""
        return self._worker is not None and self._worker.control.paused

    def start(self, experiment: Experiment, folder: Path, *, resume: bool = False, paused: bool = False) -> None:
        """Begin a run in a new folder, or go on in an old one."""
        if self._worker is not None:
            return
        self.folder, self.experiment = folder, experiment
        self._worker = TrainWorker(experiment, folder, resume=resume, parent=self)
        self._worker.news.connect(self._schedule)
        self._worker.finished.connect(self._ended)
        if paused:
            self._worker.control.step()
        self._worker.start()
        self.model.set_loading()
        self.state_changed.emit()

    def open(self, folder: Path) -> None:
        """Show a run that was made earlier, as it was left."""
        self._restored = None
        self._read(folder)

    def _read(self, folder: Path) -> None:
        if self._worker is None:
            self._replay.ask(folder)

    def restore(self, folder: Path) -> None:
        """Show the run that was on show when the window was last closed; a run that can't be read is left alone."""
        self._restored = folder
        self._read(folder)

    def _opened(self, folder: Path, run: tuple[Experiment, list[Event]]) -> None:
        if self._worker is not None:
            return
        self.folder = folder
        self.experiment, events = run
        self.model.set_loading()
        self.model.take(events)
        self.model.end_replay()
        if folder != self._restored:
            self.opened.emit()
        self.state_changed.emit()

    def pause(self) -> None:
        """Hold."""
        if self._worker:
            self._worker.control.pause()
            self.state_changed.emit()

    def resume(self) -> None:
        """Go on."""
        if self._worker:
            self._worker.control.resume()
            self.state_changed.emit()

    def step(self) -> None:
        """One outer step, then hold."""
        if self._worker:
            self._worker.control.step()
            self.state_changed.emit()

    def stop(self) -> None:
        """Ask the run to end; it saves its state first."""
        if self._worker:
            self._worker.control.stop()

    def finish(self) -> None:
        """End the run and wait until its state is saved; for when the window closes."""
        self._replay.end()
        if self._worker:
            self._worker.control.stop()
            self._worker.wait()
            # The thread's own word of its end waits in a queue that nobody may read any more.
            self._ended()

    def _not_opened(self, folder: Path, message: str) -> None:
        if folder != self._restored:
            self.open_failed.emit(message)

    def _schedule(self) -> None:
        if not self._beat.isActive():
            self._beat.start()

    def _collect(self) -> None:
        if self._worker:
            events = self._worker.collect()
            if events:
                self.model.take(events)

    def _ended(self) -> None:
        self._beat.stop()
        self._collect()
        if self.model.running:
            message = "A defect of MAML Studio ended the training without a word; please report it with what the terminal shows"
            self.model.take([Failed(self.model.iteration, message)])
        if self._worker:
            self._worker.deleteLater()
            self._worker = None
        self.state_changed.emit()
