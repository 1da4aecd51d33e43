"""Load a meta-trained model, adapt it to a few examples, predict. Export, the drawing page and the command line stand on it too.

    trained = maml_studio.load("runs/2026-01-31-digits-maml")
    adapted = trained.adapt(images, ["cat", "cat", "dog", "dog", "owl"])
    adapted.predict(others).labels

An image is float32 ``[28, 28]`` in [0, 1], ink = 1 on 0; :func:`read_images` makes them out of files. Adapting and predicting are never
transductive: batch norm takes its statistics from the support set, so that one query's answer is the same alone and among seven.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from . import paths
from .algorithms import Algorithm, InnerStep, Params, build_algorithm
from .data import Episodes, Part, open_tasks, silent
from .data.progress import Progress
from .inputs import Array, InputError, checked_classes, checked_examples, checked_values, read_images
from .models import build_for
from .saliency import integrated_gradients
from .spec import Experiment, outputs
from .spec.errors import plain_text
from .strokes import Frame
from .training.checkpoint import Checkpoint, CheckpointError, check_shapes, load_checkpoint
from .training.comparison import RANDOM, TRAINED, compare, conditions_of
from .training.evaluation import TaskScores, evaluate, task_seed
from .training.events import StepScore
from .training.framing import FramedSampler
from .training.machine import resolve_device
from .training.report import Report, make_results
from .training.report_summary import ReportSummary, report_summary
from .training.run_folder import BEST, LATEST, RunFolder

__all__ = ["Adapted", "InputError", "Prediction", "Scores", "Trained", "ends_in_softmax", "load", "random_start", "read_images"]

PRETRAINED = "pretrained"
"""Name of the model that came with the app."""
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

    def __init__(self, checkpoint: Checkpoint, origin: str, run: Path | None = None) -> None:
        """Check that the weights fit the network.

        Args:
            checkpoint: what was trained, and how.
            origin: named in errors.
            run: the run folder that it comes from, if any.

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
        self._run = run
        _check_size(checkpoint, origin)
        self._algorithm = build_algorithm(self.experiment, build_for(self.experiment))
        # torch.func.functional_call puts the parameters on the module while it runs: one thread at a time.
        self._lock = threading.Lock()
        check_shapes(checkpoint, self._algorithm.meta_parameters(self._algorithm.classes_in(checkpoint.meta)), origin)

    @property
    def way(self) -> int:
        """How many classes a task had in training; 1 for regression."""
        return outputs(self.experiment.task)

    @property
    def most_classes(self) -> int | None:
        """How many classes it can tell apart; None: any number."""
        return None if self.experiment.algorithm.any_way else self.way

    def refusal(self, classes: int) -> str:
        """Why it can't tell that many classes apart, in a sentence; empty where it can."""
        if self.experiment.regression:
            return "This model fits functions and tells no classes apart"
        if classes < 2:
            return "There should be at least two classes"
        if self.most_classes is not None and classes > self.most_classes:
            return (
                f"This model tells at most {self.most_classes} classes apart, not {classes}; "
                "one trained with Unicorn-MAML, Proto-MAML or ProtoNet takes any number"
            )
        return ""

    @property
    def tested(self) -> ReportSummary | None:
        """What the run's ``report.json`` says of these very weights on its own test tasks; None where they were not evaluated."""
        return report_summary(self._run, self.iteration) if self._run else None

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
            labels: a class name or number for each image, of at most :attr:`most_classes` different ones; for regression a value for each
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
            classes, y = checked_classes(labels, len(x))
            if refusal := self.refusal(len(classes)):
                raise InputError(f"labels: {refusal[0].lower()}{refusal[1:]}")
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
        algorithm = self._algorithm_for(experiment)
        return evaluate(
            algorithm,
            self._meta_on(algorithm.learner.device),
            open_tasks(experiment.data, progress, strokes=experiment.model.reads_strokes).sampler(part, experiment.task),
            experiment,
            tasks=tasks,
            steps=experiment.evaluation.inner_steps,
            transductive=experiment.evaluation.transductive,
            seed=task_seed(experiment.evaluation.seed, part),
            may_go_on=may_go_on,
        )

    def report(
        self,
        experiment: Experiment | None = None,
        *,
        tasks: int = 600,
        part: Part = "test",
        both_modes: bool = True,
        random_start: bool = True,
        as_is: bool = False,
        progress: Progress = silent,
        may_go_on: Callable[[int], bool] = lambda done: True,
    ) -> Report | None:
        """Try the model on tasks of one part of a source, with all that there is to know about how it went.

        Args:
            experiment: other settings of data, task, algorithm and evaluation than it was trained with; the network stays.
            tasks: how many; the same ones for the same ``evaluation.seed``.
            part: which part of the source.
            both_modes: transductive and not, where the network has batch norm.
            random_start: also the network as it was before training, on the same tasks.
            as_is: take the pictures of another source as they are, instead of placing their ink as in the training images.
            progress: told how far loading is.
            may_go_on: called with the number of tasks done before each pass through the network; False gives up.

        Returns:
            The report, or None when it was given up.

        Raises:
            InputError: when the settings want another network.
            DataError: when the source can't be opened or has too little for such tasks.
            DeviceError: when the device is not there.
        """
        experiment = experiment or self.experiment
        algorithm = self._algorithm_for(experiment)
        device = algorithm.learner.device
        sampler = open_tasks(experiment.data, progress, strokes=experiment.model.reads_strokes).sampler(part, experiment.task)
        framed = self.frame is not None and not as_is and not experiment.model.reads_strokes and _other_source(experiment, self.experiment)
        seed = task_seed(experiment.evaluation.seed, part)
        comparison = compare(
            algorithm,
            {TRAINED: self._meta_on(device), RANDOM: self.untrained()._meta_on(device)},
            FramedSampler(sampler, self.frame) if framed and self.frame else sampler,
            experiment,
            conditions_of(experiment, both_modes=both_modes, random_start=random_start),
            tasks=tasks,
            steps=experiment.evaluation.inner_steps,
            seed=seed,
            may_go_on=may_go_on,
        )
        if comparison is None:
            return None
        results = make_results(comparison, experiment, sampler.class_names)
        trained_on = self.experiment.data.source
        return Report(self.experiment.name, self.iteration, experiment, trained_on, part, tasks, seed, framed, results)

    def _algorithm_for(self, experiment: Experiment) -> Algorithm:
        """The algorithm with this model's network, on the experiment's device."""
        if experiment.regression != self.experiment.regression:
            what = "fits functions" if self.experiment.regression else "tells classes apart"
            raise InputError(f"task.kind should fit the model, which {what}")
        if not experiment.regression and (refusal := self.refusal(outputs(experiment.task))):
            raise InputError(f"task should fit the model: {refusal[0].lower()}{refusal[1:]}")
        if experiment.model != self.experiment.model:
            raise InputError("model can't be changed after training")
        # The trained settings build the network: where any number of classes will do, the task may name another.
        network = build_for(self.experiment).to(resolve_device(experiment.training.device))
        algorithm = build_algorithm(experiment, network, trained_on=self.experiment)
        expected = algorithm.meta_parameters(algorithm.classes_in(self._checkpoint.meta))
        check_shapes(self._checkpoint, expected, f"algorithm.name {experiment.algorithm.name}")
        return algorithm

    def _meta_on(self, device: torch.device) -> Params:
        return {name: value.to(device) for name, value in self._checkpoint.meta.items()}

    def _outputs(self, params: Params, support: Episodes, x: Tensor, *, grad: bool = False) -> Tensor:
        episodes = Episodes(support.support_x, support.support_y, x[None], support.query_y, support.classes)
        with self._lock, torch.set_grad_enabled(grad):
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

    def renamed(self, names: Mapping[str, str]) -> "Adapted":
        """The same with other class names; they are labels only, so that nothing is adapted anew.

        Args:
            names: the new name of every class, by its old one.
        """
        return Adapted(self.trained, self._support, tuple(names[name] for name in self.classes), self._path)

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

    def support_probabilities(self, step: int | None = None) -> Array:
        """How sure it is of each example that it was adapted to: the probability of the example's own class, float32 ``[n]``.

        Args:
            step: with the weights after that many inner steps; all of them if None.

        Raises:
            InputError: for regression, or when there is no such step.
        """
        self._need_classes("support_probabilities")
        probabilities = self.predict(self.support_images, step).probabilities
        own: Array = np.take_along_axis(probabilities, self._support.support_y[0, :, None].numpy(), 1)[:, 0]
        return own

    def saliency(self, image: npt.ArrayLike | Tensor, step: int | None = None, label: str | None = None) -> Array:
        """Which pixels of an image speak for a class, and which against it.

        Integrated gradients (:mod:`.saliency`) of the class's log-probability, from the blank image: the map adds up to
        log p(class | image) − log p(class | blank image), but for about 1% of the sizes, as it is a sum in place of an integral.

        Args:
            image: one image ``[28, 28]`` or ``[1, 28, 28]`` in [0, 1], ink = 1.
            step: with the weights after that many inner steps; all of them if None.
            label: the class; the most probable one if None.

        Returns:
            Float32 ``[28, 28]``: positive where ink speaks for the class, zero where there is no ink.

        Raises:
            InputError: for regression or a model that reads pen moves, or when there is no such image, step or class.
        """
        self._need_classes("saliency")
        if self.trained.experiment.model.reads_strokes:
            raise InputError("saliency is about pixels, and this model reads pen moves")
        one: Any = image.detach() if isinstance(image, Tensor) else image
        x = checked_examples([one], self.trained.experiment)
        point = self._point(step)
        if label is None:
            label = self.predict(x, step).labels[0]
        if label not in self.classes:
            raise InputError(f"label should be one of {', '.join(self.classes)}, not {label!r}")
        index = self.classes.index(label)
        params = {name: value.detach() for name, value in point.params.items()}

        def log_probability(images: Tensor) -> Tensor:
            out = self.trained._outputs(params, self._support, images, grad=True)
            if ends_in_softmax(self.trained.experiment):
                return out[:, index].clamp_min(torch.finfo(out.dtype).tiny).log()
            return out.log_softmax(-1)[:, index]

        return integrated_gradients(log_probability, x[0])[0].numpy()

    def _need_classes(self, what: str) -> None:
        if self.trained.experiment.regression:
            raise InputError(f"{what} is about classes, and this model fits functions")

    def _point(self, step: int | None) -> InnerStep:
        if step is None:
            return self._path[-1]
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= self.steps:
            raise InputError(f"step should be a whole number from 0 to {self.steps}, not {step!r}")
        return self._path[step]


def load(path: str | Path, kind: Literal["best", "latest"] = "best") -> Trained:
    """A trained model from a run folder or a checkpoint file.

    Args:
        path: a run folder, one of its checkpoint files, or ``"pretrained"`` for the model that came with the app.
        kind: which checkpoint of a folder; where there is no best one yet, the latest.

    Raises:
        CheckpointError: when the checkpoint is missing or can't be used.
        RunFolderError: when the folder is no run.
    """
    path = Path(path)
    if path == Path(PRETRAINED) and not path.exists():
        path = paths.resource("pretrained", "glyphs.safetensors")
    if not path.exists():
        raise CheckpointError(f"{path}: there is no such file or folder")
    if kind not in (BEST, LATEST):
        raise InputError(f"kind should be best or latest, not {kind!r}")
    folder = None
    if path.is_dir():
        folder, run = path, RunFolder.open(path)
        path = run.checkpoint_path(LATEST) if kind == LATEST else run.best_or_latest()
    return Trained(load_checkpoint(path), str(path), folder)


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


def _other_source(one: Experiment, other: Experiment) -> bool:
    """Whether two experiments' pictures come from different places, and so may lie differently in the image."""
    return (one.data.source, getattr(one.data, "path", "")) != (other.data.source, getattr(other.data, "path", ""))


def _check_size(checkpoint: Checkpoint, origin: str) -> None:
    """Refuse settings that ask for far more weights than there are in the file, before any are made."""
    if checkpoint.experiment.model.name == "module":
        return
    with torch.device("meta"):
        wanted = sum(value.numel() for value in build_for(checkpoint.experiment).parameters())
    found = sum(value.numel() for value in checkpoint.meta.values())
    # The head may be missing, or have other rows.
    if wanted > 10 * found + 1_000_000:
        raise CheckpointError(f"{origin}: its settings name a network of {wanted:,} weights, and the file holds {found:,}")


def _read_frame(checkpoint: Checkpoint, origin: str) -> Frame | None:
    if checkpoint.frame is None:
        return None
    try:
        return Frame.from_dict(checkpoint.frame)
    except ValueError as error:
        raise CheckpointError(f"{origin}: its frame can't be used: {plain_text(str(error))}") from None


def _read_scores(checkpoint: Checkpoint, origin: str) -> Scores | None:
    raw = checkpoint.progress.get("scores")
    if raw is None:
        return None
    try:
        if not all(value is None or isinstance(value, int | float) for step in raw["steps"] for value in step.values()):
            raise TypeError
        steps = tuple(StepScore(**step) for step in raw["steps"])
        return Scores(int(raw["iteration"]), int(raw["tasks"]), str(raw["norm_mode"]), steps)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        raise CheckpointError(f"{origin}: its scores can't be read") from None
