"""What a model is tried on: the data, the task, how many tasks and in which norm modes; made from the spec's own metadata."""

from itertools import pairwise
from typing import Any, get_args

from pydantic.fields import FieldInfo
from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from ..spec import TABLES, Experiment, Problem, SpecError, parse
from ..spec.editing import Raw, applies
from .editors import Editor, describe, make_editor
from .wheel import leave_wheel_to_page

SAME = ""
"""The choice of data that a model was trained on."""
TASKS = 600
MOST_TASKS = 100_000
BOTH, SUPPORT, TRANSDUCTIVE = "both", "support", "transductive"
MODES = {BOTH: "both, side by side", SUPPORT: "support statistics", TRANSDUCTIVE: "transductive"}
MODE_TIP = (
    "Where a query's batch-norm statistics come from: the support set, so that one query's answer does not depend on the others, "
    "or the queries themselves, as in MAML's paper. Networks without batch norm have one mode only."
)


class EvaluateForm(QWidget):
    """Edits what an evaluation depends on, starting from a trained model's own settings.

    Signals:
        changed: Something was edited; ``experiment()`` is the new one, or None while ``problems()`` tells why not.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._trained: Experiment | None = None
        self._most_classes: int | None = None
        self._raw: Raw = {}
        self._experiment: Experiment | None = None
        self._problems: list[Problem] = []
        self._rows: dict[str, tuple[QLabel, Editor, QLabel]] = {}
        self._build()
        self._refresh()

    def _build(self) -> None:
        self.source = QComboBox()
        self.source.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.source.currentIndexChanged.connect(self._choose_source)
        self.tasks = QSpinBox()
        self.tasks.setRange(2, MOST_TASKS)
        self.tasks.setGroupSeparatorShown(True)
        self.tasks.setValue(TASKS)
        self.tasks.valueChanged.connect(self.changed)
        self.modes = QComboBox()
        for mode, words in MODES.items():
            self.modes.addItem(words, mode)
        self.modes.currentIndexChanged.connect(self._choose_mode)
        self.one_mode = QLabel("one only: no batch norm")
        self.one_mode.setProperty("role", "muted")
        self.one_mode.setToolTip(MODE_TIP)
        self.random = QCheckBox("Random start beside it")
        self.random.setToolTip("Try the same network as it was before training, on the same tasks at the same inner steps")
        self.random.setChecked(True)
        self.placed = QCheckBox("Place ink as in training")
        self.placed.setToolTip("Scale and move each picture's ink to where the training images have it; off: take the pictures as they are")
        self.placed.setChecked(True)
        for box in (self.random, self.placed):
            box.toggled.connect(self.changed)
        self._modes = QWidget()
        modes = QHBoxLayout(self._modes)
        modes.setContentsMargins(0, 0, 0, 0)
        modes.addWidget(self.modes, 1)
        modes.addWidget(self.one_mode, 1)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        self._grid.setVerticalSpacing(4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._grid)
        layout.addStretch(1)
        self._fixed = {
            "source": self._label("Data", self.source, "What the tasks are made of: the test part of the model's own data, or other data"),
            "tasks": self._label("Test tasks", self.tasks, "How many new tasks; the same ones for the same task seed"),
            "modes": self._label("Norm mode", self.modes, MODE_TIP),
        }

    def _label(self, text: str, field: QWidget, tip: str) -> QLabel:
        label = QLabel(text)
        label.setBuddy(field)
        field.setAccessibleName(text)
        for widget in (label, field):
            widget.setToolTip(tip)
            widget.setWhatsThis(tip)
        leave_wheel_to_page(field)
        return label

    # What it holds

    def set_trained(self, experiment: Experiment, most_classes: int | None, data: Raw | None = None) -> None:
        """Begin with a model's own settings.

        Args:
            experiment: what it was trained with.
            most_classes: how many classes it can tell apart; None: any number.
            data: a table of other data to try it on, where that is wanted and fits.
        """
        self._trained, self._most_classes = experiment, most_classes
        self._raw = experiment.model_dump()
        fitting = {key: one for key, one in TABLES["data"].items() if one.regression == experiment.regression}  # type: ignore[attr-defined]
        with QSignalBlocker(self.source):
            self.source.clear()
            self.source.addItem(f"as trained: {experiment.data.source}", SAME)
            for key, variant in fitting.items():
                self.source.addItem(f"other: {variant.title}", key)
            key = str(data.get("source")) if data is not None else ""
            if data is not None and key in fitting:
                # An earlier version, which remembered it, may have known other fields.
                fields = fitting[key]().model_dump()
                self._raw["data"] = fields | {name: data[name] for name in fields if name in data}
                self.source.setCurrentIndex(self.source.findData(key))
        self._take_mode()
        self._refresh()
        self.changed.emit()

    def clear(self) -> None:
        """There is no model."""
        self._trained = self._experiment = None
        self._raw, self._problems = {}, []
        self._refresh()
        self.changed.emit()

    def experiment(self) -> Experiment | None:
        """The settings to try the model under; None while one is wrong, or without a model."""
        return self._experiment

    def problems(self) -> list[Problem]:
        """What is wrong now, field by field."""
        return self._problems

    def both_modes(self) -> bool:
        """Whether to try it transductively and not."""
        return bool(self.modes.currentData() == BOTH)

    def other_data(self) -> Raw | None:
        """The table of other data, or None for the model's own."""
        return dict(self._raw["data"]) if self._raw and self.source.currentData() != SAME else None

    def editor(self, field: str) -> Editor:
        """The editor of a field such as ``"task.shot"``.

        Raises:
            KeyError: when the form does not show it.
        """
        return self._rows[field][1]

    # Editing

    def _choose_source(self) -> None:
        assert self._trained is not None
        key = self.source.currentData()
        if key in (SAME, self._trained.data.source):
            # Of its own source most was trained on: the split stays what it was.
            self._raw["data"] = self._trained.data.model_dump()
        else:
            # None of other data was trained on, so that all of it may be used.
            split = TABLES["data"][key].model_fields.get("split")
            everything = split is not None and "all" in get_args(split.annotation)
            self._raw["data"] = TABLES["data"][key]().model_dump() | ({"split": "all"} if everything else {})
        self._check()
        self._refresh()
        self.changed.emit()

    def _choose_mode(self) -> None:
        if self._trained is not None:
            self._take_mode()
        self.changed.emit()

    def _take_mode(self) -> None:
        assert self._trained is not None
        mode = self.modes.currentData()
        transductive = self._trained.evaluation.transductive if mode == BOTH else mode == TRANSDUCTIVE
        self._raw["evaluation"] = {**self._raw["evaluation"], "transductive": transductive}
        self._check()

    def _take_edit(self, value: Any) -> None:
        table, _, name = self.sender().property("field").rpartition(".")
        self._raw[table] = {**self._raw[table], name: value}
        self._check()
        self._refresh()
        self.changed.emit()

    def _check(self) -> None:
        try:
            self._experiment, self._problems = parse(self._raw), []
        except SpecError as error:
            self._experiment, self._problems = None, error.problems
            return
        most = self._most_classes
        if most is not None and getattr(self._experiment.task, "way", 0) > most:
            words = f"should be {most} or less: this model tells at most {most} classes apart"
            self._experiment, self._problems = None, [Problem("task.way", words)]

    # Showing

    def _fields(self) -> dict[str, FieldInfo]:
        """The fields that matter, in order."""
        if self._trained is None:
            return {}
        found: dict[str, FieldInfo] = {}
        wrong = {problem.field for problem in self._problems}
        if self.source.currentData() != SAME:
            for name, info in TABLES["data"][self._raw["data"]["source"]].model_fields.items():
                advanced = (info.json_schema_extra or {}).get("advanced")  # type: ignore[union-attr]
                field = f"data.{name}"
                if name != "source" and (field in wrong or (not advanced and applies(self._raw, field))):
                    found[field] = info
        for name in ("way", "shot", "query"):
            info = type(self._trained.task).model_fields.get(name)
            if info is not None:
                found[f"task.{name}"] = info
        for name in ("inner_steps", "seed"):
            found[f"evaluation.{name}"] = type(self._trained.evaluation).model_fields[name]
        return found

    def _refresh(self) -> None:
        fields = self._fields()
        keys = {field: repr((info.annotation, info.title, info.json_schema_extra)) for field, info in fields.items()}
        for field in [field for field, (_, editor, _) in self._rows.items() if editor.property("kind") != keys.get(field)]:
            for widget in self._rows.pop(field):
                widget.hide()
                widget.deleteLater()
        self._lay_out(fields, keys)
        for field, (_, editor, _) in self._rows.items():
            table, _, name = field.rpartition(".")
            editor.set_value(self._raw[table][name])
        self._mark()
        known = self._trained is not None
        self.source.setEnabled(known)
        several = not known or self._trained.model.batch_norm
        self.modes.setVisible(several)
        self.one_mode.setVisible(not several)
        self.placed.setVisible(known and not self._trained.regression and self.source.currentData() != SAME)

    def _lay_out(self, fields: dict[str, FieldInfo], keys: dict[str, str]) -> None:
        while self._grid.count():
            self._grid.takeAt(0)
        lines: list[tuple[QWidget | None, QWidget]] = [(self._fixed["source"], self.source)]
        stops: list[QWidget] = [self.source]
        for field, info in fields.items():
            if field.startswith("task.") and not any(widget is self.placed for _, widget in lines):
                lines.append((None, self.placed))
                stops.append(self.placed)
            if field not in self._rows:
                self._rows[field] = self._make_row(field, info, keys[field])
            label, editor, reason = self._rows[field]
            lines += [(label, editor), (None, reason)]
            stops += editor.tab_stops()
        lines += [(self._fixed["tasks"], self.tasks), (self._fixed["modes"], self._modes), (None, self.random)]
        stops += [self.tasks, self.modes, self.random]
        for row, (label, widget) in enumerate(lines):
            if label is not None:
                self._grid.addWidget(label, row, 0)
                self._grid.addWidget(widget, row, 1)
            else:
                self._grid.addWidget(widget, row, 0, 1, 2)
        for before, after in pairwise(stops):
            self.setTabOrder(before, after)

    def _make_row(self, field: str, info: FieldInfo, kind: str) -> tuple[QLabel, Editor, QLabel]:
        editor = make_editor(info)
        editor.setProperty("field", field)
        editor.setProperty("kind", kind)
        symbol = (info.json_schema_extra or {}).get("symbol", "")  # type: ignore[union-attr]
        label = QLabel(f"{info.title} {symbol}".strip())
        label.setBuddy(editor.inner)
        editor.inner.setAccessibleName(str(info.title))
        editor.inner.setObjectName(f"evaluate {field}")
        for widget in (label, editor.inner):
            widget.setToolTip(describe(info))
            widget.setWhatsThis(describe(info))
        reason = QLabel()
        reason.setWordWrap(True)
        reason.setProperty("role", "bad")
        reason.hide()
        editor.edited.connect(self._take_edit)
        if field == "task.way" and self._most_classes is not None and isinstance(editor.inner, QSpinBox):
            editor.inner.setToolTip(f"{describe(info)}\nThis model tells at most {self._most_classes} classes apart.")
        return label, editor, reason

    def _mark(self) -> None:
        reasons = {problem.field: problem.message for problem in self._problems}
        for field, (_, editor, reason) in self._rows.items():
            message = next((text for wrong, text in reasons.items() if wrong == field or wrong.startswith(f"{field}.")), "")
            editor.mark(bool(message))
            reason.setText(message)
            reason.setVisible(bool(message))
            editor.inner.setAccessibleDescription(message)
