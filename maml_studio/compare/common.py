"""On which tasks several runs can be compared: those that they were made for, where these are the same, or others that somebody chose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..spec import DataSettings, Experiment, NWay, TaskSettings, outputs, parse

TASKS = 600
Part = Literal["test", "validation"]


@dataclass(frozen=True)
class CommonTasks:
    """The tasks that every run is tried on, the same ones for all of them.

    Attributes:
        data: where they come from.
        task: how many classes, shots and queries.
        seed: draws them.
        transductive: where a query's batch-norm statistics come from; without batch norm it makes no difference.
        tasks: how many.
        part: which part of the data.
        inner_steps: as many for every run; None: each does its own number.
    """

    data: DataSettings
    task: TaskSettings
    seed: int
    transductive: bool
    tasks: int = TASKS
    part: Part = "test"
    inner_steps: int | None = None

    @classmethod
    def of(cls, experiment: Experiment, tasks: int = TASKS, part: Part = "test") -> "CommonTasks":
        """The test tasks of one run."""
        return cls(experiment.data, experiment.task, experiment.evaluation.seed, experiment.evaluation.transductive, tasks, part)

    def applied(self, experiment: Experiment) -> Experiment:
        """A run's settings on these tasks.

        Raises:
            SpecError: when the two don't go together.
        """
        steps = experiment.evaluation.inner_steps if self.inner_steps is None else self.inner_steps
        evaluation = experiment.evaluation.model_copy(
            update={"seed": self.seed, "transductive": self.transductive, "inner_steps": steps}
        ).model_dump()
        raw = {**experiment.model_dump(), "data": self.data.model_dump(), "task": self.task.model_dump(), "evaluation": evaluation}
        if isinstance(self.task, NWay) and raw["training"]["vary_way"]:
            raw["training"] = {**raw["training"], "vary_way": max(raw["training"]["vary_way"], self.task.way)}
        if raw["training"]["vary_shot"]:
            raw["training"] = {**raw["training"], "vary_shot": max(raw["training"]["vary_shot"], self.task.shot)}
        return parse(raw)

    @property
    def regression(self) -> bool:
        """Whether they are scored by a squared error, of which less is better."""
        return self.task.regression

    @property
    def unit(self) -> float:
        """Of what every task's score is a multiple; 0: of nothing."""
        # Half of the queries of one class against the rest are of the class.
        return 0.0 if self.regression else 1 / (outputs(self.task) * self.task.query)

    @property
    def about(self) -> str:
        """The tasks in a few words."""
        task = self.task
        kind = f"{task.shot} points" if self.regression else f"{outputs(task)}-way {task.shot}-shot, {task.query} queries per class"
        part = "" if getattr(self.data, "split", "") == "all" else f"{self.part} "
        return f"{self.tasks:,} {part}tasks of {self.data.title}, {kind}"


def shared_tasks(experiments: Sequence[Experiment], tasks: int = TASKS) -> CommonTasks | None:
    """The runs' own test tasks, where they are the same for all of them; None where they are not."""
    if not experiments or obstacles({str(place): one for place, one in enumerate(experiments)}):
        return None
    # A run without batch norm has no say in the norm mode.
    first = next((one for one in experiments if one.model.batch_norm), experiments[0])
    return CommonTasks.of(first, tasks)


def obstacles(experiments: Mapping[str, Experiment]) -> list[str]:
    """Why runs can't be compared on the tasks that they were made for, a sentence for each reason; none where they can.

    Args:
        experiments: by the runs' names.
    """
    looks: dict[str, Callable[[Experiment], Any]] = {
        "data": lambda one: one.data.model_dump(),
        "kind of task": lambda one: one.task.kind,
        "ways": lambda one: getattr(one.task, "way", None),
        "shots": lambda one: one.task.shot,
        "queries": lambda one: one.task.query,
        "task seed": lambda one: one.evaluation.seed,
        "norm mode": lambda one: one.evaluation.transductive if one.model.batch_norm else None,
    }
    found = []
    for what, look in looks.items():
        values = {name: look(one) for name, one in experiments.items()}
        values = {name: value for name, value in values.items() if value is not None}
        names = list(values)
        other = next((name for name in names if values[name] != values[names[0]]), None)
        if other is not None:
            # A kind of task has fields of its own: the rest follows.
            pair = {name: _said(what, experiments[name], experiments[names[0] if name == other else other]) for name in (names[0], other)}
            found.append(f"their {what} differ: " + ", ".join(f"{said} ({name})" for name, said in pair.items()))
            if what == "kind of task":
                break
    return found


def _said(what: str, one: Experiment, other: Experiment) -> str:
    match what:
        case "data":
            if one.data.title != other.data.title:
                return one.data.title
            mine, theirs = one.data.model_dump(), other.data.model_dump()
            key = next(key for key in mine if mine[key] != theirs.get(key))
            return f"{key.replace('_', ' ')} {mine[key]}"
        case "kind of task":
            return one.task.title
        case "norm mode":
            return "transductive" if one.evaluation.transductive else "support"
        case "ways":
            return str(getattr(one.task, "way", "–"))
        case "shots":
            return str(one.task.shot)
        case "queries":
            return str(one.task.query)
    return str(one.evaluation.seed)


def suggested_tasks(experiments: Sequence[Experiment], like: Experiment | None = None, tasks: int = TASKS) -> CommonTasks:
    """Tasks that most runs can be tried on: those of one of them, with no more ways than all take; support statistics where modes differ.

    Args:
        experiments: of the runs.
        like: whose data and task to begin with; the first one's if None.
        tasks: how many.
    """
    common = CommonTasks.of(like or experiments[0], tasks)
    task = common.task
    if isinstance(task, NWay):
        most = [one.task.way for one in experiments if isinstance(one.task, NWay) and not one.algorithm.any_way]
        task = task.model_copy(update={"way": min([task.way, *most])})
    modes = {one.evaluation.transductive for one in experiments if one.model.batch_norm}
    return replace(common, task=task, transductive=common.transductive if len(modes) < 2 else False)


def refusal(common: CommonTasks, experiment: Experiment) -> str:
    """Why a run can't be tried on some tasks, in a sentence; empty where it can, as far as the settings tell."""
    if common.regression != experiment.regression:
        return "fits functions and tells no classes apart" if experiment.regression else "tells classes apart and fits no functions"
    most = outputs(experiment.task)
    if not common.regression and not experiment.algorithm.any_way and outputs(common.task) > most:
        return f"tells at most {most} classes apart, not {outputs(common.task)}"
    return ""


def may_have_seen(common: CommonTasks, experiment: Experiment) -> bool:
    """Whether a run may have trained on some of what the tasks are made of: the same source, divided otherwise."""
    same_place = all(getattr(experiment.data, key, "") == getattr(common.data, key, "") for key in ("source", "path"))
    return same_place and not common.regression and experiment.data != common.data
