"""Code of the user's own runs only after a yes."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from maml_studio import user_code
from maml_studio.gui.own_code import allow_remembered, may_run
from maml_studio.gui.settings import Memory
from maml_studio.spec import load_preset, with_changes


@pytest.fixture(autouse=True)
def nothing_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_code, "_allowed", set())


def answer(qtbot: QtBot, button: QMessageBox.StandardButton, said: list[str]) -> None:
    def press() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        said.append(box.text())
        qtbot.mouseClick(box.button(button), Qt.MouseButton.LeftButton)

    QTimer.singleShot(0, press)


def test_asks_once_and_remembers(qtbot: QtBot, tmp_path: Path) -> None:
    window, memory = QWidget(), Memory(tmp_path)
    qtbot.addWidget(window)
    plain = load_preset("digits-maml")
    own = with_changes(plain, {"model.name": "module", "model.path": "mine.nets:Small"})
    assert may_run(plain, memory, window)
    said: list[str] = []
    answer(qtbot, QMessageBox.StandardButton.No, said)
    assert not may_run(own, memory, window)
    assert "mine.nets:Small" in said[0]
    answer(qtbot, QMessageBox.StandardButton.Yes, said)
    assert may_run(own, memory, window)
    assert may_run(own, memory, window)
    assert len(said) == 2

    user_code._allowed.clear()
    allow_remembered(Memory(tmp_path))
    assert may_run(own, memory, window)
    assert len(said) == 2
