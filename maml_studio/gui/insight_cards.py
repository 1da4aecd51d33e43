"""A card for each question of the Insight page: the question, the answer in words, the figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ..training.norm_words import norm_words
from . import theme
from .cards import heading
from .icons import icon
from .insight_function import FunctionPlot
from .insight_layers import LayerFigure
from .insight_plane import PlaneFigure
from .plots import Plot

if TYPE_CHECKING:
    from ..insight import Answer, Estimate
    from ..insight.functions import FunctionInsight
    from ..insight.layers import LayerInsight
    from ..insight.plane import PlaneInsight
    from ..insight.start import StartInsight

NARROW = 640
"""Below this width two figures stand under one another."""
ROLES = {"trained": "after", "random start": "before"}


class QuestionCard(QFrame):
    """A question with its answer; a question that makes no sense for a model has its sentence, and no figures.

    Args:
        question: the question.
        figures: what shows the answer.
        height: of a figure; 0: as high as it is by itself.
    """

    def __init__(self, question: str, figures: list[QWidget], height: int = 0) -> None:
        super().__init__()
        self.setProperty("card", True)
        self._figures, self._height = figures, height
        self.head = QHBoxLayout()
        self.head.addWidget(heading(question))
        self.head.addStretch(1)
        self.paragraph = QLabel()
        self.paragraph.setWordWrap(True)
        self.paragraph.setTextFormat(Qt.TextFormat.PlainText)
        self.paragraph.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.paragraph.setAccessibleName(question)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._row.setSpacing(8)
        for figure in figures:
            if height:
                figure.setFixedHeight(height)
            self._row.addWidget(figure, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 9, 12, 10)
        layout.setSpacing(8)
        layout.addLayout(self.head)
        layout.addWidget(self.paragraph)
        layout.addLayout(self._row)

    def show_answer(self, answer: Answer) -> None:
        """Show another answer."""
        self.paragraph.setText(answer.paragraph)
        there = answer.answered
        for figure in self._figures:
            figure.setVisible(there)
        if there:
            self.fill(answer)

    def fill(self, answer: Answer) -> None:
        """Give the figures what they show."""
        raise NotImplementedError

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put two figures beside or under one another."""
        super().resizeEvent(event)
        beside = self.width() >= NARROW
        self._row.setDirection(QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom)


class LayersCard(QuestionCard):
    """How far each layer moves, and how much of its features stays."""

    def __init__(self, question: str) -> None:
        self.figure = LayerFigure()
        super().__init__(question, [self.figure])

    def fill(self, answer: LayerInsight) -> None:
        """See `QuestionCard`."""
        self.figure.show_layers(answer)


class StartCard(QuestionCard):
    """The trained and the random start on the same tasks."""

    def __init__(self, question: str) -> None:
        manager = theme.manager()
        self.accuracy = Plot("Query accuracy", "inner step", "accuracy, %", theme=manager)
        self.loss = Plot("Query loss", "inner step", "loss", theme=manager, log_y=True)
        super().__init__(question, [self.accuracy, self.loss], 250)

    def fill(self, answer: StartInsight) -> None:
        """See `QuestionCard`."""
        note = f"{answer.tasks:,} tasks ± 95 %, {norm_words(answer.norm)}"
        self.accuracy.setVisible(answer.trained.accuracy is not None)
        self.loss.set_titles("Query loss", answer.metric)
        for plot in (self.accuracy, self.loss):
            plot.clear()
            plot.set_note(note)
        for start in (answer.trained, answer.random):
            if start.accuracy is not None:
                _draw(self.accuracy, start.name, start.accuracy, 100.0, 100.0)
            _draw(self.loss, start.name, start.query_loss)


class PlaneCard(QuestionCard):
    """Both losses on the plane.

    Signals:
        another_wanted: The user wants to see another task.
    """

    another_wanted = Signal()

    def __init__(self, question: str) -> None:
        self.maps = [PlaneFigure("support"), PlaneFigure("query")]
        super().__init__(question, list(self.maps))
        self.another = QPushButton(icon("dice"), "Another task")
        self.another.setToolTip("Look at the next task here and below (Ctrl+J)")
        self.another.clicked.connect(self.another_wanted)
        self.head.addWidget(self.another)

    def show_answer(self, answer: Answer) -> None:
        """Show another task; where no task has an answer, there is none to go on to."""
        self.another.setVisible(answer.answered or not answer.always)
        super().show_answer(answer)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Give the maps the shape of what they show."""
        super().resizeEvent(event)
        room = self.width() - 24 if self.width() < NARROW else (self.width() - 32) // 2
        for one in self.maps:
            one.setFixedHeight(min(max(one.height_for(room), 240), 460))

    def fill(self, answer: PlaneInsight) -> None:
        """See `QuestionCard`."""
        for one in self.maps:
            one.show_plane(answer)


class FunctionCard(QuestionCard):
    """The function at every inner step, and its error.

    Signals:
        points_moved: The user moved a point, or wants them back where they were.
    """

    points_moved = Signal()

    def __init__(self, question: str) -> None:
        self.plot = FunctionPlot()
        self.error = Plot("Error by inner step", "inner step", "squared error", theme=theme.manager(), log_y=True)
        super().__init__(question, [self.plot, self.error], 330)
        self._row.setStretch(0, 3)
        self._row.setStretch(1, 2)
        self.reset = QPushButton(icon("undo"), "Points of the task")
        self.reset.setToolTip("Put the points back where the task has them")
        self.reset.clicked.connect(self._put_back)
        self.head.addWidget(self.reset)
        self.plot.moved.connect(self._moved)
        self.own: FunctionInsight | None = None

    def show_answer(self, answer: Answer) -> None:
        """Show another task."""
        self.reset.setVisible(answer.answered)
        self.reset.setEnabled(False)
        super().show_answer(answer)

    def fill(self, answer: FunctionInsight) -> None:
        """See `QuestionCard`."""
        self.own = answer
        self.plot.set_points(answer.task.x, answer.task.y)
        self._show_function(answer)

    def show_moved(self, answer: Answer) -> None:
        """Show what the model makes of points that were moved; where it can't make anything of them, the curves stay, with the reason."""
        self.paragraph.setText(answer.paragraph)
        if answer.answered:
            self._show_function(answer)

    def _show_function(self, answer: FunctionInsight) -> None:
        self.plot.show_function(answer)
        steps = np.arange(len(answer.support))
        self.error.set_curve("support", steps, answer.support, role="support", name="on the points", symbol=True)
        for key, values, role, name in (
            ("truth", answer.error, "query", "to the truth"),
            ("outside", answer.outside, "outer", "beyond the points"),
        ):
            if values is None:
                self.error.remove(key)
            else:
                self.error.set_curve(key, steps, values, role=role, name=name, symbol=True)

    def _moved(self) -> None:
        self.reset.setEnabled(True)
        self.points_moved.emit()

    def _put_back(self) -> None:
        if self.own is not None:
            self.plot.set_points(self.own.task.x, self.own.task.y)
            self.reset.setEnabled(False)
            self.points_moved.emit()


def _draw(plot: Plot, name: str, values: tuple[Estimate, ...], scale: float = 1.0, most: float = np.inf) -> None:
    """A curve over the inner steps with its band."""
    mean, half = scale * np.array([(one.mean, one.ci95) for one in values], np.float64).T
    steps = np.arange(len(mean))
    low, high = np.maximum(mean - half, 0), np.minimum(mean + half, most)
    if scale == 1.0:
        # A logarithmic axis has no room for an interval that reaches zero.
        low = np.maximum(low, 0.2 * mean)
    plot.set_band(f"{name} 95%", steps, low, high, role=ROLES[name])
    plot.set_curve(name, steps, mean, role=ROLES[name], name=name, symbol=True)
