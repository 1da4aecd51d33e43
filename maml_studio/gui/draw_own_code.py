"""Asks on the Draw page before code of the user's own runs because a model needs it; once for each time that the model is chosen."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ..spec import Experiment
from .adapt_worker import AdaptWorker, ModelRef
from .own_code import may_run
from .settings import Memory


class OwnCodeQuestions(QObject):
    """Puts the question when the page is on show: a model that was chosen by itself at the start asks nothing.

    Args:
        page: whose question it is.
        workers: who load models.

    Signals:
        allowed: A model may be loaded now.
    """

    allowed = Signal()

    def __init__(self, page: QWidget, workers: Sequence[AdaptWorker]) -> None:
        super().__init__(page)
        self._page = page
        self._memory: Memory | None = None
        self._waiting: dict[ModelRef, Experiment] = {}
        self._asked: set[ModelRef] = set()
        self._asking = False
        for worker in workers:
            worker.own_code_wanted.connect(self._take)

    def begin(self, memory: Memory) -> None:
        """Remember answers there."""
        self._memory = memory

    def forget(self) -> None:
        """A model was chosen: the question may be put again."""
        self._asked.clear()

    def ask(self) -> None:
        """Put the questions that wait, if the page is on show."""
        while self._waiting and self._memory is not None and self._page.isVisible() and not self._asking:
            ref, experiment = self._waiting.popitem()
            self._asked.add(ref)
            self._asking = True
            yes = may_run(experiment, self._memory, self._page.window())
            self._asking = False
            if yes:
                self.allowed.emit()

    def _take(self, ref: ModelRef, experiment: Experiment) -> None:
        if ref not in self._asked:
            self._waiting[ref] = experiment
            self.ask()
