"""The menu bar: every command with its keys, and when it can be given."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMessageBox

from .assembly import PAGES
from .icons import icon
from .job_dialog import ask_job

if TYPE_CHECKING:
    from .main_window import MainWindow
    from .pages.draw import DrawPage

Slot = Callable[[], object]
Keys = QKeySequence.StandardKey | str | None


class Menus(QObject):
    """The window's menus; the actions that come and go are attributes.

    Args:
        window: whose menu bar is filled, and whose commands they are.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._page: DrawPage | None = None
        self._build_file()
        self._build_run()
        self._build_draw()
        self._build_view()
        self.helps = helps = window.menuBar().addMenu("&Help")
        self._add(helps, "&Explain what has the focus", "F1", window.help.ask, "help")
        self._add(helps, "&Point at something…", "Shift+F1", window.help.point)
        self._add(helps, "&Contents", None, window.help.show_contents)
        helps.addSeparator()
        self._add(helps, "&About MAML Studio", None, self._about)
        self.refresh_draw()

    def _build_file(self) -> None:
        window, menu = self._window, self._window.menuBar().addMenu("&File")
        self.open = self._add(menu, "&Open experiment…", QKeySequence.StandardKey.Open, window.files.ask_open, "open")
        self.save = self._add(menu, "&Save experiment…", QKeySequence.StandardKey.Save, window.files.ask_save, "save")
        self.job = self._add(menu, "Write a &job…", None, lambda: ask_job(window))
        self.open_run = self._add(menu, "Open &run…", "Ctrl+Shift+O", window.files.ask_open_run)
        menu.addSeparator()
        self.export = self._add(menu, "&Export trained model…", "Ctrl+Shift+E", window.export_trained, "export")
        menu.addSeparator()
        self._add(menu, "&Quit", QKeySequence.StandardKey.Quit, window.close)

    def _build_run(self) -> None:
        window, menu = self._window, self._window.menuBar().addMenu("&Run")
        self.train = self._add(menu, "&Train", "Ctrl+R", window.start_run, "play")
        self.pause = self._add(menu, "&Pause or go on", "Ctrl+P", window.pause_or_resume, "pause")
        self.step = self._add(menu, "One &step", "Ctrl+.", window.step_run, "step")
        self.stop = self._add(menu, "St&op", "Ctrl+E", window.session.stop, "stop")
        menu.addSeparator()
        self.go_on = self._add(menu, "&Continue the stopped run", "Ctrl+Shift+R", window.continue_run)
        menu.addSeparator()
        self.queue = self._add(menu, "Add to the &queue", "Ctrl+B", window.add_to_queue)
        self.grid = self._add(menu, "Add a &grid to the queue…", None, window.add_grid_to_queue)
        menu.addSeparator()
        self.dice = self._add(menu, "Another &task in the preview", "Ctrl+D", window.another_task, "dice")

    def _build_draw(self) -> None:
        # Filled when the page is there: the commands are its own.
        self.draw = self._window.menuBar().addMenu("&Draw")

    def _build_view(self) -> None:
        window, menu = self._window, self._window.menuBar().addMenu("&View")
        for number, (name, (title, picture)) in enumerate(PAGES.items(), start=1):
            self._add(menu, f"&{number}  {title} page", f"Ctrl+{number}", partial(window.show_page, name), picture)
        menu.addSeparator()
        group = QActionGroup(self)
        for choice, text in (("system", "Colours of the s&ystem"), ("dark", "&Dark"), ("light", "&Light")):
            action = QAction(text, self, checkable=True)
            action.setData(choice)
            action.setChecked(window.memory.scheme == choice)
            group.addAction(action)
            menu.addAction(action)
        group.triggered.connect(self._choose_scheme)
        menu.addSeparator()
        self.more = QAction("&More settings", self, checkable=True)
        self.more.setChecked(window.form.shows_more())
        self.more.toggled.connect(window.form.set_shows_more)
        window.form.more_toggled.connect(self.more.setChecked)
        menu.addAction(self.more)

    def _add(self, menu: QMenu, text: str, keys: Keys, slot: Slot, picture: str = "") -> QAction:
        action = QAction(text, self)
        if picture:
            action.setIcon(icon(picture))
        if keys is not None:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(slot)
        menu.addAction(action)
        return action

    def follow_page(self, page: DrawPage) -> None:
        """Let the Draw menu go with its page."""
        self._page = page
        page.actions_by_name.fill_menu(self.draw)
        page.shown_or_hidden.connect(self.refresh_draw)
        self.refresh_draw()

    def refresh_draw(self) -> None:
        """Leave those keys to the Draw page that it uses while it is on show."""
        here = self._page is not None and self._page.isVisible()
        for action, keys in ((self.open, QKeySequence.StandardKey.Open), (self.save, QKeySequence.StandardKey.Save)):
            action.setShortcut(QKeySequence() if here else QKeySequence(keys))

    def _choose_scheme(self, action: QAction) -> None:
        self._window.set_scheme(action.data())

    def _about(self) -> None:
        from .. import __version__

        QMessageBox.about(
            self._window,
            "MAML Studio",
            f"<b>MAML Studio {__version__}</b><p>A desktop workbench for meta-learning.</p>"
            "<p>MIT License. Uses Qt (LGPL) through PySide6, PyTorch, and pyqtgraph.</p>",
        )
