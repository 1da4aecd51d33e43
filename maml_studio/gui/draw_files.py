"""A drawn task's file: new, open, save, recent ones, image folders; nothing is lost without a question."""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from ..drawings import SUFFIX, DrawingError, DrawnTask, export_folders, read_drawn, write_drawn
from .draw_arrangement import ClassState
from .draw_document import MAX_CLASSES, DrawDocument
from .save_dialog import ask_where

RECENT = 8
FILTER = f"Drawings (*{SUFFIX})"


class DrawFiles(QObject):
    """The file commands of the Draw page.

    Args:
        document: what is kept.
        window: whose dialogs they are.
        settings: gives the model's name and the inner steps, kept beside the drawings as a hint.

    Signals:
        changed: Another file, or another state of it.
        opened: Another drawing is there.
        said: What was done, in a sentence.
        data_source_wanted: A file that training should take its tasks from.
    """

    changed = Signal()
    opened = Signal()
    said = Signal(str)
    data_source_wanted = Signal(object)

    def __init__(self, document: DrawDocument, window: QWidget, settings: Callable[[], tuple[str, int | None]]) -> None:
        super().__init__(window)
        self._document, self._window, self._settings = document, window, settings
        self.recent: list[Path] = []
        document.modified_changed.connect(self.changed)

    @property
    def path(self) -> Path | None:
        """The drawing's file; None where it has none yet."""
        return self._document.path

    @property
    def title(self) -> str:
        """The drawing's name, with a dot where it is not as in its file."""
        name = self.path.name.removesuffix(SUFFIX) if self.path else "new drawing"
        return f"{name} •" if self._document.modified else name

    def task(self) -> DrawnTask:
        """What there is to keep."""
        return self._document.task(*self._settings())

    def restore(self, task: DrawnTask, path: Path | None) -> None:
        """Bring back what was there when the window was closed, and which file it belongs to."""
        self._document.set_task(task, saved=path is None and not any(one.drawn for one in task.classes))
        self._document.path = path if path is not None and path.is_file() else None
        if self.path is not None:
            try:
                if _content(read_drawn(self.path)) == _content(task):
                    self._document.mark_saved()
                else:
                    self._document.mark_unsaved()
            except DrawingError:
                self._document.mark_unsaved()
        elif not self._document.is_empty():
            self._document.mark_unsaved()
        self.changed.emit()

    def set_recent(self, paths: Sequence[str]) -> None:
        """Take over the files of earlier days."""
        self.recent = [Path(path) for path in paths if path][:RECENT]
        self.changed.emit()

    def may_replace(self) -> bool:
        """Whether what is drawn may go: it is in a file, or somebody said so."""
        if not self._document.modified or (self.path is None and self._document.is_empty()):
            return True
        button = QMessageBox.StandardButton
        name = f"“{self.title.removesuffix(' •')}”" if self.path else "these drawings"
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Unsaved drawings",
            f"Save {name} before others take their place? If you don't, what is not in a file is gone when the window closes; "
            "until then Undo brings it back.",
            button.Save | button.Discard | button.Cancel,
            self._window,
        )
        # Qt's own words for Discard are another on each desktop, "Close without saving" among them, and nothing closes here.
        for which, words in ((button.Save, "Save" if self.path else "Save…"), (button.Discard, "Don't save")):
            box.button(which).setText(words)
        box.setDefaultButton(button.Save)
        answer = box.exec()
        box.deleteLater()
        return answer == button.Discard or (answer == button.Save and self.save())

    def new(self) -> None:
        """Begin anew, with as many classes and shots."""
        if self.may_replace():
            self._document.begin(len(self._document.classes), self._document.shots, undoable=True)
            self.opened.emit()

    def ask_open(self) -> None:
        """Let the user choose a file to open."""
        path, _ = QFileDialog.getOpenFileName(self._window, "Open drawing", str(_folder(self.path)), FILTER)
        if path:
            self.open(Path(path))

    def open(self, path: Path) -> bool:
        """Show a file's drawings; gives whether it did."""
        try:
            task = read_drawn(path)
        except DrawingError as error:
            QMessageBox.warning(self._window, "Open drawing", f"{error}.")
            self._forget(path)
            return False
        if len(task.classes) > MAX_CLASSES:
            QMessageBox.warning(
                self._window,
                "Open drawing",
                f"{path.name} holds {len(task.classes)} classes, and this page shows {MAX_CLASSES} at most. "
                "Training can use it as it is: choose the source “Drawings” on the Train page, and this file.",
            )
            return False
        if not self.may_replace():
            return False
        self._document.replace(f"open {path.name}", task, path)
        self._remember(path)
        self.opened.emit()
        return True

    def save(self) -> bool:
        """Write the drawings to their file, asking for one where there is none; gives whether they were written."""
        return self._write(self.path) if self.path is not None else self.save_as()

    def save_as(self) -> bool:
        """Let the user choose a file for the drawings."""
        suggestion = str(self.path or _folder(None) / f"drawing{SUFFIX}")
        path = ask_where(self._window, "Save drawing", suggestion, "Drawings", SUFFIX)
        return path is not None and self._write(path)

    def ask_export_folders(self) -> None:
        """Let the user choose where a folder of images per class goes."""
        where = QFileDialog.getExistingDirectory(self._window, "Export image folders into", str(_folder(self.path)))
        if where:
            name = self.path.name.removesuffix(SUFFIX) if self.path else "drawing"
            self.export_folders(_free(Path(where) / name))

    def export_folders(self, folder: Path) -> None:
        """Write a new folder with a folder of images per class."""
        try:
            written = export_folders(self.task(), folder, self._document.frame)
        except (DrawingError, OSError) as error:
            reason = str(error) if isinstance(error, DrawingError) else f"{folder} can't be written: {error.strerror or error}"
            QMessageBox.warning(self._window, "Export image folders", reason)
        else:
            self.said.emit(f"{len(written)} image folders are in {folder}.")

    def use_as_data_source(self) -> None:
        """Write the file, and let training take its tasks from it; it needs two drawings of each class at least."""
        few = [name for one, name in zip(self._document.classes, self._document.names, strict=True) if self._count(one) < 2]
        if few:
            shown = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
            QMessageBox.information(
                self._window,
                "Use as data source",
                "Training learns from some drawings of a class and is asked about others, so each class needs two at least. "
                f"Too few so far: {shown}. Draw or fill in more (“Shots K” gives each class more canvases), or delete those classes.",
            )
            return
        if (self.path is not None and not self._document.modified) or self.save():
            self.data_source_wanted.emit(self.path)

    @staticmethod
    def _count(one: ClassState) -> int:
        """All drawings of a class, those out of sight too: the file has them all."""
        return sum(not sketch.is_empty() for sketch in one.sketches)

    def _write(self, path: Path) -> bool:
        try:
            write_drawn(path, self.task())
        except (DrawingError, OSError) as error:
            reason = str(error) if isinstance(error, DrawingError) else f"{path} can't be written: {error.strerror or error}"
            QMessageBox.warning(self._window, "Save drawing", reason)
            return False
        self._document.mark_saved()
        self._remember(path)
        return True

    def _remember(self, path: Path) -> None:
        self._document.path = path
        self.recent = [path, *(one for one in self.recent if one != path)][:RECENT]
        self.changed.emit()

    def _forget(self, path: Path) -> None:
        if path in self.recent and not path.exists():
            self.recent.remove(path)
            self.changed.emit()


def _content(task: DrawnTask) -> tuple[object, ...]:
    """What a file is compared by; empty canvases at a class's end are there for the shots, drawn or not."""
    classes = []
    for one in task.classes:
        last = max((place for place, example in enumerate(one.examples, 1) if not example.is_empty), default=0)
        classes.append((one.name, one.examples[:last]))
    return classes, task.query, task.shots


def _folder(path: Path | None) -> Path:
    if path is not None:
        return path.parent
    documents = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation))
    return documents if documents.is_dir() else Path.home()


def _free(folder: Path) -> Path:
    """The folder, or one with a number behind its name that is not there yet."""
    number, found = 2, folder
    while found.exists():
        found, number = folder.with_name(f"{folder.name} ({number})"), number + 1
    return found
