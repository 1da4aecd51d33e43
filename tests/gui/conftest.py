"""Shared by the tests of the window: they leave no QThread and no QTimer running."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid
from window_cases import tiny

from maml_studio.gui import theme
from maml_studio.gui.main_window import MainWindow
from maml_studio.gui.settings import Memory


def _running() -> list[QObject]:
    # type() rather than isinstance: some objects of other libraries answer to the latter with a warning.
    found = (o for o in gc.get_objects() if issubclass(type(o), QThread | QTimer) and isValid(o))
    return [o for o in found if (o.isRunning() if isinstance(o, QThread) else o.isActive())]


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Fail a test that leaves a QThread or a QTimer running after its widgets are closed."""
    before = _running()
    yield
    if QApplication.instance() is not None:
        QApplication.processEvents()
    left = [o for o in _running() if not any(o is other for other in before)]
    names = [f"{type(o).__name__} {o.objectName()!r} of {type(o.parent()).__name__}" for o in left]
    for thread in (o for o in left if isinstance(o, QThread)):
        thread.quit()
        thread.wait(2000)
    assert not names, f"the test left running: {', '.join(names)}"


@pytest.fixture
def themed(qapp: QApplication) -> Iterator[QApplication]:
    """The application in the dark scheme, whatever a test makes of it."""
    theme.apply(qapp, "dark")
    yield qapp
    theme.apply(qapp, "dark")


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    """A window's memory that nobody else has."""
    return Memory(tmp_path / "config")


@pytest.fixture
def window(qtbot: QtBot, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """The main window with a small experiment, its pages built, its first task on show."""
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "home"))
    memory.set_experiment(tiny())
    window = MainWindow(memory)
    window.resize(1280, 800)
    window.show()
    qtbot.waitExposed(window)
    window.build_pages()
    qtbot.waitUntil(lambda: window.train_page.preview.task is not None, timeout=30_000)
    yield window
    window.close_at_once()
    window.deleteLater()
