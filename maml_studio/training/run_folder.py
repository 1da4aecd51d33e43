"""A run on disk: settings, one line per event, checkpoints; plain files that other tools can read."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..files import write_whole
from ..spec import Experiment, load, to_toml
from .checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from .events import Checkpointed, Event, Loading, OuterStep, Started, Validation, from_line, to_line

EXPERIMENT, METRICS, CHECKPOINTS = "experiment.toml", "metrics.jsonl", "checkpoints"
LATEST, BEST = "latest", "best"


class RunFolderError(ValueError):
    """A run folder that can't be made or read; one sentence."""


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._metrics: IO[bytes] | None = None

    @classmethod
    def create(cls, path: Path, experiment: Experiment) -> "RunFolder":
        """Make a new folder and write the settings into it.

        Raises:
            RunFolderError: when something is there already, or it can't be written.
        """
        try:
            path.mkdir(parents=True)
            (path / CHECKPOINTS).mkdir()
            write_whole(path / EXPERIMENT, to_toml(experiment).encode())
        except FileExistsError:
            raise RunFolderError(f"{path}: is there already; a run needs a new folder") from None
        except OSError as error:
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
            os.fsync(self._metrics.fileno())
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
        if isinstance(event, Loading):
            return
        if self._metrics is None:
            self._metrics = (self.path / METRICS).open("ab")
        if isinstance(event, Started) and self._metrics.tell():
            return  # a run that goes on began long ago
        self._metrics.write(to_line(event).encode() + b"\n")
        self._metrics.flush()

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

    def cut_after(self, iteration: int) -> None:
        """Forget what came after a checkpoint, so that a resumed run's file reads as if nothing had happened.

        Raises:
            OSError: when it can't be rewritten.
        """
        self.close()
        # The trainer writes this one again where it was due; a stop's own checkpoint is none of an uninterrupted run.
        again = Checkpointed(iteration, LATEST)
        kept = [
            to_line(event) + "\n"
            for event in self.events()
            if isinstance(event, Started | OuterStep | Validation | Checkpointed) and event.iteration <= iteration and event != again
        ]
        write_whole(self.path / METRICS, "".join(kept).encode())

    def resume_point(self) -> Checkpoint | None:
        """The checkpoint to go on from, the metrics cut to it; None when the run was cut off before its first one.

        Raises:
            CheckpointError: when the checkpoint is damaged.
            OSError: when the metrics can't be rewritten.
        """
        kind = next((kind for kind in (LATEST, BEST) if self.checkpoint_path(kind).is_file()), None)
        checkpoint = self.load_checkpoint(kind) if kind else None
        self.cut_after(checkpoint.iteration if checkpoint else -1)
        return checkpoint

    def close(self) -> None:
        """Close the metrics file; the next event opens it again."""
        if self._metrics:
            self._metrics.close()
            self._metrics = None
