"""The menu bar: every command with its keys, and when it can be given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QWhatsThis

from .icons import icon

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
        helps = window.menuBar().addMenu("&Help")
        self._add(helps, "&What is this field?", "F1", self._explain)
        self._add(helps, "&About MAML Studio", None, self._about, "help")
        self.refresh_draw()

    def _build_file(self) -> None:
        window, menu = self._window, self._window.menuBar().addMenu("&File")
        self.open = self._add(menu, "&Open experiment…", QKeySequence.StandardKey.Open, window.ask_open, "open")
        self._add(menu, "&Save experiment…", QKeySequence.StandardKey.Save, window.ask_save, "save")
        self.open_run = self._add(menu, "Open &run…", "Ctrl+Shift+O", window.ask_open_run)
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
        self.dice = self._add(menu, "Another &task in the preview", "Ctrl+D", window.another_task, "dice")

    def _build_draw(self) -> None:
        menu = self._window.menuBar().addMenu("&Draw")
        self.open_checkpoint = self._add(menu, "&Open a checkpoint…", "Ctrl+Shift+K", lambda: self._page.models.open(), "open")
        menu.addSeparator()
        self.play = self._add(menu, "&Play the adaptation", "Ctrl+Shift+P", lambda: self._page.walk.play(), "play")
        self.clear = self._add(menu, "&Clear all", "Ctrl+Shift+Del", lambda: self._page.clear_or_bring_back(), "clear")
        menu.addSeparator()
        self.export_adapted = self._add(menu, "&Export adapted model…", "Ctrl+Shift+A", lambda: self._page.export(), "export")

    def _build_view(self) -> None:
        window, menu = self._window, self._window.menuBar().addMenu("&View")
        self._add(menu, "&Train page", "Ctrl+1", window.show_train_page, "train")
        self._add(menu, "Dra&w page", "Ctrl+2", window.show_draw_page, "draw")
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
        page.changed.connect(self.refresh_draw)
        self.refresh_draw()

    def refresh_draw(self) -> None:
        """Let those commands be given that mean something on the page on show."""
        page = self._page
        here = page is not None and self._window.tabs.currentWidget() is page
        self.open_checkpoint.setEnabled(here)
        self.play.setEnabled(here and page.adapted is not None)
        self.export_adapted.setEnabled(here and page.adapted is not None)
        self.clear.setEnabled(here and page.clear_button.isEnabled())
        if page is not None:
            self.clear.setText("Undo &clear" if page.can_bring_back else "&Clear all")

    def _choose_scheme(self, action: QAction) -> None:
        self._window.set_scheme(action.data())

    def _explain(self) -> None:
        """Tell what the field in focus is, or let the user point at one."""
        field = QApplication.focusWidget()
        if field is not None and field.whatsThis():
            QWhatsThis.showText(field.mapToGlobal(field.rect().bottomLeft()), field.whatsThis(), field)
        else:
            QWhatsThis.enterWhatsThisMode()

    def _about(self) -> None:
        from .. import __version__

        QMessageBox.about(
            self._window,
            "MAML Studio",
            f"<b>MAML Studio {__version__}</b><p>A desktop workbench for meta-learning.</p>"
            "<p>MIT License. Uses Qt (LGPL) through PySide6, PyTorch, and pyqtgraph.</p>",
        )
