"""What differs in the settings of several runs, in the words of the form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from ..spec import SELECTORS, TABLES, Experiment, Settings
from ..spec.editing import applies

NOTHING = "–"
"""Stands where a run has no such setting, or where it makes no difference."""
_OWN = {"name"}
"""What every run has to itself."""


@dataclass(frozen=True)
class Difference:
    """A setting that is not the same in all runs.

    Attributes:
        field: as in the experiment's file, such as ``task.shot``.
        title: as in the form, such as ``Task: Shots K``.
        values: of each run, in words.
    """

    field: str
    title: str
    values: tuple[str, ...]


def differences(experiments: Sequence[Experiment]) -> list[Difference]:
    """The settings that differ, in the order of the form; none of fewer than two runs."""
    raws = [experiment.model_dump() for experiment in experiments]
    found = []
    for field, info in _fields(experiments).items():
        values = tuple(_value(experiment, raw, field) for experiment, raw in zip(experiments, raws, strict=True))
        if len(set(values)) > 1:
            found.append(Difference(field, _title(field, info), values))
    return found


def _fields(experiments: Sequence[Experiment]) -> dict[str, FieldInfo]:
    """Every field that any of the runs has; a table's fields of all its variants together."""
    found: dict[str, FieldInfo] = {}
    for name in Experiment.model_fields:
        tables = [getattr(experiment, name) for experiment in experiments]
        if not isinstance(tables[0] if tables else None, Settings):
            if name not in _OWN:
                found[name] = Experiment.model_fields[name]
            continue
        for table in tables:
            # What the other fields hang on comes first.
            keys = sorted(type(table).model_fields, key=lambda key, name=name: f"{name}.{key}" not in SELECTORS)  # type: ignore[misc]
            for key in keys:
                found.setdefault(f"{name}.{key}", type(table).model_fields[key])
    return found


def _title(field: str, info: FieldInfo) -> str:
    table, _, _ = field.rpartition(".")
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    own = f"{info.title or field} {extra.get('symbol', '')}".strip()
    if field in SELECTORS:
        return table.capitalize()
    return f"{table.capitalize()}: {own[0].lower()}{own[1:]}" if table else own


def _value(experiment: Experiment, raw: dict[str, Any], field: str) -> str:
    table, _, key = field.rpartition(".")
    settings = getattr(experiment, table) if table else experiment
    info = type(settings).model_fields.get(key)
    if info is None or not applies(raw, field):
        return NOTHING
    value = getattr(settings, key)
    if field in SELECTORS:
        return TABLES[table][value].title or str(value)
    return _words(value, info)


def _words(value: Any, info: FieldInfo) -> str:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    labels = extra.get("labels")
    if isinstance(labels, dict) and value in labels:
        return str(labels[value])
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value not in ("", None) else "none"
