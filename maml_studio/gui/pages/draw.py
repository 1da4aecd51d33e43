"""The Draw page: show the model a few drawings per class, then watch it name the next one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QSpinBox, QToolButton, QVBoxLayout, QWidget

from ...strokes import Frame
from .. import theme
from ..adapt_worker import AdaptWorker, DrawRequest, DrawResult
from ..adaptation_panel import AdaptationPanel
from ..canvas import DrawingCanvas
from ..cards import card, scrolling
from ..class_row import ClassRow
from ..drawn_task import DrawnClass, DrawnTask
from ..elided_label import ElidedLabel
from ..icons import icon
from ..model_chooser import ModelChooser
from ..probability_bars import ProbabilityBars
from ..wheel import leave_wheel_to_page

if TYPE_CHECKING:
    from ...api import Trained

MAX_SHOTS = 10
LEAST_STEPS = 5
NO_MODEL = "There is no model yet. Train one on the Train page (a minute is enough to begin with), or open a checkpoint."


class DrawPage(QWidget):
    """Rows of class drawings, a query canvas, probabilities, and a slider through the inner loop.

    Signals:
        export_wanted: The adapted model (an ``api.Adapted``) should be exported as it is after an inner step: both in a tuple.
        settled: A request was answered.
        changed: Other buttons can be pressed.
    """

    export_wanted = Signal(object)
    settled = Signal()
    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run: Path | None = None
        self._shown: Path | None = None
        self._rows: list[ClassRow] = []
        self._spare_rows: list[ClassRow] = []
        self._kept: tuple[DrawnClass, ...] = ()
        self._version = 0
        self._result: DrawResult | None = None
        self._cleared: tuple[DrawingCanvas, ...] = ()
        self.worker = AdaptWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)
        self._build()
        self._refresh()

    def _build(self) -> None:
        self.models = ModelChooser()
        self.models.chosen.connect(self._ask)
        self.model_note = ElidedLabel("", theme.manager(), role="muted")
        self.model_note.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.shots = QSpinBox()
        self.shots.setRange(1, MAX_SHOTS)
        self.shots.setAccessibleName("Shots")
        self.shots.setToolTip("Drawings of each class that the model learns from (K)")
        self.shots.valueChanged.connect(self._set_shots)
        leave_wheel_to_page(self.shots)
        top = QHBoxLayout()
        model_label, shots_label = QLabel("Model"), QLabel("Shots K")
        model_label.setBuddy(self.models)
        shots_label.setBuddy(self.shots)
        for widget in (model_label, self.models):
            top.addWidget(widget)
        top.addWidget(self.model_note, 1)
        for widget in (shots_label, self.shots):
            top.addWidget(widget)
        self.clear_button = QPushButton(icon("clear"), "Clear all")
        self.clear_button.clicked.connect(self.clear_or_bring_back)
        self.export_button = QPushButton(icon("export"), "Export…")
        self.export_button.setToolTip("Save the model as it is now, adapted to your drawings")
        self.export_button.clicked.connect(self.export)
        top.addWidget(self.clear_button)
        top.addWidget(self.export_button)
        middle = QHBoxLayout()
        middle.setSpacing(8)
        middle.addWidget(card(self._build_rows(), "Show me"), 5)
        middle.addWidget(card(self._build_query(), "Now draw one"), 4)
        self.bars = ProbabilityBars()
        middle.addWidget(card(scrolling(self.bars), "It thinks"), 3)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 8)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addLayout(middle, 1)
        self.walk = AdaptationPanel()
        self.walk.step_changed.connect(self._step_changed)
        layout.addWidget(self.walk)

    def _build_rows(self) -> QWidget:
        content = QWidget()
        self._rows_layout = QVBoxLayout(content)
        self._rows_layout.setContentsMargins(0, 0, 0, 0)
        self._rows_layout.setSpacing(2)
        self.no_rows = QLabel("The classes appear here with a model that tells classes apart.")
        self.no_rows.setProperty("role", "muted")
        self.no_rows.setWordWrap(True)
        self._rows_layout.addWidget(self.no_rows)
        self._rows_layout.addStretch(1)
        return scrolling(content)

    def _build_query(self) -> QWidget:
        self.query = DrawingCanvas(hint="Draw one of your classes here", side=260)
        self.query.setAccessibleName("Query drawing")
        self.query.set_inset_visible(True)
        self.query.changed.connect(self._ask)
        self.query.live.connect(self._ask)
        self.query.changed.connect(self._refresh_buttons)
        self.query.live.connect(self._refresh_buttons)
        buttons = QHBoxLayout()
        self.query_buttons: dict[str, QToolButton] = {}
        for name, text, slot in (
            ("undo", "Undo (Ctrl+Z)", self.query.undo),
            ("redo", "Redo (Ctrl+Shift+Z)", self.query.redo),
            ("clear", "Clear (Delete)", self.query.clear),
        ):
            button = QToolButton()
            button.setIcon(icon(name))
            button.setToolTip(text)
            button.setAccessibleName(text)
            button.clicked.connect(slot)
            self.query_buttons[name] = button
            buttons.addWidget(button)
        buttons.addStretch(1)
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.query, 1)
        column.addLayout(buttons)
        return box

    def set_run(self, folder: Path, name: str) -> None:
        """A checkpoint of the current run was saved: offer the run, or look at its model again."""
        if folder != self._run:
            self._run = folder
            self.models.offer(folder, f"{name} (best)")
        elif self.models.path() == folder:
            self._ask()

    def offer_runs(self, folders: list[Path]) -> None:
        """Offer the models of earlier runs, the newest first, and begin with that."""
        for folder in reversed(folders):
            self.models.offer(folder, choose=folder == folders[0])

    @property
    def can_bring_back(self) -> bool:
        """Whether what was cleared all at once can come back all at once: until something is drawn."""
        return bool(self._cleared) and all(canvas.is_empty() for canvas in self._canvases())

    def clear_or_bring_back(self) -> None:
        """Clear every drawing; or bring back what this has just cleared."""
        if self.can_bring_back:
            cleared, self._cleared = self._cleared, ()
            for canvas in cleared:
                canvas.undo()
        else:
            drawn = tuple(canvas for canvas in self._canvases() if not canvas.is_empty())
            for canvas in drawn:
                canvas.clear()
            self._cleared = drawn
        self._refresh_buttons()

    def _canvases(self) -> list[DrawingCanvas]:
        return [*(canvas for row in self._rows for canvas in row.canvases), self.query]

    def end(self) -> None:
        """End the thread."""
        self.walk.stop()
        self.worker.end()

    def drawn(self) -> DrawnTask:
        """All drawings, for keeping."""
        rows = tuple(row.drawn() for row in (*self._rows, *reversed(self._spare_rows)))
        # Rows that no model has asked for yet still hold what was drawn the last time.
        return DrawnTask(self.shots.value(), rows + self._kept[len(rows) :], self.query.strokes())

    def set_drawn(self, task: DrawnTask) -> None:
        """Bring kept drawings back: at once where their rows are on show, else when a model brings the rows."""
        self._kept = task.classes
        self.shots.setValue(task.shots)
        for row, kept in zip(self._rows, task.classes, strict=False):
            row.set_drawn(kept)
        self.query.set_strokes(task.query, undoable=False)
        self._support_changed()

    @property
    def adapted(self) -> object:
        """The model adapted to the drawings, once every class has its own."""
        return self._result.adapted if self._result else None

    def class_names(self) -> tuple[str, ...]:
        """The classes' names, made different where two were given the same."""
        names: list[str] = []
        for row in self._rows:
            name, number = row.name, 2
            while name in names:
                name, number = f"{row.name} ({number})", number + 1
            names.append(name)
        return tuple(names)

    @property
    def rows(self) -> list[ClassRow]:
        """The classes on show."""
        return list(self._rows)

    def _set_rows(self, count: int, frame: Frame, binary: bool) -> None:
        while len(self._rows) > count:
            row = self._rows.pop()
            row.hide()
            self._spare_rows.append(row)
        while len(self._rows) < count:
            row = self._spare_rows.pop() if self._spare_rows else self._new_row(len(self._rows) + 1, binary)
            row.set_shots(self.shots.value())
            row.show()
            self._rows.append(row)
        self.no_rows.setVisible(not self._rows)
        for row in self._rows:
            row.set_frame(frame)
        self.query.set_frame(frame)

    def _new_row(self, number: int, binary: bool) -> ClassRow:
        name = ("the rest", "it")[number - 1] if binary and number <= 2 else f"class {number}"
        row = ClassRow(number, name, self.shots.value())
        if number <= len(self._kept):
            row.set_drawn(self._kept[number - 1])
        row.changed.connect(self._support_changed)
        self._rows_layout.insertWidget(self._rows_layout.count() - 1, row)
        return row

    def _set_shots(self, shots: int) -> None:
        for row in self._rows:
            row.set_shots(shots)
        self._support_changed()

    def _step_changed(self, step: int) -> None:
        self._refresh()

    def _support_changed(self) -> None:
        self._version += 1
        self._refresh_buttons()
        self._ask()

    def _ask(self) -> None:
        model = self.models.path()
        if model is None:
            self._refresh()
            return
        complete = bool(self._rows) and all(row.complete() for row in self._rows)
        self.worker.ask(
            DrawRequest(
                model,
                self.class_names(),
                tuple(row.images() for row in self._rows) if complete else ((),) * len(self._rows),
                self._version,
                None if self.query.is_empty() else self.query.image(),
                self._steps(),
            )
        )

    def _steps(self) -> int:
        if self._result is None:
            return LEAST_STEPS
        return max(LEAST_STEPS, self._result.trained.experiment.evaluation.inner_steps)

    def _take(self, request: DrawRequest, result: DrawResult) -> None:
        old, self._result = self._result, result
        if old is None or old.trained is not result.trained:
            self._meet(result.trained, other=old is None or request.model != self._shown)
            self._shown = request.model
        self._refresh()
        self.settled.emit()

    def _meet(self, trained: Trained, *, other: bool) -> None:
        """Lay the page out for a model that it did not show before; ``other``: not just a later state of the same run."""
        experiment = trained.experiment
        if not self._rows and not self._kept:
            self.shots.blockSignals(True)
            self.shots.setValue(min(MAX_SHOTS, experiment.task.shot))
            self.shots.blockSignals(False)
        self._set_rows(trained.way, trained.frame or Frame(), experiment.task.kind == "one_vs_rest")
        if other:
            self.walk.set_steps(self._steps(), experiment.evaluation.inner_steps)
        # The answer was to a question from before the rows, the frame and the steps were this model's.
        self._support_changed()

    def _refuse(self, request: DrawRequest, message: str) -> None:
        if self._result is not None and request.model == self._shown:
            # The model was there before, so it is the adapting that went wrong: another drawing or fewer steps may help.
            self._result = DrawResult(self._result.trained, None, None)
        else:
            self._result = self._shown = None
            self._set_rows(0, Frame(), False)
        self._refresh(message)
        self.settled.emit()

    def _refresh(self, message: str = "") -> None:
        result = self._result
        adapted = result.adapted if result else None
        self._refresh_buttons()
        self.model_note.set_text(_note(result.trained) if result else "")
        if result is None or adapted is None:
            self.walk.clear()
            self.bars.show_message(message or self._what_is_missing())
            return
        self.walk.show_losses(adapted.support_losses, _norm(result.trained))
        if result.probabilities is None:
            self.bars.show_message("Now draw one of your classes on the large canvas.")
        else:
            step = min(self.walk.step, adapted.steps)
            self.bars.show_probabilities(adapted.classes, tuple(float(p) for p in result.probabilities[step]))

    def _refresh_buttons(self) -> None:
        """Enable what can be done now."""
        self.export_button.setEnabled(self.adapted is not None)
        empty = {canvas: canvas.is_empty() for canvas in self._canvases()}
        if not all(empty.values()):
            self._cleared = ()
        back = self.can_bring_back
        self.clear_button.setText("Undo clear" if back else "Clear all")
        self.clear_button.setIcon(icon("undo" if back else "clear"))
        self.clear_button.setToolTip("Bring back what was cleared" if back else "Clear every drawing; the same button brings them back")
        self.clear_button.setEnabled(back or not all(empty.values()))
        for name, possible in (("undo", self.query.can_undo()), ("redo", self.query.can_redo()), ("clear", not empty[self.query])):
            self.query_buttons[name].setEnabled(possible)
        self.changed.emit()

    def _what_is_missing(self) -> str:
        if self.models.path() is None:
            return NO_MODEL
        if not self._rows:
            return "Loading the model."
        done = sum(not canvas.is_empty() for row in self._rows for canvas in row.canvases)
        total = sum(len(row.canvases) for row in self._rows)
        each = "one drawing" if self.shots.value() == 1 else f"{self.shots.value()} drawings"
        return f"Give every class its {each} ({done} of {total} done); the model then adapts by itself."

    def export(self) -> None:
        """Ask for the model as it is now to be exported."""
        if self.adapted is not None:
            self.export_wanted.emit((self.adapted, self.walk.step))


def _note(trained: Trained) -> str:
    return f"{trained.way}-way, {trained.experiment.algorithm.title}, trained for {trained.iteration:,} iterations"


def _norm(trained: Trained) -> str:
    return "support statistics" if trained.experiment.model.batch_norm else "none that looks at other images"
