"""What run folders are called, and where they are found again."""

from datetime import datetime
from pathlib import Path


def new_run_path(root: Path, name: str) -> Path:
    """A folder name that is still free: ``<date>-<name>``, with a number where that is taken."""
    base = f"{datetime.now().astimezone():%Y-%m-%d-%H%M%S}-{name}"
    path, number = root / base, 2
    while path.exists():
        path, number = root / f"{base}-{number}", number + 1
    return path


def recent_runs(root: Path, count: int) -> list[Path]:
    """The newest run folders that have a checkpoint, newest first; names begin with the date, so their order is by name."""
    if not root.is_dir():
        return []
    folders = sorted((path for path in root.iterdir() if path.is_dir()), key=lambda path: path.name, reverse=True)
    found = (folder for folder in folders if any((folder / "checkpoints").glob("*.safetensors")))
    return [folder for folder, _ in zip(found, range(count), strict=False)]
