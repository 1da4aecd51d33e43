"""The Draw page's commands: their names, keys and icons, for its buttons and the Draw menu alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QMenu

from .icons import icon

if TYPE_CHECKING:
    from .pages.draw import DrawPage

# name, text, keys, icon; an empty name is a line in the menu
FILE = (
    ("new", "&New drawing", "Ctrl+N", "new"),
    ("open", "&Open drawing…", "", "open"),
    ("recent", "Open &recent", "", ""),
    ("save", "&Save drawing", "", "save"),
    ("save_as", "Save drawing &as…", "Ctrl+Shift+S", ""),
    ("", "", "", ""),
    ("undo", "&Undo", "Ctrl+Z", "undo"),
    ("redo", "&Redo", "Ctrl+Shift+Z", "redo"),
    ("clear_all", "&Clear all", "Ctrl+Shift+Del", "clear"),
    ("", "", "", ""),
)
CLASS = (
    ("add", "&Add a class", "Ctrl+Shift+N", "add"),
    ("fill_data", "Fill from a &data set…", "Ctrl+Shift+F", "data"),
    ("fill_files", "Fill from &image files…", "Ctrl+Shift+I", "open"),
    ("paste", "&Paste a picture", "Ctrl+V", "paste"),
    ("duplicate", "&Duplicate", "Ctrl+Shift+D", "duplicate"),
    ("up", "Move &up", "Alt+Up", "up"),
    ("down", "Move do&wn", "Alt+Down", "down"),
    ("delete", "De&lete", "Ctrl+Shift+X", "close"),
)
REST = (
    ("open_checkpoint", "Open a chec&kpoint…", "Ctrl+Shift+K", "open"),
    ("compare", "Co&mpare with…", "Ctrl+M", "compare"),
    ("go_query", "&Go to the query, or back", "Ctrl+G", "draw"),
    ("play", "&Play the adaptation", "Ctrl+Shift+P", "play"),
    ("saliency", "&Which pixels decided", "Ctrl+Shift+W", "eye"),
    ("test", "&Test yourself and the model", "Ctrl+T", "target"),
    ("", "", "", ""),
    ("folders", "Export image &folders…", "", ""),
    ("export", "&Export adapted model…", "Ctrl+Shift+A", "export"),
    ("data_source", "Use as data sour&ce", "", "data"),
)
SHARED_KEYS = {"open": "Ctrl+O", "save": "Ctrl+S"}
"""Keys that are the File menu's while another page is on show."""
ABOUT_CLASSES = tuple(name for name, *_ in CLASS if name != "add")


class DrawActions(QObject):
    """The page's actions by name. They work while the page is on show.

    Args:
        page: whose commands they are.
        slots: what each does.
    """

    def __init__(self, page: DrawPage, slots: dict[str, Callable[[], object]]) -> None:
        super().__init__(page)
        self._page = page
        self.recent = QMenu()
        self.by_name: dict[str, QAction] = {}
        for name, text, keys, picture in (*FILE, *CLASS, *REST):
            if name == "recent":
                self.by_name[name] = self.recent.menuAction()
                self.recent.setTitle(text)
            elif name:
                action = QAction(text, self)
                if picture:
                    action.setIcon(icon(picture))
                if keys:
                    action.setShortcut(QKeySequence(keys))
                action.setCheckable(name in ("saliency", "test"))
                action.triggered.connect(slots[name])
                page.addAction(action)
                self.by_name[name] = action
        # Both are in people's fingers.
        self.by_name["redo"].setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])

    def __getitem__(self, name: str) -> QAction:
        return self.by_name[name]

    def fill_menu(self, menu: QMenu) -> None:
        """Put all of them into a menu."""
        for title, entries in (("", FILE), ("&Class", CLASS), ("", REST)):
            into = menu.addMenu(title) if title else menu
            for name, *_ in entries:
                if name:
                    into.addAction(self.by_name[name])
                else:
                    into.addSeparator()

    def refresh(self, possible: Mapping[str, bool]) -> None:
        """Let those be given that mean something now; those that are not named always do while the page is on show."""
        here = self._page.isVisible()
        for name, keys in SHARED_KEYS.items():
            self.by_name[name].setShortcut(QKeySequence(keys if here else ""))
        for name, action in self.by_name.items():
            action.setEnabled(here and possible.get(name, True))

    def explain(self, button: QAbstractButton, name: str, more: str = "") -> None:
        """Let a button tell what it does, and with which keys it is done."""
        action = self.by_name[name]
        text = f"{action.text().replace('&', '')} {more}".strip()
        keys = SHARED_KEYS.get(name, action.shortcut().toString(QKeySequence.SequenceFormat.NativeText))
        button.setToolTip(f"{text} ({keys})")
        button.setAccessibleName(text)

    def show_recent(self, titles: list[tuple[str, Callable[[], object]]]) -> None:
        """Offer the drawings that were open lately."""
        self.recent.clear()
        for title, slot in titles:
            self.recent.addAction(title).triggered.connect(slot)
