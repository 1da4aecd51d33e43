"""What a form and the command line need to know beyond single fields: which of them matter now, and what follows when one changes."""

import contextlib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from .algorithm import Unrolled
from .errors import Problem, SpecError
from .experiment import SELECTORS, TABLES, Experiment, changed, parse, switched, with_changes
from .fields import Settings

Raw = dict[str, Any]
"""An experiment as plain nested values, some of which may be wrong at the moment."""


def applies(raw: Mapping[str, Any], field: str) -> bool:
    """Whether a field makes a difference with the other settings as they are; fields that do not are not worth showing."""
    data, model = raw["data"], raw["model"]
    match field:
        case "data.holdout":
            return data.get("split") in ("classes", "alphabets")
        case "data.split_seed" | "data.validation_fraction":
            return bool(data.get("split") != "all")
        case "data.test_fraction":
            split = data.get("split")
            return split in ("random", "images") or (split == "alphabets" and not data.get("holdout"))
        case "training.transductive" if raw["algorithm"].get("name") == "joint":
            return False
        case "training.transductive" | "evaluation.transductive":
            return bool(model.get("norm") == "batch" or model.get("has_batch_norm"))
        case "training.halve_every":
            return bool(raw["training"].get("schedule") == "halving")
        case "training.outer_lr_end":
            return bool(raw["training"].get("schedule") != "constant")
        case "training.vary_way":
            return bool(getattr(TABLES["algorithm"].get(raw["algorithm"].get("name")), "any_way", False)) and "way" in raw["task"]
        case "training.memory":
            return issubclass(TABLES["algorithm"].get(raw["algorithm"].get("name"), Settings), Unrolled)
        case "training.objective":
            regression = getattr(TABLES["task"].get(raw["task"].get("kind")), "regression", False)
            return not regression and raw["algorithm"].get("name") != "reptile"
        case "evaluation.inner_steps":
            return bool(raw["algorithm"].get("name") != "protonet")
        case _:
            return True


def with_selection(raw: Mapping[str, Any], table: str, value: str) -> Raw:
    """The settings after another data source, task, model or algorithm was chosen, and what must follow.

    Going from images to functions (or back) brings the kind of task and a network that can take them; an algorithm brings the settings
    that go with it, and takes them along when it goes, where they are still as it brought them.
    """
    key = next(variant.choice for variant in TABLES[table].values())
    assert key is not None
    result = {name: dict(values) if isinstance(values, dict) else values for name, values in raw.items()}
    result[table] = switched(result[table], table, key, value)
    result[table] = _with_own_defaults(table, key, raw[table], result[table])
    if table == "algorithm":
        _bring_along(raw, result, TABLES["algorithm"][value])
    result["name"] = _renamed(str(raw["name"]), table, str(raw[table].get(key)), value)
    if table == "data":
        regression = TABLES["data"][value].regression  # type: ignore[attr-defined]
        if regression != TABLES["task"][result["task"]["kind"]].regression:  # type: ignore[attr-defined]
            result["task"] = switched(result["task"], "task", "kind", "regression" if regression else "n_way")
            result["model"] = switched(result["model"], "model", "name", "mlp" if regression else "conv4")
    return result


def _renamed(name: str, table: str, before: str, after: str) -> str:
    """A name that says source and algorithm, as the presets' do, goes on telling the truth; any other stays."""
    old, new = before.replace("_", "-"), after.replace("_", "-")
    if table == "algorithm" and name.endswith(f"-{old}"):
        return name.removesuffix(old) + new
    if table == "data" and name.startswith(f"{old}-"):
        return new + name.removeprefix(old)
    return name


def _with_own_defaults(table: str, key: str, before: Mapping[str, Any], after: Raw) -> Raw:
    """What has another default in the new table means something else there (a rate, a way to split), and begins with that."""
    old, new = TABLES[table].get(before.get(key, "")), TABLES[table][after[key]]
    if old is None or old is new:
        return after
    shared = [name for name in new.model_fields if name in old.model_fields and name != key]
    other = [name for name in shared if new.model_fields[name].default != old.model_fields[name].default]
    return after | {name: new.model_fields[name].default for name in other}


def _bring_along(before: Mapping[str, Any], result: Raw, chosen: type[Settings]) -> None:
    """Put the settings that go with an algorithm into other tables, and those back that went with the one before."""
    old = TABLES["algorithm"].get(before["algorithm"].get("name"))
    brought = dict(getattr(chosen, "goes_with", {}))
    for field, value in getattr(old, "goes_with", {}).items():
        table, key = field.split(".")
        if field not in brought and result[table].get(key) == value:
            result[table][key] = _default(result, table, key)
    for field, value in brought.items():
        table, key = field.split(".")
        if key in result[table]:
            result[table][key] = value


def _default(raw: Raw, table: str, key: str) -> Any:
    variants = TABLES.get(table)
    if variants is None:
        return Experiment.model_fields[table].default.model_dump()[key]
    choice = next(variant.choice for variant in variants.values())
    return variants[raw[table][choice]].model_fields[key].default


def parse_assignment(text: str) -> tuple[str, Any]:
    """``"task.shot=5"`` as field and value; a value that is no TOML is taken as a word.

    Raises:
        SpecError: without an equals sign.
    """
    field, equals, value = text.partition("=")
    if not equals or not field.strip():
        raise SpecError([Problem("--set", f"should read FIELD=VALUE, such as task.shot=5, not {text!r}")])
    try:
        return field.strip(), tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):
        return field.strip(), value


def with_assignments(experiment: Experiment, assignments: Iterable[str]) -> Experiment:
    """The experiment after ``--set`` words, see :func:`parse_assignment` and :func:`with_changes`.

    Another ``algorithm.name`` brings along what goes with it, as in the form, where the words say nothing else.

    Raises:
        SpecError: when a field does not exist or its value is wrong.
    """
    texts = list(assignments)
    changes = dict(parse_assignment(text) for text in texts)
    try:
        return _assigned(experiment, changes)
    except SpecError as error:
        # A folder may be called 2024: what is no good as a value may be meant as a word.
        words = {text.partition("=")[0].strip(): text.partition("=")[2] for text in texts}
        wrong = {problem.field for problem in error.problems} & words.keys()
        with contextlib.suppress(SpecError):
            if wrong:
                return _assigned(experiment, {**changes, **{field: words[field] for field in wrong}})
        raise


def _assigned(experiment: Experiment, changes: Mapping[str, Any]) -> Experiment:
    chosen = changes.get("algorithm.name")
    if not isinstance(chosen, str) or chosen not in TABLES["algorithm"]:
        return with_changes(experiment, changes)
    # The network first: it says whether it has what an algorithm brings along.
    selected = {field: value for field, value in changes.items() if field in SELECTORS and field != "algorithm.name"}
    raw = with_selection(changed(experiment.model_dump(), selected), "algorithm", chosen)
    return parse(changed(raw, {field: value for field, value in changes.items() if field not in SELECTORS}))
