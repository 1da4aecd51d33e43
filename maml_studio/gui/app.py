"""Start the window: style, signals, main window. No torch here; it is imported by the threads that need it."""

import os
import signal
import socket
import sys
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from .icons import icon
from .main_window import MainWindow

DESKTOP_FILE = "maml-studio"
"""Name of the app's menu entry, by which a desktop knows whose a window is."""
SWITCH_INTERVAL = 0.0005
"""Seconds that a thread may keep the interpreter while another waits: stalls of 190 ms became 12 ms on two cores."""


class AfterPainting(QObject):
    """Calls once, when a window has been painted for the first time, or half a second after: a window that opens small is never painted."""

    LATEST = 500

    def __init__(self, window: QWidget, then: Callable[[], None]) -> None:
        super().__init__(window)
        self._timer = QTimer(self, singleShot=True, interval=self.LATEST)
        self._timer.timeout.connect(then)
        self._timer.start()
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the end of the first painting."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            if self._timer.isActive():
                self._timer.start(0)
        return False


class SignalWatcher(QObject):
    """Closes the window on SIGTERM and SIGINT; a run under way then saves its state and the process ends with 0."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        # Python runs handlers only between bytecodes, and Qt's loop has none: a socket wakes it.
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)
        self._old_fd = signal.set_wakeup_fd(self._theirs.fileno())
        self._notifier = QSocketNotifier(self._ours.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._arrived)
        self._old_handlers = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}

    def _arrived(self) -> None:
        self._ours.recv(64)
        self._window.close_at_once()

    def restore(self) -> None:
        """Give the signals back."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        self._ours.close()
        self._theirs.close()


def keep_every_move(app: QApplication) -> None:
    """Hand on every move of mouse and pen.

    Otherwise Qt puts those together that wait in the queue, and while the window is busy a quick hand's curves become corners. The
    application has to be there: on X11, Qt turns this on again when it connects.
    """
    for compression in (Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, Qt.ApplicationAttribute.AA_CompressTabletEvents):
        app.setAttribute(compression, on=False)


def main(arguments: list[str] | None = None) -> int:
    """Open the window and stay until it is closed.

    Args:
        arguments: an experiment file, a drawn task or a run folder to open, if any.

    Returns:
        The exit code.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication.instance() or QApplication(["maml-studio"])
    assert isinstance(app, QApplication)
    keep_every_move(app)
    app.setApplicationName("MAML Studio")
    app.setApplicationDisplayName("MAML Studio")
    app.setDesktopFileName(DESKTOP_FILE)
    window = MainWindow()
    app.setWindowIcon(icon("app"))
    watcher = SignalWatcher(window)
    app.aboutToQuit.connect(window.finish)

    def go_on() -> None:
        if not window.isVisible():
            return  # closed already
        window.build_pages()
        if arguments:
            window.files.open(arguments[0])

    # The pages need pyqtgraph, which takes a second to import: the settings are on the screen before.
    AfterPainting(window, go_on)
    window.show()
    try:
        return app.exec()
    finally:
        watcher.restore()
