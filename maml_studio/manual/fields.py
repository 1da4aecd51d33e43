"""What there is to know about one setting: the settings model's own words, its limits, what the presets take, and a note."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from pydantic.fields import FieldInfo

from ..spec import TABLES, Experiment, load_preset, preset_names
from ..spec.fields import Settings, range_text
from .texts import sections

PLAIN_TABLES = ("training", "evaluation")
"""Tables without alternatives."""
MOST_VALUES = 4
"""So many different values of the presets are listed; more become a range."""


@dataclass(frozen=True)
class FieldHelp:
    """One setting of one table.

    Attributes:
        table: ``algorithm``, ``training`` and so on; empty for the experiment's own settings.
        variant: which of the table's alternatives, such as ``maml``; empty where there are none.
        name: the field's own name.
        title, symbol, unit, text: from the settings model.
        takes: the values it allows, in words; empty where anything goes.
        default: in words.
        presets: what the presets take, in words; empty where none of them has it.
        note: more about it, Markdown.
    """

    table: str
    variant: str
    name: str
    title: str
    symbol: str
    unit: str
    text: str
    takes: str
    default: str
    presets: str
    note: str

    @property
    def field(self) -> str:
        """As experiment files and ``--set`` name it, such as ``task.way``."""
        return f"{self.table}.{self.name}" if self.table else self.name

    @property
    def label(self) -> str:
        """As the form shows it."""
        return f"{self.title} {self.symbol}".strip()


def all_fields() -> Iterator[FieldHelp]:
    """Every field of every table, alternatives included."""
    for name in ("name", "seed"):
        yield field_help("", "", name)
    for table, variants in TABLES.items():
        for variant, settings in variants.items():
            for name in settings.model_fields:
                yield field_help(table, variant, name)
    for table in PLAIN_TABLES:
        for name in settings_of(table, "").model_fields:
            yield field_help(table, "", name)


def settings_of(table: str, variant: str) -> type[Settings]:
    """The settings model of a table."""
    if not table:
        return Experiment
    if table in TABLES:
        return TABLES[table][variant]
    model: type[Settings] = Experiment.model_fields[table].annotation  # type: ignore[assignment]
    return model


def field_help(table: str, variant: str, name: str) -> FieldHelp:
    """What there is to know about a field.

    Raises:
        KeyError: when there is no such field.
    """
    settings = settings_of(table, variant)
    info = settings.model_fields[name]
    extra: dict[str, Any] = dict(info.json_schema_extra or {})  # type: ignore[arg-type]
    selects = name == settings.choice
    notes = sections(f"fields/{table or 'experiment'}")
    labels = {key: one.title for key, one in TABLES[table].items()} if selects else extra.get("labels", {})
    return FieldHelp(
        table=table,
        variant=variant,
        name=name,
        title=info.title or name,
        symbol=extra.get("symbol", ""),
        unit=extra.get("unit", ""),
        text=info.description or "",
        takes=_takes(info, labels, selects),
        default="" if selects else _words(info.default, labels),
        presets="" if selects else _of_presets(table, variant, name, labels),
        note=notes.get(f"{variant}.{name}") or notes.get(name, ""),
    )


def _takes(info: FieldInfo, labels: dict[str, str], selects: bool) -> str:
    values = list(labels) if selects else [value for value in get_args(info.annotation) if isinstance(value, str)]
    if values:
        return ", ".join(f"`{value}`" + (f" ({labels[value]})" if labels.get(value, value) != value else "") for value in values)
    return "on or off" if info.annotation is bool else range_text(info)


def _words(value: Any, labels: dict[str, str]) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "empty"
    return str(labels.get(value, value)) or "empty"


def _of_presets(table: str, variant: str, name: str, labels: dict[str, str]) -> str:
    """Which values the presets take, each with the presets that do."""
    if name in ("name", "seed", "split_seed", "glyph_seed", "path"):
        return ""
    taken: dict[Any, list[str]] = {}
    for preset, experiment in _presets().items():
        settings = getattr(experiment, table) if table else experiment
        if type(settings) is settings_of(table, variant):
            taken.setdefault(getattr(settings, name), []).append(preset)
    if not taken:
        return ""
    if len(taken) == 1:
        ((value, names),) = taken.items()
        return f"{_words(value, labels)} (all {len(names)})" if len(names) > 1 else f"{_words(value, labels)} ({names[0]})"
    numbers = [value for value in taken if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(taken) > MOST_VALUES and len(numbers) == len(taken):
        return f"{_words(min(numbers), {})} to {_words(max(numbers), {})}"
    often = sorted(taken.items(), key=lambda item: -len(item[1]))[:MOST_VALUES]
    return ", ".join(f"{_words(value, labels)} ({_some(names)})" for value, names in often)


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


@lru_cache(maxsize=1)
def _presets() -> dict[str, Experiment]:
    return {name: load_preset(name) for name in preset_names()}
