"""What the window remembers of its looks between two starts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .settings import Memory

if TYPE_CHECKING:
    from .main_window import MainWindow
    from .pages.draw import DrawPage
    from .plots import Plot


def restore_window(window: MainWindow, memory: Memory) -> None:
    """Bring back size, splitter and form; for before the pages are there."""
    window.resize(1280, 800)
    window.splitter.setSizes([335, 945])
    for key, restore in (("geometry", window.restoreGeometry), ("splitter", window.splitter.restoreState)):
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
    if memory.text("page") == "draw":
        window.show_draw_page()
    elif memory.text("page") == "evaluate":
        window.show_evaluate_page()


def store(window: MainWindow, memory: Memory) -> None:
    """Remember all that."""
    memory.set_bytes("geometry", window.saveGeometry())
    memory.set_bytes("splitter", window.splitter.saveState())
    memory.set_flag("more", window.form.shows_more())
    memory.set_text("folded", " ".join(window.form.folded()))
    if window.train_page is None:
        return
    pages = {window.draw_page: "draw", window.evaluate_page: "evaluate"}
    memory.set_text("page", pages.get(window.tabs.currentWidget(), "train"))
    for name, plot in _plots(window).items():
        memory.set_flag(f"plots/{name}/log", plot.log_y())
        memory.set_text(f"plots/{name}/smoothing", str(round(100 * plot.smoothing())))


def restore_drawings(page: DrawPage, memory: Memory) -> None:
    """Bring back the drawings as they were, and which files they came from and went to."""
    page.files.set_recent(memory.text("drawings/recent").splitlines())
    drawn = memory.drawn_task()
    if drawn is not None:
        path = memory.text("drawings/path")
        page.files.restore(drawn, Path(path) if path else None)


def store_drawings(page: DrawPage, memory: Memory) -> None:
    """Remember which files they are; the drawings themselves are kept beside it."""
    memory.set_text("drawings/path", str(page.files.path or ""))
    memory.set_text("drawings/recent", "\n".join(map(str, page.files.recent)))


def _plots(window: MainWindow) -> dict[str, Plot]:
    train, draw = window.train_page, window.draw_page
    return {
        "inner": train.inner_plot,
        "outer": train.outer_plot,
        "validation": train.accuracy_plot,
        "adaptation": draw.walk.plot,
        "query": draw.walk.query_plot,
    }
