"""One editor per kind of setting, made from the field's own metadata: title, unit, range, symbol and help."""

import tomllib
from collections.abc import Callable
from typing import Any, get_args, get_origin

import tomli_w
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QSpinBox, QWidget

from ..spec.fields import range_text
from .wheel import leave_wheel_to_page

LARGEST_SPIN = 2**31 - 1


class Editor(QWidget):
    """Edits one value.

    Signals:
        edited: The user changed it; the new value, which may still be wrong.
    """

    edited = Signal(object)

    def __init__(self, inner: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.inner = inner
        self.layout_ = QHBoxLayout(self)
        self.layout_.setContentsMargins(0, 0, 0, 0)
        self.layout_.setSpacing(4)
        self.layout_.addWidget(inner, 1)
        self.setFocusProxy(inner)
        leave_wheel_to_page(inner)

    def tab_stops(self) -> list[QWidget]:
        """What the Tab key stops at, in order."""
        return [self.inner]

    def set_value(self, value: Any) -> None:
        """Show a value without telling anybody."""
        self.inner.blockSignals(True)
        try:
            self._show(value)
        finally:
            self.inner.blockSignals(False)

    def mark(self, wrong: bool) -> None:
        """Frame the editor as wrong, or take the frame away."""
        if bool(self.inner.property("invalid")) != wrong:
            self.inner.setProperty("invalid", wrong)
            self.inner.style().unpolish(self.inner)
            self.inner.style().polish(self.inner)

    def _show(self, value: Any) -> None:
        raise TypeError(f"{type(self).__name__} shows nothing")


class WholeNumberEditor(Editor):
    """A spin box; its range is the field's."""

    def __init__(self, low: int, high: int) -> None:
        self._box = QSpinBox()
        self._box.setRange(max(low, -LARGEST_SPIN), min(high, LARGEST_SPIN))
        self._box.setGroupSeparatorShown(True)
        self._box.setAccelerated(True)
        self._box.setMinimumWidth(70)
        super().__init__(self._box)
        self._box.valueChanged.connect(self.edited.emit)

    def _show(self, value: Any) -> None:
        self._box.setValue(value if isinstance(value, int) else 0)


class TextEditor(Editor):
    """A line of text that stands for a value: a word, a number in any notation, or several of them between commas."""

    def __init__(self, read: Callable[[str], Any], write: Callable[[Any], str]) -> None:
        self._line = QLineEdit()
        self._line.setMinimumWidth(70)
        self._read, self._write = read, write
        super().__init__(self._line)
        self._line.textChanged.connect(self._take)

    def _take(self, text: str) -> None:
        self.edited.emit(self._read(text))

    def _show(self, value: Any) -> None:
        # Writing "0.40" back as "0.4" while somebody types would move the cursor under their hands.
        if self._read(self._line.text()) != value or not self._line.text():
            self._line.setText(self._write(value))
            self._line.setCursorPosition(0)


class PathEditor(TextEditor):
    """A path with a button that opens a chooser for a folder, or for files of one kind."""

    def __init__(self, opens: str) -> None:
        super().__init__(str, str)
        self._opens = opens
        what = "a folder" if opens == "folder" else "a file"
        self._line.setPlaceholderText(f"choose {what}")
        self._browse = QPushButton("…")
        self._browse.setToolTip(f"Choose {what}")
        self._browse.setAccessibleName(f"Choose {what}")
        self._browse.clicked.connect(self._choose)
        self.layout_.addWidget(self._browse)

    def tab_stops(self) -> list[QWidget]:
        """The path, then its button."""
        return [self.inner, self._browse]

    def _choose(self) -> None:
        if self._opens == "folder":
            path = QFileDialog.getExistingDirectory(self, "Folder of class folders", self._line.text())
        else:
            path, _ = QFileDialog.getOpenFileName(self, "Choose a file", self._line.text(), self._opens)
        if path:
            self._line.setText(path)


class ChoiceEditor(Editor):
    """One of several words."""

    def __init__(self, labels: dict[str, str]) -> None:
        self._box = QComboBox()
        self._box.setMinimumWidth(70)
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for value, label in labels.items():
            self._box.addItem(label, value)
        super().__init__(self._box)
        self._box.currentIndexChanged.connect(self._take)

    def _take(self, index: int) -> None:
        self.edited.emit(self._box.itemData(index))

    def _show(self, value: Any) -> None:
        self._box.setCurrentIndex(self._box.findData(value))


class SwitchEditor(Editor):
    """Yes or no."""

    def __init__(self) -> None:
        self._box = QCheckBox()
        super().__init__(self._box)
        self._box.toggled.connect(self.edited.emit)

    def _show(self, value: Any) -> None:
        self._box.setChecked(bool(value))


def make_editor(info: FieldInfo, choices: dict[str, str] | None = None) -> Editor:
    """The editor that fits a field.

    Args:
        info: pydantic's description of the field.
        choices: what a selecting field offers; its own annotation knows only itself.
    """
    annotation = info.annotation
    extra: dict[str, Any] = dict(info.json_schema_extra or {})  # type: ignore[arg-type]
    labels = dict(extra.get("labels", {}))
    if choices is not None:
        return ChoiceEditor(choices)
    if get_origin(annotation) is tuple:
        if get_origin(get_args(annotation)[0]) is tuple:
            return TextEditor(_read_table, _write_table)
        whole = str(get_args(annotation)[0]).find("int") >= 0
        return TextEditor(_read_numbers if whole else _read_words, _write_list)
    if labels or (get_args(annotation) and all(isinstance(value, str) for value in get_args(annotation))):
        return ChoiceEditor({value: labels.get(value, value) for value in get_args(annotation)})
    if annotation is bool:
        return SwitchEditor()
    if annotation is int:
        return WholeNumberEditor(*limits(info))
    if annotation is float:
        return TextEditor(_read_number, lambda value: f"{value:g}" if isinstance(value, float) else str(value))
    return PathEditor(extra["opens"]) if extra.get("opens") else TextEditor(str, str)


def limits(info: FieldInfo) -> tuple[int, int]:
    """Smallest and largest whole number that a field takes."""
    low, high = -LARGEST_SPIN, LARGEST_SPIN
    for item in info.metadata:
        match item:
            case Ge():
                low = int(item.ge)  # type: ignore[call-overload]
            case Gt():
                low = int(item.gt) + 1  # type: ignore[call-overload]
            case Le():
                high = int(item.le)  # type: ignore[call-overload]
            case Lt():
                high = int(item.lt) - 1  # type: ignore[call-overload]
    return low, high


def describe(info: FieldInfo) -> str:
    """The tooltip: what a field is, the paper's symbol, its unit and its range."""
    extra: dict[str, Any] = dict(info.json_schema_extra or {})  # type: ignore[arg-type]
    facts = [f"in papers {extra['symbol']}"] if extra.get("symbol") else []
    facts += [fact for fact in (extra.get("unit"), range_text(info)) if fact]
    return (info.description or "") + (f"\n({', '.join(facts)})" if facts else "")


def _read_number(text: str) -> Any:
    try:
        return float(text.replace("−", "-"))
    except ValueError:
        return text


def _read_numbers(text: str) -> tuple[Any, ...]:
    return tuple(map(_read_whole, _read_words(text)))


def _read_whole(word: str) -> Any:
    try:
        return int(word.replace("−", "-"))
    except ValueError:
        return word


def _read_words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _write_list(value: Any) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else str(value)


def _read_table(text: str) -> Any:
    """``hidden = 64, cell = "gru"`` as a table; what is none stays as it is, for the settings to refuse."""
    try:
        return tomllib.loads(f"table = {{ {text} }}")["table"]
    except tomllib.TOMLDecodeError:
        return text


def _write_table(value: Any) -> str:
    if not isinstance(value, dict | tuple | list):
        return str(value)
    return ", ".join(" ".join(line.strip() for line in tomli_w.dumps({key: entry}).splitlines()) for key, entry in dict(value).items())
