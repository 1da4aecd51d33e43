"""Shared by the tests of the window: they leave no QThread and no QTimer running."""

import gc
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from maml_studio.gui import theme


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
