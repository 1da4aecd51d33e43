"""The only place that knows where resources, downloaded data, cache and runs live.

``MAML_STUDIO_HOME`` moves data, cache and runs in one go; without it they go where the system keeps such things (platformdirs).
"""

import os
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_APP = "maml-studio"


def resource(*parts: str) -> Path:
    """A file that came with the app: ``resource("presets", "digits-maml.toml")``."""
    checkout = _PACKAGE.parent
    # A wheel carries the resources inside the package; a checkout keeps them beside it.
    root = checkout / "resources" if (checkout / "pyproject.toml").is_file() else _PACKAGE / "resources"
    return root.joinpath(*parts)


def _home() -> Path | None:
    home = os.environ.get("MAML_STUDIO_HOME", "").strip()
    return Path(home).expanduser() if home else None


def data_dir() -> Path:
    """Downloaded data sets."""
    home = _home()
    return home / "data" if home else Path(platformdirs.user_data_dir(_APP, appauthor=False)) / "data"


def cache_dir() -> Path:
    """What can be made again: decoded images, rendered glyphs."""
    home = _home()
    return home / "cache" if home else Path(platformdirs.user_cache_dir(_APP, appauthor=False))


def runs_dir() -> Path:
    """One folder per run; in the user's documents, since a run is something the user made."""
    home = _home()
    return home / "runs" if home else Path(platformdirs.user_documents_dir()) / "MAML Studio" / "runs"


def config_dir() -> Path:
    """Window layout and last settings."""
    home = _home()
    return home / "config" if home else Path(platformdirs.user_config_dir(_APP, appauthor=False))
