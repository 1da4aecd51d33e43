"""What has to be over before the window closes, and what is asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMessageBox

if TYPE_CHECKING:
    from .main_window import MainWindow

YES, CANCEL = QMessageBox.StandardButton.Yes, QMessageBox.StandardButton.Cancel


def may_close(window: MainWindow) -> bool:
    """Whether the window may close now; where exports are being written, it may close itself once they are."""
    if window.session.running and not _asked(
        window,
        "A run is under way",
        "Stop the run and close? Its state is saved, and it can be continued with “maml-studio resume”.",
        CANCEL,
    ):
        return False
    return not window.exporter.pending or _close_when_written(window)


def _close_when_written(window: MainWindow) -> bool:
    exporter = window.exporter
    what = "An export is" if exporter.pending == 1 else f"{exporter.pending} exports are"
    if not _asked(window, "Exports are being written", f"{what} being written. Close once that is done?", YES):
        return False
    if exporter.pending:  # it may have been done while the question was read
        exporter.quiet = True
        exporter.idle.connect(window.close)
        window.say("Closes when the exports are written.")
    return not exporter.pending


def _asked(window: MainWindow, title: str, question: str, likely: QMessageBox.StandardButton) -> bool:
    return QMessageBox.question(window, title, question, YES | CANCEL, likely) == YES
