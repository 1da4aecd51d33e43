"""The way to the help: its button, and the help itself once it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QToolButton

from .icons import icon

if TYPE_CHECKING:
    from .help_dock import HelpDock
    from .main_window import MainWindow


class HelpPlace(QObject):
    """What the window knows of its help.

    Args:
        window: whose help it is.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._dock: HelpDock | None = None
        self.button = QToolButton()
        self.button.setIcon(icon("help"))
        self.button.setAutoRaise(True)
        self.button.setAccessibleName("Help")
        self.button.setToolTip("Explain what has the focus (F1); anything else: Shift+F1 and a click")
        # What has the focus is what is asked about.
        self.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button.clicked.connect(self.ask)

    @property
    def dock(self) -> HelpDock:
        """The manual beside the pages; made when it is first wanted, since its texts take a while to put together."""
        if self._dock is None:
            from .help_dock import HelpDock

            self._dock = HelpDock(self._window)
            self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self._dock)
            self._window.restoreDockWidget(self._dock)
            self._dock.hide()
        return self._dock

    @property
    def is_open(self) -> bool:
        """Whether the help is on show."""
        return self._dock is not None and not self._dock.isHidden()

    def open(self) -> None:
        """Show it as it was left."""
        self.dock.show()

    def ask(self) -> None:
        """Explain what has the focus."""
        self.dock.ask()

    def point(self) -> None:
        """Let the user point at what is to be explained."""
        self.dock.point()

    def show_contents(self) -> None:
        """List all topics."""
        self.dock.show_contents()
