"""What is special about an experiment: the settings in which it differs from the preset nearest to it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .experiment import Experiment
from .presets import load_preset, preset_names


@dataclass(frozen=True)
class Difference:
    """One setting that is another.

    Attributes:
        field: such as ``task.way``.
        title: as the form calls it.
        value: in the experiment.
        usual: in the preset; None where the preset has no such setting.
    """

    field: str
    title: str
    value: Any
    usual: Any


def differences(experiment: Experiment, base: Experiment) -> list[Difference]:
    """The settings of an experiment that another one has otherwise, or not at all; names are passed over."""
    ours, theirs = flat(experiment), flat(base)
    return [
        Difference(field, _title(experiment, field), value, theirs.get(field))
        for field, value in ours.items()
        if field != "name" and (field not in theirs or theirs[field] != value)
    ]


def from_nearest_preset(experiment: Experiment) -> tuple[str, list[Difference]]:
    """The preset that an experiment differs from in the fewest settings, and those settings."""
    found = {name: differences(experiment, preset) for name, preset in _presets().items()}
    # Of two that are as near, the one that it is called after.
    name = min(found, key=lambda name: (len(found[name]), not experiment.name.startswith(name)))
    return name, found[name]


def flat(experiment: Experiment) -> dict[str, Any]:
    """All settings by their dotted names."""
    values: dict[str, Any] = {}
    for key, value in experiment.model_dump().items():
        if isinstance(value, dict) and key in _TABLES:
            values |= {f"{key}.{inner}": one for inner, one in value.items()}
        else:
            values[key] = value
    return values


_TABLES = ("data", "task", "model", "algorithm", "training", "evaluation")


def _title(experiment: Experiment, field: str) -> str:
    table, _, key = field.rpartition(".")
    settings = getattr(experiment, table) if table else experiment
    return type(settings).model_fields[key].title or key


@lru_cache(maxsize=1)
def _presets() -> dict[str, Experiment]:
    return {name: load_preset(name) for name in preset_names()}
