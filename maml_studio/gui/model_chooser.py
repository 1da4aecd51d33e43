"""Which trained model is looked at: the current run, an earlier one, or a checkpoint file."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog

from .wheel import leave_wheel_to_page

OPEN = "open"


class ModelChooser(QComboBox):
    """A list of runs and checkpoint files, the latest at the top.

    Signals:
        chosen: Another model is wanted.
    """

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setMinimumWidth(180)
        self.setAccessibleName("Model")
        self.setToolTip("Which trained model learns from your drawings")
        self.addItem("Open a checkpoint…", OPEN)
        self._last: Path | None = None
        self.activated.connect(self._take)
        leave_wheel_to_page(self)

    def path(self) -> Path | None:
        """The chosen run folder or checkpoint file; None where there is none."""
        data = self.currentData()
        return None if data in (OPEN, None) else Path(data)

    def offer(self, path: Path, title: str = "", *, choose: bool = True) -> None:
        """Put a run or a checkpoint into the list, and choose it."""
        index = self.findData(str(path))
        if index < 0:
            self.insertItem(0, title or _title(path), str(path))
            index = 0
        if choose:
            self.setCurrentIndex(index)
            self._last = path
            self.chosen.emit()

    def _take(self, index: int) -> None:
        if self.itemData(index) != OPEN:
            self._last = self.path()
            self.chosen.emit()
            return
        self.open()

    def open(self) -> None:
        """Ask for a checkpoint file and choose it."""
        path, _ = QFileDialog.getOpenFileName(self, "Open a checkpoint", "", "Checkpoints (*.safetensors)")
        if path:
            self.offer(Path(path))
        elif self._last is not None:
            self.setCurrentIndex(self.findData(str(self._last)))


def _title(path: Path) -> str:
    # A run's checkpoints are all called best or latest: the run's own name tells them apart.
    is_of_run = path.parent.name == "checkpoints"
    return f"{path.parent.parent.name} / {path.stem}" if is_of_run else path.name
