"""The Insight page: look into a trained model, and see what its inner loop does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ...files import write_whole
from ..cards import scrolling
from ..evaluate_worker import ModelFacts, ModelRequest
from ..icons import icon
from ..insight_cards import FunctionCard, LayersCard, PlaneCard, QuestionCard, StartCard
from ..insight_worker import FunctionRequest, FunctionWorker, InsightRequest, InsightWorker
from ..message import Message
from ..model_chooser import ModelChooser, told_training
from ..own_code import RefusedModels
from ..save_dialog import ask_where
from ..wheel import leave_wheel_to_page

if TYPE_CHECKING:
    from ...insight import Answer, Report, Subject
    from ...insight.functions import FunctionInsight

NO_MODEL = "There is no model yet. Train one on the Train page (a minute is enough to begin with), or open a checkpoint."
NOTHING = (
    "How far each layer moves in the inner loop and how much of its features stays, what the trained start has that a random one lacks, "
    "the losses round the inner path, and for a sine wave the function at every inner step.\n\nChoose a model and press Look into it."
)
LEFT_WIDTH = 290
ONE_TASK = ("plane", "function")
"""Questions that one task stands for."""


class InsightPage(QWidget):
    """Settings at the left, a card for each question at the right.

    Signals:
        settled: A request was answered, or given up.
    """

    settled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run: Path | None = None
        self._place: str | None = None
        self._wanted: str | None = None
        self._shown: tuple[str, object] | None = None
        self._request: InsightRequest | None = None
        self._subject: Subject | None = None
        self._answered_by: InsightRequest | None = None
        self.answers: dict[str, Answer] = {}
        self.worker = InsightWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)
        self.worker.progress.connect(self._tell)
        self.worker.opened.connect(self._open)
        self.worker.answered.connect(self._show)
        self.functions = FunctionWorker(self)
        self.functions.done.connect(self._take_function)
        self.functions.failed.connect(self._refuse_function)
        self._build()
        keys = {"Ctrl+Return": self.look, "Escape": self.cancel, "Ctrl+J": self.another_task}
        context = Qt.ShortcutContext.WidgetWithChildrenShortcut
        self._shortcuts = {key: QShortcut(QKeySequence(key), self, slot, context=context) for key, slot in keys.items()}
        self._refresh()

    def _build(self) -> None:
        self.own_code = RefusedModels(self)
        self.models = ModelChooser()
        self.models.chosen.connect(self.own_code.forget)
        self.models.setToolTip("Which trained model is looked into")
        self.models.chosen.connect(self._ask_model)
        label = QLabel("Model")
        label.setBuddy(self.models)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.steps = self._number("Inner steps", 1, 200, 3, "Gradient steps on each task's support set")
        self.tasks = self._number("Tasks", 2, 100_000, 100, "How many new tasks the means are over; their intervals shrink with more")
        self.seed = self._number("Task seed", 0, 2**31 - 1, 1, "Draws the tasks: the same ones for the same seed")
        form = QGridLayout()
        form.setContentsMargins(0, 4, 0, 4)
        form.setColumnStretch(1, 1)
        for row, field in enumerate((self.steps, self.tasks, self.seed)):
            name = QLabel(field.accessibleName())
            name.setBuddy(field)
            name.setToolTip(field.toolTip())
            form.addWidget(name, row, 0)
            form.addWidget(field, row, 1)
        self.look_button = QPushButton(icon("play", "on_accent"), "Look into it")
        self.look_button.setProperty("primary", True)
        self.look_button.setToolTip("Answer the questions for this model, on new tasks (Ctrl+Return)")
        self.look_button.clicked.connect(self.look)
        self.cancel_button = QPushButton(icon("close"), "Cancel")
        self.cancel_button.setToolTip("Give it up; the answers on show stay (Esc)")
        self.cancel_button.clicked.connect(self.cancel)
        self.save_button = QPushButton(icon("save"), "Save answers…")
        self.save_button.setToolTip("Write all figures and paragraphs as JSON; each figure has a button of its own for pictures")
        self.save_button.clicked.connect(self.save)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.message = Message()
        buttons = QHBoxLayout()
        buttons.addWidget(self.look_button, 1)
        buttons.addWidget(self.cancel_button)
        model = QHBoxLayout()
        model.addWidget(label)
        model.addWidget(self.models, 1)
        left = QWidget()
        left.setFixedWidth(LEFT_WIDTH)
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(model)
        column.addWidget(self.note)
        column.addLayout(form)
        column.addWidget(self.message)
        column.addStretch(1)
        column.addWidget(self.bar)
        column.addLayout(buttons)
        column.addWidget(self.save_button)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.setSpacing(12)
        layout.addWidget(left)
        layout.addWidget(self._build_cards(), 1)

    def _build_cards(self) -> QWidget:
        self.layers = LayersCard("Rapid learning or feature reuse?")
        self.start = StartCard("What does the trained start have that a random one lacks?")
        self.plane = PlaneCard("Where does the inner path lead?")
        self.function = FunctionCard("Which function does it see?")
        self.plane.another_wanted.connect(self.another_task)
        self.function.points_moved.connect(self._ask_function)
        self.cards: dict[str, QuestionCard] = {
            "layers": self.layers,
            "start": self.start,
            "plane": self.plane,
            "function": self.function,
        }
        self.nothing = QLabel(NOTHING)
        self.nothing.setProperty("role", "muted")
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setContentsMargins(40, 40, 40, 40)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(10)
        column.addWidget(self.nothing, 1)
        for one in self.cards.values():
            one.hide()
            column.addWidget(one)
        column.addStretch(0)
        self.scroll = scrolling(content)
        return self.scroll

    def _number(self, name: str, least: int, most: int, value: int, tip: str) -> QSpinBox:
        field = QSpinBox()
        field.setRange(least, most)
        field.setValue(value)
        field.setAccessibleName(name)
        field.setToolTip(tip)
        field.setWhatsThis(tip)
        leave_wheel_to_page(field)
        return field

    # The model

    def set_run(self, folder: Path, *, choose: bool = True) -> None:
        """A checkpoint of the current run was saved: offer the run; what is under way or on show stays as it is."""
        if folder != self._run:
            self._run = folder
            self.models.offer(folder, choose=choose and self._request is None and not self.answers)
        elif self._place == str(folder):
            self._ask_again()

    def offer_runs(self, folders: list[Path]) -> None:
        """Offer the models of earlier runs, the newest first, and begin with that."""
        for folder in reversed(folders):
            self.models.offer(folder, choose=folder == folders[0])

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the chosen model, now that somebody looks at the page."""
        super().showEvent(event)
        self._ask_again()

    def _ask_again(self) -> None:
        self._wanted = None
        self._ask_model()

    def _ask_model(self) -> None:
        ref = self.models.ref()
        place = ref.place if ref is not None else None
        # Loading a model takes torch, which nobody needs who never opens the page.
        if self.isVisible() and self._request is None and place is not None and place != self._wanted:
            self._wanted = place
            self.worker.ask(ModelRequest(place))
        self._refresh()

    def _meet(self, request: ModelRequest, facts: ModelFacts) -> None:
        if request.place != self._wanted:
            return
        experiment = facts.experiment
        self.note.setText(
            f"{experiment.algorithm.title} on {experiment.data.title}, {told_training(request.place, experiment, facts.iteration)}"
        )
        if (request.place, experiment) == self._shown:
            return  # trained further: what was found stays
        self._place, self._shown = request.place, (request.place, experiment)
        self.message.say("")
        self.steps.setValue(max(1, experiment.evaluation.inner_steps))
        self.seed.setValue(experiment.evaluation.seed)
        self._clear()

    def _clear(self) -> None:
        self.answers, self._subject, self._answered_by = {}, None, None
        for one in self.cards.values():
            one.hide()
        self.nothing.show()

    # Questions

    def look(self) -> None:
        """Answer all questions for the chosen model."""
        if self._place is not None and self._request is None:
            self._ask(InsightRequest(self._place, (), self.tasks.value(), self.steps.value(), self.seed.value(), 0))

    def another_task(self) -> None:
        """Look at the next task, where one task stands for all."""
        last = self._answered_by
        if last is not None and self._subject is not None and self._request is None:
            self._ask(InsightRequest(last.place, ONE_TASK, last.tasks, last.steps, last.seed, last.task + 1, self._subject))

    def _ask(self, request: InsightRequest) -> None:
        self._request = request
        self.message.say("Loading the model")
        self.bar.setRange(0, 0)
        self.worker.ask(request)
        self._refresh()
        if request.subject is None:
            self.cancel_button.setFocus()

    def cancel(self) -> None:
        """Give it up; the thread ends it at the next group of tasks, and what it says then is not listened to."""
        if self._request is not None:
            self._request.cancelled.set()
            self._end("Cancelled.", "muted")
            self._refresh()
            self.settled.emit()

    @property
    def running(self) -> bool:
        """Whether questions are being answered."""
        return self._request is not None

    def _tell(self, message: str, share: float) -> None:
        if self._request is not None:
            self.bar.setRange(0, 0 if share < 0 else 1000)
            self.bar.setValue(round(1000 * max(share, 0)))
            self.message.say(message)

    def _open(self, request: InsightRequest, subject: Subject) -> None:
        if request is self._request:
            if request.subject is None:
                self._clear()
            self._subject, self._answered_by = subject, request

    def _show(self, request: InsightRequest, question: str, answer: Answer) -> None:
        if request is self._request:
            self.answers[question] = answer
            self.nothing.hide()
            self.cards[question].show()
            self.cards[question].show_answer(answer)

    def _take(self, request: ModelRequest | InsightRequest, answer: ModelFacts | Report) -> None:
        if isinstance(answer, ModelFacts):
            self._meet(request, answer)
        elif request is self._request:
            self._end("", "muted")
        self._refresh()
        self.settled.emit()

    def _refuse(self, request: ModelRequest | InsightRequest, message: str) -> None:
        if isinstance(request, ModelRequest) and request.place == self._wanted:
            if self.own_code.permits(request.place):
                self._ask_again()
                return
            self._wanted = self._place = self._shown = None  # chosen once more, it is tried once more
            self.note.clear()
            self._clear()
            self.message.say(message, "bad")
        elif request is self._request:
            self._end(message, "bad")
        self._refresh()
        self.settled.emit()

    def _end(self, message: str, role: str) -> None:
        self._request = None
        self.message.say(message, role)
        self.look_button.setEnabled(True)
        if self.cancel_button.hasFocus():
            self.look_button.setFocus()

    # Points that are dragged

    def _ask_function(self) -> None:
        own = self.function.own
        if self._subject is not None and own is not None:
            x, y = self.function.plot.points()
            back = bool((x == own.task.x).all() and (y == own.task.y).all())
            self.functions.ask(FunctionRequest(self._subject, own.task if back else own.task.with_points(x, y)))

    def _take_function(self, request: FunctionRequest, found: FunctionInsight) -> None:
        if request.subject is self._subject:
            self.answers["function"] = found
            self.function.show_moved(found)

    def _refuse_function(self, request: FunctionRequest, message: str) -> None:
        if request.subject is self._subject:
            self.function.paragraph.setText(message)

    # Words, files, end

    def _refresh(self) -> None:
        running = self._request is not None
        known = self._place is not None
        self.models.setEnabled(not running)
        for field in (self.steps, self.tasks, self.seed):
            field.setEnabled(known and not running)
        self.look_button.setEnabled(known and not running)
        self.cancel_button.setEnabled(running)
        # Plots know Escape too.
        self._shortcuts["Escape"].setEnabled(running)
        self.plane.another.setEnabled(not running)
        self.bar.setVisible(running)
        self.save_button.setEnabled(bool(self.answers) and not running)
        self.note.setVisible(bool(self.note.text()))
        if self.models.ref() is None and not running:
            self.message.say(NO_MODEL)

    def save(self) -> None:
        """Ask where the answers go, and write them as JSON."""
        if not self.answers or self._subject is None:
            return
        from ...insight import report_of
        from ...training.events import plain

        report = report_of(self._subject, self.answers)
        file = ask_where(self.window(), "Save answers", f"{report.model}-insight.json", "Insight", ".json")
        if file is None:
            return
        try:
            write_whole(file, (json.dumps(plain(report.to_json()), indent=1) + "\n").encode())
        except OSError as error:
            QMessageBox.warning(self.window(), "Save answers", f"{error.filename or file} can't be written: {error.strerror or error}")
        else:
            self.message.say(f"Saved as {file.name}.")

    def remembered(self) -> str:
        """The settings that stay from one start of the window to the next, as text."""
        return json.dumps({"tasks": self.tasks.value()})

    def bring_back(self, text: str) -> None:
        """Take remembered settings on; a text that can't be read changes nothing."""
        try:
            kept: Any = json.loads(text)["tasks"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if isinstance(kept, int) and not isinstance(kept, bool) and self.tasks.minimum() <= kept <= self.tasks.maximum():
            self.tasks.setValue(kept)

    def end(self) -> None:
        """End the threads."""
        if self._request is not None:
            self._request.cancelled.set()
        self.worker.end()
        self.functions.end()
