"""MAML Studio: a desktop workbench for meta-learning.

Importing the package imports no torch; the names below are fetched when they are first used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Adapted, InputError, Prediction, Trained, load, random_start, read_images

    __version__: str

__all__ = ["Adapted", "InputError", "Prediction", "Trained", "__version__", "load", "random_start", "read_images"]


def __getattr__(name: str) -> Any:
    """Fetch a public name (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("maml-studio")
        except PackageNotFoundError:
            return "unknown"
    if name in __all__:
        from . import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
