"""The classes of the Draw page, one below the other, with what the model has to say about them."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from .cards import scrolling
from .class_row import ClassRow
from .draw_document import MAX_CLASSES, MIN_CLASSES, DrawDocument
from .icons import icon
from .sketch import Sketch


def set_tab_order(widgets: Sequence[QWidget]) -> None:
    """Let Tab go through widgets in this order."""
    for before, after in itertools.pairwise(widgets):
        QWidget.setTabOrder(before, after)


class WaitingNote(QWidget):
    """Says why the rows below it are out of use, and what to do about it.

    Signals:
        other_model_wanted: Another model should be chosen.
    """

    other_model_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "warning")
        self.button = QPushButton("Another model")
        self.button.clicked.connect(self.other_model_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 8, 4, 4)
        row.addWidget(self.words, 1)
        row.addWidget(self.button)


class RowsPanel(QWidget):
    """Rows in a place to scroll, and a button for one more.

    Signals:
        wanted: A class's uid and the name of an action.
        dropped: A class's uid (0: below the rows), a canvas's number or -1, and the mime data.
    """

    wanted = Signal(int, str)
    dropped = Signal(int, int, object)

    def __init__(self, document: DrawDocument) -> None:
        super().__init__()
        self._document = document
        self._rows: dict[int, ClassRow] = {}
        self._last_focus = 0
        self.note = WaitingNote()
        self.note.hide()
        self.add_button = QPushButton(icon("add"), "Class")
        self.add_button.setToolTip("Add a class (Ctrl+Shift+N)")
        self.add_button.setAccessibleName("Add a class")
        self.add_button.clicked.connect(lambda: self.wanted.emit(0, "add"))
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setProperty("role", "muted")
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.hint.setProperty("role", "muted")
        foot = QHBoxLayout()
        foot.setContentsMargins(4, 2, 4, 0)
        foot.addWidget(self.add_button)
        foot.addWidget(self.hint, 1)
        content = QWidget()
        self._layout = QVBoxLayout(content)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addWidget(self.note)
        self._layout.addStretch(1)
        self.scroll = scrolling(content)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.scroll, 1)
        column.addWidget(self.message)
        column.addLayout(foot)
        self.message.hide()
        self.setAcceptDrops(True)
        document.arranged.connect(self._arrange)
        document.travelled.connect(self._show_sketch)
        self._most: int | None = None
        self._arrange()

    @property
    def rows(self) -> list[ClassRow]:
        """The rows in their order."""
        return [self._rows[one.uid] for one in self._document.classes]

    def current(self) -> int:
        """The uid of the class that has the focus, or had it last; 0 for none."""
        for row in self.rows:
            if row.holds_focus():
                self._last_focus = row.uid
        return self._last_focus if self._last_focus in self._rows else 0

    def say(self, message: str) -> None:
        """Show a sentence below the rows; an empty one takes it away."""
        self.message.setText(message)
        self.message.setVisible(bool(message))

    def set_most(self, most: int | None, words: str = "") -> None:
        """Tell how many classes the model can tell apart, None for all, and the sentence that goes with it."""
        self._most = most
        self.note.words.setText(words)
        self._show_waiting()

    def show_scores(self, scores: np.ndarray | None, used: int) -> None:
        """Show the probability of every drawing's own class ``[drawings]``; None takes them away."""
        drawn = [canvas for row in self.rows[:used] for canvas in row.drawn()]
        fits = scores is not None and len(drawn) == len(scores)
        for number, canvas in enumerate(drawn):
            canvas.set_score(float(scores[number]) if fits else None)

    def focus_name(self, uid: int) -> None:
        """Go to a class's name, and have it in sight."""
        row = self._rows.get(uid)
        if row is not None:
            row.name_edit.setFocus()
            row.name_edit.selectAll()
            # The layout has yet to make room for a row that is new.
            QTimer.singleShot(0, self, lambda: self._show_row(uid))

    def _show_row(self, uid: int) -> None:
        row = self._rows.get(uid)
        if row is not None:
            self.scroll.ensureWidgetVisible(row)

    def _show_sketch(self, sketch: Sketch) -> None:
        """Have a drawing in sight that undo or redo changed."""
        for one in self._document.classes:
            if sketch in one.sketches:
                self._show_row(one.uid)

    def _arrange(self) -> None:
        document = self._document
        focus = self._focus_keeper()
        self._layout.removeWidget(self.note)
        for uid in [uid for uid in self._rows if document.find(uid) is None]:
            row = self._rows.pop(uid)
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        names = document.names
        for index, (one, name) in enumerate(zip(document.classes, names, strict=True)):
            row = self._rows.get(one.uid)
            if row is None:
                row = self._rows[one.uid] = ClassRow(one.uid)
                row.renamed.connect(document.rename)
                row.wanted.connect(self.wanted)
                row.dropped.connect(self.dropped)
            row.show_class(one, index + 1, name, document.shots)
            row.set_possible("up", index > 0)
            row.set_possible("down", index < len(names) - 1)
            row.set_possible("duplicate", len(names) < MAX_CLASSES)
            row.set_possible("delete", len(names) > MIN_CLASSES)
            if self._layout.indexOf(row) != index:
                self._layout.insertWidget(index, row)
                row.show()
        self.add_button.setEnabled(len(names) < MAX_CLASSES)
        self._show_waiting()
        self._order_tabs()
        focus()

    def _focus_keeper(self) -> Callable[[], None]:
        """Gives what to do after the rows were arranged, so that the keys go on where they were."""
        rows = [row for row in self._rows.values() if row.holds_focus()]
        if not rows:
            return lambda: None
        row, order = rows[0], list(self._rows)
        focus = self.window().focusWidget()

        def restore() -> None:
            if row.uid in self._rows:
                if focus is not None and focus.isVisible():
                    focus.setFocus()
                QTimer.singleShot(0, self, lambda: self._show_row(row.uid))
            elif self.rows:
                self.rows[min(order.index(row.uid), len(self.rows) - 1)].name_edit.setFocus()

        return restore

    def _show_waiting(self) -> None:
        rows = self.rows
        used = len(rows) if self._most is None else min(self._most, len(rows))
        for index, row in enumerate(rows):
            row.set_waiting(index >= used)
        self._layout.removeWidget(self.note)
        self._layout.insertWidget(used, self.note)
        self.note.setVisible(used < len(rows))
        few = f"{used} of {len(rows)} classes take part; the others wait for a model that tells more apart."
        self.hint.setText(few if used < len(rows) else "Images can be dropped on a class; below, a folder becomes one.")

    def _order_tabs(self) -> None:
        """Names, buttons and canvases of one row, then those of the next."""
        chain: list[QWidget] = [self.scroll]
        for row in self.rows:
            chain += [row.name_edit, *row.canvases, row.fill_button, row.more_button, row.delete_button]
        set_tab_order([*chain, self.note.button, self.add_button])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take pictures, files and folders below the rows."""
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand them on."""
        event.acceptProposedAction()
        self.dropped.emit(0, -1, event.mimeData())
