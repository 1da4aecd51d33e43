"""The drawing page's threads: load a model, adapt it to the drawings, name the next one. Latest wins."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Signal

from ..drawings import Example
from ..strokes import Frame
from .adapt_walk import Walk
from .own_code import needs_permission
from .worker import LatestWorker

if TYPE_CHECKING:
    from ..api import Adapted, Trained

PRETRAINED = "pretrained"
LEAST_STEPS = 5


@dataclass(frozen=True)
class ModelRef:
    """Which model is meant.

    Attributes:
        place: a run folder, a checkpoint file, or the name of the model in the box.
        random: that model's network as it was before training.
    """

    place: str
    random: bool = False


@dataclass(frozen=True)
class DrawRequest:
    """What the page shows at one moment.

    Attributes:
        model: who is asked.
        names: class names, one per row, each different.
        support: for each class its drawings; a class without any is not ready.
        version: changes with every change of names or support, so that equal drawings are not adapted to twice.
        query: the drawing to name, or None.
        query_version: changes with every change of the query.
        steps: how many inner steps to walk; None: as the model's evaluation does, and 5 at least.
        saliency_step: tell which pixels decided, after that many inner steps; None: don't.
        fewer: where the model can't tell so many classes apart, use the first ones; otherwise that is refused.
    """

    model: ModelRef
    names: tuple[str, ...]
    support: tuple[tuple[Example, ...], ...]
    version: int
    query: Example | None
    query_version: int = 0
    steps: int | None = None
    saliency_step: int | None = None
    fewer: bool = False


@dataclass(frozen=True)
class DrawResult:
    """What the model makes of it.

    Attributes:
        trained: the model.
        used: how many of the classes it can tell apart, from the first.
        adapted: the model adapted to the drawings; None while a class has none.
        support: ``[steps + 1, drawings]`` the probability of each support drawing's own class; None while not adapted.
        probabilities: ``[steps + 1, classes]`` for the query after each inner step; None without a query.
        saliency: ``[28, 28]`` in [-1, 1], what each pixel of the query does for the most probable class; None if not asked for.
    """

    trained: "Trained"
    used: int
    adapted: "Adapted | None" = None
    support: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    saliency: np.ndarray | None = None

    @property
    def steps(self) -> int:
        """How many inner steps the page walks; a model without an inner loop takes none of them."""
        return own_steps(self.trained)

    @property
    def frame(self) -> Frame:
        """Where the model's training images had their ink."""
        return self.trained.frame or Frame()


class AdaptWorker(LatestWorker):
    """Answers :class:`DrawRequest` with :class:`DrawResult`; keeps what has not changed since the last one.

    Signals:
        own_code_wanted: A model (a :class:`ModelRef`) needs a module of the user's own that may not run yet: with its experiment. The
            request has failed.
    """

    own_code_wanted = Signal(object, object)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._trained: tuple[object, Trained] | None = None
        self._walk: tuple[object, tuple[str, ...], Walk, np.ndarray] | None = None

    def run(self) -> None:
        """Take requests until the end, on one core.

        The networks are small and the tasks too: two threads gained little on an idle machine, and beside other work, a run under way
        above all, they waited for each other (630 ms for an adaptation became 6.8 s on two busy cores).
        """
        import torch

        torch.set_num_threads(1)
        super().run()

    def work(self, request: DrawRequest) -> DrawResult | None:
        """Load, adapt and predict, as far as needed."""
        trained = self._load(request.model)
        if trained.experiment.regression:
            raise ValueError(
                f"{trained.experiment.name} fits functions and tells no classes apart. "
                "Choose a model that was trained on images, such as a run of the preset digits-maml."
            )
        used = len(request.names)
        refusal = trained.refusal(used)
        if refusal:
            most = trained.most_classes
            if not request.fewer or most is None or used <= most:
                raise ValueError(refusal)
            used = most
        support = request.support[:used]
        if not all(support):
            return DrawResult(trained, used)
        if self.outdated():
            return None
        steps = own_steps(trained) if request.steps is None else request.steps
        # By what is drawn and not by the version: another frame, or undo and redo, change nothing. Names are labels only.
        key, names = (self._trained and self._trained[0], support, steps), request.names[:used]
        if self._walk is None or self._walk[0] != key:
            new = self._adapt(trained, names, support, steps)
            self._walk = (key, names, new, new.support())
        elif self._walk[1] != names:
            _, before, walk, own = self._walk
            self._walk = (key, names, walk.renamed(dict(zip(before, names, strict=True))), own)
        _, _, walk, own = self._walk
        adapted = walk.adapted
        if request.query is None or self.outdated():
            # Whoever draws on has a newer request; the adaptation is kept for it.
            return None if self.outdated() else DrawResult(trained, used, adapted, own)
        query = request.query.image(trained.frame or Frame())
        probabilities = walk.query(query)
        saliency = None
        if request.saliency_step is not None:
            raw = adapted.saliency(query, min(request.saliency_step, adapted.steps))
            saliency = raw / max(float(np.abs(raw).max()), 1e-12)
        return DrawResult(trained, used, adapted, own, probabilities, saliency)

    def _load(self, model: ModelRef) -> "Trained":
        from ..api import load

        key = (model, _stamp(Path(model.place)))
        if self._trained is None or self._trained[0] != key:
            try:
                trained = load(model.place)
            except ValueError:
                self._ask_for_own_code(model)
                raise
            self._trained = (key, trained.untrained() if model.random else trained)
        return self._trained[1]

    def _ask_for_own_code(self, model: ModelRef) -> None:
        """Say so where a model can't be loaded because its network is the user's own and may not run yet."""
        from ..training.checkpoint import load_checkpoint
        from ..training.run_folder import RunFolder

        place = Path(model.place)
        try:
            experiment = RunFolder.open(place).experiment if place.is_dir() else load_checkpoint(place).experiment
        except ValueError:  # the first error is the one to be told
            return
        if needs_permission(experiment):
            self.own_code_wanted.emit(model, experiment)
            raise ValueError(
                f"The network of this model is {experiment.model.path}, code that is no part of MAML Studio and may not run yet. "
                "Choose the model once more to be asked, or choose another"
            )

    def _adapt(self, trained: "Trained", names: tuple[str, ...], support: tuple[tuple[Example, ...], ...], steps: int) -> Walk:
        frame = trained.frame or Frame()
        images = np.stack([example.image(frame) for drawn in support for example in drawn])
        labels = [name for name, drawn in zip(names, support, strict=True) for _ in drawn]
        return Walk(trained.adapt(images, labels, steps), labels)


def own_steps(trained: "Trained") -> int:
    """How many inner steps the page walks with a model: those of its evaluation, and a few at least."""
    return max(LEAST_STEPS, trained.experiment.evaluation.inner_steps)


def _stamp(model: Path) -> tuple[int, ...]:
    """Changes when a run has saved a better checkpoint, so that it is read again."""
    files = sorted(model.glob("checkpoints/*.safetensors")) if model.is_dir() else [model]
    return tuple(file.stat().st_mtime_ns for file in files if file.exists())
