"""What a form needs to know beyond single fields: which of them matter now, and what follows when one changes."""

from collections.abc import Mapping
from typing import Any

from .experiment import TABLES, switched

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
        case "training.transductive" | "evaluation.transductive":
            return bool(model.get("norm") == "batch")
        case _:
            return True


def with_selection(raw: Mapping[str, Any], table: str, value: str) -> Raw:
    """The settings after another data source, task, model or algorithm was chosen, and what must follow.

    Going from images to functions (or back) brings the kind of task and a network that can take them.
    """
    key = next(variant.choice for variant in TABLES[table].values())
    assert key is not None
    result = {name: dict(values) if isinstance(values, dict) else values for name, values in raw.items()}
    result[table] = switched(result[table], table, key, value)
    if table == "data":
        regression = TABLES["data"][value].regression  # type: ignore[attr-defined]
        if regression != TABLES["task"][result["task"]["kind"]].regression:  # type: ignore[attr-defined]
            result["task"] = switched(result["task"], "task", "kind", "regression" if regression else "n_way")
            result["model"] = switched(result["model"], "model", "name", "mlp" if regression else "conv4")
    return result
