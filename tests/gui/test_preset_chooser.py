import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QSpinBox
from window_cases import tiny

from maml_studio.gui.main_window import MainWindow
from maml_studio.spec import load_preset, to_toml


def choose(qtbot, box, name):
    box.setFocus()
    key = Qt.Key.Key_Up if box.findData(name) < box.currentIndex() else Qt.Key.Key_Down
    while box.currentData() != name:
        before = box.currentIndex()
        qtbot.keyClick(box, key)
        assert box.currentIndex() != before


def test_settings_of_ones_own_come_back_after_a_preset(window, qtbot):
    choose(qtbot, window.presets, "sinusoid-maml")
    choose(qtbot, window.presets, "")
    assert window.form.experiment() == tiny()


def test_settings_of_ones_own_come_back_after_another_file(window, qtbot, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(to_toml(tiny(name="other")))
    window.files.open_experiment(str(other))
    assert window.form.experiment() == tiny(name="other")
    assert window.presets.currentIndex() == -1
    assert window.presets.placeholderText() == "(opened: other.toml)"
    window.presets.setFocus()
    qtbot.keyClick(window.presets, Qt.Key.Key_Home)
    assert window.form.experiment() == tiny()
    window.files.open_experiment(str(other))
    box = window.form.editor("task.way").inner
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Up)
    assert window.presets.currentData() == ""


def test_without_settings_of_ones_own_there_is_nothing_to_go_back_to(qtbot, memory):
    memory.set_experiment(load_preset("digits-maml"))
    window = MainWindow(memory)
    qtbot.addWidget(window)
    choose(qtbot, window.presets, "sinusoid-maml")
    for _ in range(window.presets.count()):
        qtbot.keyClick(window.presets, Qt.Key.Key_Up)
    assert window.presets.currentData() == "digits-maml"
    window.finish()


@pytest.mark.parametrize("name", ["presets", "models", "shots"])
def test_the_wheel_changes_no_field_that_it_passes(window, tmp_path, name):
    page = window.draw_page
    for model in ("one", "two"):
        page.models.offer(tmp_path / model, choose=False)
    page.shots.setValue(3)
    box = window.presets if name == "presets" else getattr(page, name)
    if name != "presets":
        window.show_page("draw")
    window.tabs.setFocus()

    def value():
        return box.value() if isinstance(box, QSpinBox) else box.currentIndex()

    before = value()
    here = QPointF(5, 5)
    for turn in (-120, 120):
        event = QWheelEvent(
            here, box.mapToGlobal(here), QPoint(), QPoint(0, turn), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(box, event)
        assert value() == before
