"""Pictures from outside, for the Draw page: image files, folders, the clipboard; read in a thread, put in their place."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtGui import QImage, QPainter

from ..drawings import DrawingError, DrawnClass, Example, ink_of
from .draw_document import MAX_CLASSES, MAX_SHOTS, ClassState, DrawDocument
from .worker import LatestWorker

IMAGE_FILTER = "Images (*.png *.jpg *.jpeg *.bmp *.gif *.tif *.tiff *.webp *.pgm *.ppm);;All files (*)"


@dataclass(frozen=True)
class ReadRequest:
    """What to read.

    Attributes:
        uid: the class that it goes into; 0: it becomes classes.
        cell: the canvas to begin with; -1: the empty ones.
        files: image files, or folders where ``uid`` is 0.
    """

    uid: int
    cell: int
    files: tuple[Path, ...]


class ReadWorker(LatestWorker):
    """Reads image files and folders of them."""

    def work(self, request: ReadRequest) -> list[DrawnClass]:
        """One class with all images, or one for each folder and each file."""
        from ..data.examples import read_examples

        if request.uid:
            files = _all_files(request.files)
            return [DrawnClass("", tuple(read_examples(files[:MAX_SHOTS])))] if files else []
        found: list[DrawnClass] = []
        for path in request.files:
            if len(found) >= MAX_CLASSES:
                break
            if path.is_dir():
                found += _read_folder(path)
            else:
                found.append(DrawnClass(path.stem, tuple(read_examples([path]))))
        return found


def _all_files(paths: Sequence[Path]) -> list[Path]:
    """The files, and the images of folders."""
    return [file for path in paths for file in (_images(path) if path.is_dir() else [path])]


def _images(folder: Path) -> list[Path]:
    from ..data.images import SUFFIXES

    return sorted(file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in SUFFIXES)


def _read_folder(folder: Path) -> list[DrawnClass]:
    """A folder of images is a class; one of class folders is those classes."""
    from ..data import silent
    from ..data.examples import read_examples
    from ..data.folder_tree import find_classes

    files = _images(folder)
    if files:
        return [DrawnClass(folder.name, tuple(read_examples(files[:MAX_SHOTS])))]
    classes = find_classes(folder, silent)[:MAX_CLASSES]
    return [DrawnClass(one.name, tuple(read_examples(one.files[:MAX_SHOTS]))) for one in classes]


class Filler(QObject):
    """Puts pictures into a document.

    Signals:
        said: What came of it, in a sentence; empty where there is nothing to say.
    """

    said = Signal(str)

    def __init__(self, document: DrawDocument, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._waiting: deque[ReadRequest] = deque()
        self._busy = False
        self.worker = ReadWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)

    def take_mime(self, uid: int, cell: int, mime: QMimeData) -> None:
        """Put what was dropped or is in the clipboard into a class, or make classes of it (``uid`` 0)."""
        files = tuple(Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile())
        if files:
            self.read(uid, cell, files)
            return
        image = QImage(mime.imageData()) if mime.hasImage() else QImage()
        if image.isNull():
            self.said.emit("There is no picture in it: image files, folders of them, and pictures can be put here.")
            return
        try:
            example = Example(picture=ink_of(_grey(image)), to_place=True)
        except DrawingError as error:
            self.said.emit(f"The picture can't be used: {error}.")
            return
        self._put(ReadRequest(uid, cell, ()), [DrawnClass("", (example,))])

    def read(self, uid: int, cell: int, files: Sequence[Path]) -> None:
        """Read files in the thread, then put them in their place; one request after the other."""
        self._waiting.append(ReadRequest(uid, cell, tuple(files)))
        self._next()

    def end(self) -> None:
        """End the thread."""
        self.worker.end()

    def _next(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            request = self._waiting.popleft()
            self.said.emit(f"Reading {len(request.files)} file{'s' * (len(request.files) != 1)}…")
            self.worker.ask(request)

    def _take(self, request: ReadRequest, found: list[DrawnClass]) -> None:
        self._busy = False
        self.said.emit("")
        self._put(request, found)
        self._next()

    def _refuse(self, request: ReadRequest, message: str) -> None:
        self._busy = False
        self.said.emit(message if message.endswith(".") else f"{message}.")
        self._next()

    def _put(self, request: ReadRequest, found: list[DrawnClass]) -> None:
        if not any(one.drawn for one in found):
            self.said.emit("There is no image with ink in it.")
        elif not request.uid:
            put = self._document.put_classes(found)
            if put < len(found):
                self.said.emit(f"{put} of {len(found)} became classes: there is room for {MAX_CLASSES}.")
        else:
            self.put_examples(request.uid, request.cell, [example for one in found for example in one.drawn], given=len(request.files))

    def put_examples(self, uid: int, cell: int, examples: Sequence[Example], name: str = "", given: int = 0) -> None:
        """Put examples into a class, from one canvas on or (-1) into the empty ones first."""
        one = self._document.find(uid)
        if one is None:  # deleted in the meantime
            return
        cells = places(one, self._document.shots, cell, len(examples))
        self._document.fill(uid, dict(zip(cells, examples, strict=False)), name)
        if len(cells) < max(len(examples), given):
            self.said.emit(f"{len(cells)} of {max(len(examples), given)} images were taken: a class has at most {MAX_SHOTS} drawings.")


def places(one: ClassState, shots: int, cell: int, count: int) -> list[int]:
    """Which canvases of a class so many pictures go on: at most `MAX_SHOTS`."""
    if cell >= 0:
        return list(range(cell, min(cell + count, MAX_SHOTS)))
    empty = [index for index in range(shots) if one.sketches[index].is_empty()]
    if not empty:
        return list(range(min(count, MAX_SHOTS)))
    return [*empty, *range(shots, MAX_SHOTS)][:count]


def _grey(image: QImage) -> np.ndarray:
    """A picture in shades of grey on white, uint8 ``[h, w]``."""
    paper = QImage(image.size(), QImage.Format.Format_RGB32)
    paper.fill(0xFFFFFFFF)
    painter = QPainter(paper)
    painter.drawImage(0, 0, image)
    painter.end()
    grey = paper.convertToFormat(QImage.Format.Format_Grayscale8)
    rows = np.frombuffer(grey.constBits(), np.uint8).reshape(grey.height(), grey.bytesPerLine())
    return rows[:, : grey.width()].copy()
