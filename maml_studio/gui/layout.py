"""What the window remembers of its looks between two starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize

from .settings import Memory

if TYPE_CHECKING:
    from .main_window import MainWindow
    from .pages.draw import DrawPage
    from .plots import Plot

DEFAULT = QSize(1280, 800)
FRAME = QSize(8, 44)
"""What a title bar and borders take, which Qt knows only once the window is on the screen."""


def restore_window(window: MainWindow, memory: Memory) -> None:
    """Bring back size, splitter and form; for before the pages are there."""
    room = window.screen().availableSize() - FRAME
    window.resize(DEFAULT.boundedTo(room))
    window.splitter.setSizes([335, window.width() - 335])
    for key, restore in (
        ("geometry", window.restoreGeometry),
        ("splitter", window.splitter.restoreState),
        ("docks", window.restoreState),
    ):
        value = memory.bytes(key)
        if value is not None:
            restore(value)
    window.form.set_shows_more(memory.flag("more"))
    window.form.fold(memory.text("folded").split())


def restore_pages(window: MainWindow, memory: Memory) -> None:
    """Bring back the page that was looked at, and how its plots were set."""
    for name, plot in _plots(window).items():
        plot.set_log_y(memory.flag(f"plots/{name}/log"))
        smoothing = memory.text(f"plots/{name}/smoothing")
        if smoothing.isdecimal():
            plot.set_smoothing(int(smoothing) / 100)
    window.show_page(memory.text("page"))
    if memory.flag("help"):
        window.help.open()


def store(window: MainWindow, memory: Memory) -> None:
    """Remember all that."""
    memory.set_bytes("geometry", window.saveGeometry())
    memory.set_bytes("splitter", window.splitter.saveState())
    memory.set_flag("more", window.form.shows_more())
    memory.set_text("folded", " ".join(window.form.folded()))
    memory.set_flag("help", window.help.is_open)
    memory.set_bytes("docks", window.saveState())
    if window.train_page is None:
        return
    current = window.tabs.currentWidget()
    memory.set_text("page", next((name for name, page in window.pages.items() if page is current), "train"))
    for name, plot in _plots(window).items():
        memory.set_flag(f"plots/{name}/log", plot.log_y())
        memory.set_text(f"plots/{name}/smoothing", str(round(100 * plot.smoothing())))


def restore_drawings(page: DrawPage, memory: Memory) -> None:
    """Bring back the drawings as they were, and which files they came from and went to; from then on the page keeps them itself."""
    page.keep_in(memory)


def _plots(window: MainWindow) -> dict[str, Plot]:
    train, draw = window.train_page, window.draw_page
    return {
        "inner": train.inner_plot,
        "outer": train.outer_plot,
        "validation": train.accuracy_plot,
        "adaptation": draw.walk.plot,
        "query": draw.walk.query_plot,
    }
