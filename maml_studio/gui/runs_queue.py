"""Trains what is in the queue, one after the other, in the window's own session."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ..spec import Experiment, SpecError
from ..training.queue import Entry, Queue, QueueError
from ..training.run_index import EXPERIMENT, in_use
from .session import RunSession


class QueueRunner(QObject):
    """Starts the next run of the queue whenever the last one has ended. It never starts anything on its own when the window opens.

    Args:
        session: where training takes place.
        queue: the queue in its file.
        runs: where run folders are made.

    Signals:
        changed: The queue, or whether it goes on, is another than before.
        starting: A run of the queue is about to begin, with these settings and in this folder.
        said: What the user should know, in a sentence.
    """

    changed = Signal()
    starting = Signal(object, object)
    said = Signal(str)

    def __init__(self, session: RunSession, queue: Queue, runs: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._queue, self._runs = session, queue, runs
        self._going = False
        self._ended = False
        self._current = ""
        self._seen: tuple[int, int] = (0, 0)
        self.entries: list[Entry] = []
        self.problem = ""
        session.state_changed.connect(self._session_changed)
        self.refresh()

    @property
    def going(self) -> bool:
        """Whether the next run begins when this one has ended."""
        return self._going

    @property
    def waiting(self) -> int:
        """How many runs wait."""
        return sum(entry.state == "waiting" for entry in self.entries)

    def refresh(self) -> None:
        """Read the queue again where its file has changed; a terminal may have added to it."""
        try:
            status = self._queue.path.stat()
            seen = (status.st_mtime_ns, status.st_size)
        except OSError:
            seen = (0, 0)
        if seen != self._seen:
            self._seen = seen
            try:
                self.entries, self.problem = self._queue.entries(), ""
            except QueueError as error:
                self.entries, self.problem = [], str(error)
            self.changed.emit()

    def trains(self, entry: Entry) -> bool:
        """Whether a program trains this entry now; one whose program was killed is only marked so."""
        return entry.state == "training" and (entry.identity == self._current or in_use(Path(entry.folder)))

    def add(self, experiments: Sequence[Experiment]) -> bool:
        """Put experiments at the end; the first ones of an empty queue start it. Whether they are in it."""
        begins = self.waiting == 0 and not self.problem
        added = self._try(lambda: self._queue.add(experiments))
        if added and begins:
            self.go()
        return added

    def remove(self, identities: Sequence[str]) -> list[tuple[int, Entry]]:
        """Take entries out; where they stood, for :meth:`put_back`."""
        places = {entry.identity: place for place, entry in enumerate(self.entries)}
        gone: list[Entry] = []
        self._try(lambda: gone.extend(self._queue.remove(identities)))
        return [(places.get(entry.identity, 0), entry) for entry in gone]

    def put_back(self, places: Sequence[tuple[int, Entry]]) -> None:
        """Put entries back where they were."""
        self._try(lambda: self._queue.insert(places))

    def move(self, identity: str, steps: int) -> None:
        """Move a waiting entry up (negative) or down."""
        self._try(lambda: self._queue.move(identity, steps))

    def clear_done(self) -> None:
        """Forget what has finished or failed; the runs stay."""
        self._try(self._queue.clear_done)

    def set_aside(self) -> None:
        """Put a file that can't be read out of the way and begin with an empty queue."""
        try:
            self.said.emit(f"The old queue is kept as {self._queue.set_aside()}.")
        except OSError as error:
            self.said.emit(f"{self._queue.path} can't be renamed: {error.strerror or error}")
        self.refresh()

    def go(self) -> None:
        """Begin, or go on when the run under way has ended."""
        if not self._going and self._try(self._queue.acquire):
            self._going = True
            self._later()
        self.changed.emit()

    def hold(self) -> None:
        """Begin no further run; the one under way goes on to its end."""
        self._going = False
        if not self._current:
            self._queue.release()
        self.changed.emit()

    def end(self) -> None:
        """The window closes: whatever is under way waits in the queue and goes on when it is started again."""
        self._ended = True
        self._going = False
        if not self._current:
            self._queue.release()

    def _later(self) -> None:
        # Not from within the session's own signal: it is still busy with the run that ended.
        QTimer.singleShot(0, self._next)

    def _next(self) -> None:
        if not self._going or self._ended or self._current or self._session.running:
            return
        begun: list[Entry] = []
        if not self._try(lambda: begun.extend(filter(None, [self._queue.begin(self._runs)]))):
            self.hold()
            return
        if not begun:
            self.hold()
            return
        entry = begun[0]
        try:
            experiment = entry.settings()
        except SpecError as error:
            reason = str(error)
            self._try(lambda: self._queue.settle(entry.identity, reason))
            self._later()
            return
        folder = Path(entry.folder)
        self._current = entry.identity
        self.starting.emit(experiment, folder)
        self._session.start(experiment, folder, resume=(folder / EXPERIMENT).is_file())
        self.changed.emit()

    def _session_changed(self) -> None:
        if self._session.running:
            return
        if not self._current:
            if self._going:
                self._later()  # a run that was no part of the queue kept it waiting
            return
        identity, self._current = self._current, ""
        status, message = self._session.model.status, self._session.model.message
        if self._session.refusal:
            status, message = "failed", self._session.refusal
        settled: list[Entry] = []
        self._try(lambda: settled.extend(filter(None, [self._queue.settle(identity)])))
        if settled and settled[0].state == "waiting":
            if status == "failed":
                # It could not even begin, so its folder knows of no failure.
                self._try(lambda: self._queue.settle(identity, message))
            elif self._going:
                self.said.emit("The queue holds, since its run was stopped; Start goes on with it.")
                self._going = False
        if self._going and not self._ended:
            self._later()
        else:
            self._queue.release()
        self.changed.emit()

    def _try(self, change: Callable[[], object]) -> bool:
        try:
            change()
        except QueueError as error:
            self.said.emit(str(error))
            return False
        finally:
            self.refresh()
        return True
