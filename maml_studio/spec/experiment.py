"""One experiment: everything that a run depends on, as one frozen object that reads and writes TOML."""

import difflib
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import tomli_w
from pydantic import ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from .algorithm import CONTEXT, Algorithm, Maml
from .data import Data, Digits, ImageSettings
from .errors import Problem, SpecError, plain_text, problems_of, wrong_field
from .fields import Settings, setting
from .model import Conv4, Model
from .task import NWay, Regression, Task
from .training import Evaluation, Training

MAX_TOML_BYTES = 1 << 20
# No table lies so deep; tomllib walks each dotted key from its root, and 200,000 parts of one key would take it minutes.
_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?>[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){50}""", re.ASCII)
_FORBIDDEN_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


class Experiment(Settings):
    """Dataset, task, model, algorithm, training and evaluation of one run."""

    name: str = setting("experiment", title="Name", help="Names the run and its folder.", min_length=1, max_length=100)
    seed: int = setting(0, title="Seed", help="Draws the first weights and the training tasks.", ge=0, le=2**31 - 1)
    data: Data = Digits()
    task: Task = NWay()
    model: Model = Conv4()
    algorithm: Algorithm = Maml()
    training: Training = Training()
    evaluation: Evaluation = Evaluation()

    @field_validator("name")
    @classmethod
    def _is_a_file_name(cls, name: str) -> str:
        if _FORBIDDEN_IN_NAMES.search(name) or name != name.strip() or name.strip(".") == "":
            raise PydanticCustomError("name", 'should be usable as a folder name, without any of <>:"/\\|?* and outer spaces')
        return name

    @model_validator(mode="after")
    def _fits_together(self) -> "Experiment":
        for problem in incompatibilities(self):
            raise wrong_field(problem.field, problem.message)
        return self

    @property
    def regression(self) -> bool:
        """Whether the tasks are regression tasks (a squared error) or classification (an accuracy)."""
        return self.task.regression


def incompatibilities(experiment: Experiment) -> list[Problem]:
    """What does not go together, each with the field to change."""
    data, task, model = experiment.data, experiment.task, experiment.model
    found = []
    if data.regression and not task.regression:
        found.append(Problem("task.kind", f"should be regression, since {data.title.lower()} have no classes"))
    if task.regression and not data.regression:
        found.append(Problem("task.kind", f"should be n_way or one_vs_rest, since {data.source} has classes and no function to fit"))
    if model.images_only and data.regression:
        found.append(Problem("model.name", f"should be mlp: {model.name} needs images, and {data.source} has none"))
    found += _of_algorithm(experiment)
    if model.reads_strokes and not data.regression and not data.has_strokes:
        found.append(Problem("model.reads", f"should be rows: {data.source} has images without strokes; glyphs and drawn have strokes"))
    if isinstance(data, ImageSettings):
        if data.holdout and data.split not in ("classes", "alphabets"):
            found.append(Problem("data.holdout", "is used by the splits classes and alphabets only; empty it or change data.split"))
        if data.split == "classes" and not data.holdout:
            found.append(Problem("data.holdout", "should name at least one class to hold out; or choose the split random"))
    return found


def _of_algorithm(experiment: Experiment) -> list[Problem]:
    """Which algorithm goes with which task, network and training."""
    task, model, algorithm, training = experiment.task, experiment.model, experiment.algorithm, experiment.training
    found = []
    if algorithm.needs_classes and task.regression:
        found.append(Problem("algorithm.name", f"should be another: {algorithm.title} needs classes, and a function to fit has none"))
    if algorithm.needs_context and not getattr(model, "context", 0):
        reason = f"{algorithm.title} adapts a context input and nothing else"
        if hasattr(model, "context"):
            found.append(Problem("model.context", f"should be 1 or more (try {CONTEXT}): {reason}"))
        else:
            found.append(Problem("model.name", f"should be conv4 or mlp: {reason}, and {model.name} has none"))
    if algorithm.pools_tasks and not isinstance(task, NWay | Regression):
        found.append(Problem("task.kind", f"should be n_way: {algorithm.title} tells all training classes apart at once"))
    if training.objective == "soft_accuracy" and task.regression:
        found.append(Problem("training.objective", "should be loss, since a function to fit has no accuracy"))
    if training.tail < 1 and algorithm.pools_tasks:
        found.append(
            Problem("training.tail", f"should be 1: {algorithm.title} adapts to no task while it trains, so none of them is the worst")
        )
    if training.vary_way:
        if not isinstance(task, NWay) or not algorithm.any_way:
            found.append(
                Problem("training.vary_way", f"should be 0: with {algorithm.title} on such tasks the head has a fixed number of rows")
            )
        elif training.vary_way < task.way:
            found.append(Problem("training.vary_way", f"should be 0 or at least task.way ({task.way})"))
    if training.vary_shot and training.vary_shot < task.shot:
        found.append(Problem("training.vary_shot", f"should be 0 or at least task.shot ({task.shot})"))
    return found


def advice(experiment: Experiment) -> list[str]:
    """What works and is hardly meant, each in a sentence."""
    algorithm = experiment.algorithm
    steps = getattr(algorithm, "inner_steps", None)
    found = []
    if algorithm.name == "unicorn_maml" and steps == 1:
        found.append("With one inner step Unicorn-MAML's body does not adapt, since all rows of the head are equal; take two or more.")
    if algorithm.name == "imaml" and experiment.model.batch_norm:
        found.append(
            "With batch norm I + H/λ is often not positive definite, and conjugate gradients end early; where the CG residual stays near 1 "
            "or above, take a larger λ or damping, or group norm."
        )
    if steps == 0 and algorithm.name != "proto_maml":
        found.append("Without inner steps this is ordinary training on the queries; nothing adapts while training.")
    return found


def parse(raw: Mapping[str, Any], origin: str = "") -> Experiment:
    """An experiment from plain values.

    Raises:
        SpecError: with one problem per field that is wrong.
    """
    try:
        return Experiment.model_validate(dict(raw))
    except ValidationError as error:
        raise SpecError(problems_of(error), origin) from None


def to_toml(experiment: Experiment) -> str:
    """The experiment as the text of an ``experiment.toml``, every field written out."""
    raw = experiment.model_dump(mode="json")
    for table, key in (selector.split(".") for selector in sorted(SELECTORS)):
        raw[table] = {key: raw[table][key], **raw[table]}  # what the other fields hang on comes first
    return tomli_w.dumps(raw)


def from_toml(text: str, origin: str = "") -> Experiment:
    """The experiment in a TOML text; missing fields take their defaults.

    Raises:
        SpecError: when the text is no TOML or a field is wrong.
    """
    return parse(toml_table(text, origin), origin)


def toml_table(text: str, origin: str = "") -> dict[str, Any]:
    """What a TOML text holds, from whomever it may come.

    Raises:
        SpecError: when it is no TOML.
    """
    if _DEEP_KEY.search(text):
        raise SpecError([Problem("", "should be TOML with tables in tables at most; a key in it has fifty parts or more")], origin)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError([Problem("", f"should be TOML: {plain_text(str(error))}")], origin) from None
    except RecursionError:
        raise SpecError(
            [Problem("", "should be TOML with tables in tables at most; in this file they are nested too deep")], origin
        ) from None
    except ValueError:  # Python reads numbers of up to 4,300 digits
        raise SpecError([Problem("", "should be TOML; a number in it is thousands of digits long")], origin) from None
    return raw


def load(path: Path) -> Experiment:
    """Read an experiment file.

    Raises:
        SpecError: when it can't be read or a field is wrong.
    """
    return from_toml(read_text(path), str(path))


def read_text(path: Path) -> str:
    """A settings file as text.

    Raises:
        SpecError: when it can't be read.
    """
    try:
        # Asked before opening: a pipe would wait for a writer.
        if stat.S_ISFIFO(path.stat().st_mode):
            raise SpecError([Problem("", "is no file")], str(path))
        with path.open("rb") as file:
            content = file.read(MAX_TOML_BYTES + 1)
        if len(content) > MAX_TOML_BYTES:
            raise SpecError([Problem("", "should be an experiment file of less than 1 MB")], str(path))
        text = content.decode("utf-8")
    except OSError as error:
        raise SpecError([Problem("", f"can't be read: {error.strerror or error}")], str(path)) from None
    except UnicodeDecodeError:
        raise SpecError([Problem("", "should be a text file in UTF-8")], str(path)) from None
    except ValueError as error:  # a path with a null byte
        if isinstance(error, SpecError):
            raise
        raise SpecError([Problem("", f"can't be read: {error}")], str(path)) from None
    return text


def with_changes(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    """The experiment with other values, such as ``{"task.shot": 5, "algorithm.name": "fomaml"}``.

    A changed selector (``algorithm.name``, ``model.name``, ``data.source``, ``task.kind``) resets its table to the new one's defaults;
    fields that both tables have are kept.

    Raises:
        SpecError: when a field does not exist or its value is wrong.
    """
    return parse(changed(experiment.model_dump(), changes))


def changed(raw: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment's plain values after :func:`with_changes`, not looked at yet.

    Raises:
        SpecError: when a field does not exist.
    """
    result = {name: dict(value) if isinstance(value, dict) else value for name, value in raw.items()}
    # Selectors first, whatever order they were given in: the other changes are meant for the table that they select.
    for field, value in sorted(changes.items(), key=lambda change: change[0] not in SELECTORS):
        table, _, key = field.rpartition(".")
        if "." in table or (table and not isinstance(result.get(table), dict)):
            raise SpecError([Problem(field, "is not a setting")])
        if field in SELECTORS:
            result[table] = switched(result[table], table, key, value)
        else:
            target = result[table] if table else result
            if key not in target:
                raise SpecError([_unknown(field, table, key, target)])
            target[key] = value
    return result


def _unknown(field: str, table: str, key: str, target: Mapping[str, Any]) -> Problem:
    known = [name for name, value in target.items() if not isinstance(value, dict)]
    prefix = f"{table}." if table else ""
    if near := difflib.get_close_matches(key, known, 1):
        return Problem(field, f"is not a setting; did you mean {prefix}{near[0]}?")
    return Problem(field, f"is not a setting; there are {', '.join(prefix + name for name in known)}")


def switched(old: dict[str, Any], table: str, key: str, value: Any) -> dict[str, Any]:
    """A table after its selecting field changed: the new one's defaults, with the values kept that both have and allow.

    Raises:
        SpecError: when there is no such choice.
    """
    variant = TABLES[table].get(value) if isinstance(value, str) else None
    if variant is None:
        known = ", ".join(TABLES[table])
        raise SpecError([Problem(f"{table}.{key}", f"should be one of {known}, not {value!r}")])
    if old[key] == value:
        return old
    kept = {name: old[name] for name in variant.model_fields if name in old and name != key}
    fresh = variant()
    usable: dict[str, Any] = {}
    for name, setting_value in kept.items():
        try:
            variant.model_validate({**fresh.model_dump(), **usable, name: setting_value})
        except ValidationError:
            continue
        usable[name] = setting_value
    return {**fresh.model_dump(), **usable}


def _variants(annotation: Any) -> dict[str, type[Settings]]:
    union = get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation
    tables: dict[str, type[Settings]] = {}
    for variant in get_args(union):
        key = variant.choice
        tables[get_args(variant.model_fields[key].annotation)[0]] = variant
    return tables


TABLES: dict[str, dict[str, type[Settings]]] = {
    "data": _variants(Data),
    "task": _variants(Task),
    "model": _variants(Model),
    "algorithm": _variants(Algorithm),
}
"""For each table with alternatives: the selecting field's values and their settings models."""

SELECTORS = {"data.source", "task.kind", "model.name", "algorithm.name"}
