"""What a new run's folder is called."""

from datetime import datetime
from pathlib import Path


def new_run_path(root: Path, name: str) -> Path:
    """A folder name that is still free: ``<date>-<name>``, with a number where that is taken."""
    base = f"{datetime.now().astimezone():%Y-%m-%d-%H%M%S}-{name}"
    path, number = root / base, 2
    while path.exists():
        path, number = root / f"{base}-{number}", number + 1
    return path
