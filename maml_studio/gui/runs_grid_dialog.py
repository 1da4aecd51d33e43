"""A grid of experiments for the queue: which settings take which values, and what comes of it."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QIcon, QKeyEvent
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QHBoxLayout, QLabel, QListWidget, QPlainTextEdit, QVBoxLayout, QWidget

from ..spec import Experiment, SpecError
from ..spec.differences import flat
from ..spec.grid import MOST, grid, parse_axes

EXAMPLE = "algorithm.inner_lr = 0.1, 0.4\nseed = 0, 1, 2"


class GridDialog(QDialog):
    """Lets the user write a grid, one setting a line, and shows which runs it makes.

    Args:
        experiment: what all of them begin with.
        parent: the window.
    """

    def __init__(self, experiment: Experiment, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Add a grid to the queue")
        self.resize(560, 460)
        self._base = experiment
        self._experiments: list[Experiment] = []
        self.fields = QComboBox()
        self.fields.setAccessibleName("Setting to vary")
        self.fields.setToolTip("Adds a line for this setting, with its present value to begin with")
        self.fields.addItem("Add a setting…", "")
        for field, value in flat(experiment).items():
            if field != "name":
                self.fields.addItem(field, _toml(value))
        # Typed letters look for a field in the open list; in a closed box they would add the first one that begins so.
        self.fields.installEventFilter(self)
        self.fields.activated.connect(self._add_field)
        self.text = QPlainTextEdit()
        self.text.setPlaceholderText(EXAMPLE)
        self.text.setAccessibleName("Grid, one setting a line")
        self.text.setTabChangesFocus(True)
        self.text.textChanged.connect(self._refresh)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.preview = QListWidget()
        self.preview.setAccessibleName("Runs of this grid")
        self.preview.setUniformItemSizes(True)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        for button in self.buttons.buttons():
            button.setIcon(QIcon())  # Fusion's own are in colours of its own
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._build()
        self._refresh()

    def _build(self) -> None:
        explained = QLabel(
            f"Every combination becomes a run, all else as in “{self._base.name}”. One setting a line, its values with commas between them."
        )
        explained.setWordWrap(True)
        head = QHBoxLayout()
        head.addWidget(QLabel("Vary"))
        head.addWidget(self.fields, 1)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addWidget(explained)
        layout.addLayout(head)
        layout.addWidget(self.text, 2)
        layout.addWidget(self.message)
        layout.addWidget(self.preview, 3)
        layout.addWidget(self.buttons)

    def experiments(self) -> list[Experiment]:
        """The experiments of the grid; none while it can't be read."""
        return self._experiments

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Open the list at the first letter or arrow, so that only Enter or a click adds a field."""
        if watched is self.fields and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            walks = event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_PageDown, Qt.Key.Key_PageUp, Qt.Key.Key_Home, Qt.Key.Key_End)
            if walks or (event.text().isprintable() and event.text().strip()):
                self.fields.showPopup()
                if not walks:
                    self.fields.view().keyboardSearch(event.text())
                return True
        return super().eventFilter(watched, event)

    def _add_field(self, index: int) -> None:
        field, value = self.fields.itemText(index), self.fields.itemData(index)
        self.fields.setCurrentIndex(0)
        if index > 0:
            text = self.text.toPlainText().rstrip()
            self.text.setPlainText(f"{text}\n{field} = {value}".lstrip())
            self.text.setFocus()
            self.text.moveCursor(self.text.textCursor().MoveOperation.End)

    def _refresh(self) -> None:
        role, problem = "muted", ""
        self._experiments = []
        try:
            axes = parse_axes(self.text.toPlainText().splitlines())
            self._experiments = grid(self._base, axes) if axes else []
        except SpecError as error:
            role, problem = "bad", str(error)
        count = len(self._experiments)
        self.message.setText(problem or (f"{count} of at most {MOST} runs" if count else "Nothing varies yet."))
        self.message.setProperty("role", role)
        self.message.style().unpolish(self.message)
        self.message.style().polish(self.message)
        self.preview.clear()
        self.preview.addItems([one.name for one in self._experiments])
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(count > 0)
        ok.setText(f"Add {count} run{'' if count == 1 else 's'}" if count else "Add")


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"' if not value or set(value) & set(",\"'= ") else value
        case tuple() | list():
            return "[" + ", ".join(_toml(one) for one in value) + "]"
        case dict():
            return "{" + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + "}"
    return str(value)
