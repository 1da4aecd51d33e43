"""A drawn task's file: save, open, recent, export, and as a data source."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from draw_cases import CONTROL, SHAPES, SHIFT, draw, draw_classes, open_page
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox

from maml_studio.drawings import DrawnClass, DrawnTask, Example, read_drawn, write_drawn

LINE = Example((np.array([[0.1, 0.1, 0.0], [0.9, 0.9, 0.5]]),))
BUTTON = QMessageBox.StandardButton


@pytest.fixture
def page(qtbot):
    with open_page(qtbot) as page:
        yield page


@pytest.fixture
def dialogs(monkeypatch):
    """What the dialogs answer, and what they said."""

    state = SimpleNamespace(save="", open="", folder="", answer=BUTTON.Cancel, asked=[], said=[])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(state.save), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(state.open), ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(state.folder))
    monkeypatch.setattr(
        QMessageBox, "exec", lambda box: state.asked.append((box.text(), [one.text() for one in box.buttons()])) or state.answer
    )
    monkeypatch.setattr(QMessageBox, "warning", lambda *words: state.said.append(words[2]))
    monkeypatch.setattr(QMessageBox, "information", lambda *words: state.said.append(words[2]))
    return state


def test_a_drawing_is_saved_and_opened_again(page, qtbot, tmp_path, dialogs):
    draw_classes(qtbot, page)
    page.rows[0].name_edit.setText("star")
    draw(qtbot, page.query, SHAPES[0])
    assert page.parts.file_label.text() == "new drawing •"
    dialogs.save = tmp_path / "mine"
    qtbot.keyClick(page, Qt.Key.Key_S, CONTROL)
    file = tmp_path / "mine.drawn.json"
    assert read_drawn(file) == page.drawn()
    assert page.parts.file_label.text() == "mine"
    draw(qtbot, page.query, SHAPES[1])
    assert page.parts.file_label.text() == "mine •"
    dialogs.save = ""  # it knows its file now
    qtbot.keyClick(page, Qt.Key.Key_S, CONTROL)
    assert len(read_drawn(file).query.strokes) == 2
    kept = page.drawn()
    qtbot.keyClick(page, Qt.Key.Key_N, CONTROL)
    assert page.query.is_empty()
    assert page.parts.file_label.text() == "new drawing"
    assert not dialogs.asked  # nothing was unsaved
    dialogs.open = file
    qtbot.keyClick(page, Qt.Key.Key_O, CONTROL)
    assert page.drawn() == kept
    assert page.parts.file_label.text() == "mine"


@pytest.mark.parametrize(("answer", "stays"), [(BUTTON.Cancel, True), (BUTTON.Discard, False), (BUTTON.Save, False)])
@pytest.mark.parametrize("command", ["new", "open", "recent"])
def test_unsaved_drawings_are_not_lost_without_a_question(page, qtbot, tmp_path, dialogs, command, answer, stays):
    other = tmp_path / "other.drawn.json"
    write_drawn(other, DrawnTask((DrawnClass("moon", (LINE,)), DrawnClass("sun", (LINE,)))))
    page.files.set_recent([str(other)])
    draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
    dialogs.answer, dialogs.open, dialogs.save = answer, other, tmp_path / "mine.drawn.json"
    action = page.actions_by_name.recent.actions()[0] if command == "recent" else page.actions_by_name[command]
    action.trigger()
    ((text, buttons),) = dialogs.asked
    assert text.startswith("Save these drawings before others take their place?")
    assert buttons[0] == "Save…"
    assert "Don't save" in buttons
    assert (len(page.rows[0].canvases[0].strokes()) == 1 and page.class_names()[0] == "class 1") == stays
    assert (tmp_path / "mine.drawn.json").is_file() == (answer == BUTTON.Save)
    if command != "new" and not stays:
        assert page.class_names() == ("moon", "sun")


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": "maml-studio-drawn", "version": 99}'])
def test_a_file_that_cannot_be_read_is_told_and_changes_nothing(page, qtbot, tmp_path, dialogs, content):
    bad = tmp_path / "bad.drawn.json"
    bad.write_bytes(content)
    draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
    dialogs.open = bad
    page.actions_by_name["open"].trigger()
    assert "bad.drawn.json" in dialogs.said[0]
    assert len(page.rows[0].canvases[0].strokes()) == 1


def test_a_recent_file_that_is_gone_leaves_the_list(page, tmp_path, dialogs):
    page.files.set_recent([str(tmp_path / "gone.drawn.json")])
    assert page.actions_by_name["recent"].isEnabled()
    page.actions_by_name.recent.actions()[0].trigger()
    assert "gone.drawn.json" in dialogs.said[0]
    assert not page.actions_by_name["recent"].isEnabled()


def test_a_collection_too_large_for_the_page_is_not_cut(page, tmp_path, dialogs):
    file = tmp_path / "many.drawn.json"
    write_drawn(file, DrawnTask(tuple(DrawnClass(f"{number}", (LINE,)) for number in range(30))))
    assert not page.files.open(file)
    assert "30 classes" in dialogs.said[0]
    assert len(page.rows) == 3


def test_a_place_that_cannot_be_written_is_told(page, qtbot, tmp_path, dialogs):
    draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
    dialogs.save = tmp_path / "nowhere" / "mine.drawn.json"
    page.actions_by_name["save_as"].trigger()
    assert "can't be written" in dialogs.said[0]
    assert page.document.modified


def test_image_folders(page, qtbot, tmp_path, dialogs):
    draw_classes(qtbot, page)
    page.rows[0].name_edit.setText("star")
    dialogs.folder = tmp_path
    with qtbot.waitSignal(page.said) as said:
        page.actions_by_name["folders"].trigger()
    assert "3 image folders" in said.args[0]
    pictures = sorted((tmp_path / "drawing").glob("*/*.png"))
    assert len(pictures) == 3
    assert any(picture.parent.name == "star" for picture in pictures)
    with Image.open(pictures[0]) as picture:
        assert picture.size == (28, 28)
    page.actions_by_name["folders"].trigger()  # never into the same one
    assert (tmp_path / "drawing (2)").is_dir()


def test_drawings_become_the_data_source_of_the_form(window, qtbot, tmp_path, dialogs):
    window.show_page("draw")
    page = window.draw_page
    page.document.begin(3, 1)
    draw_classes(qtbot, page)
    dialogs.save = tmp_path / "mine.drawn.json"
    page.rows[1].name_edit.setText("house")
    page.shots.setValue(2)
    for number in (0, 2):
        draw(qtbot, page.rows[number].canvases[1], SHAPES[1])
    before = window.form.experiment()
    page.actions_by_name["data_source"].trigger()
    assert "needs two at least" in dialogs.said[0]
    assert "Too few so far: house." in dialogs.said[0]
    assert not dialogs.save.exists()
    assert window.form.experiment() == before
    draw(qtbot, page.rows[1].canvases[1], SHAPES[1])
    page.shots.setValue(1)  # those out of sight are in the file too
    page.actions_by_name["data_source"].trigger()
    data = window.form.experiment() or window.form._experiment
    assert data.data.source == "drawn"
    assert data.data.path == str(tmp_path / "mine.drawn.json")
    assert window.tabs.currentWidget() is window.train_page


def test_while_a_run_is_under_way_drawings_become_the_source_of_a_next_one(window, tmp_path):
    before = window.form.experiment()
    window.step_run()
    assert window.session.running
    window.draw_page.data_source_wanted.emit(tmp_path / "mine.drawn.json")
    assert window.session.experiment == before
    assert window.lock_bar.preparing
    assert window.form.experiment().data.path == str(tmp_path / "mine.drawn.json")


def test_save_as_keeps_the_first_file(page, qtbot, tmp_path, dialogs):
    draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
    for name in ("one", "two"):
        dialogs.save = tmp_path / f"{name}.drawn.json"
        qtbot.keyClick(page, Qt.Key.Key_S, CONTROL | SHIFT)
    assert page.parts.file_label.text() == "two"
    assert [path.name for path in page.files.recent] == ["two.drawn.json", "one.drawn.json"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["one.drawn.json", "two.drawn.json"]


@pytest.mark.parametrize("command", ["new", "open"])
def test_undo_brings_the_last_drawing_back_and_knows_whose_file_it_is(page, qtbot, tmp_path, dialogs, command):
    other, mine = tmp_path / "other.drawn.json", tmp_path / "mine.drawn.json"
    write_drawn(other, DrawnTask((DrawnClass("moon", (LINE,)), DrawnClass("sun", (LINE,)))))
    draw_classes(qtbot, page)
    dialogs.save, dialogs.open, dialogs.answer = mine, other, BUTTON.Discard
    page.actions_by_name["save"].trigger()
    draw(qtbot, page.query, SHAPES[0])
    kept = page.drawn()
    page.actions_by_name[command].trigger()
    assert len(dialogs.asked) == 1
    assert page.query.is_empty()
    page.actions_by_name["undo"].trigger()
    assert page.drawn() == kept
    assert page.files.path == mine
    assert page.parts.file_label.text() == "mine •"
    page.actions_by_name["save"].trigger()
    assert len(read_drawn(other).classes) == 2  # never into the other one's file
    page.actions_by_name["redo"].trigger()
    assert page.query.is_empty()
    assert page.files.path == (other if command == "open" else None)
    assert not page.document.modified
    page.actions_by_name["undo"].trigger()
    assert page.parts.file_label.text() == "mine"  # what was saved since is known


@pytest.mark.parametrize(("changed", "unsaved"), [({}, False), ({"name": "other"}, True), ({"examples": (LINE, LINE)}, True)])
def test_a_drawing_comes_back_as_its_file_has_it(page, tmp_path, changed, unsaved):
    """The canvases that a page shows for its shots make no difference."""
    file = tmp_path / "few.drawn.json"
    half = DrawnClass("drawn", (LINE,))
    write_drawn(file, DrawnTask((half, DrawnClass("not yet")), shots=2))
    shown = replace(half, **({"examples": (LINE, Example())} | changed))
    page.files.restore(DrawnTask((shown, DrawnClass("not yet", (Example(), Example()))), shots=2), file)
    assert page.document.modified is unsaved
