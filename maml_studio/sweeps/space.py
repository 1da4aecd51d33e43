"""What a sweep's file says: which settings to try, between which limits, how often. Free of torch and Optuna."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_validator
from pydantic_core import PydanticCustomError

from ..spec import Experiment, SpecError, with_changes
from ..spec.errors import Problem, problems_of, wrong_field
from ..spec.experiment import read_text, toml_table
from ..spec.fields import Settings, setting

_NAME = re.compile(r'[^<>:"/\\|?*,\x00-\x1f]+')


class Range(Settings):
    """Numbers from ``low`` to ``high``, both included; ``log``: spread evenly over their logarithms."""

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _is_in_order(self) -> "Range":
        if self.low >= self.high:
            raise PydanticCustomError("order", "should have a low below its high ({high})", {"high": self.high})
        if self.log and self.low <= 0:
            raise PydanticCustomError("order", "should have a low above 0 where log is true")
        return self


Choices = tuple[Any, ...]


class Sweep(Settings):
    """A search space around one experiment."""

    name: str = setting("", title="Name", help="Names the sweep's folder and tags its runs; the file's own name where it is empty.")
    experiment: str = setting(title="Experiment", help="A preset's name, or an experiment file beside the sweep's.")
    trials: int = setting(20, title="Trials", help="How many runs to train, pruned and failed ones included.", ge=1, le=10_000)
    sampler: Literal["tpe", "random"] = setting("tpe", title="Sampler", help="Chooses what to try next: from what did well so far, or not.")
    pruner: Literal["median", "none"] = setting("median", title="Pruner", help="Ends runs early that do worse than half of those before.")
    seed: int = setting(0, title="Seed", help="Draws what is tried.", ge=0, le=2**31 - 1)
    set: dict[str, Any] = setting({}, title="Set", help="What all runs have in common and the experiment has not.")
    space: dict[str, Any] = setting(title="Space", help="For each field low and high, or a list of choices.")

    @model_validator(mode="after")
    def _can_be_a_folder(self) -> "Sweep":
        if self.name and (not _NAME.fullmatch(self.name) or self.name != self.name.strip(" .") or len(self.name) > 50):
            raise wrong_field("name", 'should be usable as a folder name and a tag: up to 50 letters, without any of <>:"/\\|?* and commas')
        return self


class Plan:
    """A sweep that was looked through: every limit and every choice is one that its field takes.

    Attributes:
        sweep: as the file has it, with a name.
        experiment: what all trials have in common.
        axes: the fields to vary, with their limits or choices.
    """

    def __init__(self, sweep: Sweep, find: Callable[[str], Experiment], origin: str = "") -> None:
        """Look a sweep through.

        Args:
            sweep: what its file says.
            find: gives the experiment that a preset's name or a file's path stands for.
            origin: the file, for what is said of it.

        Raises:
            SpecError: naming each field that is wrong.
        """
        self.sweep = sweep
        try:
            self.experiment = with_changes(find(sweep.experiment), _flat(sweep.set))
            self.axes = {field: _axis(field, value) for field, value in _flat(sweep.space).items()}
            if not self.axes:
                raise SpecError([Problem("space", "should have a field to vary, such as algorithm.inner_lr = { low = 0.01, high = 0.5 }")])
            self._try_out()
        except SpecError as error:
            raise error if error.origin else SpecError(error.problems, origin) from None
        self.whole = {field for field, axis in self.axes.items() if isinstance(axis, Range) and type(_value(self.experiment, field)) is int}
        """The fields that take whole numbers only."""

    @property
    def metric(self) -> Literal["accuracy", "query_loss"]:
        """What a trial is judged by, at the last inner step of its best validation: what the best checkpoint is best at."""
        by_loss = self.experiment.regression or self.experiment.evaluation.best_by == "loss"
        return "query_loss" if by_loss else "accuracy"

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Whether less is better."""
        return "minimize" if self.metric == "query_loss" else "maximize"

    def trial(self, number: int, values: Mapping[str, Any]) -> Experiment:
        """The experiment of one trial.

        Raises:
            SpecError: when values that are right one by one do not go together.
        """
        name = values.get("name", f"{self.sweep.name}-{number:03}")
        return with_changes(self.experiment, {**values, "name": name})

    def fingerprint(self) -> dict[str, Any]:
        """All that has to stay for a sweep to go on; more trials may be asked for."""
        return {
            "experiment": self.experiment.model_dump(mode="json"),
            **self.sweep.model_dump(mode="json", exclude={"trials", "experiment", "set"}),
        }

    def _try_out(self) -> None:
        problems = []
        for field, axis in self.axes.items():
            for value in (axis.low, axis.high) if isinstance(axis, Range) else axis:
                kind = type(_value(self.experiment, field)) if isinstance(axis, Range) else None
                if kind is not None and kind not in (int, float):
                    raise SpecError([Problem(f"space.{field}", "should be a list of choices: it is no number")])
                if kind is int and not float(value).is_integer():
                    problems.append(Problem(f"space.{field}", f"should have whole numbers as limits, not {value:g}"))
                    break
                try:
                    with_changes(self.experiment, {field: int(value) if kind is int else value})
                except SpecError as error:
                    problems += [Problem(f"space.{one.field}" if one.field else f"space.{field}", one.message) for one in error.problems]
                    break
        if problems:
            raise SpecError(problems)


def load_plan(path: Path, find: Callable[[str], Experiment]) -> Plan:
    """Read a sweep's file.

    Args:
        path: the file.
        find: see :class:`Plan`; a path in it is taken from the sweep's folder.

    Raises:
        SpecError: when it can't be read, or a field is wrong.
    """
    raw = toml_table(read_text(path), str(path))
    try:
        sweep = Sweep.model_validate({**raw, "name": raw.get("name") or path.stem})
    except ValidationError as error:
        raise SpecError(problems_of(error), str(path)) from None
    beside = path.parent / sweep.experiment
    return Plan(sweep, lambda text: find(str(beside) if beside.is_file() else text), str(path))


def _flat(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """``{"algorithm": {"inner_lr": x}}``, as TOML reads a dotted key, as ``{"algorithm.inner_lr": x}``."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        inner = isinstance(value, dict) and not value.keys() & {"low", "high", "log"}
        found |= _flat(value, f"{before}{key}.") if inner else {before + key: value}
    return found


def _axis(field: str, value: Any) -> Range | Choices:
    if isinstance(value, list):
        if not value or len({repr(one) for one in value}) < len(value):
            raise SpecError([Problem(f"space.{field}", "should be a list of choices, each of them once")])
        return tuple(value)
    if not isinstance(value, dict):
        raise SpecError([Problem(f"space.{field}", f"should be {{ low = ..., high = ... }} or a list of choices, not {value!r}")])
    try:
        return Range.model_validate(value)
    except ValidationError as error:
        problems = [Problem(f"space.{field}" + (f".{one.field}" if one.field else ""), one.message) for one in problems_of(error)]
        raise SpecError(problems) from None


def _value(experiment: Experiment, field: str) -> Any:
    """What a field is now.

    Raises:
        SpecError: when there is no such field.
    """
    raw: Any = experiment.model_dump()
    for key in field.split("."):
        if not isinstance(raw, dict) or key not in raw:
            # with_changes says it best, with what is near.
            try:
                with_changes(experiment, {field: 0})
            except SpecError as error:
                raise SpecError([Problem(f"space.{one.field}", one.message) for one in error.problems]) from None
        raw = raw[key]
    return raw
