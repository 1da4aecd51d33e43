"""Spoiled experiment files."""

import datetime
import math
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import strategies as st
from mutations import Refused, read, spoiled_bytes, spoiled_trees

from maml_studio.spec import TABLES, Experiment, SpecError, load, load_preset, preset_names, to_toml

PRESETS = [load_preset(name) for name in preset_names()]
WHOLE = to_toml(PRESETS[0]).encode()


def _plain(value: Any) -> Any:
    """What TOML can hold: no null, no text that is none."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**4000:
        return 0
    return datetime.date(2024, 2, 29) if value is None else value


def _text(tree: Any) -> bytes:
    try:
        return tomli_w.dumps(_plain(tree) if isinstance(tree, dict) else {"tree": _plain(tree)}).encode()
    except RecursionError:
        return b"a = " + b"[" * 2000


@st.composite
def _drawn_tables(draw: st.DrawFn) -> dict[str, Any]:
    """Tables of every kind with values that may well be right."""
    raw: dict[str, Any] = {}
    for table, variants in TABLES.items():
        choice = draw(st.sampled_from(list(variants)))
        variant = variants[choice]
        values = {name: field.get_default() for name, field in variant.model_fields.items()}
        chosen = draw(st.lists(st.sampled_from(list(values)), max_size=4, unique=True))
        raw[table] = {variant.choice: choice, **{name: draw(_likely(values[name])) for name in chosen}}
    return raw


def _likely(default: Any) -> st.SearchStrategy[Any]:
    match default:
        case bool():
            return st.booleans()
        case int():
            return st.one_of(st.integers(-1, 120), st.sampled_from([1000, 4096, 10**7, 2**31]))
        case float():
            return st.one_of(st.floats(0, 1), st.floats(allow_nan=True), st.just(math.inf))
        case tuple():
            return st.lists(st.one_of(st.integers(0, 5000), st.text(max_size=4)), max_size=4)
        case _:
            return st.one_of(st.just(default), st.text(max_size=12))


FILES = st.one_of(
    st.sampled_from(PRESETS).flatmap(lambda one: spoiled_trees(one.model_dump(mode="json"))).map(_text),
    st.sampled_from(PRESETS).flatmap(lambda one: spoiled_bytes(to_toml(one).encode())),
    _drawn_tables().map(_text),
    _drawn_tables().flatmap(spoiled_trees).map(_text),
)


def check(folder: Path, content: bytes) -> Experiment | Refused:
    """An experiment that can be written and read again, or a refusal."""
    found: Experiment | Refused = read(load, folder / "experiment.toml", content, SpecError)
    if isinstance(found, Experiment):
        again = folder / "again.toml"
        again.write_text(to_toml(found), encoding="utf-8")
        assert load(again) == found
    return found
