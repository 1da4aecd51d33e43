"""Keeps the task preview in step with the settings, and learns from the data what the settings alone cannot tell."""

from PySide6.QtCore import QObject, QTimer, Signal

from .form import ExperimentForm
from .pages.train import TrainPage
from .worker import PreviewRequest, PreviewTask, PreviewWorker

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
        self._worker.download_needed.connect(self._offer_download)
        page.another_task_wanted.connect(self.another)
        page.download_wanted.connect(self.download)
        page.cancel_wanted.connect(self._ask)
        self._downloads = False
        self._run_loads = False
        page.model.changed.connect(self._watch_run)

    def follow(self) -> None:
        """The settings changed."""
        self._settle.start()

    def another(self) -> None:
        """Show another task."""
        self._seed += 1
        self._ask()

    def download(self) -> None:
        """Fetch the data; asking for anything else gives it up."""
        self._ask(download=True)

    def cancel_download(self) -> None:
        """Give up what is being fetched; a run is about to fetch it for itself."""
        if self._downloads:
            self._ask()

    def _watch_run(self) -> None:
        """A run that is done with loading may have fetched what the preview lacked."""
        loads = self._page.model.status == "loading"
        if self._run_loads and not loads and self._page.preview.task is None:
            self._ask()
        self._run_loads = loads

    def end(self) -> None:
        """End the thread."""
        self._settle.stop()
        self._worker.end()

    def _ask(self, *, download: bool = False) -> None:
        experiment = self._form.experiment()
        self._downloads = download and experiment is not None
        if experiment is None:
            self._page.preview.show_message("A task appears here when the settings are right again.")
            self._page.set_download("none")
        else:
            self._page.set_download("under way" if download else "none")
            self._worker.ask(PreviewRequest(experiment, self._seed, download))

    def _is_current(self, request: PreviewRequest) -> bool:
        return request.experiment == self._form.experiment()

    def _offer_download(self, request: PreviewRequest, message: str) -> None:
        if self._is_current(request):
            self._form.set_outside_problem("")
            if self._page.model.running:
                self._page.preview.show_message(f"{message}.\nThe run fetches it.")
            else:
                self._page.preview.show_message(f"{message}.\nDownload fetches it now; Train would fetch it first.")
                self._page.set_download("offered")
            self.checked.emit()

    def _show(self, request: PreviewRequest, task: PreviewTask) -> None:
        if self._is_current(request):
            self._downloads = False
            self._form.set_outside_problem("")
            self._page.set_download("none")
            self._page.preview.show_task(task)
            self.checked.emit()

    def _refuse(self, request: PreviewRequest, message: str) -> None:
        if self._is_current(request):
            self._downloads = False
            # A download that failed may be tried again, here or by Train; nothing is wrong with the settings.
            self._form.set_outside_problem("" if request.download else message)
            self._page.set_download("offered" if request.download else "none")
            self._page.preview.show_message(message)
            self.checked.emit()

    def _tell(self, message: str, share: float) -> None:
        percent = f" {100 * share:.0f} %" if share >= 0 else ""
        self._page.preview.show_message(message + percent)
