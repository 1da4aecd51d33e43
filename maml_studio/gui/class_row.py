"""One class of a drawn task: its name and a small canvas for each shot."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from ..strokes import Frame
from .canvas import DrawingCanvas
from .drawn_task import DrawnClass
from .icons import icon

SIDE = 76


class ClassRow(QWidget):
    """A name beside canvases.

    Signals:
        changed: A drawing was finished, or the name edited.
    """

    changed = Signal()

    def __init__(self, number: int, name: str, shots: int) -> None:
        super().__init__()
        self.number = number
        self.name_edit = QLineEdit(name)
        self.name_edit.setMaxLength(60)
        self.name_edit.setFixedWidth(104)
        self.name_edit.setToolTip("What this class is called")
        self.name_edit.setAccessibleName(f"Name of class {number}")
        self.name_edit.textChanged.connect(self._renamed)
        self.clear_button = QToolButton()
        self.clear_button.setIcon(icon("clear"))
        self.clear_button.setAutoRaise(True)
        self.clear_button.setToolTip("Clear this class's drawings (each can be brought back with Ctrl+Z)")
        self.clear_button.setAccessibleName(f"Clear class {number}")
        self.clear_button.clicked.connect(self.clear)
        left = QVBoxLayout()
        left.addStretch(1)
        left.addWidget(self.name_edit)
        left.addWidget(self.clear_button)
        left.addStretch(1)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(4, 3, 4, 3)
        self._row.setSpacing(8)
        self._row.addLayout(left)
        self.canvases: list[DrawingCanvas] = []
        self._spare: list[DrawingCanvas] = []
        self._frame = Frame()
        self._row.addStretch(1)
        self.set_shots(shots)

    def _renamed(self, text: str) -> None:
        self.changed.emit()

    @property
    def name(self) -> str:
        """The class's name; a number where it was left empty."""
        return self.name_edit.text().strip() or f"class {self.number}"

    def set_shots(self, shots: int) -> None:
        """Show that many canvases; drawings on canvases that go away come back with them."""
        while len(self.canvases) > shots:
            canvas = self.canvases.pop()
            canvas.hide()
            self._spare.append(canvas)
        while len(self.canvases) < shots:
            canvas = self._spare.pop() if self._spare else self._new_canvas()
            canvas.show()
            self.canvases.append(canvas)

    def _new_canvas(self) -> DrawingCanvas:
        shot = len(self.canvases) + 1
        canvas = DrawingCanvas(hint="draw", side=SIDE)
        canvas.setFixedSize(SIDE, SIDE)
        canvas.setAccessibleName(f"Class {self.number}, example {shot}")
        canvas.set_frame(self._frame)
        canvas.changed.connect(self.changed.emit)
        self._row.insertWidget(self._row.count() - 1, canvas)
        return canvas

    def set_frame(self, frame: Frame) -> None:
        """Place drawings as the model's training images were."""
        self._frame = frame
        for canvas in (*self.canvases, *self._spare):
            canvas.set_frame(frame)

    def images(self) -> tuple:
        """What the model gets: one image per drawn canvas."""
        return tuple(canvas.image() for canvas in self.canvases if not canvas.is_empty())

    def drawn(self) -> DrawnClass:
        """Name and strokes, those of canvases out of sight included."""
        return DrawnClass(self.name_edit.text(), tuple(canvas.strokes() for canvas in (*self.canvases, *reversed(self._spare))))

    def set_drawn(self, drawn: DrawnClass) -> None:
        """Bring drawings back; canvases out of sight take those that are too many for the shots."""
        self.name_edit.setText(drawn.name)
        shots = len(self.canvases)
        self.set_shots(max(shots, len(drawn.drawings)))
        for canvas, strokes in zip(self.canvases, drawn.drawings, strict=False):
            canvas.set_strokes(strokes, undoable=False)
        self.set_shots(shots)

    def complete(self) -> bool:
        """Whether every canvas is drawn on."""
        return all(not canvas.is_empty() for canvas in self.canvases)

    def clear(self) -> None:
        """Clear every canvas."""
        for canvas in self.canvases:
            if not canvas.is_empty():
                canvas.clear()
