"""What every settings table shares: strict, frozen, and with the metadata that the form and the help are made from."""

from typing import Any, ClassVar

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined


class Settings(BaseModel):
    """A frozen table of settings; unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    choice: ClassVar[str | None] = None
    """Name of the field that selects this table among its siblings (``source``, ``kind``, ``name``), if any."""
    title: ClassVar[str] = ""
    """What the selecting field shows for this table."""


def setting(
    default: Any = PydanticUndefined,
    *,
    title: str,
    help: str,
    symbol: str = "",
    unit: str = "",
    advanced: bool = False,
    labels: dict[str, str] | None = None,
    opens: str = "",
    **limits: Any,
) -> Any:
    """A field with what a person needs to know about it.

    Args:
        default: value when neither preset nor user says otherwise.
        title: short label, as it stands in the form.
        help: one or two sentences; the tooltip and the F1 text.
        symbol: the paper's symbol, such as ``α``.
        unit: unit of the value, such as ``tasks``.
        advanced: shown only when more settings are asked for.
        labels: what the form shows for each literal value.
        opens: what a text names on disk: ``folder``, or a kind of file as dialogs filter them, such as ``Weights (*.safetensors)``.
        **limits: pydantic's own (``ge``, ``gt``, ``le``, ``max_length`` and so on).
    """
    extra: dict[str, Any] = {"symbol": symbol, "unit": unit, "advanced": advanced, "labels": labels or {}, "opens": opens}
    return Field(default, title=title, description=help, json_schema_extra=extra, validate_default=False, **limits)


def range_text(info: FieldInfo) -> str:
    """A field's bounds in words, such as ``1 to 100`` or ``above 0 and at most 10``; empty where it has none."""
    bounds = {type(item): item for item in info.metadata}
    ge, gt, le, lt = (
        _plain(getattr(bounds[kind], key)) if kind in bounds else "" for kind, key in ((Ge, "ge"), (Gt, "gt"), (Le, "le"), (Lt, "lt"))
    )
    if ge and le:
        return f"{ge} to {le}"
    low = f"above {gt}" if gt else f"{ge} or more" if ge else ""
    high = f"below {lt}" if lt else f"{le} or less" if le else ""
    return " and ".join(part for part in (low, high) if part)


def _plain(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:g}"
