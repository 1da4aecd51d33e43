"""The help beside the pages: it follows the focus while it is open, can be searched, and is read with keys alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QUrl
from PySide6.QtGui import QHelpEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWhatsThis,
    QWidget,
)
from shiboken6 import isValid

from .. import manual
from . import theme
from .help_focus import keys_of, topic_for
from .help_view import HelpView
from .icons import icon

if TYPE_CHECKING:
    from .main_window import MainWindow

CONTENTS = "contents"
MOST_BACK = 100
FLOATING = QSize(380, 480)
"""As a window of its own, in the corner of a small screen."""


class HelpDock(QDockWidget):
    """The manual in the window.

    Args:
        window: whose focus it follows.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__("Help", window)
        self.setObjectName("help")
        self._window = window
        self._before: QWidget | None = None
        self._behind: list[str] = []
        self._ahead: list[str] = []
        self.key = ""
        """Key of the topic on show."""
        self._words = ""
        self._build()
        # Beside the pages only where the screen has room for both.
        screen = window.screen().availableGeometry()
        if screen.width() - window.minimumSizeHint().width() < self.minimumSizeHint().width():
            self.setFloating(True)
            self.resize(FLOATING.boundedTo(screen.size()))
            self.move(screen.right() - self.width(), screen.bottom() - self.height())
        self.visibilityChanged.connect(self._shown)
        theme.manager().changed.connect(self._paint_anew)
        QApplication.instance().focusChanged.connect(self._focus_moved)
        window.tabs.currentChanged.connect(self._page_turned)
        window.form.changed.connect(self._form_changed)

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search the help")
        self.search.setAccessibleName("Search the help")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._look_up)
        self.search.returnPressed.connect(self._open_first)
        self.contents_button = self._button("runs", "Contents", "All topics", self.show_contents)
        self.back_button = self._button("undo", "Back", "The topic before (Alt+Left)", self.back)
        self.forward_button = self._button("redo", "Forward", "The topic after (Alt+Right)", self.forward)
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.back_button, self.forward_button, self.contents_button):
            row.addWidget(button)
        row.addWidget(self.search, 1)
        self.view = HelpView()
        self.view.anchorClicked.connect(self._follow_link)
        self.hits = QListWidget()
        self.hits.setAccessibleName("Topics found")
        self.hits.setWordWrap(True)
        self.hits.setSpacing(3)
        self.hits.itemActivated.connect(self._open_hit)
        self.hits.itemClicked.connect(self._open_hit)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.view)
        self.stack.addWidget(self.hits)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self.stack, 1)
        self.setWidget(inside)
        context = Qt.ShortcutContext.WidgetWithChildrenShortcut
        for keys, slot in (
            ("Escape", self._escape),
            ("Alt+Left", self.back),
            ("Alt+Right", self.forward),
            ("Ctrl+F", self.search.setFocus),
        ):
            QShortcut(QKeySequence(keys), inside, slot, context=context)
        QShortcut(QKeySequence("Down"), self.search, self._into_hits, context=Qt.ShortcutContext.WidgetShortcut)

    def _button(self, picture: str, name: str, tip: str, slot: object) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon(picture))
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.setAutoRaise(True)
        button.clicked.connect(slot)
        return button

    # What it shows

    def ask(self) -> None:
        """F1: show what has the focus; once more, go into the text."""
        focus = QApplication.focusWidget()
        if self.isVisible() and focus is not None and self.isAncestorOf(focus):
            return
        topic, words = topic_for(focus, self._window)
        again = self.isVisible() and (topic.key, words) == (self.key, self._words) and self.stack.currentWidget() is self.view
        self._before = focus
        self.show()
        if again:
            self.window().activateWindow()  # where it is a window of its own
            self.view.setFocus()
        else:
            self.show_topic(topic.key, words)

    def show_topic(self, key: str, words: str = "") -> None:
        """Show a topic of the manual.

        Args:
            key: its key, or ``contents``.
            words: Markdown about one control, which is put before it.
        """
        if self.key and self.key != key:
            self._behind = [*self._behind[1 - MOST_BACK :], self.key]
            self._ahead.clear()
        self._go_to(key, words)

    def show_contents(self) -> None:
        """List all topics."""
        self.show()
        self.show_topic(CONTENTS)

    def back(self) -> None:
        """The topic that was on show before."""
        if self._behind:
            self._ahead.append(self.key)
            self._go_to(self._behind.pop())

    def forward(self) -> None:
        """The topic that was left by going back."""
        if self._ahead:
            self._behind.append(self.key)
            self._go_to(self._ahead.pop())

    def point(self) -> None:
        """Let the user point at something, and explain that."""
        QWhatsThis.enterWhatsThisMode()
        QApplication.instance().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """While somebody points: take the click, wherever it goes."""
        kind = event.type()
        if kind == QEvent.Type.QueryWhatsThis:
            event.accept()
            return True
        if kind == QEvent.Type.WhatsThis and isinstance(event, QHelpEvent):
            QWhatsThis.leaveWhatsThisMode()
            topic, words = topic_for(QApplication.widgetAt(event.globalPos()), self._window)
            self.show()
            self.show_topic(topic.key, words)
            return True
        if kind == QEvent.Type.LeaveWhatsThisMode:
            QApplication.instance().removeEventFilter(self)
        return super().eventFilter(watched, event)

    def _go_to(self, key: str, words: str = "") -> None:
        self.key, self._words = key, words
        self.view.show_markdown(contents() if key == CONTENTS else self._page(key, words))
        self.stack.setCurrentWidget(self.view)
        self.back_button.setEnabled(bool(self._behind))
        self.forward_button.setEnabled(bool(self._ahead))

    def _page(self, key: str, words: str) -> str:
        before = f"{words}\n\n---\n\n" if words else ""
        page = self._window.pages.get(key.removeprefix("page."))
        return before + manual.topic(key).text + (keys_of(page) if page is not None else "")

    def _paint_anew(self) -> None:
        if self.key:
            self._go_to(self.key, self._words)

    def _follow_link(self, link: QUrl) -> None:
        if link.scheme() == "help":
            self.show_topic(link.path())

    # Following the focus

    def _focus_moved(self, _: QWidget | None, now: QWidget | None) -> None:
        if not self.isVisible() or now is None or self.isAncestorOf(now) or now.window() not in (self._window, self.window()):
            return
        self._before = now
        topic, words = topic_for(now, self._window)
        if (topic.key, words) != (self.key, self._words):
            self.search.clear()
            self.show_topic(topic.key, words)

    def _page_turned(self) -> None:
        if self.isVisible():
            topic, _ = topic_for(self._window.tabs.currentWidget(), self._window)
            self.show_topic(topic.key)

    def _form_changed(self) -> None:
        """Another algorithm, network or source is chosen: tell of that one."""
        focus = QApplication.focusWidget()
        if self.isVisible() and focus is not None and self._window.form.isAncestorOf(focus):
            self._focus_moved(None, focus)

    def _shown(self, visible: bool) -> None:
        if visible and not self.key:
            topic, words = topic_for(QApplication.focusWidget(), self._window)
            self.show_topic(topic.key, words)

    # Searching

    def _look_up(self, words: str) -> None:
        if not words.strip():
            self.stack.setCurrentWidget(self.view)
            return
        self.hits.clear()
        for found in manual.search(words):
            item = QListWidgetItem(f"{found.title}  ·  {found.where or found.group}")
            item.setData(Qt.ItemDataRole.UserRole, found.key)
            self.hits.addItem(item)
        if not self.hits.count():
            nothing = QListWidgetItem("Nothing has these words; try fewer, or look at the contents.")
            nothing.setFlags(Qt.ItemFlag.NoItemFlags)
            self.hits.addItem(nothing)
        self.stack.setCurrentWidget(self.hits)

    def _into_hits(self) -> None:
        if self.stack.currentWidget() is self.hits:
            self.hits.setFocus()
            self.hits.setCurrentRow(0)

    def _open_first(self) -> None:
        if self.stack.currentWidget() is self.hits:
            self._open_hit(self.hits.item(0))

    def _open_hit(self, item: QListWidgetItem) -> None:
        key = item.data(Qt.ItemDataRole.UserRole)
        if key:
            self.show_topic(key)
            self.view.setFocus()

    def _escape(self) -> None:
        """Leave the search, then the help."""
        if self.search.text():
            self.search.clear()
            return
        self.hide()
        if self._before is not None and isValid(self._before):
            self._window.activateWindow()
            self._before.setFocus()


def contents() -> str:
    """All topics by group, as links."""
    lines = ["# Contents"]
    for group in manual.GROUPS:
        found = [one for one in manual.topics().values() if one.group == group and one.listed]
        lines += [f"## {group}", "\n".join(f"- [{one.title}](help:{one.key})" for one in found)]
    return "\n\n".join(lines)
