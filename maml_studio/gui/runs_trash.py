"""Deleting runs so that it can be undone: into the system's trash, or a folder beside where there is none."""

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QFile, QObject, Signal
from PySide6.QtWidgets import QMessageBox, QWidget

from ..training.run_index import in_use
from .runs_model import count_runs

OWN_TRASH = ".trash"


@dataclass(frozen=True)
class Thrown:
    """A folder that was thrown away: where it was, and where it is now."""

    folder: Path
    place: Path


def to_trash(folder: Path) -> Thrown | None:
    """Move a folder to the system's trash; None where the system has none for it."""
    file = QFile(str(folder))
    if not file.moveToTrash():
        return None
    # Qt tells the place on every system that has one; without it there would be no undo, but it is in the trash.
    return Thrown(folder, Path(file.fileName()))


def beside(folder: Path) -> Thrown:
    """Move a folder into ``.trash`` beside it.

    Raises:
        OSError: when it can't be moved.
    """
    trash = folder.parent / OWN_TRASH
    trash.mkdir(exist_ok=True)
    place, number = trash / folder.name, 2
    while place.exists():
        place, number = trash / f"{folder.name}-{number}", number + 1
    folder.rename(place)
    return Thrown(folder, place)


def restore(thrown: Thrown) -> None:
    """Move a folder back to where it was.

    Raises:
        OSError: when it is no longer in the trash, or its place is taken.
    """
    if thrown.folder.exists():
        raise FileExistsError(None, "something of that name is there again", str(thrown.folder))
    if not thrown.place.exists():
        raise FileNotFoundError(None, "it is no longer in the trash", str(thrown.folder))
    thrown.folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(thrown.place, thrown.folder)
    # On Linux a note beside says where it came from; without its folder it would be an entry that can't be restored.
    with contextlib.suppress(OSError):
        (thrown.place.parent.parent / "info" / f"{thrown.place.name}.trashinfo").unlink(missing_ok=True)


class RunsBin(QObject):
    """What was thrown away in this window, to be brought back in the opposite order.

    Args:
        window: whose questions these are.

    Signals:
        said: What happened, in a sentence.
    """

    said = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._thrown: list[list[Thrown]] = []

    @property
    def holds_some(self) -> bool:
        """Whether there is anything to bring back."""
        return bool(self._thrown)

    def throw(self, folders: Sequence[Path]) -> list[Path]:
        """Throw folders away; those that are gone now. One that is being trained stays."""
        thrown: list[Thrown] = []
        own: bool | None = None
        problem = ""
        for folder in folders:
            if in_use(folder):
                problem = f" {folder.name} is being trained and stays."
                continue
            one = to_trash(folder)
            if one is None:
                own = self._may_keep_beside(folder.parent) if own is None else own
                if not own:
                    break
                try:
                    one = beside(folder)
                except OSError as error:
                    problem = f" {folder.name} can't be deleted: {error.strerror or error}."
                    break
            thrown.append(one)
        if thrown:
            self._thrown.append(thrown)
        where = f"to {thrown[0].place.parent}" if own and thrown else "to the trash"
        words = f"{count_runs(len(thrown))} moved {where}." if thrown else ""
        if words or problem:
            self.said.emit((words + problem).strip())
        return [one.folder for one in thrown]

    def undo(self) -> None:
        """Bring back what was thrown away last."""
        if not self._thrown:
            return
        back, problem = 0, ""
        for one in self._thrown.pop():
            try:
                restore(one)
                back += 1
            except OSError as error:
                problem = f" {one.folder.name} can't be brought back: {error.strerror or error}."
        words = f"{count_runs(back)} brought back." if back else ""
        self.said.emit((words + problem).strip())

    def _may_keep_beside(self, root: Path) -> bool:
        answer = QMessageBox.question(
            self._window,
            "No trash",
            f"This system has no trash for {root}. Move it into the folder {OWN_TRASH} there? You can empty that folder yourself.",
            QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
            QMessageBox.StandardButton.Yes,
        )
        return answer == QMessageBox.StandardButton.Yes
