"""What is looked at: a trained model with its tasks, the random start beside it, and how the two are measured."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..algorithms import Algorithm, Params, build_algorithm
from ..api import Trained
from ..data import DataError, Episodes, Part, Sampler, Tasks, open_tasks, silent
from ..data.progress import Progress
from ..models import build_for
from ..spec import Experiment, TaskSettings
from ..training.chunks import chunk_size
from ..training.evaluation import draw_tasks, mean_ci95, norm_mode, task_seed
from ..training.machine import resolve_device

QUERIES = {False: 15, True: 50}
"""Query examples per class, or points of a function, where the source has so many: features are compared on them, and few say little."""
MOST_TASKS = 8
"""Tasks side by side; few, so that somebody who cancels does not wait."""
MOST_WEIGHTS = 30_000_000
"""Budget of one group of tasks: weights of all its inner steps, which are kept."""


@dataclass(frozen=True)
class Estimate:
    """A mean over tasks and the half width of its 95% interval, 1.96 σ/√n; NaN for a single task."""

    mean: float
    ci95: float

    @classmethod
    def of(cls, values: Tensor) -> "Estimate":
        """From one value per task, ``[tasks]``."""
        return cls(*mean_ci95(values))

    def to_json(self) -> dict[str, float | None]:
        """Both numbers; what is no number becomes null."""
        return {"mean": finite(self.mean), "ci95": finite(self.ci95)}


@dataclass(frozen=True)
class Unanswered:
    """A question that makes no sense for a model, and why, in a sentence.

    Attributes:
        paragraph: the sentence.
        always: whether it is so for every task.
    """

    paragraph: str
    always: bool = True
    answered: ClassVar[bool] = False

    def to_json(self) -> dict[str, Any]:
        """The sentence."""
        return {"unanswered": self.paragraph}


@dataclass(frozen=True)
class Subject:
    """A model to look into.

    Attributes:
        trained: the model.
        algorithm: adapts it, with a network of its own: hooks on it disturb nobody.
        meta: the trained meta-parameters.
        random: the meta-parameters as they were before training.
        sampler: draws tasks of ``part``.
        task: their settings; more queries than in training where the source has them.
        part: which part of the source.
        steps: inner steps.
        transductive: where a query's batch-norm statistics come from; as the model's evaluation has it.
        seed: draws the tasks.
    """

    trained: Trained
    algorithm: Algorithm
    meta: Params
    random: Params
    sampler: Sampler
    task: TaskSettings
    part: Part
    steps: int
    transductive: bool
    seed: int

    @property
    def experiment(self) -> Experiment:
        """What the model was trained with."""
        return self.trained.experiment

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.algorithm.learner.device

    @property
    def norm(self) -> str:
        """What normalises a query, in words."""
        return norm_mode(self.experiment, self.transductive)

    @property
    def about_tasks(self) -> str:
        """What a task looks like, in words."""
        task, source = self.task, self.experiment.data.source
        if task.regression:
            return f"{source}, {task.shot} points, {task.query} queries"
        way = f"{task.way}-way" if hasattr(task, "way") else "one against the rest"
        return f"{source}, {way} {task.shot}-shot, {task.query} queries per class"

    def episodes(self, tasks: int, progress: Progress = silent, doing: str = "") -> Iterator[Episodes]:
        """The first tasks in small groups, the same ones for the same seed.

        Args:
            tasks: how many.
            progress: told before each group how many are done; may raise :class:`~maml_studio.data.Cancelled`.
            doing: what is done with them, for ``progress``.
        """
        generator = torch.Generator().manual_seed(task_seed(self.seed, self.part))
        weights = sum(value.numel() for value in self.meta.values()) * (self.steps + 1)
        size = max(1, min(MOST_TASKS, chunk_size(self.experiment, self.task), MOST_WEIGHTS // max(1, weights)))
        for done in range(0, tasks, size):
            progress(f"{doing}: {done:,} of {tasks:,} tasks", done / tasks)
            yield draw_tasks(self.sampler, min(size, tasks - done), generator).to(self.device)

    def one(self, number: int) -> Episodes:
        """The task of that number, the first being 0."""
        generator = torch.Generator().manual_seed(task_seed(self.seed, self.part))
        return draw_tasks(self.sampler, number + 1, generator).pick(torch.tensor([number])).to(self.device)


def look_at(
    trained: Trained, *, steps: int | None = None, seed: int | None = None, part: Part = "test", progress: Progress = silent
) -> Subject:
    """Make a model ready to be looked into, on new tasks of the source that it was trained on.

    Args:
        trained: the model.
        steps: inner steps; those of its evaluation if None, and one at least.
        seed: draws the tasks; its evaluation's if None.
        part: which part of the source.
        progress: told how far loading is; may raise :class:`~maml_studio.data.Cancelled`.

    Raises:
        DataError: when the source can't be opened or has too little for such tasks.
        DeviceError: when the device is not there.
    """
    experiment = trained.experiment
    device = resolve_device(experiment.training.device)
    algorithm = build_algorithm(experiment, build_for(experiment).to(device), trained_on=experiment)
    tasks = open_tasks(experiment.data, progress, strokes=experiment.model.reads_strokes)
    task, sampler = _with_more_queries(tasks, experiment, part)
    return Subject(
        trained,
        algorithm,
        {name: value.to(device) for name, value in trained.meta.items()},
        {name: value.to(device) for name, value in trained.untrained().meta.items()},
        sampler,
        task,
        part,
        max(1, experiment.evaluation.inner_steps) if steps is None else steps,
        experiment.evaluation.transductive,
        experiment.evaluation.seed if seed is None else seed,
    )


def _with_more_queries(tasks: Tasks, experiment: Experiment, part: Part) -> tuple[TaskSettings, Sampler]:
    wanted = max(experiment.task.query, QUERIES[experiment.regression])
    task = experiment.task.model_copy(update={"query": wanted})
    try:
        return task, tasks.sampler(part, task)
    except DataError:
        return experiment.task, tasks.sampler(part, experiment.task)


def finite(value: float) -> float | None:
    """A number for a file, or None where it is none."""
    return value if math.isfinite(value) else None
