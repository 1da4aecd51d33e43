"""The button that saves a plot: which kind of file, where, and a sentence where that fails."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QToolButton

FORMATS = {".png": "Picture (PNG)", ".svg": "Drawing (SVG)", ".csv": "Table (CSV)"}


class SaveButton(QToolButton):
    """A button with a menu of the kinds of file.

    Args:
        title: What to propose as the file's name.

    Signals:
        chosen: The user wants this file written.
    """

    chosen = Signal(str)

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        menu = QMenu(self)
        for suffix, words in FORMATS.items():
            menu.addAction(f"{words}…").setData(suffix)
        menu.triggered.connect(self._ask_where)
        self.setMenu(menu)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def _ask_where(self, action: QAction) -> None:
        suffix = action.data()
        name = "".join(c if c.isalnum() or c in " ,-" else "-" for c in self._title.replace(":", ""))
        dialog = QFileDialog(self.window(), "Save the plot", f"{name}{suffix}")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(f"{FORMATS[suffix]} (*{suffix})")
        dialog.setDefaultSuffix(suffix[1:])
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.chosen)
        dialog.open()

    def complain(self, path: str, error: OSError | ValueError) -> None:
        """Say in one sentence why a file could not be written."""
        reason = f"{Path(path).name} could not be written: {error.strerror}." if isinstance(error, OSError) else str(error)
        box = QMessageBox(QMessageBox.Icon.Warning, "Save the plot", reason, QMessageBox.StandardButton.Ok, self.window())
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()
