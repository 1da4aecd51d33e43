"""The drawings on the Draw page, kept so that they are there again when the window is opened the next time."""

from pathlib import Path

from ..drawings import DrawingError, DrawnTask, read_drawn, write_drawn

__all__ = ["DrawnTask", "load_drawn_task", "save_drawn_task"]


def save_drawn_task(path: Path, task: DrawnTask) -> None:
    """Keep the drawings.

    Raises:
        OSError: when they can't be written.
    """
    try:
        write_drawn(path, task)
    except DrawingError as error:  # larger than any page's drawings are
        raise OSError(str(error)) from error


def load_drawn_task(path: Path) -> DrawnTask | None:
    """Read drawings back; None where there are none, or they can't be used."""
    try:
        return read_drawn(path)
    except DrawingError:
        return None
