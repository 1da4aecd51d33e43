"""What is known of the chosen run, and where its tags and notes are written."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from ..files import set_aside
from ..spec import SpecError, load
from ..spec.differences import Difference, from_nearest_preset
from ..training.run_about import ABOUT, About, AboutError, clean_tags, read_about, write_about
from ..training.run_index import EXPERIMENT, RunSummary
from . import theme
from .cards import scrolling
from .runs_model import CUT_OFF, ROLES, time_words

SAVE_MS = 600
"""Words are saved when nobody has typed for so long."""
NOTHING = "Choose a run to see how it differs from its preset, and to write down what you think of it."


class RunDetails(QWidget):
    """Shows one run, or says how many are chosen.

    Signals:
        changed: Tags or notes of this run were saved.
        failed: They could not be, in a sentence.
        mended: Tags and notes that could not be read are out of the way, as a sentence says, and new ones can be written.
    """

    changed = Signal(object)
    failed = Signal(str)
    mended = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._run: RunSummary | None = None
        self._differences: dict[tuple[Path, int], str] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MS)
        self._timer.timeout.connect(self.save)
        self.title = _words("heading")
        self.facts = _words()
        self.problem = _words("bad")
        self.aside_button = QPushButton("Begin anew")
        self.aside_button.setToolTip("Keep the file that can't be read under another name, and begin with empty tags and notes")
        self.aside_button.clicked.connect(self.set_aside)
        self.settings = _words()
        self.settings.setTextFormat(Qt.TextFormat.RichText)
        self.tags = QLineEdit()
        self.tags.setPlaceholderText("paper, baseline")
        self.tags.setToolTip("Short words to find the run by, with commas between them; saved as you type")
        self.notes = QPlainTextEdit()
        self.notes.setPlaceholderText("What did you try, and what came of it?")
        self.notes.setToolTip("Notes, kept in the run's folder; saved as you type")
        self.notes.setTabChangesFocus(True)
        self.notes.setMinimumHeight(70)
        for label, field in ((QLabel("&Tags"), self.tags), (QLabel("&Notes"), self.notes)):
            label.setBuddy(field)
            field.setAccessibleName(label.text().replace("&", ""))
        self._build()
        self.tags.textEdited.connect(self._timer.start)
        self.notes.textChanged.connect(self._typed)
        theme.manager().changed.connect(self._refresh)
        self.show_runs([])

    def _build(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(8)
        for widget in (self.title, self.facts, self.problem):
            column.addWidget(widget)
        column.addWidget(self.aside_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.settings)
        column.addStretch(1)
        self.editor = QWidget()
        fields = QVBoxLayout(self.editor)
        fields.setContentsMargins(0, 0, 0, 0)
        fields.setSpacing(4)
        for text, field in (("&Tags", self.tags), ("&Notes", self.notes)):
            label = QLabel(text)
            label.setBuddy(field)
            fields.addWidget(label)
            fields.addWidget(field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(scrolling(inside), 3)
        layout.addWidget(self.editor, 2)

    @property
    def run(self) -> RunSummary | None:
        """The run on show; None where none or several are chosen."""
        return self._run

    def show_runs(self, runs: Sequence[RunSummary]) -> None:
        """Show the chosen run; of several only how many they are."""
        run = runs[0] if len(runs) == 1 else None
        same = run is not None and self._run is not None and run.folder == self._run.folder
        if not same:
            self.save()
        self._run = run
        self.editor.setVisible(run is not None)
        self._refresh()
        self.title.setVisible(bool(runs))
        if run is None:
            self.title.setText(f"{len(runs):,} runs")
            self.facts.setText("Star, tag, compare or delete them all." if runs else NOTHING)
            return
        self.editor.setEnabled(not _unreadable(run))
        if same:
            return  # what is being typed is newer than what was read
        self.tags.setText(", ".join(run.tags))
        self.notes.blockSignals(True)
        self.notes.setPlainText(run.notes)
        self.notes.blockSignals(False)

    def save(self) -> None:
        """Save what was typed, if anything was."""
        self._timer.stop()
        run = self._run
        if run is None or not self.editor.isEnabled():
            return
        tags, notes = clean_tags(self.tags.text().split(",")), self.notes.toPlainText()
        if (tags, notes) == (run.tags, run.notes):
            return
        changed = change_about(run, tags=tags, notes=notes)
        if isinstance(changed, str):
            self.failed.emit(changed)
            return
        self._run = changed
        self.changed.emit(changed)

    def set_aside(self) -> None:
        """Put tags and notes that can't be read out of the way."""
        run = self._run
        if run is None:
            return
        try:
            place = set_aside(run.folder / ABOUT)
        except OSError as error:
            self.failed.emit(f"{run.folder / ABOUT} can't be renamed: {error.strerror or error}")
        else:
            self.mended.emit(f"The old tags and notes are kept as {place}.")

    def _typed(self) -> None:
        self._timer.start()

    def _refresh(self) -> None:
        run = self._run
        for widget in (self.problem, self.aside_button, self.settings):
            widget.setVisible(False)
        if run is None:
            return
        self.title.setText(run.title)
        self.facts.setTextFormat(Qt.TextFormat.RichText)
        self.facts.setText(_facts(run))
        if run.problem:
            self.problem.setText(run.problem)
            self.problem.setVisible(True)
            self.aside_button.setVisible(_unreadable(run))
        self.settings.setText(self._settings_of(run))
        self.settings.setVisible(True)

    def _settings_of(self, run: RunSummary) -> str:
        path = run.folder / EXPERIMENT
        try:
            key = (run.folder, path.stat().st_mtime_ns)
            if key not in self._differences:
                self._differences = {key: _table(*from_nearest_preset(load(path)))}
        except (SpecError, OSError) as error:
            return f"<p>{html.escape(str(error))}</p>" if not run.problem else ""
        return self._differences[key]


def _unreadable(run: RunSummary) -> bool:
    """Whether it is the user's words about it that can't be read."""
    return run.problem.startswith(f"{run.folder / ABOUT}: ")


def change_about(run: RunSummary, **changes: object) -> RunSummary | str:
    """Write a user's words about a run; the run with them, or a sentence that says why not."""
    try:
        about: About = replace(read_about(run.folder), **changes)
        write_about(run.folder, about)
    except AboutError as error:
        return str(error)
    except OSError as error:
        return f"{run.folder.name}: its words can't be saved: {error.strerror or error}"
    return run.with_about(about)


def _facts(run: RunSummary) -> str:
    colours = theme.current()
    lines = [f"{run.algorithm_title} · {run.source_title} · {run.task}"]
    done = f"{run.iteration:,}" if run.status == "finished" else f"{run.iteration:,} of {run.iterations:,}"
    lines.append(f"{done} iterations, {time_words(run.seconds)} · {run.created:%Y-%m-%d %H:%M}")
    escaped = [html.escape(line) for line in lines]
    if run.best:
        what = "" if run.best.metric == "accuracy" else "squared error "
        escaped.append(f"<b>{what}{html.escape(run.best.text())}</b> {html.escape(run.best.conditions())}")
    message = run.message or (CUT_OFF if run.status == "cut off" else "")
    status = f'<span style="color:{getattr(colours, ROLES[run.status])}">{run.status}</span>'
    escaped.append(status + (f": {html.escape(message)}" if message else ""))
    return "<br>".join(escaped)


def _table(preset: str, found: Sequence[Difference]) -> str:
    if not found:
        return f"<p>Settings: those of the preset <b>{html.escape(preset)}</b>.</p>"
    rows = "".join(
        f'<tr><td style="padding-right:10px">{html.escape(one.title)}</td>'
        f'<td style="padding-right:10px"><b>{html.escape(_value(one.value))}</b></td><td>{html.escape(_value(one.usual))}</td></tr>'
        for one in found
    )
    head = '<tr><td></td><td style="padding-right:10px">here</td><td>there</td></tr>'
    return f"<p>Differs from the preset <b>{html.escape(preset)}</b> in</p><table>{head}{rows}</table>"


def _value(value: object) -> str:
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
        case tuple() | list():
            return ", ".join(map(str, value)) or "none"
        case "":
            return "none"
    text = str(value)
    return text if len(text) <= 60 else f"…{text[-58:]}"


def _words(role: str = "") -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    if role:
        label.setProperty("role", role)
    return label
