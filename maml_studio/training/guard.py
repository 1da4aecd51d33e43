"""Writes what a run leaves behind, and holds the run where that can't be done: a full disk, a folder that is gone or read-only."""

from collections.abc import Callable, Iterator

from ..spec import Experiment
from .checkpoint import Checkpoint
from .control import Control
from .events import PASSING, Checkpointed, Event, Held, Resumed
from .run_folder import LATEST, RunFolder, RunFolderError
from .tensorboard import TensorBoard

RETRY_SECONDS = 3.0


class HeldError(Exception):
    """The end was asked for while something could not be written; one sentence."""


class Guard:
    """Writes events and checkpoints of one run, one after the other, so that a hold comes between two of them and loses neither.

    Args:
        folder: where they go; None keeps nothing.
        experiment: the run's settings.
        control: ends a hold, or lets it look again at once.
        saved_at: iteration of the checkpoint that the run goes on from, if any.
    """

    def __init__(self, folder: RunFolder | None, experiment: Experiment, control: Control, saved_at: int | None) -> None:
        self._folder, self._experiment, self._control = folder, experiment, control
        self.saved_at: int | None = None
        """Iteration of the latest checkpoint that this process wrote."""
        self._resumed_at = saved_at
        self._board: TensorBoard | None = None
        if folder and experiment.training.tensorboard:
            self._board = TensorBoard(folder.path, 0 if saved_at is None else saved_at + 1)

    def append(self, event: Event) -> Iterator[Event]:
        """Write an event down.

        Yields:
            Held and Resumed, where it has to wait.

        Raises:
            HeldError: when the end was asked for meanwhile.
        """
        folder, board = self._folder, self._board
        if folder is None or isinstance(event, PASSING):
            return
        iteration: int = getattr(event, "iteration", 0)
        yield from self._write(iteration, lambda: folder.append(event))
        if board:
            yield from self._write(iteration, lambda: board.append(event))

    def save(self, kind: str, checkpoint: Checkpoint) -> Iterator[Event]:
        """Write a checkpoint, as :meth:`append` does an event."""
        if (folder := self._folder) is None:
            return
        yield from self._write(checkpoint.iteration, lambda: folder.save_checkpoint(kind, checkpoint))
        if kind == LATEST:
            self.saved_at = checkpoint.iteration
        yield Checkpointed(checkpoint.iteration, kind)

    def close(self) -> None:
        """Close the event file."""
        if self._board:
            self._board.close()

    def _write(self, iteration: int, write: Callable[[], None]) -> Iterator[Event]:
        try:
            write()
        except (OSError, RunFolderError):
            yield from self._wait(iteration, write)

    def _wait(self, iteration: int, write: Callable[[], None]) -> Iterator[Event]:
        """Mend and try again until it works; the first time at once, since a missing sub-folder is soon made."""
        told = ""
        while True:
            try:
                self._mend()
                write()
            except (OSError, RunFolderError) as error:
                problem = _sentence(error)
            else:
                if told:
                    yield Resumed(iteration)
                return
            if self._control.stopped:
                raise HeldError(f"{problem}; {self._what_is_saved()}")
            if problem != told:
                told = problem
                yield Held(iteration, f"{problem}; training waits, and goes on as soon as it can")
            else:
                self._control.wait(RETRY_SECONDS)

    def _mend(self) -> None:
        assert self._folder
        self._folder.mend(self._experiment)
        if self._board:
            self._board.mend()

    def _what_is_saved(self) -> str:
        saved = self._resumed_at if self.saved_at is None else self.saved_at
        return "nothing of this run was saved" if saved is None else f"the last state that was saved is that of iteration {saved}"


def _sentence(error: OSError | RunFolderError) -> str:
    if not isinstance(error, OSError):
        return str(error)
    name = error.filename or "a file of the run"
    if isinstance(error, FileNotFoundError):
        return f"{name} is gone: put it back, or stop the run"
    return f"{name} can't be written: {error.strerror or error}"
