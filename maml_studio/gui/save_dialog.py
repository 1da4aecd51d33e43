"""Ask where a file goes, with its ending, and before anything is replaced."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget


def ask_where(window: QWidget, title: str, suggestion: str, kind: str, suffix: str, *, beside: tuple[str, ...] = ()) -> Path | None:
    """Let the user choose a file to write.

    Args:
        window: whose dialog it is.
        title: what is being done, such as ``Save experiment``.
        suggestion: a file name to begin with.
        kind: what such files are called.
        suffix: the ending that the file gets where none was typed.
        beside: endings of further files that are written beside it.

    Returns:
        The file, or None when the user thought better of it.
    """
    # The dialog would look for the name as typed, without the ending, and for one file only: we ask ourselves.
    path, _ = QFileDialog.getSaveFileName(window, title, suggestion, f"{kind} (*{suffix})", options=QFileDialog.Option.DontConfirmOverwrite)
    if not path:
        return None
    file = Path(path)
    file = file if file.name.endswith(suffix) else file.with_name(file.name + suffix)
    there = [one.name for one in (file, *(file.with_suffix(other) for other in beside)) if one.exists()]
    return file if not there or _may_replace(window, title, there) else None


def _may_replace(window: QWidget, title: str, names: list[str]) -> bool:
    answer = QMessageBox.question(
        window,
        title,
        f"Replace {' and '.join(names)}?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel,
        QMessageBox.StandardButton.Cancel,
    )
    return answer == QMessageBox.StandardButton.Yes
