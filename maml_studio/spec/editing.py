"""What a form needs to know beyond single fields: which of them matter now, and what follows when one changes."""

from collections.abc import Mapping
from typing import Any

from .experiment import TABLES, Experiment, switched
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
    if table == "data":
        regression = TABLES["data"][value].regression  # type: ignore[attr-defined]
        if regression != TABLES["task"][result["task"]["kind"]].regression:  # type: ignore[attr-defined]
            result["task"] = switched(result["task"], "task", "kind", "regression" if regression else "n_way")
            result["model"] = switched(result["model"], "model", "name", "mlp" if regression else "conv4")
    return result


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
