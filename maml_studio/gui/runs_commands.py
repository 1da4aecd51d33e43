"""What can be done to runs: their keys, buttons and menu in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from ..training.run_index import RunSummary
from .icons import icon


@dataclass(frozen=True)
class Command:
    """One thing to do.

    Attributes:
        name: what the page calls it.
        text: on button and menu.
        keys: while the table has the focus; empty for none.
        picture: an icon's name; empty for none.
        tip: a sentence.
    """

    name: str
    text: str
    keys: str
    picture: str
    tip: str

    @property
    def explained(self) -> str:
        """The tooltip."""
        return f"{self.tip} ({self.keys})" if self.keys else self.tip


COMMANDS = (
    Command("open", "Open", "", "open", "Show the run on the Train page (Return)"),
    Command("go_on", "Continue", "Ctrl+Return", "play", "Train it further from its last checkpoint"),
    Command("settings", "Use its settings", "Ctrl+Alt+D", "duplicate", "Bring its settings into the form, for a new run"),
    Command("compare", "Compare", "C", "compare", "Put the chosen runs side by side"),
    Command("star", "Star", "S", "star", "Give the chosen runs a star, or take it away"),
    Command("tag", "Tag…", "T", "tag", "Add a tag to the chosen runs"),
    Command("rename", "Rename", "", "draw", "Give the run a title of its own (F2); its folder keeps its name"),
    Command("show", "Show folder", "Ctrl+L", "folder", "Open the run's folder in the file manager"),
    Command("delete", "Delete", "Del", "clear", "Move the chosen runs to the trash; Ctrl+Z brings them back"),
)


class RunCommands:
    """The actions by name, as menu and as buttons.

    Args:
        table: the widget whose keys they are.
        slots: what each of them does, by name.
    """

    def __init__(self, table: QWidget, slots: dict[str, Callable[[], object]]) -> None:
        self.actions: dict[str, QAction] = {}
        self.menu = QMenu(table)
        self.menu.setToolTipsVisible(True)
        for command in COMMANDS:
            action = QAction(command.text, table)
            if command.picture:
                action.setIcon(icon(command.picture))
            action.setToolTip(command.explained)
            if command.keys:
                action.setShortcut(QKeySequence(command.keys))
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            action.triggered.connect(slots[command.name])
            table.addAction(action)
            self.menu.addAction(action)
            self.actions[command.name] = action
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(lambda place: self.menu.popup(table.mapToGlobal(place)))

    def button(self, name: str) -> QToolButton:
        """A button for an action."""
        button = QToolButton()
        button.setDefaultAction(self.actions[name])
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        with_picture = not self.actions[name].icon().isNull()
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if with_picture else Qt.ToolButtonStyle.ToolButtonTextOnly
        button.setToolButtonStyle(style)
        return button

    def refresh(self, chosen: Sequence[RunSummary], *, busy: bool, own: bool) -> None:
        """Let those be chosen that make sense now; the others' tooltips say why not.

        Args:
            chosen: the chosen runs.
            busy: a run is under way in this window.
            own: it is the chosen one.
        """
        one = chosen[0] if len(chosen) == 1 else None
        choose_one = "" if one is not None else "Choose one run"
        stop_first = "A run is under way in this window; stop it first" if busy else ""
        training = any(run.status == "training" for run in chosen) or own
        refused = {
            "open": choose_one or ("" if own else stop_first),
            "go_on": choose_one or stop_first or (_ENDED.get(one.status, "") if one is not None else ""),
            "settings": choose_one,
            "compare": "" if len(chosen) > 1 else "Choose two runs or more (hold Ctrl or Shift)",
            "star": "" if chosen else "Choose a run",
            "tag": "" if chosen else "Choose a run",
            "rename": choose_one,
            "show": choose_one,
            "delete": "A run that is training can't be deleted; stop it first" if training else "" if chosen else "Choose a run",
        }
        for command in COMMANDS:
            reason = refused[command.name]
            self.actions[command.name].setEnabled(not reason)
            self.actions[command.name].setToolTip(reason or command.explained)


_ENDED = {"training": "Another program trains this run", "finished": "This run is finished"}
