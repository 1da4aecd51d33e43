"""Choose a class of a data set to fill a class with: a gallery of random classes, and others at the press of a button."""

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..drawings import Example
from ..spec import TABLES, DataSettings
from . import pixels, theme
from .icons import icon
from .worker import SourceWorker

CLASSES = 24
_PICTURE = 64
_NO_IMAGES = ("sinusoid", "drawn")
_FOLDER = "folder"


@dataclass(frozen=True)
class GalleryRequest:
    """Which classes to show: random ones of a source, each with so many examples."""

    data: DataSettings
    shots: int
    seed: int
    download: bool = False


class GalleryWorker(SourceWorker):
    """Picks examples of random classes."""

    def work(self, request: GalleryRequest) -> list[tuple[str, np.ndarray]] | None:
        """A name and examples ``[shots, 28, 28]`` of each class."""
        from ..data import ImageTasks
        from ..data.examples import pick_examples

        tasks = self.open(request.data, request, download=request.download)
        if tasks is None:
            return None
        shots, classes = request.shots, CLASSES
        if isinstance(tasks, ImageTasks):
            counts = tasks.split.test.counts
            shots = min(shots, int(counts.max()))
            classes = min(classes, int((counts >= shots).sum()))
        return pick_examples(tasks, "test", classes, shots, request.seed)


class FillDialog(QDialog):
    """Lets the user choose a class.

    Args:
        parent: The widget that asks.
        shots: How many examples are wanted.
        source: The data source to begin with.
        folder: The folder to begin with, where that is a folder.
    """

    def __init__(self, parent: QWidget, shots: int, source: str = "", folder: str = "") -> None:
        super().__init__(parent)
        self.setWindowTitle("Fill from a data set")
        self.resize(620, 480)
        self._shots, self._seed = shots, 0
        self.folder = folder
        """The folder that was chosen last; empty before there is one."""
        self._asked: GalleryRequest | None = None
        self._classes: list[tuple[str, np.ndarray]] = []
        self.worker = GalleryWorker(self)
        self.worker.done.connect(self._show)
        self.worker.failed.connect(self._refuse)
        self.worker.progress.connect(self._tell)
        self.worker.download_needed.connect(self._offer_download)
        self.sources = QComboBox()
        self.sources.setAccessibleName("Data set")
        for name, variant in TABLES["data"].items():
            if name not in _NO_IMAGES:
                self.sources.addItem(variant.title, name)
        self.sources.setCurrentIndex(0 if source == _FOLDER and not folder else max(self.sources.findData(source), 0))
        self.sources.activated.connect(self._choose_source)
        label = QLabel("Data set")
        label.setBuddy(self.sources)
        self.others = QPushButton(icon("dice"), "Other classes")
        self.others.setToolTip("Show other classes of this data set (Ctrl+D)")
        self.others.setShortcut("Ctrl+D")
        self.others.clicked.connect(self._show_others)
        self.download = QPushButton(icon("download"), "Download")
        self.download.clicked.connect(lambda: self._ask(download=True))
        self.download.hide()
        top = QHBoxLayout()
        top.addWidget(label)
        top.addWidget(self.sources, 1)
        top.addWidget(self.download)
        top.addWidget(self.others)
        self.gallery = QListWidget()
        self.gallery.setAccessibleName("Classes")
        self.gallery.setViewMode(QListView.ViewMode.IconMode)
        self.gallery.setResizeMode(QListView.ResizeMode.Adjust)
        self.gallery.setMovement(QListView.Movement.Static)
        self.gallery.setIconSize(QSize(_PICTURE, _PICTURE))
        self.gallery.setGridSize(QSize(_PICTURE + 34, _PICTURE + 30))
        self.gallery.setUniformItemSizes(True)
        self.gallery.itemActivated.connect(self.accept)
        self.gallery.currentRowChanged.connect(self._refresh)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setProperty("role", "muted")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setText("Fill")
        for button in self.buttons.buttons():
            button.setIcon(QIcon())  # the style's own are in other colours than ours
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.gallery, 1)
        column.addWidget(self.words)
        column.addWidget(self.buttons)
        theme.manager().changed.connect(self._paint)
        self._ask()
        self.gallery.setFocus()

    @property
    def source(self) -> str:
        """The data source on show."""
        return str(self.sources.currentData())

    def chosen(self) -> tuple[str, list[Example]]:
        """The chosen class's name and examples; none before there is one."""
        row = self.gallery.currentRow()
        if not 0 <= row < len(self._classes):
            return "", []
        name, images = self._classes[row]
        return name, [Example(picture=image) for image in images]

    def done(self, result: int) -> None:
        """End the thread with the dialog."""
        self.worker.end()
        super().done(result)

    def _choose_source(self) -> None:
        if self.source == _FOLDER:
            self.folder = QFileDialog.getExistingDirectory(self, "Folder of class folders", self.folder) or self.folder
            if not self.folder:
                self.sources.setCurrentIndex(0)
        self._ask()

    def _show_others(self) -> None:
        self._seed += 1
        self._ask()

    def _ask(self, *, download: bool = False) -> None:
        variant = TABLES["data"][self.source]
        wanted = {"split": "all", "path": self.folder if self.source == _FOLDER else ""}
        data = variant(**{name: value for name, value in wanted.items() if name in variant.model_fields})
        self._asked = GalleryRequest(data, self._shots, self._seed, download)
        self.sources.setToolTip(self.folder if self.source == _FOLDER else "")
        self.download.hide()
        self.words.setText("Loading…")
        self.worker.ask(self._asked)

    def _show(self, request: GalleryRequest, classes: list[tuple[str, np.ndarray]]) -> None:
        if request is not self._asked:
            return
        self._classes = classes
        self.gallery.clear()
        for name, _ in classes:
            item = QListWidgetItem(name)
            item.setToolTip(name)
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
            self.gallery.addItem(item)
        self._paint()
        self.gallery.setCurrentRow(0)
        count = len(classes[0][1]) if classes else 0
        self.words.setText(f"The chosen class gives {count} example{'s' * (count != 1)}; the class is named after it if it has no name.")
        self._refresh()

    def _paint(self) -> None:
        for row, (_, images) in enumerate(self._classes):
            self.gallery.item(row).setIcon(_icon(images[0]))

    def _refuse(self, request: GalleryRequest, message: str) -> None:
        if request is self._asked:
            self._clear(message)
            self.download.setVisible(request.download)

    def _tell(self, message: str, share: float) -> None:
        self.words.setText(message + (f" {100 * share:.0f} %" if share >= 0 else ""))

    def _offer_download(self, request: GalleryRequest, message: str) -> None:
        if request is self._asked:
            self._clear(f"{message}.")
            self.download.show()

    def _clear(self, message: str) -> None:
        self._classes = []
        self.gallery.clear()
        self.words.setText(message)
        self._refresh()

    def _refresh(self) -> None:
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(0 <= self.gallery.currentRow() < len(self._classes))


def _icon(image: np.ndarray) -> QIcon:
    colours = theme.current()
    paper = QImage(_PICTURE * 2, _PICTURE * 2, QImage.Format.Format_RGB32)
    paper.fill(QColor(colours.canvas_paper))
    painter = QPainter(paper)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(paper.rect(), pixels.tinted(image, colours.color("canvas_ink")))
    painter.end()
    return QIcon(QPixmap.fromImage(paper))
