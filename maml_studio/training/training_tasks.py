"""The meta-batches of training: of the task's size, or with ways and shots that vary from one outer step to the next."""

import torch

from ..data import DataError, Episodes, Sampler, Tasks
from ..spec import Experiment, NWay, TaskSettings


class TrainingTasks:
    """Draws meta-batches; within one, all tasks have the same size."""

    def __init__(self, tasks: Tasks, experiment: Experiment) -> None:
        """Check that the largest tasks can be filled.

        Raises:
            DataError: when they can't.
        """
        self._tasks, self._experiment = tasks, experiment
        self._samplers: dict[TaskSettings, Sampler] = {}
        task, training = experiment.task, experiment.training
        self._shot = experiment.algorithm.shots_in_training or task.shot
        self._largest_shot = max(self._shot, training.vary_shot)
        self._way = task.way if isinstance(task, NWay) else 0
        self._largest_way = max(self._way, training.vary_way)
        self.class_names = self._largest().class_names
        """The classes of training; empty for regression."""

    def _largest(self) -> Sampler:
        self._sampler(self._experiment.task)  # what the task itself asks for comes first
        try:
            return self._sampler(self._sized(self._largest_way, self._largest_shot))
        except DataError as error:
            shots = "training.vary_shot" if self._experiment.training.vary_shot > self._shot else "algorithm.train_shots"
            raise DataError(str(error).replace("task.way", "training.vary_way").replace("task.shot", shots)) from None

    def draw(self, generator: torch.Generator) -> tuple[Episodes, TaskSettings]:
        """One meta-batch, and the size of its tasks."""
        way = _between(self._way, self._largest_way, generator)
        shot = _between(self._shot, self._largest_shot, generator)
        task = self._sized(way, shot)
        return self._sampler(task).sample(self._experiment.training.meta_batch, generator), task

    def _sized(self, way: int, shot: int) -> TaskSettings:
        sizes = {"shot": shot, "way": way} if way else {"shot": shot}
        return self._experiment.task.model_copy(update=sizes)

    def _sampler(self, task: TaskSettings) -> Sampler:
        if task not in self._samplers:
            self._samplers[task] = self._tasks.sampler("train", task)
        return self._samplers[task]


def _between(low: int, high: int, generator: torch.Generator) -> int:
    """A number from ``low`` to ``high``; nothing is drawn where there is no choice, so that other runs draw what they always drew."""
    return low if low == high else int(torch.randint(low, high + 1, (), generator=generator))
