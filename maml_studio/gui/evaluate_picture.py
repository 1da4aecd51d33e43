"""A report as one picture: the page's own widgets, painted off the screen. The command line uses it too, without a display."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMessageLogContext, QPoint, QSize, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QApplication, QToolButton, QVBoxLayout, QWidget

from ..files import write_whole
from . import theme
from .plot_export import png

if TYPE_CHECKING:
    from ..training.report import Report

SIZE = QSize(1240, 1000)
_app: QApplication | None = None


def save_picture(report: Report, path: Path) -> None:
    """Write a report as a PNG, in the window's colours, or light ones where there is no window.

    Raises:
        OSError: when it can't be written; one that was there is as it was.
    """
    write_whole(path, picture(report))


def picture(report: Report) -> bytes:
    """A report as the bytes of a PNG, at twice the screen's resolution."""
    global _app
    if QApplication.instance() is None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        qInstallMessageHandler(_hush)
        _app = QApplication(["maml-studio"])
        theme.manager().set_choice("light")
    from .evaluate_results import EvaluateResults

    sheet = QWidget()
    results = EvaluateResults()
    layout = QVBoxLayout(sheet)
    layout.setContentsMargins(16, 14, 16, 14)
    layout.addWidget(results)
    results.show_report(report)
    for tool in results.plot.findChildren(QToolButton):
        tool.hide()
    sheet.resize(SIZE)
    # Never shown: grabbing it is what lays it out, and only then is known how high the tasks are.
    sheet.grab()
    sheet.resize(SIZE.width(), SIZE.height() + results.prepare_picture())
    results.plot.redraw()

    def paint(painter: QPainter) -> None:
        painter.fillRect(sheet.rect(), theme.current().color("window"))
        sheet.render(painter, QPoint())

    content = png(paint, sheet.size())
    sheet.deleteLater()
    return content


def _hush(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    """Let pass what Qt has to say, but for the offscreen platform's word on every window."""
    if "propagateSizeHints" not in message:
        print(message, file=sys.stderr)
