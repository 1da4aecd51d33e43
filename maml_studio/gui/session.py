"""One run under way: its worker, its model, and what the buttons do to it."""

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ..spec import Experiment
from ..training.events import TERMINAL, Failed
from ..training.run_index import in_use
from .run_model import RunModel
from .runs_follow import Followed, FollowWorker
from .worker import TrainWorker

FRAME_MS = 33
"""The window takes events in 30 times a second, however fast they come."""
FOLLOW_MS = 500
"""How often it looks what another program has added to a run on show."""


class RunSession(QObject):
    """Starts, holds and ends training; feeds the run model.

    Signals:
        state_changed: A run began or ended, was paused or goes on, or is followed while another program trains it.
        opened: An earlier run is on show.
        open_failed: It can't be shown, or not be gone on with since another program trains it; in one sentence.
    """

    state_changed = Signal()
    opened = Signal()
    open_failed = Signal(str)

    def __init__(self, model: RunModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.model = model
        self.folder: Path | None = None
        self.refusal = ""
        """Why the last run could not be gone on with, if that was so: another program trains it."""
        self._restored: Path | None = None
        self.experiment: Experiment | None = None
        self._worker: TrainWorker | None = None
        self._beat = QTimer(self)
        self._beat.setSingleShot(True)
        self._beat.setInterval(FRAME_MS)
        self._beat.timeout.connect(self._collect)
        self._replay = FollowWorker(self)
        self._replay.done.connect(self._opened)
        self._replay.failed.connect(self._not_opened)
        self._followed: Followed | None = None
        self._look = QTimer(self)
        self._look.setInterval(FOLLOW_MS)
        self._look.timeout.connect(self._read_on)

    @property
    def running(self) -> bool:
        """Whether a run is under way, paused ones included."""
        return self._worker is not None

    @property
    def following(self) -> bool:
        """Whether another program trains the run on show, and its curves grow by themselves."""
        return self._followed is not None

    @property
    def paused(self) -> bool:
        """Whether the run holds."""
        return self._worker is not None and self._worker.control.paused

    def start(self, experiment: Experiment, folder: Path, *, resume: bool = False, paused: bool = False) -> None:
        """Begin a run in a new folder, or go on in an old one."""
        if self._worker is not None:
            return
        self._stop_following()
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
        """Show a run that was made earlier, as it was left; one that another program trains is followed."""
        self._restored = None
        self._read(folder)

    def follow(self, folder: Path) -> None:
        """Another program has begun to train this run: where it is on show, let its curves grow by themselves."""
        if folder == self.folder and not self.running and not self.following:
            self._restored = folder
            self._read(folder)

    def _read(self, folder: Path) -> None:
        if self._worker is None:
            self._replay.ask(folder)

    def restore(self, folder: Path) -> None:
        """Show the run that was on show when the window was last closed; a run that can't be read is left alone."""
        self._restored = folder
        self._read(folder)

    def _opened(self, folder: Path, run: Followed) -> None:
        if self._worker is not None:
            return
        self._stop_following()
        self.folder, self.experiment = folder, run.experiment
        self.model.set_loading()
        self.model.take(run.events)
        if run.live:
            self._followed = run
            self.model.set_elsewhere()
            self._look.start()
        else:
            self.model.end_replay()
        if folder != self._restored:
            self.opened.emit()
        self.state_changed.emit()

    def _read_on(self) -> None:
        """Take in what the other program has written since the last look."""
        followed = self._followed
        if followed is None:
            return
        # Asked before the last look at the file: what is written until the lock is given back is then in it.
        live = in_use(followed.reader.folder)
        try:
            events = followed.reader.read_new()
        except OSError:
            events = []  # gone, or out of reach for now; the lock says when it is over
        if events is None:
            self._stop_following()
            self._restored = followed.reader.folder
            self._read(followed.reader.folder)
            return
        if events:
            self.model.take(events)
        if not live or any(isinstance(event, TERMINAL) for event in events):
            self._stop_following()
            self.model.end_replay()
            self.state_changed.emit()

    def _stop_following(self) -> None:
        self._look.stop()
        self._followed = None
        self.model.set_elsewhere(False)

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
        self._stop_following()
        self._replay.end()
        if self._worker:
            self._worker.control.stop()
            self._worker.wait()
            self._worker.refusal = ""  # nobody is there to read it any more
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
        self.refusal = self._worker.refusal if self._worker else ""
        if self.model.running and not self.refusal:
            message = "A defect of MAML Studio ended the training without a word; please report it with what the terminal shows"
            self.model.take([Failed(self.model.iteration, message)])
        if self._worker:
            self._worker.deleteLater()
            self._worker = None
        self.state_changed.emit()
        if self.refusal and self.folder is not None:
            # Another program trains it: what can be done here is to watch.
            self.open_failed.emit(self.refusal)
            self.restore(self.folder)
