"""Colours by role, in a dark and a light scheme, and how the window takes them on.

A role has one colour everywhere: support is orange in a plot, in a frame round a picture and in a legend. The hues
follow Okabe and Ito's colour-blind safe set ("Color Universal Design", 2008), moved lighter or darker until each can be
read as text on its panel (WCAG AA, 4.5 to 1).

The style is Fusion with our own palettes: on bare X, Qt's own ``setColorScheme`` changes nothing. Widgets that paint
for themselves read `current` when they paint; whatever keeps a colour (a plot's pen) connects to ``manager().changed``.
"""

import string
import sys
from dataclasses import dataclass, fields
from types import ModuleType
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from .. import paths

Choice = Literal["system", "dark", "light"]


@dataclass(frozen=True)
class Theme:
    """One scheme: a colour ``#rrggbb`` for each role.

    Attributes:
        name: "dark" or "light".
        window: Background of the window.
        panel: Background of plots, cards, lists and fields.
        raised: Background of buttons.
        border: Lines between and round things.
        outline: The edge of a field that one types into or ticks: 3 to 1 on what is around it.
        grid: Lines inside a plot.
        text: Words.
        muted: Words that matter less: units, hints.
        accent: Focus, selection, the one main button.
        on_accent: Words on the accent.
        support: The support set and its loss.
        query: The query set and its loss.
        inner: The inner loop.
        outer: The outer loop.
        before: Before adaptation.
        after: After adaptation.
        good: Right, done.
        bad: Wrong, failed.
        warning: Works, but look.
        canvas_paper: What one draws on.
        canvas_ink: What one draws with.
        runs: One colour per further run, in order.
    """

    name: str
    window: str
    panel: str
    raised: str
    border: str
    outline: str
    grid: str
    text: str
    muted: str
    accent: str
    on_accent: str
    support: str
    query: str
    inner: str
    outer: str
    before: str
    after: str
    good: str
    bad: str
    warning: str
    canvas_paper: str
    canvas_ink: str
    runs: tuple[str, ...]

    def color(self, role: str) -> QColor:
        """Return a role's colour for Qt; ``run 0``, ``run 1`` and so on are those of further runs, over and over."""
        if role.startswith("run "):
            return QColor(self.runs[int(role[4:]) % len(self.runs)])
        return QColor(getattr(self, role))


DARK = Theme(
    name="dark",
    window="#1b1e23",
    panel="#22262c",
    raised="#2e333b",
    border="#434a55",
    outline="#767f8c",
    grid="#363c45",
    text="#e6e9ed",
    muted="#a2abb7",
    accent="#5cc4ba",
    on_accent="#10201e",
    support="#f0a33a",
    query="#5fb4f0",
    inner="#dc8cbc",
    outer="#a9cc5c",
    before="#a2abb7",
    after="#c58cff",
    good="#4fd1aa",
    bad="#ff7a5c",
    warning="#ecc94b",
    canvas_paper="#14161a",
    canvas_ink="#f2f4f6",
    runs=("#5cc4ba", "#ecc94b", "#93a4ff", "#ff8a6b", "#8fd0ff", "#c8b08a", "#f4a8d0", "#9fb4c9"),
)

LIGHT = Theme(
    name="light",
    window="#f3f4f6",
    panel="#ffffff",
    raised="#fbfbfc",
    border="#c3c9d1",
    outline="#868e9a",
    grid="#e2e5ea",
    text="#1c2128",
    muted="#59626f",
    accent="#0f766e",
    on_accent="#ffffff",
    support="#a85400",
    query="#0a67ad",
    inner="#a03a78",
    outer="#4a7212",
    before="#59626f",
    after="#7a2fd6",
    good="#067550",
    bad="#bb3409",
    warning="#855c00",
    canvas_paper="#ffffff",
    canvas_ink="#14161a",
    runs=("#0f766e", "#855c00", "#3f4fc6", "#bb3409", "#2f74b5", "#6f5a36", "#b0387c", "#4d6175"),
)


def scheme(choice: Choice) -> Theme:
    """Return the scheme that a choice means on this system, now: light where the system doesn't say."""
    if choice != "system":
        return DARK if choice == "dark" else LIGHT
    return DARK if QApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark else LIGHT


_QT_SCHEME = {"system": Qt.ColorScheme.Unknown, "dark": Qt.ColorScheme.Dark, "light": Qt.ColorScheme.Light}


class ThemeManager(QObject):
    """Holds the scheme in use and says when it changes.

    Signals:
        changed: The palette and style sheet are in place; whatever keeps colours of its own takes the new ones.
    """

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._choice: Choice = "system"
        self._theme: Theme | None = None
        app.styleHints().colorSchemeChanged.connect(self._follow_system)

    @property
    def choice(self) -> Choice:
        """What the user chose."""
        return self._choice

    @property
    def theme(self) -> Theme:
        """The scheme in use."""
        return self._theme or scheme(self._choice)

    def set_choice(self, choice: Choice) -> Theme:
        """Take a choice on; emits `changed` if that is another scheme than before."""
        if choice not in _QT_SCHEME:
            raise ValueError(f'The colour scheme must be "system", "dark" or "light", not {choice!r}.')
        self._choice = choice
        # Where Qt can, title bar and system dialogs go along; "Unknown" gives the choice back to the system.
        self._app.styleHints().setColorScheme(_QT_SCHEME[choice])
        theme = scheme(choice)
        if theme is not self._theme:
            if self._theme is None:
                self._app.setStyle("Fusion")
            self._theme = theme
            self._app.setPalette(_palette(theme))
            self._app.setStyleSheet(_style_sheet(theme))
            _colour_pyqtgraph(theme)
            self.changed.emit()
        return theme

    def _follow_system(self) -> None:
        if self._choice == "system":
            self.set_choice("system")


def manager(app: QApplication | None = None) -> ThemeManager:
    """Return the application's theme manager; the first call makes it.

    Raises:
        RuntimeError: There is no QApplication yet.
    """
    app = app or QApplication.instance()
    if not isinstance(app, QApplication):
        raise RuntimeError("The theme needs a QApplication: make one first.")
    found = app.findChild(ThemeManager, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return found or ThemeManager(app)


def current() -> Theme:
    """Return the scheme in use."""
    return manager().theme


def apply(app: QApplication, choice: Choice = "system") -> Theme:
    """Give the application the scheme that `choice` means and return it.

    Raises:
        ValueError: The choice is none of the three.
    """
    return manager(app).set_choice(choice)


def pyqtgraph() -> ModuleType:
    """Return pyqtgraph, in our colours. Importing it takes a second, so it waits until somebody plots."""
    import pyqtgraph

    pyqtgraph.setConfigOptions(antialias=False, useOpenGL=False)
    _colour_pyqtgraph(current())
    return pyqtgraph


def _colour_pyqtgraph(theme: Theme) -> None:
    module = sys.modules.get("pyqtgraph")
    if module is not None:
        module.setConfigOptions(background=theme.panel, foreground=theme.muted)


def _palette(theme: Theme) -> QPalette:
    """Make Qt's palette from the roles."""
    role, group = QPalette.ColorRole, QPalette.ColorGroup
    colours = {
        role.Window: theme.window,
        role.WindowText: theme.text,
        role.Base: theme.panel,
        role.AlternateBase: theme.window,
        role.ToolTipBase: theme.raised,
        role.ToolTipText: theme.text,
        role.Text: theme.text,
        role.PlaceholderText: theme.muted,
        role.Button: theme.raised,
        role.ButtonText: theme.text,
        role.BrightText: theme.bad,
        role.Link: theme.query,
        role.LinkVisited: theme.inner,
        role.Highlight: theme.accent,
        role.HighlightedText: theme.on_accent,
        role.Accent: theme.accent,
        role.Light: theme.raised,
        role.Midlight: theme.raised,
        role.Mid: theme.border,
        role.Dark: theme.border,
        role.Shadow: theme.canvas_paper if theme is DARK else theme.border,
    }
    palette = QPalette()
    for which, colour in colours.items():
        palette.setColor(which, QColor(colour))
    faint = QColor(theme.muted)
    faint.setAlphaF(0.6)
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, which, faint)
    palette.setColor(group.Disabled, role.Highlight, QColor(theme.border))
    palette.setColor(group.Disabled, role.HighlightedText, QColor(theme.muted))
    return palette


def _style_sheet(theme: Theme) -> str:
    """Fill the style sheet's ``$role`` places."""
    folder = paths.resource("style")
    template = string.Template((folder / "studio.qss").read_text("utf-8"))
    roles = {field.name: getattr(theme, field.name) for field in fields(theme)}
    return template.substitute(roles, style=folder.as_posix())
