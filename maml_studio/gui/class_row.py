"""One class on the Draw page: its name, a small canvas for each shot, and what can be done with it."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QMenu, QToolButton, QVBoxLayout, QWidget

from ..drawings import MAX_NAME
from . import theme
from .canvas import DrawingCanvas
from .draw_arrangement import ClassState
from .draw_cells import SIDE, CellGrid
from .icons import icon

# name, text, keys, icon: None is a line between; the keys are those of the page's actions, which are about the row in focus
FILL = (
    ("fill_data", "From a &data set…", "Ctrl+Shift+F", "data"),
    ("fill_files", "From &image files…", "Ctrl+Shift+I", "open"),
    ("paste", "&Paste a picture", "Ctrl+Shift+V", "paste"),
)
MORE = (
    ("duplicate", "&Duplicate", "Ctrl+Shift+D", "duplicate"),
    ("up", "Move &up", "Alt+Up", "up"),
    ("down", "Move do&wn", "Alt+Down", "down"),
    ("clear", "&Clear its drawings", "", "clear"),
)
NAME_WIDTH = 112


class NameEdit(QLineEdit):
    """A class's name. Undo is the page's, which knows of names too."""

    def event(self, event: QEvent) -> bool:
        """Leave undo and redo to the page."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_undo(event):
            event.ignore()
            return True
        return super().event(event)


class ClassRow(QWidget):
    """A name and buttons beside canvases.

    Signals:
        renamed: Its uid, and its new name.
        wanted: Its uid, and the name of an action of `FILL` or `MORE`, or ``delete``.
        dropped: Its uid, the canvas's number or -1, and the mime data.
    """

    renamed = Signal(int, str)
    wanted = Signal(int, str)
    dropped = Signal(int, int, object)

    def __init__(self, uid: int) -> None:
        super().__init__()
        self.uid = uid
        self.number = 0
        self.waiting = False
        self._target: QWidget | None = None
        self.name_edit = NameEdit()
        self.name_edit.setMaxLength(MAX_NAME)
        self.name_edit.setFixedWidth(NAME_WIDTH)
        self.name_edit.textChanged.connect(self._rename)
        self.fill_button = self._button("fill", "Fill from a data set, image files or the clipboard")
        self.more_button = self._button("more", "Duplicate, move, clear")
        self.delete_button = self._button("close", "Delete this class (Ctrl+Shift+X)")
        self.delete_button.clicked.connect(lambda: self.wanted.emit(self.uid, "delete"))
        self.actions_by_name: dict[str, QAction] = {}
        for button, entries in ((self.fill_button, FILL), (self.more_button, MORE)):
            button.setMenu(self._menu(entries))
            button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        tools = QHBoxLayout()
        tools.setSpacing(2)
        for button in (self.fill_button, self.more_button, self.delete_button):
            tools.addWidget(button)
        tools.addStretch(1)
        left = QVBoxLayout()
        left.setContentsMargins(0, 8, 0, 0)
        left.setSpacing(4)
        left.addWidget(self.name_edit)
        left.addLayout(tools)
        left.addStretch(1)
        self.cells = CellGrid()
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 2, 4, 2)
        row.setSpacing(8)
        row.addLayout(left)
        row.addWidget(self.cells, 1)
        self.canvases: list[DrawingCanvas] = []
        self._spare: list[DrawingCanvas] = []
        # Until the place to scroll in has heard of a new row, all of them share too little room.
        self.setMinimumHeight(SIDE + 4)
        self.setAcceptDrops(True)

    def _button(self, picture: str, text: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(picture))
        button.setAutoRaise(True)
        button.setToolTip(text)
        button.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        return button

    def _menu(self, entries: tuple[tuple[str, str, str, str], ...]) -> QMenu:
        menu = QMenu(self)
        for name, text, keys, picture in entries:
            action = menu.addAction(icon(picture), f"{text}\t{keys}" if keys else text)
            action.triggered.connect(lambda _=False, name=name: self.wanted.emit(self.uid, name))
            self.actions_by_name[name] = action
        return menu

    def _rename(self, text: str) -> None:
        self.renamed.emit(self.uid, text)

    def show_class(self, one: ClassState, number: int, shown_name: str, shots: int) -> None:
        """Show a class.

        Args:
            one: its name and sketches.
            number: its place, from 1.
            shown_name: what it is called where it has no name of its own.
            shots: how many canvases.
        """
        self.number = number
        if self.name_edit.text() != one.name:
            self.name_edit.setText(one.name)
        self.name_edit.setPlaceholderText(shown_name)
        self.name_edit.setToolTip(one.name or "What this class is called")
        self.name_edit.setAccessibleName(f"Name of class {number}")
        for button, words in ((self.fill_button, "Fill"), (self.more_button, "More for"), (self.delete_button, "Delete")):
            button.setAccessibleName(f"{words} {shown_name}")
        while len(self.canvases) > shots:
            self._spare.append(self.canvases.pop())
        while len(self.canvases) < shots:
            self.canvases.append(self._spare.pop() if self._spare else DrawingCanvas(hint="draw", side=SIDE))
        for shot, (canvas, sketch) in enumerate(zip(self.canvases, one.sketches, strict=False), 1):
            canvas.set_sketch(sketch)
            canvas.setAccessibleName(f"{shown_name}, example {shot} of {shots}")
        self.cells.set_canvases(self.canvases)

    def set_waiting(self, waiting: bool) -> None:
        """Show it as out of use until another model is chosen."""
        self.waiting = waiting
        for canvas in self.canvases:
            canvas.set_faded(waiting)
            if waiting:
                canvas.set_score(None)

    def set_possible(self, name: str, possible: bool) -> None:
        """Let something be asked for, or not."""
        if name == "delete":
            self.delete_button.setEnabled(possible)
        else:
            self.actions_by_name[name].setEnabled(possible)

    def drawn(self) -> list[DrawingCanvas]:
        """The canvases that are drawn on."""
        return [canvas for canvas in self.canvases if not canvas.is_empty()]

    def holds_focus(self) -> bool:
        """Whether one of its parts has the focus."""
        focus = self.window().focusWidget()
        return focus is not None and self.isAncestorOf(focus)

    # Dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take pictures and files."""
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()
            self._aim(event.position().toPoint())

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show where they would go."""
        event.acceptProposedAction()
        self._aim(event.position().toPoint())

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Forget where."""
        self._set_target(None)

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand them on."""
        self._aim(event.position().toPoint())
        cell = self.canvases.index(self._target) if self._target in self.canvases else -1
        self._set_target(None)
        event.acceptProposedAction()
        self.dropped.emit(self.uid, cell, event.mimeData())

    def _aim(self, at: object) -> None:
        child = self.childAt(at)
        self._set_target(child if isinstance(child, DrawingCanvas) else self)

    def _set_target(self, target: QWidget | None) -> None:
        if target is not self._target:
            self._target = target
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint a frame round what a drop would fill."""
        if self._target is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.current().color("accent"), 2, Qt.PenStyle.DashLine))
        box = self.rect()
        if self._target is not self:
            box = self._target.rect().translated(self._target.mapTo(self, self._target.rect().topLeft())).adjusted(-3, -3, 3, 3)
        painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 6, 6)


def _is_undo(event: QKeyEvent) -> bool:
    redo = event.key() == Qt.Key.Key_Y and event.modifiers() == Qt.KeyboardModifier.ControlModifier
    return redo or event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)
