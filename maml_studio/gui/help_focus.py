"""Which topic of the manual a widget belongs to: a field of a form, a part that names one, or the page that it stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractButton, QWidget

from ..manual import Topic, field_topic, topics
from ..spec import TABLES

if TYPE_CHECKING:
    from .main_window import MainWindow

HELP = "help"
"""Property of a widget that names its topic, such as ``guide.norm-modes``."""
FIELD = "field"
"""Property of an editor that names its setting, such as ``task.way``."""


def topic_for(widget: QWidget | None, window: MainWindow) -> tuple[Topic, str]:
    """The topic of a widget, and Markdown about the widget itself where the topic is about more than that."""
    for one in _upwards(widget):
        if field := one.property(FIELD):
            found = field_topic(field, _chosen(one, window))
            if found is not None:
                return found, ""
        if key := one.property(HELP):
            found = _of_table(key, window) or topics().get(key)
            if found is not None:
                return found, _words(widget)
        if name := next((name for name, page in window.pages.items() if page is one), ""):
            return topics()[f"page.{name}"], _words(widget)
    name = next((name for name, page in window.pages.items() if page is window.tabs.currentWidget()), "train")
    return topics()[f"page.{name}"], _words(widget)


def _upwards(widget: QWidget | None) -> Iterator[QWidget]:
    while widget is not None:
        yield widget
        widget = widget.parentWidget()


def _chosen(editor: QWidget, window: MainWindow) -> Mapping[str, str]:
    """The alternative of each table that is in use where an editor stands."""
    for one in _upwards(editor):
        if hasattr(one, "chosen_tables"):
            return one.chosen_tables()
        if experiment := getattr(one, "experiment", lambda: None)():
            return {table: str(getattr(getattr(experiment, table), next(iter(TABLES[table].values())).choice or "")) for table in TABLES}
    return window.form.chosen_tables()


def _of_table(key: str, window: MainWindow) -> Topic | None:
    """A table with alternatives is told by the one in use."""
    return topics().get(f"{key}.{window.form.chosen_tables().get(key, '')}")


def _words(widget: QWidget | None) -> str:
    """What a single control says of itself."""
    if widget is None or not (tip := widget.toolTip() or widget.whatsThis()):
        return ""
    name = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
    head = f"**{name.replace('&', '').strip(' …')}:** " if name.strip() else ""
    return head + " ".join(tip.split())


def keys_of(page: QWidget) -> str:
    """The page's commands that have keys, as they are now, in Markdown."""
    lines = []
    for action in page.findChildren(QAction):
        keys = [one.toString(QKeySequence.SequenceFormat.NativeText) for one in action.shortcuts() if not one.isEmpty()]
        if keys:
            lines.append(f"- `{'`, `'.join(keys)}`: {action.text().replace('&', '').strip(' …')}")
    return "\n\n## Keys of its commands\n\n" + "\n".join(lines) if lines else ""
