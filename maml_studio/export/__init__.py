"""Take a model away: files that other programs read, each with a model card beside it.

Importing this imports no torch; the names below are fetched when they are first used.
"""

from typing import TYPE_CHECKING, Any

from .formats import FORMATS, ExportError, Format, refusal

if TYPE_CHECKING:
    from .write import export_model

__all__ = ["FORMATS", "ExportError", "Format", "export_model", "refusal"]


def __getattr__(name: str) -> Any:
    """Fetch a public name (PEP 562)."""
    if name in __all__:
        from . import write

        return getattr(write, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
