"""A small grid of experiments: every combination of some values of some settings."""

import itertools
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .editing import parse_assignment
from .errors import Problem, SpecError
from .experiment import Experiment, with_changes

MOST = 200
"""A grid larger than this is refused: it is hardly meant, and nobody would live to see its end."""
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\s]+')
_NAME_LENGTH = 100


@dataclass(frozen=True)
class Axis:
    """One setting and the values that it takes, such as ``algorithm.inner_lr`` and ``(0.1, 0.4)``."""

    field: str
    values: tuple[Any, ...]


def parse_axis(text: str) -> Axis:
    """``"algorithm.inner_lr = 0.1, 0.4"`` as an axis; values that are no TOML are taken as words.

    Raises:
        SpecError: without a field, an equals sign or a value, or with a value twice.
    """
    field, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not field or not values:
        raise SpecError([Problem("", f"a grid should read FIELD=VALUE,VALUE, such as algorithm.inner_lr=0.1,0.4, not {text.strip()!r}")])
    found = _values(field, values)
    if len(found) != len({repr(value) for value in found}):
        raise SpecError([Problem(field, "has a value twice in the grid; every value should be there once")])
    return Axis(field, found)


def _values(field: str, text: str) -> tuple[Any, ...]:
    try:
        return tuple(tomllib.loads(f"values = [{text}]")["values"])
    except (ValueError, RecursionError):
        words = [word.strip() for word in text.split(",")]
        if not all(words):
            raise SpecError([Problem(field, f"should have a value before and after each comma, not {text!r}")]) from None
        return tuple(parse_assignment(f"{field}={word}")[1] for word in words)


def parse_axes(texts: Iterable[str]) -> list[Axis]:
    """Several axes; empty lines are passed over.

    Raises:
        SpecError: when one can't be read, or a field comes twice.
    """
    axes = [parse_axis(text) for text in texts if text.strip()]
    fields = [axis.field for axis in axes]
    for field in fields:
        if fields.count(field) > 1:
            raise SpecError([Problem(field, "is in the grid twice; write all its values on one line")])
    return axes


def size(axes: Sequence[Axis]) -> int:
    """How many experiments a grid has."""
    count = 1
    for axis in axes:
        count *= len(axis.values)
    return count


def grid(experiment: Experiment, axes: Sequence[Axis]) -> list[Experiment]:
    """One experiment for each combination, the last axis changing fastest; each is named after its values.

    Raises:
        SpecError: when it is larger than :data:`MOST`, or a combination is no experiment; the sentence says which.
    """
    if size(axes) > MOST:
        raise SpecError([Problem("", f"a grid should have {MOST} runs at most, not {size(axes):,}; leave some values out")])
    found = []
    for number, values in enumerate(itertools.product(*(axis.values for axis in axes)), start=1):
        changes = {axis.field: value for axis, value in zip(axes, values, strict=True)}
        if "name" not in changes:
            changes["name"] = _name(experiment.name, changes, number)
        try:
            found.append(with_changes(experiment, changes))
        except SpecError as error:
            raise SpecError(error.problems, _words(axes, values)) from None
    return found


def _words(axes: Sequence[Axis], values: Sequence[Any]) -> str:
    return "with " + ", ".join(f"{axis.field} = {value}" for axis, value in zip(axes, values, strict=True)) if axes else ""


def _name(base: str, changes: dict[str, Any], number: int) -> str:
    """The experiment's name with what is special about this one; numbered where that would be too long for a folder."""
    parts = [f"{field.rpartition('.')[2]}={_FORBIDDEN.sub('_', str(value))}" for field, value in changes.items()]
    name = " ".join([base, *parts])
    if len(name) <= _NAME_LENGTH:
        return name
    tail = f" {number:03}"
    return base[: _NAME_LENGTH - len(tail)].rstrip() + tail
