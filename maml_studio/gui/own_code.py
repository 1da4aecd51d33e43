"""Asks before code of the user's own runs because an experiment names it; the answer is remembered."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from PySide6.QtWidgets import QMessageBox, QWidget

from ..spec import Experiment, SpecError, load
from ..spec.model import UserModule
from ..training.run_index import EXPERIMENT
from ..user_code import allow, is_allowed
from .settings import Memory

KEY = "own_modules"


def allow_remembered(memory: Memory) -> None:
    """Allow the modules that were allowed in this window before."""
    for module in memory.text(KEY).split():
        with suppress(ValueError):  # a settings file that was tampered with should not keep the window from opening
            allow(module)


def needs_permission(experiment: Experiment) -> bool:
    """Whether its network is a module of the user's own that was not allowed yet."""
    model = experiment.model
    return isinstance(model, UserModule) and bool(model.path) and not is_allowed(_module_of(model))


def _module_of(model: UserModule) -> str:
    return model.path.partition(":")[0]


def may_run(experiment: Experiment, memory: Memory, window: QWidget) -> bool:
    """Whether the experiment needs no code of the user's own, or may run it; asks where that was never said."""
    model = experiment.model
    if not isinstance(model, UserModule) or not needs_permission(experiment):
        return True
    module = _module_of(model)
    answer = QMessageBox.question(
        window,
        "Run your own code?",
        f"The network of these settings is {model.path}, which is no part of MAML Studio. To use it, the Python module {module} has "
        "to be run, which can do whatever you can do on this computer. Allow it only if you know where it comes from.\n\n"
        f"Run {module}, now and in future?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
        QMessageBox.StandardButton.No,
    )
    if answer != QMessageBox.StandardButton.Yes:
        return False
    allow(module)
    memory.set_text(KEY, " ".join(sorted({*memory.text(KEY).split(), module})))
    return True


class RefusedModels:
    """Asks on a page about a model that was refused because it needs code of the user's own: once for each time that it is chosen.

    Args:
        page: whose question it is.
    """

    def __init__(self, page: QWidget) -> None:
        self._page = page
        self._memory: Memory | None = None
        self._asked = ""

    def begin(self, memory: Memory) -> None:
        """Remember answers there; before that nothing is asked."""
        self._memory = memory

    def forget(self) -> None:
        """A model was chosen: the question may be put again."""
        self._asked = ""

    def ask(self, experiments: Iterable[Experiment]) -> None:
        """Put the question for each of several models that need code of the user's own, before they are loaded."""
        for experiment in experiments if self._memory is not None else ():
            may_run(experiment, self._memory, self._page.window())

    def permits(self, place: str) -> bool:
        """Whether the refused model may be loaded now, since the user has just said so."""
        if self._memory is None or place == self._asked:
            return False
        self._asked = place
        path = Path(place)
        # A checkpoint of a run lies in its folder; one that lies elsewhere is not asked about, but told.
        run = path if path.is_dir() else path.parent.parent
        try:
            experiment = load(run / EXPERIMENT)
        except SpecError:
            return False
        return needs_permission(experiment) and may_run(experiment, self._memory, self._page.window())
