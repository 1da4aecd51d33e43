"""The drawing page's thread: load a model, adapt it to the drawings, name the next one. Latest wins."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .worker import LatestWorker

if TYPE_CHECKING:
    from ..api import Adapted, Trained


@dataclass(frozen=True)
class DrawRequest:
    """What the page shows at one moment.

    Attributes:
        model: a run folder or a checkpoint file.
        names: class names, one per row, each different; empty while only the model is asked about.
        support: for each class its drawn images ``[28, 28]``; a class without drawings is not ready.
        support_version: changes with every change of names or support, so that equal drawings are not adapted to twice.
        query: the image to name, or None.
        steps: how many inner steps to walk.
    """

    model: Path
    names: tuple[str, ...]
    support: tuple[tuple[np.ndarray, ...], ...]
    support_version: int
    query: np.ndarray | None
    steps: int


@dataclass(frozen=True)
class DrawResult:
    """What the model makes of it.

    Attributes:
        trained: the model.
        adapted: the model adapted to the drawings; None while a class has none.
        probabilities: ``[steps + 1, classes]`` for the query after each inner step; None without a query.
    """

    trained: "Trained"
    adapted: "Adapted | None"
    probabilities: np.ndarray | None


class AdaptWorker(LatestWorker):
    """Answers :class:`DrawRequest` with :class:`DrawResult`; keeps what has not changed since the last one."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._trained: tuple[object, Trained] | None = None
        self._adapted: tuple[object, Adapted] | None = None

    def work(self, request: DrawRequest) -> DrawResult | None:
        """Load, adapt and predict, as far as needed."""
        from ..api import load

        model_key = (request.model, _stamp(request.model))
        if self._trained is None or self._trained[0] != model_key:
            self._trained = (model_key, load(request.model))
        trained = self._trained[1]
        if trained.experiment.regression:
            raise ValueError(
                f"{trained.experiment.name} fits functions and tells no classes apart. "
                "Choose a model that was trained on images, such as a run of the preset digits-maml."
            )
        ready = len(request.names) == trained.way and all(request.support)
        if not ready:
            return DrawResult(trained, None, None)
        if self.outdated():
            return None
        adapted_key = (model_key, request.support_version, request.steps)
        if self._adapted is None or self._adapted[0] != adapted_key:
            images = np.stack([image for drawn in request.support for image in drawn])
            labels = [name for name, drawn in zip(request.names, request.support, strict=True) for _ in drawn]
            self._adapted = (adapted_key, trained.adapt(images, labels, request.steps))
        adapted = self._adapted[1]
        if request.query is None:
            return DrawResult(trained, adapted, None)
        walk = [adapted.predict(request.query[None], step).probabilities[0] for step in range(adapted.steps + 1)]
        return DrawResult(trained, adapted, np.stack(walk))


def _stamp(model: Path) -> tuple[int, ...]:
    """Changes when a run has saved a better checkpoint, so that it is read again."""
    files = sorted(model.glob("checkpoints/*.safetensors")) if model.is_dir() else [model]
    return tuple(file.stat().st_mtime_ns for file in files if file.exists())
