"""What run folders are called, and where they are found again."""

import contextlib
from datetime import datetime
from pathlib import Path

from .run_index import summarise


def new_run_path(root: Path, name: str) -> Path:
    """A folder name that is still free: ``<date>-<name>``, with a number where that is taken."""
    base = f"{datetime.now().astimezone():%Y-%m-%d-%H%M%S}-{name}"
    path, number = root / base, 2
    while path.exists():
        path, number = root / f"{base}-{number}", number + 1
    return path


FEWEST_ITERATIONS = 10
"""A run that was stopped before has learned nothing worth a place in a list."""


def recent_runs(root: Path, count: int) -> list[Path]:
    """The newest run folders that have a trained model, newest first; names begin with the date, so their order is by name."""
    found: list[Path] = []
    # A folder that may not be read, or that goes away meanwhile, is one that can't be offered.
    with contextlib.suppress(OSError):
        for folder in sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: path.name, reverse=True):
            if len(found) == count:
                break
            run = summarise(folder) if any((folder / "checkpoints").glob("*.safetensors")) else None
            if run is not None and (run.best is not None or run.iteration >= FEWEST_ITERATIONS):
                found.append(folder)
    return found
