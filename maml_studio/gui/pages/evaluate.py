"""The Evaluate page: try a trained model on new tasks, and see where it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMessageBox, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ...files import write_whole
from ...spec import Experiment
from ..cards import scrolling
from ..evaluate_form import EvaluateForm
from ..evaluate_results import EvaluateResults
from ..evaluate_worker import EvaluateRequest, EvaluateResult, EvaluateWorker, ModelFacts, ModelRequest
from ..icons import icon
from ..message import Message
from ..model_chooser import ModelChooser, told_training
from ..own_code import RefusedModels
from ..save_dialog import ask_where

NO_MODEL = "There is no model yet. Train one on the Train page (a minute is enough to begin with), or open a checkpoint."
FORM_WIDTH = 290


class EvaluatePage(QWidget):
    """Settings at the left, results at the right.

    Signals:
        settled: A request was answered, or given up.
    """

    settled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run: Path | None = None
        self._place: str | None = None
        self._wanted: str | None = None
        self._shown: tuple[str, Experiment] | None = None
        self._request: EvaluateRequest | None = None
        self._data: dict[str, Any] | None = None
        self.worker = EvaluateWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)
        self.worker.progress.connect(self._tell)
        self._build()
        context = Qt.ShortcutContext.WidgetWithChildrenShortcut
        QShortcut(QKeySequence("Ctrl+Return"), self, self.evaluate, context=context)
        self._escape = QShortcut(QKeySequence("Escape"), self, self.cancel, context=context)
        self._refresh()

    def _build(self) -> None:
        self.own_code = RefusedModels(self)
        self.models = ModelChooser()
        self.models.chosen.connect(self.own_code.forget)
        self.models.setToolTip("Which trained model is tried on new tasks")
        self.models.chosen.connect(self._ask_model)
        label = QLabel("Model")
        label.setBuddy(self.models)
        self.note = QLabel()
        self.note.setProperty("role", "muted")
        self.note.setWordWrap(True)
        self.form = EvaluateForm()
        self.form.changed.connect(self._refresh)
        self.evaluate_button = QPushButton(icon("play", "on_accent"), "Evaluate")
        self.evaluate_button.setProperty("primary", True)
        self.evaluate_button.clicked.connect(self.evaluate)
        self.cancel_button = QPushButton(icon("close"), "Cancel")
        self.cancel_button.setToolTip("Give this evaluation up; the figures on show stay (Esc)")
        self.cancel_button.clicked.connect(self.cancel)
        self.save_button = QPushButton(icon("save"), "Save report…")
        self.save_button.setToolTip("Write all figures as JSON, and beside them a picture of this page's results")
        self.save_button.clicked.connect(self.save)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.message = Message()
        buttons = QHBoxLayout()
        buttons.addWidget(self.evaluate_button, 1)
        buttons.addWidget(self.cancel_button)
        model = QHBoxLayout()
        model.addWidget(label)
        model.addWidget(self.models, 1)
        self.left = QWidget()
        self.left.setFixedWidth(FORM_WIDTH)
        column = QVBoxLayout(self.left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(model)
        column.addWidget(self.note)
        column.addWidget(scrolling(self.form), 1)
        column.addWidget(self.message)
        column.addWidget(self.bar)
        column.addLayout(buttons)
        column.addWidget(self.save_button)
        self.results = EvaluateResults()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.setSpacing(12)
        layout.addWidget(self.left)
        layout.addWidget(scrolling(self.results), 1)

    # The model

    def set_run(self, folder: Path, *, choose: bool = True) -> None:
        """A checkpoint of the current run was saved: offer the run; an evaluation under way, or its figures, stay as they are."""
        if folder != self._run:
            self._run = folder
            self.models.offer(folder, choose=choose and self._request is None and self.results.report is None)
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
        """A run may have gone on since its model was looked at."""
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
        kind = "" if experiment.regression else f"{experiment.task.way if hasattr(experiment.task, 'way') else 2}-way, "
        self.note.setText(
            f"{kind}{experiment.algorithm.title} on {experiment.data.title}, {told_training(request.place, experiment, facts.iteration)}"
        )
        if (request.place, experiment) == self._shown:
            return  # trained further: what was set and found stays
        self._place, self._shown = request.place, (request.place, experiment)
        self.message.say("")
        self.form.set_trained(experiment, facts.most_classes, self.form.other_data() or self._data)
        self._data = None
        self.results.clear()

    # An evaluation

    def evaluate(self) -> None:
        """Try the model on new tasks."""
        experiment = self.form.experiment()
        if experiment is None or self._place is None or self._request is not None:
            return
        form = self.form
        self._request = EvaluateRequest(
            self._place, experiment, form.tasks.value(), form.both_modes(), form.random.isChecked(), not form.placed.isChecked()
        )
        self.message.say("Loading the model")
        self.bar.setRange(0, 0)
        self.worker.ask(self._request)
        self._refresh()
        self.cancel_button.setFocus()

    def cancel(self) -> None:
        """Give the evaluation up; the thread ends it at its next pass through the network, and what it says then is not listened to."""
        if self._request is not None:
            self._request.cancelled.set()
            self._end("Cancelled.", "muted")
            self._refresh()
            self.settled.emit()

    @property
    def running(self) -> bool:
        """Whether an evaluation is under way."""
        return self._request is not None

    def _tell(self, message: str, share: float) -> None:
        if self._request is not None:
            self.bar.setRange(0, 0 if share < 0 else 1000)
            self.bar.setValue(round(1000 * max(share, 0)))
            self.message.say(message)

    def _take(self, request: ModelRequest | EvaluateRequest, answer: ModelFacts | EvaluateResult) -> None:
        if isinstance(answer, ModelFacts):
            self._meet(request, answer)
        elif request is self._request:
            self.results.show_report(answer.report)
            self._end(answer.note, "warning")
        self._refresh()
        self.settled.emit()

    def _refuse(self, request: ModelRequest | EvaluateRequest, message: str) -> None:
        if isinstance(request, ModelRequest) and request.place == self._wanted:
            if self.own_code.permits(request.place):
                self._ask_again()
                return
            self._wanted = self._place = self._shown = None  # chosen once more, it is tried once more
            self.note.clear()
            self.results.clear()
            self.form.clear()
            self.message.say(message, "bad")
        elif request is self._request:
            self._end(message, "bad")
        self._refresh()
        self.settled.emit()

    def _end(self, message: str, role: str) -> None:
        self._request = None
        self.message.say(message, role)
        self.evaluate_button.setEnabled(True)
        if self.cancel_button.hasFocus():
            self.evaluate_button.setFocus()

    def _refresh(self) -> None:
        running = self._request is not None
        problems = self.form.problems()
        ready = self.form.experiment() is not None and self._place is not None
        self.models.setEnabled(not running)
        self.form.setEnabled(not running and self._place is not None)
        self.evaluate_button.setEnabled(ready and not running)
        tip = str(problems[0]) if problems else "Try the model on new tasks, the same ones for the same task seed (Ctrl+Return)"
        self.evaluate_button.setToolTip(tip)
        self.cancel_button.setEnabled(running)
        self._escape.setEnabled(running)  # plots know Escape too
        self.bar.setVisible(running)
        self.save_button.setEnabled(self.results.report is not None)
        self.note.setVisible(bool(self.note.text()))
        if self.models.ref() is None and not running:
            self.message.say(NO_MODEL)

    # Files, memory, end

    def save(self) -> None:
        """Ask where the report goes, and write it as JSON and as a picture."""
        report = self.results.report
        if report is None:
            return
        file = ask_where(self.window(), "Save report", f"{report.model}-report.json", "Report", ".json", beside=(".png",))
        if file is None:
            return
        from ...training.report import to_text
        from ..evaluate_picture import picture

        try:
            write_whole(file, to_text(report).encode())
            write_whole(file.with_suffix(".png"), picture(report))
        except OSError as error:
            QMessageBox.warning(self.window(), "Save report", f"{error.filename or file} can't be written: {error.strerror or error}")
        else:
            self.message.say(f"Saved as {file.name} and {file.with_suffix('.png').name}.")

    def remembered(self) -> str:
        """The settings that stay from one model to the next, as text."""
        form = self.form
        return json.dumps(
            {
                "tasks": form.tasks.value(),
                "mode": form.modes.currentData(),
                "random": form.random.isChecked(),
                "placed": form.placed.isChecked(),
                "data": form.other_data() or self._data,
            }
        )

    def bring_back(self, text: str) -> None:
        """Take remembered settings on; a text that can't be read changes nothing."""
        try:
            kept = json.loads(text)
            tasks, mode, random, placed, data = (kept[key] for key in ("tasks", "mode", "random", "placed", "data"))
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        if isinstance(tasks, int):
            self.form.tasks.setValue(tasks)
        if self.form.modes.findData(mode) >= 0:
            self.form.modes.setCurrentIndex(self.form.modes.findData(mode))
        self.form.random.setChecked(random is True)
        self.form.placed.setChecked(placed is True)
        self._data = data if isinstance(data, dict) else None

    def end(self) -> None:
        """End the thread."""
        if self._request is not None:
            self._request.cancelled.set()
        self.worker.end()
