"""Load a meta-trained model, adapt it to a few examples, predict. Export, the drawing page and the command line stand on it too.

    trained = maml_studio.load("runs/2026-01-31-digits-maml")
    adapted = trained.adapt(images, ["cat", "cat", "dog", "dog", "owl"])
    adapted.predict(others).labels

An image is float32 ``[28, 28]`` in [0, 1], ink = 1 on 0; :func:`read_images` makes them out of files. Adapting and predicting are never
transductive: batch norm takes its statistics from the support set, so that one query's answer is the same alone and among seven.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .algorithms import Algorithm, InnerStep, Params, build_algorithm
from .data import Episodes, Part, open_tasks, silent
from .data.progress import Progress
from .inputs import Array, InputError, checked_classes, checked_examples, checked_values, read_images
from .models import build_for
from .spec import Experiment, outputs
from .strokes import Frame
from .training.checkpoint import Checkpoint, CheckpointError, check_shapes, load_checkpoint
from .training.evaluation import TaskScores, evaluate, task_seed
from .training.events import StepScore
from .training.machine import resolve_device
from .training.run_folder import BEST, LATEST, RunFolder

__all__ = ["Adapted", "InputError", "Prediction", "Scores", "Trained", "ends_in_softmax", "load", "random_start", "read_images"]

MAX_STEPS = 1000
"""Every step's weights are kept, so there has to be an end."""


@dataclass(frozen=True)
class Prediction:
    """What an adapted model says about ``n`` queries.

    Attributes:
        labels: the most probable class of each; empty for regression.
        probabilities: float32 ``[n, classes]``; ``[n, 0]`` for regression.
        values: float32 ``[n, outputs]``: the function's values for regression, else the network's outputs as they are.
    """

    labels: tuple[str, ...]
    probabilities: Array
    values: Array


@dataclass(frozen=True)
class Scores:
    """A validation: means over ``tasks`` tasks at every inner step.

    Attributes:
        iteration: outer steps done when it was measured.
        tasks: how many tasks were tried.
        norm_mode: where a query's norm statistics came from (``transductive``, ``support``, or the norm's name).
        steps: one entry per inner step, the first before any.
    """

    iteration: int
    tasks: int
    norm_mode: str
    steps: tuple[StepScore, ...]


class Trained:
    """A meta-trained initialisation; it never changes, and any thread may use it."""

    def __init__(self, checkpoint: Checkpoint, origin: str) -> None:
        """Check that the weights fit the network.

        Args:
            checkpoint: what was trained, and how.
            origin: named in errors.

        Raises:
            CheckpointError: when they don't, or the checkpoint's other entries can't be used.
        """
        self.experiment = checkpoint.experiment
        self.iteration = checkpoint.iteration
        self.frame = _read_frame(checkpoint, origin)
        """Where the training images have their ink; None without images."""
        self.scores = _read_scores(checkpoint, origin)
        """The last validation before the checkpoint; None if there was none."""
        self._checkpoint = checkpoint
        self._algorithm = build_algorithm(self.experiment, build_for(self.experiment))
        # torch.func.functional_call puts the parameters on the module while it runs: one thread at a time.
        self._lock = threading.Lock()
        check_shapes(checkpoint, self._algorithm.meta_parameters(), origin)

    @property
    def way(self) -> int:
        """Number of the network's outputs: how many classes it tells apart, 1 for regression."""
        return outputs(self.experiment.task)

    @property
    def meta(self) -> Params:
        """The meta-parameters by name."""
        return dict(self._checkpoint.meta)

    def untrained(self) -> "Trained":
        """The same network as it was before training, to compare with."""
        return random_start(self.experiment, self.frame)

    def adapt(
        self,
        images: npt.ArrayLike | Tensor,
        labels: Sequence[str | int | float] | npt.NDArray[Any] | Tensor,
        steps: int | None = None,
    ) -> "Adapted":
        """Learn from a few examples.

        Args:
            images: ``[n, 28, 28]`` or ``[n, 1, 28, 28]`` in [0, 1], ink = 1; for regression points ``[n, 1]``.
            labels: a class name or number for each image, as many different ones as the model tells apart; for regression a value for each
                point. Numbers are the classes in ascending order, names in the order in which they first appear: the network's outputs
                in that order (for one-vs-rest the second is "the class", the first "the rest").
            steps: inner steps; those of the experiment's evaluation if None.

        Raises:
            InputError: when the examples can't be used, or the loss becomes infinite on the way.
        """
        steps = self.experiment.evaluation.inner_steps if steps is None else steps
        if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= MAX_STEPS:
            raise InputError(f"steps should be a whole number from 0 to {MAX_STEPS}, not {steps!r}")
        x = checked_examples(images, self.experiment)
        classes: tuple[str, ...] = ()
        if self.experiment.regression:
            y = checked_values(labels, len(x))
        else:
            classes, y = checked_classes(labels, len(x), self.way)
        support = Episodes(x[None], y[None], x[None, :0], y[None, :0], torch.empty(1, 0, dtype=torch.int64))
        with self._lock:
            path = self._algorithm.adapt(self._checkpoint.meta, support, steps)
        for step, point in enumerate(path):
            if not torch.isfinite(point.support_loss).all():
                raise InputError(f"The support loss is no longer a number after inner step {step}; adapt with fewer steps")
        return Adapted(self, support, classes, path)

    def evaluate(
        self,
        experiment: Experiment | None = None,
        *,
        tasks: int = 600,
        part: Part = "test",
        progress: Progress = silent,
        may_go_on: Callable[[int], bool] = lambda done: True,
    ) -> TaskScores | None:
        """Try the model on tasks of one part of a source, at every inner step.

        Args:
            experiment: other settings of data, task, algorithm and evaluation than it was trained with; the network stays.
            tasks: how many.
            part: which part of the source.
            progress: told how far loading is.
            may_go_on: called with the number of tasks done before each chunk; False gives up.

        Returns:
            The scores, or None when it was given up.

        Raises:
            InputError: when the settings want another network.
            DataError: when the source can't be opened or has too little for such tasks.
            DeviceError: when the device is not there.
        """
        experiment = experiment or self.experiment
        if outputs(experiment.task) != self.way or experiment.regression != self.experiment.regression:
            raise InputError(f"task should fit the model: {self._what_it_does()}")
        if experiment.model != self.experiment.model:
            raise InputError("model can't be changed after training")
        device = resolve_device(experiment.training.device)
        algorithm = build_algorithm(experiment, build_for(experiment).to(device))
        check_shapes(self._checkpoint, algorithm.meta_parameters(), f"algorithm.name {experiment.algorithm.name}")
        return evaluate(
            algorithm,
            {name: value.to(device) for name, value in self._checkpoint.meta.items()},
            open_tasks(experiment.data, progress).sampler(part, experiment.task),
            experiment,
            tasks=tasks,
            steps=experiment.evaluation.inner_steps,
            transductive=experiment.evaluation.transductive,
            seed=task_seed(experiment.evaluation.seed, part),
            may_go_on=may_go_on,
        )

    def _what_it_does(self) -> str:
        if self.experiment.regression:
            return "it fits functions and tells no classes apart"
        return f"it tells exactly {self.way} classes apart"

    def _outputs(self, params: Params, support: Episodes, x: Tensor) -> Tensor:
        episodes = Episodes(support.support_x, support.support_y, x[None], support.query_y, support.classes)
        with self._lock, torch.no_grad():
            return self._algorithm.learner.query_outputs(params, episodes, transductive=False)[0]


class Adapted:
    """A model adapted to one support set, with the weights at every inner step; it never changes, and any thread may use it."""

    def __init__(self, trained: Trained, support: Episodes, classes: tuple[str, ...], path: list[InnerStep]) -> None:
        self.trained = trained
        self.classes = classes
        """Class names in the order of the outputs; empty for regression."""
        self.support_losses = tuple(point.support_loss.item() for point in path)
        """The support loss at every inner step, the first before any."""
        self._support, self._path = support, path

    @property
    def steps(self) -> int:
        """How many inner steps were done."""
        return len(self._path) - 1

    @property
    def support_images(self) -> Tensor:
        """What it was adapted to: ``[n, 1, 28, 28]``, or points ``[n, 1]``."""
        return self._support.support_x[0]

    def parameters(self, step: int | None = None) -> Params:
        """The network's weights after ``step`` inner steps, all of them if None.

        Raises:
            InputError: when there is no such step.
        """
        return {name: value[0].detach() for name, value in self._point(step).params.items()}

    def predict(self, images: npt.ArrayLike | Tensor, step: int | None = None) -> Prediction:
        """Ask about new examples.

        Args:
            images: as for :meth:`Trained.adapt`.
            step: with the weights after that many inner steps; all of them if None.

        Raises:
            InputError: when the images can't be used or there is no such step.
        """
        point = self._point(step)
        experiment = self.trained.experiment
        out = self.trained._outputs(point.params, self._support, checked_examples(images, experiment))
        if experiment.regression:
            return Prediction((), np.empty((len(out), 0), np.float32), out.numpy())
        probabilities = out if ends_in_softmax(experiment) else out.softmax(-1)
        labels = tuple(self.classes[index] for index in probabilities.argmax(-1).tolist())
        return Prediction(labels, probabilities.numpy(), out.numpy())

    def _point(self, step: int | None) -> InnerStep:
        if step is None:
            return self._path[-1]
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= self.steps:
            raise InputError(f"step should be a whole number from 0 to {self.steps}, not {step!r}")
        return self._path[step]


def load(path: str | Path, kind: Literal["best", "latest"] = "best") -> Trained:
    """A trained model from a run folder or a checkpoint file.

    Args:
        path: a run folder, or one of its checkpoint files.
        kind: which checkpoint of a folder; where there is no best one yet, the latest.

    Raises:
        CheckpointError: when the checkpoint is missing or can't be used.
        RunFolderError: when the folder is no run.
    """
    path = Path(path)
    if not path.exists():
        raise CheckpointError(f"{path}: there is no such file or folder")
    if kind not in (BEST, LATEST):
        raise InputError(f"kind should be best or latest, not {kind!r}")
    if path.is_dir():
        run = RunFolder.open(path)
        wanted = [LATEST] if kind == LATEST else [BEST, LATEST]
        file = next((file for file in map(run.checkpoint_path, wanted) if file.is_file()), None)
        if file is None:
            raise CheckpointError(f"{path}: this run has no checkpoint yet; train it further")
        path = file
    return Trained(load_checkpoint(path), str(path))


def random_start(experiment: Experiment, frame: Frame | None = None) -> Trained:
    """An experiment's network as it is before training.

    Args:
        experiment: names the network and the seed of its weights.
        frame: where the images have their ink.
    """
    algorithm: Algorithm = build_algorithm(experiment, build_for(experiment))
    meta = {name: value.detach() for name, value in algorithm.meta_parameters().items()}
    return Trained(Checkpoint(experiment, 0, meta, frame=frame.to_dict() if frame else None), "random start")


def ends_in_softmax(experiment: Experiment) -> bool:
    """Whether the network's outputs are probabilities already (the tutorial's extra softmax)."""
    return bool(getattr(experiment.model, "softmax", False))


def _read_frame(checkpoint: Checkpoint, origin: str) -> Frame | None:
    if checkpoint.frame is None:
        return None
    try:
        return Frame.from_dict(checkpoint.frame)
    except ValueError as error:
        raise CheckpointError(f"{origin}: its frame can't be used: {error}") from None


def _read_scores(checkpoint: Checkpoint, origin: str) -> Scores | None:
    raw = checkpoint.progress.get("scores")
    if raw is None:
        return None
    try:
        if not all(value is None or isinstance(value, int | float) for step in raw["steps"] for value in step.values()):
            raise TypeError
        steps = tuple(StepScore(**step) for step in raw["steps"])
        return Scores(int(raw["iteration"]), int(raw["tasks"]), str(raw["norm_mode"]), steps)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise CheckpointError(f"{origin}: its scores can't be read") from None
