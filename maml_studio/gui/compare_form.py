"""Which tasks all runs are tried on, where those that they were made for differ or others are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic.fields import FieldInfo
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QSpinBox

from ..compare.common import CommonTasks, suggested_tasks
from ..spec import Experiment, with_changes
from .evaluate_form import BOTH, EvaluateForm
from .wheel import leave_wheel_to_page

OWN = -1
"""Each run does its own number of inner steps."""


class TasksForm(EvaluateForm):
    """The Evaluate page's form without what belongs to one model alone, and with the part of the data."""

    def __init__(self) -> None:
        self.part = QComboBox()
        self.steps = QSpinBox()
        super().__init__()
        # These have their places elsewhere on the page, or none.
        for widget in (self.tasks, self._fixed["tasks"], self.random):
            widget.setVisible(False)
        with QSignalBlocker(self.modes):
            self.modes.removeItem(self.modes.findData(BOTH))

    def _build(self) -> None:
        super()._build()
        for words, value in (("test", "test"), ("validation", "validation")):
            self.part.addItem(words, value)
        self.steps.setRange(OWN, 1000)
        self.steps.setSpecialValueText("each its own")
        self.steps.setValue(OWN)
        grid = QGridLayout()
        grid.setColumnStretch(1, 1)
        grid.setVerticalSpacing(4)
        lines = (
            ("Part", self.part, "Which part of the data the tasks come from; none of the runs trained on it where the data are their own"),
            ("Inner steps", self.steps, "Gradient steps on the support set: the same number for all, or each run as in its own evaluation"),
        )
        for row, (text, field, tip) in enumerate(lines):
            label = QLabel(text)
            label.setBuddy(field)
            field.setAccessibleName(text)
            for widget in (label, field):
                widget.setToolTip(tip)
                widget.setWhatsThis(tip)
            leave_wheel_to_page(field)
            grid.addWidget(label, row, 0)
            grid.addWidget(field, row, 1)
        self.layout().insertLayout(1, grid)
        self.part.currentIndexChanged.connect(self.changed)
        self.steps.valueChanged.connect(self.changed)

    def _fields(self) -> dict[str, FieldInfo]:
        return {field: info for field, info in super()._fields().items() if field != "evaluation.inner_steps"}

    def begin(self, experiments: Sequence[Experiment]) -> None:
        """Begin with tasks that as many of the runs as possible can be tried on."""
        like = next((one for one in experiments if one.model.batch_norm), experiments[0])
        common = suggested_tasks(experiments, like)
        most = [one.task.way for one in experiments if hasattr(one.task, "way") and not one.algorithm.any_way]
        changes = {"evaluation.transductive": common.transductive}
        if hasattr(common.task, "way"):
            changes["task.way"] = common.task.way
        with QSignalBlocker(self.modes):
            self.modes.setCurrentIndex(self.modes.findData("transductive" if common.transductive else "support"))
        self.set_trained(with_changes(like.model_copy(update={"training": type(like.training)()}), changes), min(most, default=None))

    def common(self, tasks: int) -> CommonTasks | None:
        """The tasks; None while a field is wrong."""
        experiment = self.experiment()
        if experiment is None:
            return None
        steps = None if self.steps.value() == OWN else self.steps.value()
        return replace(CommonTasks.of(experiment, tasks, self.part.currentData()), inner_steps=steps)
