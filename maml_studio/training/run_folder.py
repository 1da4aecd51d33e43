"""A run on disk: settings, one line per event, checkpoints; plain files that other tools can read."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ..files import GrowingFile, whole_folder, write_whole
from ..spec import Experiment, load, to_toml
from .checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from .events import PASSING, Checkpointed, Event, OuterStep, Started, Validation, from_line, to_line
from .run_lock import RunFolderError, RunInUseError, RunLock

__all__ = ["BEST", "LATEST", "RunFolder", "RunFolderError", "RunInUseError"]

EXPERIMENT, METRICS, CHECKPOINTS = "experiment.toml", "metrics.jsonl", "checkpoints"
LATEST, BEST = "latest", "best"


class RunFolder:
    """The folder of one run.

    Anybody may read it at any time; whoever trains the run locks it first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._metrics: GrowingFile | None = None
        self._lock = RunLock(path)
        self._program = ""

    @classmethod
    def create(cls, path: Path, experiment: Experiment) -> "RunFolder":
        """Make a new folder and write the settings into it.

        Raises:
            RunFolderError: when something is there already, or it can't be written.
        """
        taken = RunFolderError(f"{path}: is there already; a run needs a new folder")
        if path.exists():
            raise taken
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_folder(path, synced=True) as part:
                (part / CHECKPOINTS).mkdir()
                write_whole(part / EXPERIMENT, to_toml(experiment).encode())
        except OSError as error:
            if error.errno == errno.ENOTEMPTY:  # another program was quicker
                raise taken from None
            raise RunFolderError(f"{path}: can't be made: {error.strerror or error}") from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """An existing run.

        Raises:
            RunFolderError: when it is none.
        """
        if not (path / EXPERIMENT).is_file():
            raise RunFolderError(f"{path}: is no run folder, it has no {EXPERIMENT}")
        return cls(path)

    def lock(self, program: str = "a Python program") -> None:
        """Keep other programs from training this run until :meth:`close`; nothing happens where it is locked by us already.

        Args:
            program: what the others are told.

        Raises:
            RunInUseError: when another program trains it, in a sentence that says which and since when.
            OSError: when the folder can't be written.
        """
        self._program = self._program or program
        self._lock.take(self._program)

    @property
    def experiment(self) -> Experiment:
        """The run's settings."""
        return load(self.path / EXPERIMENT)

    def checkpoint_path(self, kind: str) -> Path:
        """Where the latest or the best checkpoint is."""
        return self.path / CHECKPOINTS / f"{kind}.safetensors"

    def save_checkpoint(self, kind: str, checkpoint: Checkpoint) -> None:
        """Write a checkpoint over the last one of its kind, after the events that led to it are safe.

        Raises:
            OSError: when it can't be written.
        """
        if self._metrics:
            self._metrics.sync()
        save_checkpoint(self.checkpoint_path(kind), checkpoint)

    def load_checkpoint(self, kind: str) -> Checkpoint:
        """Read a checkpoint.

        Raises:
            CheckpointError: when it is not there or damaged.
        """
        return load_checkpoint(self.checkpoint_path(kind))

    def best_or_latest(self) -> Path:
        """The checkpoint to use: the best one, or the latest where there is no best one yet.

        Raises:
            CheckpointError: when there is none.
        """
        file = next((file for file in map(self.checkpoint_path, (BEST, LATEST)) if file.is_file()), None)
        if file is None:
            raise CheckpointError(f"{self.path}: this run has no checkpoint yet; train it further")
        return file

    def append(self, event: Event) -> None:
        """Add one event, one flushed line.

        Raises:
            OSError: when it can't be written.
        """
        if isinstance(event, PASSING):
            return
        if self._metrics is None:
            self._metrics = GrowingFile(self.path / METRICS)
        if isinstance(event, Started) and self._metrics.size:
            return  # a run that goes on began long ago
        self._metrics.append(to_line(event).encode() + b"\n")

    def mend(self, experiment: Experiment) -> None:
        """Make a folder that something happened to complete again, as far as is known here.

        Only the folder itself is never made: its place may be a disk that is not plugged in.

        Args:
            experiment: the run's settings.

        Raises:
            OSError: when it can't be.
            RunInUseError: when another program trains what is there now.
        """
        if not self.path.is_dir():
            raise FileNotFoundError(errno.ENOENT, "the run's folder is gone", str(self.path))
        self._lock.take_again(self._program)
        (self.path / CHECKPOINTS).mkdir(exist_ok=True)
        if not (self.path / EXPERIMENT).exists():
            write_whole(self.path / EXPERIMENT, to_toml(experiment).encode())
        if self._metrics:
            self._metrics.put_back()

    def events(self) -> Iterator[Event]:
        """All events so far; a line cut short by a crash is passed over."""
        path = self.path / METRICS
        if not path.is_file():
            return
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                event = from_line(line)
                if event is not None:
                    yield event

    def resume_point(self) -> Checkpoint | None:
        """The checkpoint to go on from, the metrics cut to it; None when the run was cut off before its first one.

        Raises:
            RunInUseError: when another program trains this run.
            CheckpointError: when the checkpoint is damaged.
            OSError: when the metrics can't be cut.
        """
        self.lock()
        try:
            self._remove_leftovers()
            kind = next((kind for kind in (LATEST, BEST) if self.checkpoint_path(kind).is_file()), None)
            checkpoint = self.load_checkpoint(kind) if kind else None
            own = Checkpointed(checkpoint.iteration, kind) if checkpoint and kind else None
            self._cut(checkpoint, own)
            if own and kind == BEST:
                self.append(own)
        except BaseException:
            self.close()
            raise
        return checkpoint

    def _cut(self, checkpoint: Checkpoint | None, own: Checkpointed | None) -> None:
        """Forget the events after a checkpoint, so that a resumed run's file reads as if nothing had happened.

        The checkpoint's own event goes too, which a kill may have kept from being written: that of the best is written again, and that
        of the latest by the trainer, where it was due; a stop's own is none of an uninterrupted run.
        """
        self._close_metrics()
        path = self.path / METRICS
        end, whole = 0, True
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            for line in file:
                event = from_line(line.decode("utf-8", "replace"))
                if checkpoint and event and event != own and _led_to(event, checkpoint):
                    end, whole = file.tell(), line.endswith(b"\n")
        if not path.exists():
            return
        # Cut in place: that needs no room on a full disk, and is done or not.
        with path.open("r+b") as file:
            file.truncate(end)
            if not whole:
                file.seek(end)
                file.write(b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _remove_leftovers(self) -> None:
        """Remove what a program that was killed in the middle of writing a file left behind."""
        for folder in (self.path, self.path / CHECKPOINTS):
            for file in folder.glob(".*.part"):
                with contextlib.suppress(OSError):
                    file.unlink()

    def close(self) -> None:
        """Close the metrics file, which the next event opens again, and let other programs train the run."""
        self._close_metrics()
        self._lock.give_back()

    def _close_metrics(self) -> None:
        """Close the metrics file; the next event opens it again."""
        if self._metrics:
            self._metrics.close()
            self._metrics = None


def _led_to(event: Event, checkpoint: Checkpoint) -> bool:
    """Whether an uninterrupted run has this event before it writes the checkpoint."""
    iteration = getattr(event, "iteration", checkpoint.iteration + 1)
    if iteration != checkpoint.iteration:
        return iteration < checkpoint.iteration and isinstance(event, Started | OuterStep | Validation | Checkpointed)
    # A stop in the middle of a validation saves a state that knows nothing of it.
    scores = checkpoint.progress.get("scores")
    validated = isinstance(scores, dict) and scores.get("iteration") == iteration
    of_validation = isinstance(event, Validation) or event == Checkpointed(iteration, BEST)
    return isinstance(event, Started | OuterStep) or (of_validation and validated)
