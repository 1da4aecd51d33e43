"""The Draw page: show the model a few drawings per class, then watch it name the next one."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...strokes import Frame
from .. import theme
from ..adapt_worker import AdaptWorker, DrawRequest, DrawResult
from ..canvas import DrawingCanvas
from ..cards import card, scrolling
from ..class_row import ClassRow
from ..drawn_task import DrawnClass, DrawnTask
from ..icons import icon
from ..plots import Plot
from ..probability_bars import ProbabilityBars

MAX_SHOTS = 10
LEAST_STEPS = 5
PLAY_MS = 600
OPEN = "open"
NO_MODEL = "There is no model yet. Train one on the Train page (a minute is enough to begin with), or open a checkpoint."


class DrawPage(QWidget):
    """Rows of class drawings, a query canvas, probabilities, and a slider through the inner loop.

    Signals:
        export_wanted: The adapted model (an ``api.Adapted``) should be exported as it is after an inner step: both in a tuple.
        settled: A request was answered.
    """

    export_wanted = Signal(object)
    settled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run: Path | None = None
        self._stamp: object = None
        self._rows: list[ClassRow] = []
        self._spare_rows: list[ClassRow] = []
        self._kept: tuple[DrawnClass, ...] = ()
        self._version = 0
        self._result: DrawResult | None = None
        self._walk: np.ndarray | None = None
        self._play = QTimer(self)
        self._play.setInterval(PLAY_MS)
        self._play.timeout.connect(self._play_step)
        self.worker = AdaptWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)
        self._build()
        self._refresh()

    def _build(self) -> None:
        self.models = QComboBox()
        self.models.setMinimumWidth(180)
        self.models.setAccessibleName("Model")
        self.models.setToolTip("Which trained model learns from your drawings")
        self.models.addItem("Open a checkpoint or run…", OPEN)
        self.models.activated.connect(self._choose_model)
        self.model_note = QLabel()
        self.model_note.setProperty("role", "muted")
        self.model_note.setMinimumWidth(10)
        self.shots = QSpinBox()
        self.shots.setRange(1, MAX_SHOTS)
        self.shots.setAccessibleName("Shots")
        self.shots.setToolTip("Drawings of each class that the model learns from (K)")
        self.shots.valueChanged.connect(self._set_shots)
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
        self.clear_button.setToolTip("Clear every drawing; each can be brought back with Ctrl+Z on it")
        self.clear_button.clicked.connect(self.clear_all)
        self.export_button = QPushButton(icon("export"), "Export…")
        self.export_button.setToolTip("Save the model as it is now, adapted to your drawings")
        self.export_button.clicked.connect(self._export)
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
        layout.addWidget(self._build_walk())

    def _build_rows(self) -> QWidget:
        content = QWidget()
        self._rows_layout = QVBoxLayout(content)
        self._rows_layout.setContentsMargins(0, 0, 0, 0)
        self._rows_layout.setSpacing(2)
        self._rows_layout.addStretch(1)
        return scrolling(content)

    def _build_query(self) -> QWidget:
        self.query = DrawingCanvas(hint="Draw one of your classes here", side=260)
        self.query.setAccessibleName("Query drawing")
        self.query.set_inset_visible(True)
        self.query.changed.connect(self._query_changed)
        self.query.live.connect(self._query_changed)
        buttons = QHBoxLayout()
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
            buttons.addWidget(button)
        buttons.addStretch(1)
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.query, 1)
        column.addLayout(buttons)
        return box

    def _build_walk(self) -> QWidget:
        self.play_button = QToolButton()
        self.play_button.setIcon(icon("play"))
        self.play_button.setToolTip("Play the inner steps from the start")
        self.play_button.setAccessibleName("Play the inner steps")
        self.play_button.clicked.connect(self._play_from_start)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Inner step")
        self.slider.setToolTip("How many inner steps the model has taken on your drawings")
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._show_step)
        self.step_label = QLabel()
        self.step_label.setTextFormat(Qt.TextFormat.PlainText)
        left = QVBoxLayout()
        line = QHBoxLayout()
        line.addWidget(self.play_button)
        line.addWidget(self.slider, 1)
        left.addStretch(1)
        left.addLayout(line)
        left.addWidget(self.step_label)
        left.addStretch(1)
        self.walk_plot = Plot(
            "Support loss by inner step",
            "inner step",
            "loss",
            theme=theme.manager(),
            empty_text="Appears when every class has its drawings.",
        )
        self.walk_plot.setFixedHeight(158)
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        steps = QWidget()
        steps.setLayout(left)
        row.addWidget(card(steps, "Adaptation, step by step"), 1)
        row.addWidget(self.walk_plot, 1)
        return box

    def set_run(self, folder: Path | None, name: str, saved: object) -> None:
        """Offer the current run's model; ``saved`` changes with each of its checkpoints."""
        if folder is None or saved is None:
            return
        if folder != self._run:
            self._run = folder
            index = self.models.findData(str(folder))
            if index < 0:
                self.models.insertItem(0, f"{name} (best)", str(folder))
                index = 0
            self.models.setCurrentIndex(index)
        elif self._stamp == saved:
            return
        if self.models.currentData() == str(folder):
            self._stamp = saved
            self._ask()

    def offer_runs(self, folders: list[Path]) -> None:
        """Offer the models of earlier runs, the newest first, and begin with that."""
        for folder in reversed(folders):
            self.models.insertItem(0, folder.name, str(folder))
        if folders:
            self.models.setCurrentIndex(0)
            self._ask()

    def open_model(self, path: Path) -> None:
        """Use a checkpoint file or a run folder."""
        index = self.models.findData(str(path))
        if index < 0:
            self.models.insertItem(0, path.name if path.is_dir() else f"{path.parent.parent.name} / {path.stem}", str(path))
            index = 0
        self.models.setCurrentIndex(index)
        self._stamp = None
        self._ask()

    def clear_all(self) -> None:
        """Clear every drawing."""
        for row in self._rows:
            row.clear()
        if not self.query.is_empty():
            self.query.clear()

    def end(self) -> None:
        """End the thread."""
        self._play.stop()
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

    def _choose_model(self, index: int) -> None:
        if self.models.itemData(index) != OPEN:
            self._stamp = None
            self._ask()
            return
        path, _ = QFileDialog.getOpenFileName(self, "Open a checkpoint", "", "Checkpoints (*.safetensors)")
        if path:
            self.open_model(Path(path))
        elif self._run is not None:
            self.models.setCurrentIndex(self.models.findData(str(self._run)))

    def _model(self) -> Path | None:
        data = self.models.currentData()
        return None if data in (OPEN, None) else Path(data)

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

    def _support_changed(self) -> None:
        self._version += 1
        self._ask()

    def _query_changed(self) -> None:
        self._ask()

    def _ask(self) -> None:
        model = self._model()
        if model is None:
            self._refresh()
            return
        complete = bool(self._rows) and all(row.complete() for row in self._rows)
        self.worker.ask(
            DrawRequest(
                model,
                self._stamp,
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
        new_model = self._result is None or self._result.trained is not result.trained
        self._result, self._walk = result, result.probabilities
        if new_model:
            self._meet(result)
            if len(request.names) != len(self._rows) or request.steps != self._steps():
                self._ask()
        self._refresh()
        self.settled.emit()

    def _meet(self, result: DrawResult) -> None:
        trained = result.trained
        experiment = trained.experiment
        if not self._rows and not self._kept:
            self.shots.blockSignals(True)
            self.shots.setValue(min(MAX_SHOTS, experiment.task.shot))
            self.shots.blockSignals(False)
        self._set_rows(trained.way, trained.frame or Frame(), experiment.task.kind == "one_vs_rest")
        self.slider.setRange(0, self._steps())
        self.slider.setValue(experiment.evaluation.inner_steps)

    def _refuse(self, request: DrawRequest, message: str) -> None:
        self._result = self._walk = None
        self._set_rows(0, Frame(), False)
        self._refresh(message)
        self.settled.emit()

    def _refresh(self, message: str = "") -> None:
        result = self._result
        ready = result is not None and result.adapted is not None
        for widget in (self.slider, self.play_button, self.export_button):
            widget.setEnabled(ready)
        self.model_note.setText(_note(result) if result else "")
        if ready:
            assert result is not None
            assert result.adapted is not None
            losses = np.asarray(result.adapted.support_losses)
            self.walk_plot.set_curve("support", np.arange(len(losses)), losses, role="support", name="support", symbol=True)
        else:
            self.walk_plot.clear()
        self._show_step(self.slider.value(), message)

    def _show_step(self, step: int, message: str = "") -> None:
        result = self._result
        if result is None or result.adapted is None:
            self.bars.show_message(message or self._what_is_missing())
            self.step_label.setText("")
            return
        losses = result.adapted.support_losses
        step = min(step, len(losses) - 1)
        text = f"after {step} of {len(losses) - 1} inner steps: support loss {losses[step]:.3f}, norm: {_norm(result)}"
        self.step_label.setText(text)
        if self._walk is None:
            self.bars.show_message("Now draw one of your classes on the large canvas.")
        else:
            self.bars.show_probabilities(self.class_names(), tuple(float(p) for p in self._walk[step]))

    def _what_is_missing(self) -> str:
        if self._model() is None:
            return NO_MODEL
        if not self._rows:
            return "Loading the model."
        done = sum(not canvas.is_empty() for row in self._rows for canvas in row.canvases)
        total = sum(len(row.canvases) for row in self._rows)
        each = "one drawing" if self.shots.value() == 1 else f"{self.shots.value()} drawings"
        return f"Give every class its {each} ({done} of {total} done); the model then adapts by itself."

    def _play_from_start(self) -> None:
        self.slider.setValue(0)
        self._play.start()

    def _play_step(self) -> None:
        if self.slider.value() >= self.slider.maximum():
            self._play.stop()
        else:
            self.slider.setValue(self.slider.value() + 1)

    def _export(self) -> None:
        if self.adapted is not None:
            self.export_wanted.emit((self.adapted, self.slider.value()))


def _note(result: DrawResult) -> str:
    trained = result.trained
    return f"{trained.way}-way, {trained.experiment.algorithm.title}, trained for {trained.iteration:,} iterations"


def _norm(result: DrawResult) -> str:
    return "support statistics" if result.trained.experiment.model.batch_norm else "none that looks at other images"
