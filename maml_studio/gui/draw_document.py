"""What is on the Draw page: classes, their drawings, the query; every action of the page can be undone.

There is one history, in the order in which things were done. Drawings are `Sketch` objects; each stroke is a step of that
history, and so is each action of the page, which only arranges the sketches: it changes one immutable `Arrangement` for
another. So an undone action gives back the very sketches that were there, and redo goes through what was drawn on them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from ..drawings import MAX_NAME, DrawnClass, DrawnTask, Example
from ..strokes import Frame
from .draw_arrangement import Arrangement, ClassState, Rearrange, worth_keeping
from .sketch import UNDO_STEPS, Redraw, Sketch

MIN_CLASSES, MAX_CLASSES, MAX_SHOTS = 2, 20, 10
_FIRST_CLASSES = 3


class DrawDocument(QObject):
    """The drawn task that the page shows.

    Signals:
        arranged: Classes, names, shots or sketches are others: what shows them looks again.
        changed: What a model learns from is another.
        query_changed: The query is another, or grows.
        modified_changed: It may differ from the file, or agree with it again.
        travelled: Undo or redo changed a drawing: that sketch.
    """

    arranged = Signal()
    changed = Signal()
    query_changed = Signal()
    modified_changed = Signal()
    travelled = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(UNDO_STEPS)
        self.title = ""
        """What its file says that it is; kept as it is."""
        self.path: Path | None = None
        """Its file; None where it has none yet."""
        self._begun = 0  # how many steps there were when it was begun
        self.version = 0
        """Another one after every change of what a model learns from."""
        self._frame = Frame()
        self._uids = 0
        self._now = Arrangement(1, tuple(self._class("", 1) for _ in range(_FIRST_CLASSES)), self._query())
        self._saved = self._state()

    # What is there

    @property
    def classes(self) -> tuple[ClassState, ...]:
        """The classes in their order."""
        return self._now.classes

    @property
    def shots(self) -> int:
        """Drawings per class on show."""
        return self._now.shots

    @property
    def query(self) -> Sketch:
        """What is to be named."""
        return self._now.query

    @property
    def frame(self) -> Frame:
        """Where drawings are placed."""
        return self._frame

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each class, each different."""
        return DrawnTask(tuple(DrawnClass(one.name) for one in self.classes)).names

    @property
    def modified(self) -> bool:
        """Whether it is another than what was last saved, opened or begun."""
        return self._state() != self._saved

    @property
    def blank(self) -> bool:
        """Whether nobody has done anything to it yet."""
        return self.stack.index() == self.stack.count() == self._begun and not any(map(any, self._state()[1:3])) and self.query.is_empty()

    def examples(self, one: ClassState) -> tuple[Example, ...]:
        """The drawings of a class that are on show and not empty."""
        return tuple(sketch.example for sketch in one.sketches[: self.shots] if not sketch.is_empty())

    def find(self, uid: int) -> ClassState | None:
        """The class of that uid, if it is still there."""
        return next((one for one in self.classes if one.uid == uid), None)

    def task(self, model: str = "", steps: int | None = None) -> DrawnTask:
        """All drawings, those out of sight included, as a document to keep."""
        classes = tuple(DrawnClass(one.name, tuple(sketch.example for sketch in worth_keeping(one, self.shots))) for one in self.classes)
        return DrawnTask(classes, self.query.example, self.shots, model, steps, self.title)

    def _state(self) -> tuple[object, tuple[str, ...], tuple[tuple[Example, ...], ...], Example]:
        drawn = tuple(tuple(sketch.example for sketch in worth_keeping(one, 0)) for one in self.classes)
        return (self.shots, len(drawn)), tuple(one.name for one in self.classes), drawn, self.query.example

    # Beginning anew

    def begin(self, classes: int, shots: int, names: Sequence[str] = (), *, undoable: bool = False) -> None:
        """Begin with empty classes; right after such a step this is part of it.

        Args:
            classes: how many.
            shots: drawings per class.
            names: of the first ones.
            undoable: whether it is a step of the history, as whatever comes after a step is; otherwise the history begins there.
        """
        names = (*names, *("" for _ in range(classes)))[:classes]
        task = DrawnTask(tuple(DrawnClass(name) for name in names), shots=shots)
        if undoable or self.stack.count():
            self.replace("new drawing", task, None, key="begin")
            self._begun = self.stack.index()
        else:
            self.set_task(task)

    def replace(self, text: str, task: DrawnTask, path: Path | None, *, key: object = None) -> None:
        """Show another drawing in place of this one; undo brings this one back, and whose file it is.

        Args:
            text: what the step is called.
            task: at most `MAX_CLASSES` classes, as in its file.
            path: its file.
            key: steps with the same one that follow each other are one.
        """
        for sketch in self._growing():
            sketch.lift()
        before, after = self._now, self._arrangement(task)
        # What belongs to the drawing that is not on show; a drawing may have been saved since.
        other = (task.title, path, None)

        def show(arrangement: Arrangement) -> None:
            nonlocal other
            mine = (self.title, self.path, self._saved)
            self.title, self.path, saved = other
            other = mine
            self._show(arrangement)
            self._saved = self._state() if saved is None else saved
            self.modified_changed.emit()

        self.stack.push(Rearrange(show, text, before, after, key))

    def set_task(self, task: DrawnTask, *, saved: bool = True) -> None:
        """Show what was kept in a file; the history begins there.

        Args:
            task: at most `MAX_CLASSES` classes.
            saved: whether it is the same as in the user's file.
        """
        self.stack.clear()
        self._begun = 0
        self.title = task.title
        self._show(self._arrangement(task))
        if saved:
            self.mark_saved()

    def _arrangement(self, task: DrawnTask) -> Arrangement:
        shots = min(task.shots, MAX_SHOTS)
        classes = [self._class(one.name, shots, one.examples) for one in task.classes[:MAX_CLASSES]]
        while len(classes) < MIN_CLASSES:
            classes.append(self._class("", shots))
        return Arrangement(shots, tuple(classes), self._query(task.query))

    def mark_saved(self) -> None:
        """It is now as in its file."""
        self._saved = self._state()
        self.modified_changed.emit()

    def mark_unsaved(self) -> None:
        """It is not as in its file."""
        self._saved = ((0, 0), (), (), Example())
        self.modified_changed.emit()

    def set_frame(self, frame: Frame) -> None:
        """Place drawings as a model's training images were."""
        self._frame = frame
        for sketch in self._sketches(self._now):
            sketch.set_frame(frame)

    # The way back and forth

    def can_undo(self) -> bool:
        """Whether there is a step back, or a stroke that grows."""
        return self.stack.canUndo() or bool(self._growing())

    def undo(self) -> None:
        """Take back what was done last; in the middle of a stroke, drop that stroke."""
        growing = self._growing()
        for sketch in growing:
            sketch.drop()
        if not growing and self.stack.canUndo():
            step = self.stack.command(self.stack.index() - 1)
            self.stack.undo()
            self._tell(step)

    def redo(self) -> None:
        """Do again what undo took back."""
        if not self._growing() and self.stack.canRedo():
            step = self.stack.command(self.stack.index())
            self.stack.redo()
            self._tell(step)

    def _tell(self, step: object) -> None:
        if isinstance(step, Redraw):
            self.travelled.emit(step.sketch)

    def _growing(self) -> list[Sketch]:
        return [sketch for sketch in self._sketches(self._now) if sketch.drawing]

    # Actions, each one step of undo

    def add_class(self, name: str = "", examples: Sequence[Example] = ()) -> int | None:
        """Add a class at the end; gives its uid, or None where there is no room for more."""
        if len(self.classes) >= MAX_CLASSES:
            return None
        new = self._class(name, self.shots, examples)
        self._do("add class", classes=(*self.classes, new))
        return new.uid

    def duplicate(self, uid: int) -> int | None:
        """Add a copy of a class below it; gives its uid."""
        index = self._index(uid)
        if index is None or len(self.classes) >= MAX_CLASSES:
            return None
        old = self.classes[index]
        new = self._class(f"{self.names[index][: MAX_NAME - 5]} copy", self.shots, [sketch.example for sketch in old.sketches])
        self._do(f"duplicate {self.names[index]}", classes=(*self.classes[: index + 1], new, *self.classes[index + 1 :]))
        return new.uid

    def move(self, uid: int, by: int) -> None:
        """Move a class down, or up where ``by`` is negative; it stops at the ends."""
        index = self._index(uid)
        if index is None:
            return
        place = min(max(index + by, 0), len(self.classes) - 1)
        if place != index:
            order = list(self.classes)
            order.insert(place, order.pop(index))
            self._do(f"move {self.names[index]}", classes=tuple(order))

    def delete(self, uid: int) -> None:
        """Take a class out; two stay."""
        index = self._index(uid)
        if index is not None and len(self.classes) > MIN_CLASSES:
            self._do(f"delete {self.names[index]}", classes=self.classes[:index] + self.classes[index + 1 :])

    def rename(self, uid: int, name: str) -> None:
        """Call a class something else; typing on is the same step of undo."""
        index = self._index(uid)
        if index is not None and self.classes[index].name != name:
            self._change(uid, f"rename {self.names[index]}", lambda one: replace(one, name=name), key=("name", uid))

    def set_shots(self, shots: int) -> None:
        """Show that many drawings per class; those out of sight stay."""
        if shots != self.shots:
            classes = tuple(replace(one, sketches=self._filled_up(one.sketches, shots)) for one in self.classes)
            self._do("change the shots", key="shots", shots=shots, classes=classes)

    def fill(self, uid: int, examples: Mapping[int, Example], name: str = "") -> None:
        """Put examples on canvases of a class in place of what is there, showing more where they need it.

        Args:
            uid: which class.
            examples: by the canvas's number, from 0.
            name: what the class is called if it has no name yet.
        """
        index = self._index(uid)
        if index is None or not examples:
            return
        shots = max(self.shots, *(cell + 1 for cell in examples))

        def change(one: ClassState) -> ClassState:
            sketches = list(self._filled_up(one.sketches, shots))
            for cell, example in examples.items():
                sketches[cell] = self._sketch(example)
            return replace(one, name=one.name or name, sketches=tuple(sketches))

        classes = tuple(replace(one, sketches=self._filled_up(one.sketches, shots)) for one in self.classes)
        classes = (*classes[:index], change(classes[index]), *classes[index + 1 :])
        self._do(f"fill {self.names[index]}", shots=shots, classes=classes)

    def put_classes(self, found: Sequence[DrawnClass]) -> int:
        """Make classes out of others: in place of empty ones, then at the end; gives how many found room."""
        classes, left = list(self.classes), list(found)
        empty = (index for index, one in enumerate(classes) if not one.name and not any(not s.is_empty() for s in one.sketches))
        for index in list(empty):
            if left:
                classes[index] = self._class(left[0].name, self.shots, left.pop(0).examples)
        while left and len(classes) < MAX_CLASSES:
            classes.append(self._class(left[0].name, self.shots, left.pop(0).examples))
        if len(found) > len(left):
            self._do("fill classes", classes=tuple(classes))
        return len(found) - len(left)

    def clear_class(self, uid: int) -> None:
        """Empty a class's canvases, those out of sight left alone."""
        index = self._index(uid)
        if index is not None and self.examples(self.classes[index]):
            self._change(uid, f"clear {self.names[index]}", self._cleared)

    def clear_all(self) -> None:
        """Empty every canvas."""
        if not self.is_empty():
            self._do("clear all", classes=tuple(map(self._cleared, self.classes)), query=self._query())

    def is_empty(self) -> bool:
        """Whether nothing is drawn on any canvas on show."""
        return self.query.is_empty() and not any(self.examples(one) for one in self.classes)

    # How it is done

    def _index(self, uid: int) -> int | None:
        return next((index for index, one in enumerate(self.classes) if one.uid == uid), None)

    def _change(self, uid: int, text: str, change: Callable[[ClassState], ClassState], key: object = None) -> None:
        self._do(text, key=key, classes=tuple(change(one) if one.uid == uid else one for one in self.classes))

    def _cleared(self, one: ClassState) -> ClassState:
        shown = (sketch if sketch.is_empty() else self._sketch() for sketch in one.sketches[: self.shots])
        return replace(one, sketches=(*shown, *one.sketches[self.shots :]))

    def _do(self, text: str, *, key: object = None, **changes: object) -> None:
        # A stroke is done before what comes after it; inside a step of the history, nothing can be added to it.
        for sketch in self._growing():
            sketch.lift()
        self.stack.push(Rearrange(self._show, text, self._now, replace(self._now, **changes), key))

    def _show(self, arrangement: Arrangement) -> None:
        other_query = arrangement.query is not self._now.query
        self._now = arrangement
        for sketch in self._sketches(arrangement):
            sketch.set_frame(self._frame)
        self.arranged.emit()
        self._take_change()
        if other_query:
            self.query_changed.emit()

    def _take_change(self) -> None:
        self.version += 1
        self.changed.emit()
        self.modified_changed.emit()

    def _take_query(self) -> None:
        self.query_changed.emit()
        self.modified_changed.emit()

    @staticmethod
    def _sketches(arrangement: Arrangement) -> tuple[Sketch, ...]:
        return (*(sketch for one in arrangement.classes for sketch in one.sketches), arrangement.query)

    def _class(self, name: str, shots: int, examples: Sequence[Example] = ()) -> ClassState:
        self._uids += 1
        return ClassState(self._uids, name, self._filled_up(tuple(map(self._sketch, examples)), shots))

    def _filled_up(self, sketches: tuple[Sketch, ...], shots: int) -> tuple[Sketch, ...]:
        return (*sketches, *(self._sketch() for _ in range(shots - len(sketches))))

    def _sketch(self, example: Example | None = None) -> Sketch:
        sketch = self._new(example)
        sketch.changed.connect(self._take_change)
        return sketch

    def _query(self, example: Example | None = None) -> Sketch:
        sketch = self._new(example)
        sketch.changed.connect(self._take_query)
        sketch.live.connect(self.query_changed)
        return sketch

    def _new(self, example: Example | None) -> Sketch:
        sketch = Sketch(history=self.stack, example=example or Example())
        sketch.set_frame(self._frame)
        return sketch
