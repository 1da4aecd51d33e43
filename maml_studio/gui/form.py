"""The settings form: made from the spec, it holds an experiment as the user edits it and says what is wrong where."""

from collections.abc import Collection
from itertools import pairwise
from typing import Any

from pydantic.fields import FieldInfo
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from ..spec import TABLES, Experiment, Problem, SpecError, parse
from ..spec.editing import Raw, applies, with_selection
from ..training.memory import estimate, refusal
from .editors import Editor, describe, make_editor

SECTIONS = ("data", "task", "model", "algorithm", "training", "evaluation")
LABEL_WIDTH = 112
"""One width for all labels, so that the editors of every section stand in one column."""
SECTION_TITLES = {
    "data": "Data",
    "task": "Task",
    "model": "Model",
    "algorithm": "Algorithm",
    "training": "Training",
    "evaluation": "Validation",
}


class Section(QWidget):
    """A titled group of fields that folds away."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.header = QToolButton()
        self.header.setText(title)
        self.header.setCheckable(True)
        self.header.setChecked(True)
        self.header.setAutoRaise(True)
        self.header.setProperty("section", True)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setArrowType(Qt.ArrowType.DownArrow)
        self.header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        font = self.header.font()
        font.setBold(True)
        self.header.setFont(font)
        self.header.toggled.connect(self._fold)
        self.body = QWidget()
        self.grid = QGridLayout(self.body)
        self.grid.setContentsMargins(10, 0, 2, 8)
        self.grid.setVerticalSpacing(4)
        self.grid.setColumnStretch(1, 1)
        self.grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(self.body)

    def _fold(self, open_: bool) -> None:
        self.body.setVisible(open_)
        self.header.setArrowType(Qt.ArrowType.DownArrow if open_ else Qt.ArrowType.RightArrow)


class ExperimentForm(QScrollArea):
    """Edits one experiment.

    Signals:
        changed: Something was edited; ``experiment()`` is the new one, or None while ``problems()`` tells why not.
        more_toggled: The seldom changed settings are shown, or hidden again.
    """

    changed = Signal()
    more_toggled = Signal(bool)

    def __init__(self, experiment: Experiment) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self._raw: Raw = experiment.model_dump()
        self._experiment: Experiment | None = experiment
        self._problems: list[Problem] = []
        self._outside: list[Problem] = []
        self._rows: dict[str, tuple[QLabel, Editor, QLabel]] = {}
        self._kinds: dict[str, object] = {}
        self._layout_key: tuple[Any, ...] = ()
        self._more = QCheckBox("More settings")
        self._more.setToolTip("Show also the settings that are seldom changed")
        self._more.toggled.connect(self._refresh)
        self._more.toggled.connect(self.more_toggled)
        self._sections = {name: Section(SECTION_TITLES[name]) for name in SECTIONS}
        for name, section in self._sections.items():
            section.header.setProperty("help", name)
        content = QWidget()
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(8, 4, 8, 8)
        self._column.setSpacing(4)
        self._general = QGridLayout()
        self._general.setContentsMargins(10, 0, 2, 4)
        self._general.setColumnStretch(1, 1)
        self._general.setColumnMinimumWidth(0, LABEL_WIDTH)
        self._column.addLayout(self._general)
        for section in self._sections.values():
            self._column.addWidget(section)
        self._column.addWidget(self._more)
        self._column.addStretch(1)
        self.setWidget(content)
        self._refresh()

    def sizeHint(self) -> QSize:
        """Wide enough for the longest label beside its editor."""
        return QSize(300, 700)

    def experiment(self) -> Experiment | None:
        """The experiment as edited, or None while a field is wrong."""
        return self._experiment

    def needs(self) -> str:
        """How much memory training will take, in words; empty while a field is wrong."""
        return estimate(self._experiment).sentence if self._experiment is not None else ""

    def problems(self) -> list[Problem]:
        """What is wrong now, field by field."""
        return self._problems + self._outside

    def set_experiment(self, experiment: Experiment) -> None:
        """Show another experiment."""
        self._raw = experiment.model_dump()
        self._outside = []
        self._check()
        self._refresh()
        self.changed.emit()

    def set_outside_problem(self, message: str) -> None:
        """Show what only the data itself can tell, such as too few classes for the ways; empty when all is well.

        A message that begins with a field's name is shown at that field.
        """
        field = message.split(" ", 1)[0]
        known = field if field in self._rows else ""
        problem = [Problem(known, message.split(" ", 1)[1] if known else message)] if message else []
        if problem != self._outside:
            self._outside = problem
            self._mark()

    def set_locked(self, locked: bool) -> None:
        """Show the settings as those of a run that goes on: readable, not editable."""
        self.widget().setEnabled(not locked)
        # Nothing in it takes the focus then, and it can still be scrolled with the keys.
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if locked else Qt.FocusPolicy.NoFocus)

    def shows_more(self) -> bool:
        """Whether the seldom changed settings are shown."""
        return self._more.isChecked()

    def set_shows_more(self, more: bool) -> None:
        """Show the seldom changed settings, or not."""
        self._more.setChecked(more)

    def folded(self) -> list[str]:
        """The sections that are folded away."""
        return [name for name, section in self._sections.items() if not section.header.isChecked()]

    def fold(self, names: Collection[str]) -> None:
        """Fold these sections away, and no others."""
        for name, section in self._sections.items():
            section.header.setChecked(name not in names)

    def chosen_tables(self) -> dict[str, str]:
        """The alternative in use of each table that has some, such as ``{"algorithm": "maml"}``."""
        return {table: str(self._raw[table][_selector(table)]) for table in TABLES}

    def editor(self, field: str) -> Editor:
        """The editor of a field such as ``"task.way"``.

        Raises:
            KeyError: when the form does not show it.
        """
        return self._rows[field][1]

    def _edit(self, field: str, value: Any) -> None:
        table, _, key = field.rpartition(".")
        try:
            if table in TABLES and key == _selector(table):
                self._raw = with_selection(self._raw, table, value)
            elif table:
                self._raw[table] = {**self._raw[table], key: value}
            else:
                self._raw[key] = value
        except SpecError as error:
            self._problems = error.problems
            self._mark()
            return
        self._outside = []
        self._check()
        self._refresh()
        self.changed.emit()

    def _check(self) -> None:
        try:
            self._experiment, self._problems = parse(self._raw), []
        except SpecError as error:
            self._experiment, self._problems = None, error.problems
            return
        # Before the machine swaps, rather than after.
        if problem := refusal(self._experiment):
            self._experiment, self._problems = None, [problem]

    def _refresh(self) -> None:
        """Show the fields that matter now, with their values."""
        fields = self._fields()
        key = tuple(fields)
        if key != self._layout_key:
            self._rebuild(fields)
            self._layout_key = key
        for field, (_, editor, _) in self._rows.items():
            table, _, name = field.rpartition(".")
            editor.set_value(self._raw[table][name] if table else self._raw[name])
        self._mark()

    def _fields(self) -> dict[str, FieldInfo]:
        """The fields to show, in order. A wrong or changed field is shown even where it would not matter."""
        wrong = {problem.field for problem in self._problems}
        fields = {name: Experiment.model_fields[name] for name in ("name", "seed")}
        for table in SECTIONS:
            model = self._table_model(table)
            key = _selector(table)
            # What makes this table this table comes before what it shares with others.
            names = sorted(model.model_fields, key=lambda name: (name != key, name not in model.__annotations__))
            for name in names:
                field, info = f"{table}.{name}", model.model_fields[name]
                changed = name != key and self._raw[table][name] != info.default
                advanced = (info.json_schema_extra or {}).get("advanced") and not self._more.isChecked()
                if field in wrong or ((not advanced or changed) and applies(self._raw, field)):
                    fields[field] = info
        return fields

    def _table_model(self, table: str) -> Any:
        if table in TABLES:
            return TABLES[table][self._raw[table][_selector(table)]]
        return Experiment.model_fields[table].annotation

    def _rebuild(self, fields: dict[str, FieldInfo]) -> None:
        # Editors that stay are kept, so that the focus stays where the user is typing.
        gone = {field: row for field, row in self._rows.items() if self._kinds[field] != self._kind(field, fields.get(field))}
        for field, row in gone.items():
            for widget in row:
                widget.hide()
                widget.deleteLater()
            del self._rows[field]
        counters = dict.fromkeys(("", *SECTIONS), 0)
        for field, info in fields.items():
            table, _, name = field.rpartition(".")
            if field not in self._rows:
                self._rows[field] = self._make_row(field, name, table, info)
                self._kinds[field] = self._kind(field, info)
            grid = self._sections[table].grid if table else self._general
            label, editor, reason = self._rows[field]
            row = 2 * counters[table]
            counters[table] += 1
            grid.addWidget(label, row, 0)
            grid.addWidget(editor, row, 1)
            grid.addWidget(reason, row + 1, 0, 1, 2)
        self._order_tabs(list(fields))

    def _order_tabs(self, fields: list[str]) -> None:
        """Let the Tab key go down the form as the eye does."""
        stops: list[QWidget] = []
        for table in ("", *SECTIONS):
            if table:
                stops.append(self._sections[table].header)
            for field in (one for one in fields if one.rpartition(".")[0] == table):
                stops += self._rows[field][1].tab_stops()
        for before, after in pairwise((*stops, self._more)):
            self.setTabOrder(before, after)

    @staticmethod
    def _kind(field: str, info: FieldInfo | None) -> object:
        """What decides a field's editor; a selecting field keeps its own whatever it selects."""
        if info is None:
            return None
        table, _, name = field.rpartition(".")
        return "selector" if table in TABLES and name == _selector(table) else (str(info.annotation), info.title)

    def _make_row(self, field: str, name: str, table: str, info: FieldInfo) -> tuple[QLabel, Editor, QLabel]:
        choices = None
        if table in TABLES and name == _selector(table):
            choices = {value: variant.title for value, variant in TABLES[table].items()}
        editor = make_editor(info, choices)
        symbol = (info.json_schema_extra or {}).get("symbol", "")  # type: ignore[union-attr]
        label = QLabel(f"{info.title} {symbol}".strip())
        label.setBuddy(editor.inner)
        editor.inner.setAccessibleName(f"{SECTION_TITLES.get(table, '')} {info.title}".strip())
        editor.inner.setObjectName(field)
        tip = describe(info)
        for widget in (label, editor.inner):
            widget.setToolTip(tip)
            widget.setWhatsThis(tip)
        reason = QLabel()
        reason.setWordWrap(True)
        reason.setProperty("role", "bad")
        reason.hide()
        editor.setProperty("field", field)
        editor.edited.connect(self._take_edit)
        return label, editor, reason

    def _take_edit(self, value: Any) -> None:
        self._edit(self.sender().property("field"), value)

    def _mark(self) -> None:
        reasons = {problem.field: problem.message for problem in self.problems()}
        for field, (_, editor, reason) in self._rows.items():
            # A list's element is known to the form only by its list.
            message = next((text for wrong, text in reasons.items() if wrong == field or wrong.startswith(f"{field}.")), "")
            editor.mark(bool(message))
            reason.setText(message)
            reason.setVisible(bool(message))
            editor.inner.setAccessibleDescription(message)


def _selector(table: str) -> str:
    if table not in TABLES:
        return ""
    return next(iter(TABLES[table].values())).choice or ""
