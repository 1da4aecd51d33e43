"""A run's curves as event files of TensorBoard, for a lab that has its own habits.

The records are made by torch's and TensorBoard's own code, and written here, one whole piece per event: ``SummaryWriter`` hands them to
a thread that ends with a traceback on a full disk, and what it had in hand is lost.
"""

import importlib.util
import io
import os
import socket
import time
from pathlib import Path
from typing import Any

from ..files import GrowingFile
from .events import Event, OuterStep, Validation

FOLDER = "tensorboard"
VALIDATED = ("accuracy_before", "accuracy_after", "query_loss_before", "query_loss_after")
"""Each has a mean and the ends of its 95 % interval, which TensorBoard draws as a band under its custom scalars."""


class TensorBoardError(ValueError):
    """The package is not there; one sentence."""


def require_tensorboard() -> None:
    """Find out whether event files can be written.

    Raises:
        TensorBoardError: when not, with what to install.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise TensorBoardError("training.tensorboard needs the package tensorboard: pip install 'maml-studio[tensorboard]'")


class TensorBoard:
    """Writes one event file into the ``tensorboard`` folder of a run.

    Args:
        run: the run's folder.
        first: the step that this file begins with; whatever earlier files say of it and of later ones is hidden, so that the curves of a
            run that goes on join.

    Raises:
        TensorBoardError: when the package is not there.
    """

    def __init__(self, run: Path, first: int) -> None:
        require_tensorboard()
        self._folder, self._first = run / FOLDER, first
        self._file: GrowingFile | None = None

    def append(self, event: Event) -> None:
        """Write an event's numbers.

        Raises:
            OSError: when they can't be written; nothing of them is then.
        """
        scalars = _scalars(event)
        if not scalars:
            return
        if self._file is None:
            self._begin()
        assert self._file
        step: int = getattr(event, "iteration", 0)
        self._file.append(_record(step=step, summary=_summary(scalars)))

    def mend(self) -> None:
        """Write the file again where it is gone.

        Raises:
            OSError: when it can't be.
        """
        if self._file:
            self._folder.mkdir(exist_ok=True)
            self._file.put_back()

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def _begin(self) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog  # type: ignore[import-untyped]
        from torch.utils.tensorboard.summary import custom_scalars

        self._folder.mkdir(exist_ok=True)
        file = GrowingFile(self._folder / f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}")
        bands = {name: ["Margin", [f"validation/{name}{end}" for end in ("", "_low", "_high")]] for name in VALIDATED}
        file.append(
            _record(file_version="brain.Event:2")
            + _record(step=self._first, session_log=SessionLog(status=SessionLog.START))
            + _record(summary=custom_scalars({"validation": bands}))  # type: ignore[no-untyped-call]
        )
        self._file = file


def _record(**fields: Any) -> bytes:
    """One record of an event file, with its checksums."""
    from tensorboard.compat.proto.event_pb2 import Event as Record
    from tensorboard.summary.writer.record_writer import RecordWriter  # type: ignore[import-untyped]

    buffer = io.BytesIO()
    RecordWriter(buffer).write(Record(wall_time=time.time(), **fields).SerializeToString())
    return buffer.getvalue()


def _summary(scalars: dict[str, float]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
    from torch.utils.tensorboard.summary import scalar

    return Summary(value=[value for name, number in scalars.items() for value in scalar(name, number).value])  # type: ignore[no-untyped-call]


def _scalars(event: Event) -> dict[str, float]:
    """The numbers of an event by name; what it does not know is left out."""
    found: dict[str, float | None] = {}
    match event:
        case OuterStep():
            found |= {"training/query_loss": event.query_loss, "training/outer_lr": event.outer_lr}
            found |= {"training/accuracy_before": event.accuracy_before, "training/accuracy_after": event.query_accuracy}
            found |= {"training/gradient_norm": event.gradient_norm}
            found |= {f"training/{name}": value for name, value in event.notes.items()}
            found |= {f"inner_loop/query_loss_step_{step}": loss for step, loss in enumerate(event.query_losses)}
        case Validation():
            first, last = event.scores[0], event.scores[-1]
            means = (first.accuracy, last.accuracy, first.query_loss, last.query_loss)
            halves = (first.accuracy_ci95, last.accuracy_ci95, first.query_loss_ci95, last.query_loss_ci95)
            for name, mean, half in zip(VALIDATED, means, halves, strict=True):
                if mean is not None and half is not None:
                    found |= {f"validation/{name}": mean, f"validation/{name}_low": mean - half, f"validation/{name}_high": mean + half}
            found |= {f"inner_loop/validation_query_loss_step_{score.step}": score.query_loss for score in event.scores}
    return {name: value for name, value in found.items() if value is not None}
