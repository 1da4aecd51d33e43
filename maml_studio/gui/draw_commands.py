"""What can be done with a class of the Draw page, by its row's buttons, the menu or keys."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from .canvas import DrawingCanvas
from .draw_document import DrawDocument
from .draw_fill import IMAGE_FILTER, Filler
from .draw_fill_dialog import FillDialog
from .draw_rows import RowsPanel


class ClassCommands:
    """The commands by name; each is about one class.

    Args:
        window: whose dialogs they are.
        document: what is changed.
        panel: where the classes are shown.
        filler: puts pictures in their place.
        canvas_in_focus: gives the canvas that the keys are about, if any.
    """

    def __init__(
        self,
        window: QWidget,
        document: DrawDocument,
        panel: RowsPanel,
        filler: Filler,
        canvas_in_focus: Callable[[], DrawingCanvas | None],
    ) -> None:
        self._window, self._document, self._panel, self._filler = window, document, panel, filler
        self._canvas_in_focus = canvas_in_focus
        self._source = self._folder = ""

    def do(self, uid: int, name: str) -> None:
        """Do it with a class; 0: the first one."""
        document = self._document
        if name == "add":
            self._go_to(document.add_class())
            return
        uid = uid or document.classes[0].uid
        match name:
            case "duplicate":
                self._go_to(document.duplicate(uid))
            case "up" | "down":
                document.move(uid, -1 if name == "up" else 1)
            case "delete":
                document.delete(uid)
            case "clear":
                document.clear_class(uid)
            case "paste":
                self._filler.take_mime(uid, self._cell_in_focus(uid), QGuiApplication.clipboard().mimeData())
            case "fill_files":
                files, _ = QFileDialog.getOpenFileNames(self._window, "Fill from image files", "", IMAGE_FILTER)
                if files:
                    self._filler.read(uid, -1, [Path(file) for file in files])
            case "fill_data":
                self._fill_from_data(uid)

    def _go_to(self, uid: int | None) -> None:
        if uid is not None:
            self._panel.focus_name(uid)

    def _cell_in_focus(self, uid: int) -> int:
        canvas = self._canvas_in_focus()
        row = next((row for row in self._panel.rows if row.uid == uid), None)
        return row.canvases.index(canvas) if row is not None and canvas in row.canvases else -1

    def _fill_from_data(self, uid: int) -> None:
        one = self._document.find(uid)
        if one is None:
            return
        empty = self._document.shots - len(self._document.examples(one))
        dialog = FillDialog(self._window, empty or self._document.shots, self._source, self._folder)
        if dialog.exec():
            self._source, self._folder = dialog.source, dialog.folder
            name, examples = dialog.chosen()
            self._filler.put_examples(uid, -1, examples, name)
        dialog.deleteLater()
