"""A run's settings as they stand in its file, for a list of thousands: unchecked, so that a run of another version is listed too."""

import re
from pathlib import Path
from typing import Any

from ..spec import SpecError
from ..spec.errors import plain_text
from ..spec.experiment import toml_table

MAX_BYTES = 1 << 20

_VALUE = r'(?:"[^"\\\x00-\x1f\x7f]*+"|-?[0-9]++(?:\.[0-9]++)?(?:e[+-]?[0-9]++)?|true|false)'
_LINE = rf"(?:\[[a-z_.]++\]|[a-z0-9_]++ = (?:{_VALUE}|\[\]|\[\n(?:    {_VALUE},\n)++\]))?\n"
_PLAIN = re.compile(rf"(?:{_LINE})*+")
_ITEM = re.compile(r'^(?:\[([a-z_.]+)\]|([a-z0-9_]+) = (?:"([^"]*)"|([0-9]{1,15})$))', re.MULTILINE)


def read_settings(path: Path) -> tuple[dict[str, Any], str]:
    """The settings in an experiment file, at least its words and whole numbers; and what is wrong with the file, in a sentence."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            return {}, f"{path}: should be less than 1 MB"
        words = content.decode()
        # Parsing TOML is most of the time that a first list of runs takes. What we wrote ourselves is plain enough to be read
        # at once, which takes a fifth of it; everything else goes the long way.
        return (_items(words) if _PLAIN.fullmatch(words) else toml_table(words)), ""
    except OSError as error:
        return {}, f"{path}: can't be read: {error.strerror or error}"
    except (UnicodeDecodeError, SpecError):
        return {}, f"{path}: should be a TOML file in UTF-8"


def _items(words: str) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    table = settings
    for name, key, word, digits in _ITEM.findall(words):
        if name:
            table = settings[name] = {}
        else:
            table[key] = int(digits) if digits else word
    return settings


def text(settings: dict[str, Any], *path: str) -> str:
    """The words at a place in the settings; empty where there are none."""
    value = _value(settings, *path)
    return plain_text(value) if isinstance(value, str) else ""


def number(settings: dict[str, Any], *path: str) -> int:
    """The whole number at a place in the settings; 0 where there is none."""
    value = _value(settings, *path)
    return value if type(value) is int and abs(value) < 1 << 63 else 0


def task_words(settings: dict[str, Any]) -> str:
    """The task, such as ``5-way 1-shot`` or ``10 points``."""
    kind, shot = text(settings, "task", "kind"), number(settings, "task", "shot")
    match kind:
        case "regression":
            return f"{shot} points"
        case "one_vs_rest":
            return f"2-way {shot}-shot"
        case "n_way":
            return f"{number(settings, 'task', 'way')}-way {shot}-shot"
    return ""


def _value(settings: dict[str, Any], *path: str) -> Any:
    value: Any = settings
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
