"""Keeps the task preview in step with the settings, and learns from the data what the settings alone cannot tell."""

from PySide6.QtCore import QObject, QTimer, Signal

from ..spec import Experiment
from .form import ExperimentForm
from .pages.train import TrainPage
from .worker import PreviewTask, PreviewWorker

SETTLE_MS = 150
"""Wait this long after an edit, so that typing 20 does not sample a task for 2."""


class PreviewSession(QObject):
    """Asks the worker for a task whenever the settings settle.

    Signals:
        checked: The data said whether it can carry the task; the form holds the answer.
    """

    checked = Signal()

    def __init__(self, page: TrainPage, form: ExperimentForm, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._page, self._form = page, form
        self._seed = 0
        self._worker = PreviewWorker(self)
        self._worker.done.connect(self._show)
        self._worker.failed.connect(self._refuse)
        self._worker.progress.connect(self._tell)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._ask)
        page.another_task_wanted.connect(self.another)

    def follow(self) -> None:
        """The settings changed."""
        self._settle.start()

    def another(self) -> None:
        """Show another task."""
        self._seed += 1
        self._ask()

    def end(self) -> None:
        """End the thread."""
        self._settle.stop()
        self._worker.end()

    def _ask(self) -> None:
        experiment = self._form.experiment()
        if experiment is None:
            self._page.preview.show_message("A task appears here when the settings are right again.")
        else:
            self._worker.ask((experiment, self._seed))

    def _is_current(self, request: tuple[Experiment, int]) -> bool:
        return request[0] == self._form.experiment()

    def _show(self, request: tuple[Experiment, int], task: PreviewTask) -> None:
        if self._is_current(request):
            self._form.set_outside_problem("")
            self._page.preview.show_task(task)
            self.checked.emit()

    def _refuse(self, request: tuple[Experiment, int], message: str) -> None:
        if self._is_current(request):
            self._form.set_outside_problem(message)
            self._page.preview.show_message(message)
            self.checked.emit()

    def _tell(self, message: str, share: float) -> None:
        percent = f" {100 * share:.0f} %" if share >= 0 else ""
        self._page.preview.show_message(message + percent)
