"""The Insight page's threads: one answers the questions about a model, one adapts it anew while points are dragged."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from .evaluate_worker import ModelFacts, ModelRequest
from .worker import LatestWorker

if TYPE_CHECKING:
    from ..api import Trained
    from ..insight import Report, Subject
    from ..insight.functions import FunctionInsight, FunctionTask


@dataclass(frozen=True)
class InsightRequest:
    """What is asked about a model.

    Attributes:
        place: as in :class:`~maml_studio.gui.evaluate_worker.ModelRequest`.
        questions: the keys of the questions; none: all of them.
        tasks: how many tasks the means are over.
        steps: inner steps.
        seed: draws the tasks.
        task: which task stands for all where one is looked at, the first being 0.
        subject: the model as it was loaded for an earlier request, to look at that one; None: load it.
        cancelled: set when nobody waits any more.
    """

    place: str
    questions: tuple[str, ...]
    tasks: int
    steps: int
    seed: int
    task: int
    subject: Subject | None = field(default=None, compare=False)
    cancelled: threading.Event = field(default_factory=threading.Event, compare=False)


class InsightWorker(LatestWorker):
    """Answers :class:`ModelRequest` with :class:`ModelFacts`, and :class:`InsightRequest` with a report of the answers asked for.

    Signals:
        progress: How far it is: a sentence and a share, -1 where nobody knows.
        opened: A request's model and data are there: the request and the subject.
        answered: One question is answered: the request, the question's key, the answer.
    """

    progress = Signal(str, float)
    opened = Signal(object, object)
    answered = Signal(object, str, object)

    def work(self, request: ModelRequest | InsightRequest) -> ModelFacts | Report | None:
        """Load the model; look into it."""
        from ..api import load
        from ..data import Cancelled
        from ..training.machine import prepare_thread

        prepare_thread()
        if isinstance(request, ModelRequest):
            trained = load(request.place)
            return ModelFacts(trained.experiment, trained.iteration, trained.most_classes)
        try:
            return self._look(request)
        except Cancelled:
            return None

    def _look(self, request: InsightRequest) -> Report:
        from ..api import load
        from ..data import Cancelled
        from ..data.progress import throttled
        from ..insight import QUESTIONS, answer, look_at, report_of

        tell = throttled(self.progress.emit)

        def progress(message: str, share: float) -> None:
            if request.cancelled.is_set() or self.outdated():
                raise Cancelled
            tell(message, share)

        subject = request.subject
        if subject is None:
            subject = look_at(load(request.place), steps=request.steps, seed=request.seed, progress=progress)
        answers = {}
        progress("The model is there", -1)
        self.opened.emit(request, subject)

        def ask(*_: object) -> None:
            if request.cancelled.is_set() or self.outdated():
                raise Cancelled

        # Before every pass: a group of tasks with many inner steps takes seconds.
        handle = subject.algorithm.learner.module.register_forward_pre_hook(ask)
        try:
            for question in request.questions or QUESTIONS:
                answers[question] = answer(subject, question, tasks=request.tasks, task=request.task, progress=progress)
                self.answered.emit(request, question, answers[question])
        finally:
            handle.remove()
        return report_of(subject, answers)


@dataclass(frozen=True)
class FunctionRequest:
    """A subject, and the points that its model is to adapt to."""

    subject: Subject
    task: FunctionTask


class FunctionWorker(LatestWorker):
    """Answers :class:`FunctionRequest` with the function at every inner step; latest wins."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._random: tuple[Any, Trained] | None = None

    def work(self, request: FunctionRequest) -> FunctionInsight:
        """Adapt to the points."""
        from ..insight.functions import see_function

        trained = request.subject.trained
        if self._random is None or self._random[0] is not trained:
            self._random = (trained, trained.untrained())
        return see_function(trained, self._random[1], request.task, request.subject.steps)
