"""Keeps what is on the Draw page while it is drawn, so that it is there again at the next start, even after a crash."""

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ..drawings import DrawingError, DrawnTask
from ..drawings.kept import KeptPlace, claim, gather_others, is_blank, set_aside
from .draw_document import MAX_CLASSES, DrawDocument
from .draw_files import RECENT, DrawFiles
from .settings import Memory
from .worker import LatestWorker

DELAY_MS = 1000


class KeepWorker(LatestWorker):
    """Writes; for 20 classes of 10 drawings that takes a third of a second, so the window doesn't do it."""

    def work(self, request: tuple[KeptPlace, DrawnTask]) -> bool:
        """Write the drawings to their place."""
        place, task = request
        try:
            place.write(task)
        except OSError as error:
            raise ValueError(_unwritable(place.path, error)) from None
        return True


class DrawKeeper(QObject):
    """Brings drawings back, and writes them a second after a change.

    Args:
        document: what is kept.
        files: knows the user's own files.
        parent: the page.

    Signals:
        said: A sentence that should stay in sight.
    """

    said = Signal(str)

    def __init__(self, document: DrawDocument, files: DrawFiles, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._files = document, files
        self._memory: Memory | None = None
        self._place: KeptPlace | None = None
        self._kept: DrawnTask | None = None
        self._problem = ""
        self._stored = ""
        # Not begun anew by every change: whoever draws without a pause would otherwise never have it kept.
        self._timer = QTimer(self, singleShot=True, interval=DELAY_MS)
        self._timer.timeout.connect(self._keep)
        self.worker = KeepWorker(self)
        self.worker.done.connect(self._take)
        self.worker.failed.connect(self._refuse)

    @property
    def path(self) -> Path | None:
        """The file that this window writes; None where it can't."""
        return self._place.path if self._place else None

    def begin(self, memory: Memory) -> None:
        """Bring back the drawings and the recent files, and keep them from now on."""
        self._memory = memory
        self._files.set_recent(memory.text("drawings/recent").splitlines())
        try:
            self._place = claim(memory.folder)
            others = gather_others(memory.folder, self._place.number)
        except OSError as error:
            self._let_go()
            self._say(f"Drawings can't be kept for the next start: {error.strerror or error} ({memory.folder}). Save them as a file.")
            return
        words = []
        if others:
            self._files.set_recent([*map(str, others), *map(str, self._files.recent)])
            words.append(f"What was drawn in a second window is under Draw, Open recent, as {', '.join(path.name for path in others)}.")
        if self._place.number == 1:
            words += self._bring_back(memory)
        else:
            words.append("Another window is open and keeps its own drawings; this one begins empty, and what you draw here is kept too.")
        self._say(" ".join(words))
        if self._place is None:
            return
        self._store()
        self._document.modified_changed.connect(self._wait)
        self._files.changed.connect(self._store)

    def _bring_back(self, memory: Memory) -> list[str]:
        place = self._place
        assert place is not None
        try:
            task = place.read()
            if task is not None and len(task.classes) > MAX_CLASSES:
                raise DrawingError(f"{place.path}: holds {len(task.classes)} classes, and this page shows {MAX_CLASSES} at most")
        except DrawingError as error:
            return [self._set_aside(place, str(error).removeprefix(f"{place.path}: "))]
        if task is not None:
            path = memory.text("drawings/path")
            self._files.restore(task, Path(path) if path else None)
            self._kept = self._files.task()
        return []

    def _set_aside(self, place: KeptPlace, reason: str) -> str:
        try:
            where = set_aside(place.path, "unreadable")
        except OSError as error:
            self._let_go()
            return (
                f"The drawings of the last time can't be read ({reason}), and {place.path} can't be renamed ({error.strerror or error}): "
                "nothing is kept until you move it away and start again."
            )
        return f"The drawings of the last time can't be read: the file {reason}. It is set aside as {where}."

    def end(self) -> None:
        """Write what is not written yet, and let the file go."""
        self._timer.stop()
        self.worker.end()
        place, self._place = self._place, None
        if place is None:
            return
        self._document.modified_changed.disconnect(self._wait)
        self._files.changed.disconnect(self._store)
        task = self._files.task()
        try:
            if place.number > 1 and is_blank(task):
                place.path.unlink(missing_ok=True)
            elif task != self._kept:
                place.write(task)
        except (OSError, DrawingError) as error:
            self._say(_unwritable(place.path, error))
        place.release()

    def _let_go(self) -> None:
        if self._place is not None:
            self._place.release()
            self._place = None

    def _wait(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _keep(self) -> None:
        task = self._files.task()
        if self._place is not None and task != self._kept:
            self.worker.ask((self._place, task))

    def _take(self, request: tuple[KeptPlace, DrawnTask], result: object) -> None:
        self._kept = request[1]
        self._problem = ""

    def _refuse(self, request: tuple[KeptPlace, DrawnTask], message: str) -> None:
        if message != self._problem:  # once is enough
            self._problem = message
            self._say(f"{message}. Save the drawings as a file elsewhere.")

    def _store(self) -> None:
        """Remember which files there are: this window's own where it is the first, and those that were open lately in any."""
        memory, place, recent = self._memory, self._place, [str(path) for path in self._files.recent]
        if memory is None or place is None:
            return
        news = "\n".join((str(self._files.path or ""), *recent))
        if news == self._stored:
            return
        self._stored = news
        if place.number == 1:
            memory.set_text("drawings/path", str(self._files.path or ""))
        known = [path for path in memory.text("drawings/recent").splitlines() if path not in recent and Path(path).exists()]
        memory.set_text("drawings/recent", "\n".join([*recent, *known][:RECENT]))
        memory.save()

    def _say(self, words: str) -> None:
        if words:
            self.said.emit(words)


def _unwritable(path: Path, error: Exception) -> str:
    return f"The drawings can't be kept: {path} can't be written: {getattr(error, 'strerror', None) or error}"
