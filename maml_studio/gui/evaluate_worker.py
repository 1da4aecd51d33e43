"""The Evaluate page's thread: say what a model is, try it on new tasks, keep the report beside its run."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal

from ..spec import Experiment
from .worker import LatestWorker

if TYPE_CHECKING:
    from ..training.report import Report


@dataclass(frozen=True)
class ModelRequest:
    """Which model is asked about: a run folder, a checkpoint file, or the name of the model in the box."""

    place: str


@dataclass(frozen=True)
class ModelFacts:
    """What the page needs to know of a model.

    Attributes:
        experiment: what it was trained with.
        iteration: outer steps that it was trained for.
        most_classes: how many classes it can tell apart; None: any number.
    """

    experiment: Experiment
    iteration: int
    most_classes: int | None


@dataclass(frozen=True)
class EvaluateRequest:
    """A model to try.

    Attributes:
        place: as in :class:`ModelRequest`.
        experiment: the settings to try it under.
        tasks: how many tasks.
        both_modes: transductive and not.
        random_start: also the untrained network.
        as_is: leave the ink of another source's pictures where it is.
        cancelled: set when nobody waits any more.
    """

    place: str
    experiment: Experiment
    tasks: int
    both_modes: bool
    random_start: bool
    as_is: bool
    cancelled: threading.Event = field(default_factory=threading.Event, compare=False)


@dataclass(frozen=True)
class EvaluateResult:
    """A report, and a sentence where it could not be kept beside its run."""

    report: "Report"
    note: str = ""


class EvaluateWorker(LatestWorker):
    """Answers :class:`ModelRequest` with :class:`ModelFacts`, and :class:`EvaluateRequest` with :class:`EvaluateResult`.

    Signals:
        progress: How far an evaluation is: a sentence and a share, -1 where nobody knows.
    """

    progress = Signal(str, float)

    def work(self, request: ModelRequest | EvaluateRequest) -> ModelFacts | EvaluateResult | None:
        """Load the model; try it."""
        from ..api import load
        from ..training.machine import prepare_thread

        prepare_thread()
        trained = load(request.place)
        if isinstance(request, ModelRequest):
            return ModelFacts(trained.experiment, trained.iteration, trained.most_classes)
        return self._evaluate(trained, request)

    def _evaluate(self, trained: Any, request: EvaluateRequest) -> EvaluateResult | None:
        from ..data import Cancelled
        from ..data.progress import throttled
        from ..training.report import save_beside_run

        tell = throttled(self.progress.emit)

        def unwanted() -> bool:
            return request.cancelled.is_set() or self.outdated()

        def loading(message: str, share: float) -> None:
            if unwanted():
                raise Cancelled
            tell(message, share)

        def may_go_on(done: int) -> bool:
            tell(f"{done:,} of {request.tasks:,} tasks", done / request.tasks)
            return not unwanted()

        try:
            report = trained.report(
                request.experiment,
                tasks=request.tasks,
                both_modes=request.both_modes,
                random_start=request.random_start,
                as_is=request.as_is,
                progress=loading,
                may_go_on=may_go_on,
            )
        except Cancelled:
            return None
        if report is None:
            return None
        try:
            save_beside_run(report, trained.experiment, Path(request.place))
        except OSError as error:
            # What was asked for is there; only the copy in the run's folder is not.
            return EvaluateResult(report, f"The run folder can't keep this report: {error.strerror or error}.")
        return EvaluateResult(report)
