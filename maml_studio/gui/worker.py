"""Background threads. They import torch, the window does not; they hand over plain values through queued signals."""

import sys
import threading
import traceback
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QThread, QTimer, Signal

from ..spec import DataSettings, Experiment
from ..training.control import Control
from ..training.events import Event, Failed, Loading

if TYPE_CHECKING:
    from ..data import Tasks


PROGRAM = "the window of MAML Studio"


def defect(error: Exception) -> str:
    """One sentence for what nobody foresaw; its traceback goes to the terminal, for a report."""
    traceback.print_exception(error, file=sys.stderr)
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"A defect of MAML Studio ended this ({what}); please report it with what the terminal shows"


class TrainWorker(QThread):
    """Meta-trains, and puts events into an inbox that the window empties at its own pace.

    Signals:
        news: The inbox is no longer empty. Sent once until somebody empties it, however many events come.
    """

    news = Signal()

    def __init__(self, experiment: Experiment, folder: Path, *, resume: bool = False, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.experiment, self.folder = experiment, folder
        self.control = Control()
        self._resume = resume
        self.refusal = ""
        """Why the run can't be gone on with, once the thread has ended: another program trains it."""
        self._inbox: deque[Event] = deque()
        self._iteration = 0

    def collect(self) -> list[Event]:
        """Empty the inbox."""
        events = []
        while self._inbox:
            events.append(self._inbox.popleft())
        return events

    def run(self) -> None:
        """Train; everything that can go wrong in it ends as an event."""
        try:
            self._train()
        except Exception as error:
            # Whatever it is: without a last event the window would wait for ever.
            self._put(Failed(self._iteration, defect(error)))

    def _train(self) -> None:
        from ..training.checkpoint import CheckpointError
        from ..training.run_folder import RunFolder, RunFolderError, RunInUseError
        from ..training.trainer import run

        checkpoint = None
        try:
            if self._resume:
                folder = RunFolder.open(self.folder)
                folder.lock(PROGRAM)
                checkpoint = folder.resume_point()
                for event in folder.events():
                    self._put(event)
            else:
                folder = RunFolder.create(self.folder, self.experiment)
                folder.lock(PROGRAM)
        except RunInUseError as error:
            self.refusal = str(error)
            return
        except (RunFolderError, CheckpointError, OSError) as error:
            self._put(Failed(0, str(error)))
            return
        for event in run(self.experiment, folder=folder, control=self.control, checkpoint=checkpoint, progress=self._tell):
            self._put(event)

    def _tell(self, message: str, share: float) -> None:
        self._put(Loading(message, share))

    def _put(self, event: Event) -> None:
        self._iteration = getattr(event, "iteration", self._iteration)
        self._inbox.append(event)
        if len(self._inbox) == 1:
            self.news.emit()


class LatestWorker(QThread):
    """Works on the latest request only: a newer one takes the place of one that still waits.

    Subclasses say what a request is in :meth:`work`, which runs in the thread.

    Signals:
        done: The request and its result.
        failed: The request and one sentence.
    """

    done = Signal(object, object)
    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._news = threading.Condition()
        self._request: Any = None
        self._ending = False

    def ask(self, request: Any) -> None:
        """Ask for something; what was asked before and not begun is forgotten."""
        with self._news:
            self._request = request
            self._news.notify_all()
        if not self.isRunning():
            # The first work imports torch, which must not compete with the pages that are being built and painted now.
            QTimer.singleShot(0, self._begin)

    def _begin(self) -> None:
        if not self._ending and not self.isRunning():
            self.start()

    def outdated(self) -> bool:
        """Whether the work in hand is no longer wanted; long work looks here now and then."""
        return self._ending or self._request is not None

    def end(self) -> None:
        """Ask the thread to end and wait for it."""
        with self._news:
            self._ending = True
            self._news.notify_all()
        self.wait()

    def run(self) -> None:
        """Take requests until the end."""
        while (request := self._next()) is not None:
            self._answer(request)

    def _next(self) -> Any:
        """The next request, once there is one; None at the end."""
        with self._news:
            self._news.wait_for(lambda: self._request is not None or self._ending)
            if self._ending:
                return None
            request, self._request = self._request, None
            return request

    def _answer(self, request: Any) -> None:
        try:
            result = self.work(request)
        except ValueError as error:
            # Data, checkpoint and spec errors are ValueErrors with one sentence each.
            self.failed.emit(request, str(error))
        except OSError as error:
            self.failed.emit(request, f"{error.filename or 'A file'} can't be read: {error.strerror or error}")
        except Exception as error:
            # Whatever it is: the thread must live on to answer the next request.
            self.failed.emit(request, defect(error))
        else:
            if result is not None:
                self.done.emit(request, result)

    def work(self, request: Any) -> Any:
        """Do it; None means that it was given up."""
        raise TypeError(f"{type(self).__name__} does nothing")


@dataclass(frozen=True)
class PreviewTask:
    """One task: support and query examples with their labels as arrays, and the names behind the labels."""

    support_x: np.ndarray
    support_y: np.ndarray
    query_x: np.ndarray
    query_y: np.ndarray
    names: list[str]


@dataclass(frozen=True)
class PreviewRequest:
    """A task of which experiment, by which seed, and whether the data may be downloaded for it."""

    experiment: Experiment
    seed: int
    download: bool


class SourceWorker(LatestWorker):
    """Keeps the data source of its last request open.

    Signals:
        progress: How far loading is: a sentence and a share.
        download_needed: The request's data is not on this machine, in one sentence.
    """

    progress = Signal(str, float)
    download_needed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._opened: tuple[DataSettings, Tasks] | None = None

    def open(self, settings: DataSettings, request: Any, *, download: bool) -> "Tasks | None":
        """The source's tasks; None where it was given up, or has to be downloaded first and may not be."""
        from ..data import Cancelled, DownloadNeeded, downloads_allowed, open_tasks

        if self._opened is None or self._opened[0] != settings:
            try:
                with downloads_allowed(download):
                    self._opened = (settings, open_tasks(settings, self._tell))
            except Cancelled:
                return None
            except DownloadNeeded as needed:
                self.download_needed.emit(request, str(needed))
                return None
        return self._opened[1]

    def _tell(self, message: str, share: float) -> None:
        if self.outdated():
            from ..data import Cancelled

            raise Cancelled
        self.progress.emit(message, share)


class PreviewWorker(SourceWorker):
    """Samples one task as the model will see it."""

    def work(self, request: PreviewRequest) -> PreviewTask | None:
        """One task's support and query examples as plain arrays."""
        import torch

        from ..training.training_tasks import TrainingTasks

        experiment = request.experiment
        tasks = self.open(experiment.data, request, download=request.download)
        if tasks is None:
            return None
        sampler = tasks.sampler("train", experiment.task)
        TrainingTasks(tasks, experiment)
        # The validation and test parts must carry the task too: better known now than an hour later.
        for part in ("validation", "test"):
            tasks.sampler(part, experiment.task)
        episodes = sampler.sample(1, torch.Generator().manual_seed(request.seed))
        names = [sampler.class_names[c] for c in episodes.classes[0].tolist()]
        return PreviewTask(
            episodes.support_x[0].numpy(),
            episodes.support_y[0].numpy(),
            episodes.query_x[0].numpy(),
            episodes.query_y[0].numpy(),
            names,
        )
