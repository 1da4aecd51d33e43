"""Says whose settings the form shows while a run is under way: the run's, or those of the next one."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget

RUNS_OWN = "The settings of this run."
NEXT = "Settings for a next run, which the queue can take (Ctrl+B)."


class LockBar(QWidget):
    """A line above the form, on show while a run is under way.

    Signals:
        toggled: Whether the form is for preparing the next run now.
    """

    toggled = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.preparing = False
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setProperty("role", "muted")
        self.button = QPushButton()
        self.button.clicked.connect(self._toggle)
        row = QHBoxLayout(self)
        row.setContentsMargins(18, 2, 10, 2)
        row.addWidget(self.note, 1)
        row.addWidget(self.button)
        self.set_preparing(False)
        self.hide()

    def set_preparing(self, preparing: bool) -> None:
        """Show which of both it is."""
        self.preparing = preparing
        self.note.setText(NEXT if preparing else RUNS_OWN)
        self.button.setText("Show the run's" if preparing else "Prepare another")
        self.button.setToolTip(
            "Show the settings of the run under way again; yours are put aside until you prepare another"
            if preparing
            else "Edit settings for a next run while this one trains"
        )

    def _toggle(self) -> None:
        self.set_preparing(not self.preparing)
        self.toggled.emit(self.preparing)
