"""Puts what is drawn to the models and keeps their answers: the page's own model, and those beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from ..drawings import Example
from .adapt_worker import AdaptWorker, DrawRequest, DrawResult, ModelRef
from .draw_compare import ComparePanel
from .draw_document import MAX_CLASSES, MAX_SHOTS, MIN_CLASSES, DrawDocument
from .model_chooser import ModelChooser

FEW_CLASSES = 5


class DrawSession(QObject):
    """The questions and the answers.

    Args:
        document: what is drawn.
        models: which model is asked.
        compare: the other models, asked the same.
        saliency_step: gives the inner step at which to tell which pixels decided; None: don't.
        parent: the page.

    Signals:
        asked: A question was put.
        answered: There is another answer, or a reason why there is none.
        met: Another model than before answers for the first time.
    """

    asked = Signal()
    answered = Signal()
    met = Signal()

    def __init__(
        self,
        document: DrawDocument,
        models: ModelChooser,
        compare: ComparePanel,
        saliency_step: Callable[[], int | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._document, self._models, self._compare, self._saliency_step = document, models, compare, saliency_step
        self.result: DrawResult | None = None
        """The last answer of the model that is chosen; None while there is none."""
        self.message = ""
        """Why there is no answer, where something went wrong."""
        self._shown: ModelRef | None = None
        self._query_version = 0
        self._answered = (-1, -1)
        self.worker = AdaptWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)
        document.changed.connect(self.ask)
        document.query_changed.connect(self._ask_anew)
        models.chosen.connect(self.ask)
        compare.changed.connect(self.ask)

    @property
    def model(self) -> ModelRef | None:
        """Whose answer it is."""
        return self._shown

    @property
    def current(self) -> bool:
        """Whether the answer is to what is drawn now."""
        return self._answered == (self._document.version, self._query_version)

    def follows(self, folder: Path) -> bool:
        """Whether a run's model is looked at, as the page's own or beside it."""
        refs = (self._models.ref(), *(place.ref for place in self._compare.shown))
        return any(ref is not None and ref.place == str(folder) for ref in refs)

    def ask(self) -> None:
        """Put what is drawn to all models; the latest question wins."""
        model = self._models.ref()
        if model is not None:
            document, sketch = self._document, self._document.query
            # The stroke that grows belongs to it.
            query = Example(tuple(sketch.strokes())) if sketch.drawing else sketch.example
            request = DrawRequest(
                model,
                document.names,
                tuple(document.examples(one) for one in document.classes),
                document.version,
                None if query.is_empty else query,
                self._query_version,
                saliency_step=self._saliency_step(),
                fewer=True,
            )
            self.worker.ask(request)
            self._ask_others(request)
        self.asked.emit()

    def end(self) -> None:
        """End the threads."""
        self.worker.end()
        self._compare.end()

    def _ask_anew(self) -> None:
        self._query_version += 1
        self.ask()

    def _ask_others(self, request: DrawRequest) -> None:
        """Put the same task to the other models, with the same steps."""
        result = self.result
        if result is not None and self._compare.shown:
            used = min(result.used, len(request.names))
            self._compare.ask(
                DrawRequest(
                    request.model,
                    request.names[:used],
                    request.support[:used],
                    request.version,
                    request.query,
                    request.query_version,
                    result.steps,
                )
            )

    def _take(self, request: DrawRequest, result: DrawResult) -> None:
        if request.model != self._models.ref():
            return
        old, self.result, self.message = self.result, result, ""
        self._answered = (request.version, request.query_version)
        if old is None or old.trained is not result.trained:
            other = old is None or request.model != self._shown
            self._shown = request.model
            self._meet(result)
            if other:
                self.met.emit()
        if old is None or (old.used, old.steps) != (result.used, result.steps):
            self._ask_others(request)
        self.answered.emit()

    def _meet(self, result: DrawResult) -> None:
        """Begin with as many classes as the model was trained with, where nobody has begun yet; draw in its frame."""
        experiment = result.trained.experiment
        if self._document.blank:
            binary = experiment.task.kind == "one_vs_rest"
            # Where any number will do, as few as one likes to draw: each needs a drawing before there is an answer.
            way = result.trained.way if result.trained.most_classes else min(result.trained.way, FEW_CLASSES)
            classes = min(max(way, MIN_CLASSES), MAX_CLASSES)
            self._document.begin(classes, min(MAX_SHOTS, experiment.task.shot), ("the rest", "it") if binary else ())
        self._document.set_frame(result.frame)

    def _refuse(self, request: DrawRequest, message: str) -> None:
        if request.model != self._models.ref():
            return
        if self.result is not None and request.model == self._shown:
            # The model was there before, so it is the adapting that went wrong: another drawing or fewer steps may help.
            self.result = DrawResult(self.result.trained, self.result.used)
        else:
            self.result = self._shown = None
        self.message = message if message.endswith(".") else f"{message}."
        self._answered = (request.version, request.query_version)
        self.answered.emit()
