"""The Draw page: show the model a few drawings per class, then watch it name the next one."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ...drawings import DrawnTask
from ..adapt_worker import DrawResult
from ..canvas import DrawingCanvas
from ..class_row import ClassRow
from ..draw_actions import ABOUT_CLASSES, DrawActions
from ..draw_commands import ClassCommands
from ..draw_document import MAX_CLASSES, MIN_CLASSES, DrawDocument
from ..draw_files import DrawFiles
from ..draw_fill import Filler
from ..draw_keeper import DrawKeeper
from ..draw_layout import DrawLayout
from ..draw_own_code import OwnCodeQuestions
from ..draw_session import DrawSession
from ..draw_test_mode import TestMode
from ..draw_words import missing, model_note, norm, too_many
from ..settings import Memory


class DrawPage(QWidget):
    """Rows of class drawings, a query canvas, probabilities, and a slider through the inner loop.

    Signals:
        export_wanted: The adapted model (an ``api.Adapted``) should be exported as it is after an inner step: both in a tuple.
        data_source_wanted: A file of drawings that training should take its tasks from.
        said: A sentence in passing.
        settled: A request was answered.
        changed: Other buttons can be pressed.
        shown_or_hidden: The page was turned to, or away from.
    """

    export_wanted = Signal(object)
    data_source_wanted = Signal(object)
    said = Signal(str)
    settled = Signal()
    changed = Signal()
    shown_or_hidden = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._run: Path | None = None
        self._judging = False
        self._before_query: QWidget | None = None
        self.document = DrawDocument(self)
        self.test_mode = TestMode(self)
        self.files = DrawFiles(self.document, self, self._settings)
        self.keeper = DrawKeeper(self.document, self.files, self)
        self.filler = Filler(self.document, self)
        self.parts = DrawLayout(self.document, self.test_mode)
        self.session = DrawSession(self.document, self.parts.models, self.parts.compare, self._saliency_step, self)
        workers = [self.session.worker, *(place.worker for place in self.parts.compare.places)]
        self.own_code = OwnCodeQuestions(self, workers)
        self.commands = ClassCommands(self, self.document, self.parts.rows, self.filler, self._canvas_in_focus)
        self.actions_by_name = DrawActions(self, self._slots())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.parts)
        self._name_parts()
        self._connect()
        self._arranged()
        self._show_file()
        self._refresh()

    def _name_parts(self) -> None:
        parts = self.parts
        self.models, self.shots, self.walk, self.bars = parts.models, parts.shots, parts.walk, parts.bars
        self.query, self.compare, self.panel = parts.query.canvas, parts.compare, parts.rows
        for name, button in parts.buttons.items():
            button.clicked.connect(self.actions_by_name[name].trigger)
            self.actions_by_name.explain(button, name)
        self.export_button, self.clear_button = parts.buttons["export"], parts.buttons["clear_all"]

    def _connect(self) -> None:
        parts, document = self.parts, self.document
        document.arranged.connect(self._arranged)
        document.stack.indexChanged.connect(self._refresh_buttons)
        self.models.chosen.connect(self.own_code.forget)
        self.own_code.allowed.connect(self.session.ask)
        self.shown_or_hidden.connect(self.own_code.ask)
        self.session.asked.connect(self._asked)
        self.session.answered.connect(self._take)
        self.session.met.connect(self._meet)
        self.shots.valueChanged.connect(document.set_shots)
        self.compare.changed.connect(self._refresh_buttons)
        self.walk.step_changed.connect(self._step_changed)
        self.panel.wanted.connect(self.commands.do)
        self.panel.dropped.connect(self.filler.take_mime)
        self.panel.note.other_model_wanted.connect(self._choose_other_model)
        self.filler.said.connect(self.panel.say)
        self.keeper.said.connect(self.panel.say)
        self.keeper.said.connect(self.said)
        parts.query.judge_wanted.connect(self._judge)
        parts.query.test_wanted.connect(self.start_or_end_test)
        parts.query.saliency_wanted.connect(self.session.ask)
        self.test_mode.changed.connect(self._refresh_buttons)
        self.files.changed.connect(self._show_file)
        self.files.opened.connect(self._opened)
        self.files.said.connect(self.said)
        self.files.data_source_wanted.connect(self.data_source_wanted)

    def _slots(self) -> dict[str, object]:
        files = self.files
        slots: dict[str, object] = {
            "new": files.new,
            "open": files.ask_open,
            "save": files.save,
            "save_as": files.save_as,
            "folders": files.ask_export_folders,
            "data_source": files.use_as_data_source,
            "undo": self.document.undo,
            "redo": self.document.redo,
            "clear_all": self.document.clear_all,
            "add": lambda: self.commands.do(0, "add"),
            "open_checkpoint": self.parts.models.open,
            "compare": self.parts.compare_button.showMenu,
            "go_query": self.go_to_query,
            "play": self.parts.walk.play_or_hold,
            "saliency": self.parts.query.saliency_button.toggle,
            "test": self.start_or_end_test,
            "export": self.export,
        }
        return slots | {name: lambda _=False, name=name: self.commands.do(self.panel.current(), name) for name in ABOUT_CLASSES}

    def keep_in(self, memory: Memory) -> None:
        """Bring back what was drawn, and keep there what is drawn from now on, and what the user allows."""
        self.own_code.begin(memory)
        self.keeper.begin(memory)

    # Models

    def set_run(self, folder: Path, *, choose: bool = True) -> None:
        """A checkpoint of the current run was saved: offer the run, or look at its model again."""
        if folder != self._run:
            self._run = folder
            self.models.offer(folder, choose=choose)
        elif self.session.follows(folder):
            self.session.ask()

    def offer_runs(self, folders: list[Path]) -> None:
        """Offer the models of earlier runs, the newest first, and begin with that; without any, with the model in the box."""
        for folder in reversed(folders):
            self.models.offer(folder, choose=folder == folders[0])
        if not folders:
            self.session.ask()

    def _choose_other_model(self) -> None:
        self.models.setFocus()
        self.models.showPopup()

    # What is drawn

    @property
    def rows(self) -> list[ClassRow]:
        """The classes on show."""
        return self.panel.rows

    @property
    def adapted(self) -> object:
        """The model adapted to the drawings, once every class has its own."""
        return self.session.result.adapted if self.session.result else None

    def class_names(self) -> tuple[str, ...]:
        """The classes' names, made different where two were given the same."""
        return self.document.names

    def drawn(self) -> DrawnTask:
        """All drawings, for keeping."""
        return self.files.task()

    def _canvas_in_focus(self) -> DrawingCanvas | None:
        focus = self.window().focusWidget()
        return focus if isinstance(focus, DrawingCanvas) and self.isAncestorOf(focus) else None

    def go_to_query(self) -> None:
        """Let the keys draw the query; from there, go back to where they were."""
        focus = self.window().focusWidget()
        if focus is self.query:
            (self._before_query or self.rows[0].name_edit).setFocus()
            return
        self._before_query = focus if focus is not None and self.isAncestorOf(focus) else None
        if self._before_query is not None:
            self._before_query.destroyed.connect(self._forget_focus)
        self.query.setFocus()

    def _forget_focus(self, gone: QObject) -> None:
        self._before_query = None

    # What the model says

    def _arranged(self) -> None:
        self.shots.blockSignals(True)
        self.shots.setValue(self.document.shots)
        self.shots.blockSignals(False)
        self.query.set_sketch(self.document.query)

    def _saliency_step(self) -> int | None:
        return self.walk.step if self.parts.query.saliency_button.isChecked() else None

    def _step_changed(self, step: int) -> None:
        if self._saliency_step() is not None:
            self.session.ask()
        self._refresh()

    def _asked(self) -> None:
        if self.session.result is None:
            self._refresh()
        else:
            self._refresh_buttons()

    def _take(self) -> None:
        self._refresh()
        if self.bars.top and not self.query.sketch.drawing:
            self.bars.announce()
        if self.session.message:
            self._judging = False
        if self._judging:
            self._judge()
        self.settled.emit()

    def _meet(self) -> None:
        result = self.session.result
        if result is not None:
            self.walk.set_steps(result.steps, result.trained.experiment.evaluation.inner_steps)

    # Showing it

    def _refresh(self) -> None:
        result = self.session.result
        self._refresh_buttons()
        self.parts.model_note.set_text(model_note(result.trained, self.session.model.place) if result and self.session.model else "")
        self._show_most()
        adapted = result.adapted if result else None
        if result is None or adapted is None:
            self.walk.clear()
            self.panel.show_scores(None, len(self.rows))
            self.query.set_heat(None)
            self.parts.query.explain("")
            self.bars.show_message(self.session.message or missing(result, self.document, model=self.models.ref() is not None))
            self._show_headline()
            return
        self.walk.limit(adapted.steps)
        step = self.walk.step
        # Next to a model without an inner loop the others show what they come to.
        self.compare.show_step(step if adapted.steps else result.steps)
        self.walk.show_losses(adapted.support_losses, norm(result.trained))
        self.walk.show_query(adapted.classes, result.probabilities)
        self.panel.show_scores(result.support[step] if result.support is not None else None, result.used)
        if result.probabilities is None:
            self.bars.show_message("Now draw one of your classes on the large canvas.")
        else:
            self.bars.show_probabilities(adapted.classes, tuple(float(p) for p in result.probabilities[step]))
        self._show_headline()
        self._show_saliency(result)

    def _show_headline(self) -> None:
        top = self.bars.top
        self.parts.headline.set_text(f"{top}  {100 * self.bars.probabilities[top]:.0f} %" if top else "")
        self.parts.headline.setVisible(bool(top))

    def _show_saliency(self, result: DrawResult) -> None:
        on = self.parts.query.saliency_button.isChecked() and result.saliency is not None
        self.query.set_heat(result.saliency if on else None)
        self.parts.query.explain(self.bars.top if on else "")

    def _show_most(self) -> None:
        trained = self.session.result.trained if self.session.result else None
        words = too_many(trained, len(self.document.classes)) if trained else ""
        self.panel.set_most(trained.most_classes if trained and words else None, words)

    def _refresh_buttons(self) -> None:
        """Let be pressed what can be done now."""
        self.parts.query.refresh()
        possible = self.possible()
        self.actions_by_name.refresh(possible)
        for name, button in self.parts.buttons.items():
            button.setEnabled(possible.get(name, True))
        stack = self.document.stack
        for name, text in (("undo", stack.undoText()), ("redo", stack.redoText())):
            self.actions_by_name.explain(self.parts.buttons[name], name, text)
        self.actions_by_name["saliency"].setChecked(self.parts.query.saliency_button.isChecked())
        self.actions_by_name["test"].setChecked(self.test_mode.active)
        self.changed.emit()

    def possible(self) -> dict[str, bool]:
        """Which actions mean something now; those that are not named always do."""
        document = self.document
        current = self.panel.current()
        index = next((i for i, one in enumerate(document.classes) if one.uid == current), 0)
        return {
            "undo": document.can_undo(),
            "redo": document.stack.canRedo(),
            "recent": bool(self.files.recent),
            "clear_all": not document.is_empty(),
            "folders": any(document.examples(one) for one in document.classes),
            "data_source": any(document.examples(one) for one in document.classes),
            "add": len(document.classes) < MAX_CLASSES,
            "duplicate": len(document.classes) < MAX_CLASSES,
            "delete": len(document.classes) > MIN_CLASSES,
            "up": index > 0,
            "down": index < len(document.classes) - 1,
            "play": self.adapted is not None,
            "test": self.adapted is not None or self.test_mode.active,
            "export": self.adapted is not None,
            "compare": self.models.ref() is not None,
        }

    def _show_file(self) -> None:
        self.parts.file_label.set_text(self.files.title)
        recent = [(path.name, lambda _=False, path=path: self.files.open(path)) for path in self.files.recent]
        self.actions_by_name.show_recent(recent)
        self._refresh_buttons()

    def _opened(self) -> None:
        self.test_mode.stop()
        self.panel.say("")

    # Testing

    def start_or_end_test(self) -> None:
        """Name a class for the user to draw; or end that."""
        self._judging = False
        if self.test_mode.active or self.session.result is None or self.session.result.adapted is None:
            self.test_mode.stop()
        else:
            self.test_mode.start(self.session.result.adapted.classes)
            self.query.set_old(True)
            self.query.setFocus()

    def _judge(self) -> None:
        """Count the drawing, as soon as the model has answered to it as it is now."""
        result = self.session.result
        if not self.test_mode.active or self.query.is_empty():
            self._judging = False
        elif result is None or result.adapted is None or not self.bars.top or not self.session.current:
            self._judging = True
        else:
            self._judging = False
            said, names = self.bars.top, result.adapted.classes
            self.test_mode.answer(said, (self.session.model, self.document.version, self.walk.step))
            self.test_mode.start(names)
            self.query.set_old(True)

    # Ends

    def export(self) -> None:
        """Ask for the model as it is now to be exported."""
        if self.adapted is not None:
            self.export_wanted.emit((self.adapted, self.walk.step))

    def end(self) -> None:
        """End the threads."""
        self.walk.stop()
        self.parts.query.end()
        self.filler.end()
        self.session.end()
        self.keeper.end()

    def _settings(self) -> tuple[str, int | None]:
        model = self.models.ref()
        return (self.models.title(model.place)[:200] if model else "", self.walk.slider.maximum() or None)

    def showEvent(self, event: QShowEvent) -> None:
        """Let the commands be given."""
        super().showEvent(event)
        self._turn()

    def hideEvent(self, event: QHideEvent) -> None:
        """Let them not be given."""
        super().hideEvent(event)
        self._turn()

    def _turn(self) -> None:
        # Whoever has the same keys gives them up before they are taken, and takes them after they were given up.
        if self.isVisible():
            self.shown_or_hidden.emit()
            self.actions_by_name.refresh(self.possible())
        else:
            self.actions_by_name.refresh({})
            self.shown_or_hidden.emit()
