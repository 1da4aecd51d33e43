"""Builds the window's pages, and says which of them talks to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..paths import runs_dir
from ..training.naming import recent_runs
from . import layout
from .icons import icon

if TYPE_CHECKING:
    from .main_window import MainWindow

RECENT_RUNS = 8
PAGES = {
    "train": ("Train", "train"),
    "draw": ("Draw", "draw"),
    "evaluate": ("Evaluate", "evaluate"),
    "runs": ("Runs", "runs"),
    "compare": ("Compare", "compare-runs"),
    "insight": ("Insight", "insight"),
}
"""The pages in the order of the tabs: title and icon of each."""
WITH_MODELS = ("draw", "evaluate", "insight")
REMEMBER = ("evaluate", "runs", "compare", "insight")


def build(window: MainWindow) -> None:
    """Make all pages and put them into the tabs. Plots take a second to import: call it when the window is on the screen."""
    from .pages.compare import ComparePage
    from .pages.draw import DrawPage
    from .pages.evaluate import EvaluatePage
    from .pages.insight import InsightPage
    from .pages.runs import RunsPage
    from .pages.train import TrainPage

    window.pages = {
        "train": TrainPage(window.run),
        "draw": DrawPage(),
        "evaluate": EvaluatePage(),
        "runs": RunsPage(window.session, runs_dir()),
        "compare": ComparePage(runs_dir()),
        "insight": InsightPage(),
    }
    _connect_train(window)
    _connect_draw(window)
    _connect_runs(window)
    _bring_back(window)
    window.tabs.remove_page(window.waiting)
    window.waiting.deleteLater()
    for name, (title, picture) in PAGES.items():
        window.tabs.add_page(window.pages[name], icon(picture), title)
    window.menus.follow_page(window.draw_page)
    layout.restore_pages(window, window.memory)


def _connect_train(window: MainWindow) -> None:
    from .preview_session import PreviewSession

    page, session = window.train_page, window.session
    page.train_wanted.connect(window.start_run)
    page.pause_wanted.connect(session.pause)
    page.resume_wanted.connect(session.resume)
    page.step_wanted.connect(window.step_run)
    page.stop_wanted.connect(session.stop)
    page.continue_wanted.connect(window.continue_run)
    window.preview = PreviewSession(page, window.form, window)
    window.preview.checked.connect(window.refresh_actions)


def _connect_draw(window: MainWindow) -> None:
    page = window.draw_page
    page.export_wanted.connect(window.export_adapted)
    page.data_source_wanted.connect(window.train_on_drawings)
    page.said.connect(window.say)
    layout.restore_drawings(page, window.memory)


def _connect_runs(window: MainWindow) -> None:
    page = window.runs_page
    page.open_wanted.connect(window.show_run)
    page.continue_wanted.connect(window.continue_other_run)
    page.settings_wanted.connect(window.take_settings)
    page.compare_wanted.connect(window.compare_runs)
    page.queue_starting.connect(window.queue_starting)
    page.deleted.connect(window.refresh_actions)
    page.said.connect(window.say)


def _bring_back(window: MainWindow) -> None:
    """The models of earlier runs, and how the pages were left."""
    memory, runs = window.memory, recent_runs(runs_dir(), RECENT_RUNS)
    for name in WITH_MODELS:
        window.pages[name].offer_runs(runs)
        window.pages[name].models.bring_back(memory.text(f"{name}/model"))
    for name in REMEMBER:
        window.pages[name].bring_back(memory.text(name))
    for name in ("evaluate", "insight", "compare"):
        window.pages[name].own_code.begin(memory)
    if runs:
        window.session.restore(runs[0])


def end(window: MainWindow) -> None:
    """Remember how the pages were left, and end their threads."""
    for name in REMEMBER:
        window.memory.set_text(name, window.pages[name].remembered())
    for name in WITH_MODELS:
        window.memory.set_text(f"{name}/model", window.pages[name].models.remembered())
    window.preview.end()
    for name in PAGES:
        if name != "train":
            window.pages[name].end()
