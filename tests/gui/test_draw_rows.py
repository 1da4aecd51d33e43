"""What can be done with a class: by mouse, by keys, with files, folders and the clipboard."""

import numpy as np
import pytest
from draw_cases import ALT, CONTROL, LONG, SHAPES, SHIFT, draw, open_page
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QApplication, QFileDialog

from maml_studio.gui.draw_fill_dialog import FillDialog

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def page(qtbot):
    with open_page(qtbot) as page:
        yield page


def names(page):
    return [row.name_edit.text() for row in page.rows]


def name_rows(qtbot, page, *words):
    for row, word in zip(page.rows, words, strict=True):
        row.name_edit.setText(word)


def picture_file(path, size=40):
    """Dark ink on white paper: a bar that differs with the file's name."""
    picture = np.full((size, size), 255, np.uint8)
    place = 8 + hash(path.name) % (size - 16)
    picture[4:-4, place : place + 4] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)
    return path


def drop(widget, mime, at=None):
    """Drag and drop as the window system would send it."""
    at = widget.rect().center() if at is None else at
    copy, no = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(at, copy, mime, LEFT, no)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(at), copy, mime, LEFT, no))


def files_mime(*paths):
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    return mime


def filled(row):
    return [not canvas.is_empty() for canvas in row.canvases]


def test_a_class_is_added_named_moved_duplicated_and_deleted_by_keys(page, qtbot):
    name_rows(qtbot, page, "star", "house", "wave")
    qtbot.keyClick(page, Qt.Key.Key_N, CONTROL | SHIFT)
    assert page.rows[3].name_edit.hasFocus()
    qtbot.keyClicks(page.rows[3].name_edit, "moon")
    qtbot.keyClick(page.rows[3].name_edit, Qt.Key.Key_Up, ALT)
    assert names(page) == ["star", "house", "moon", "wave"]
    assert page.rows[2].name_edit.hasFocus()  # the keys go on with the same class
    qtbot.keyClick(page.rows[2].name_edit, Qt.Key.Key_Up, ALT)
    qtbot.keyClick(page.rows[1].name_edit, Qt.Key.Key_Down, ALT)
    draw(qtbot, page.rows[2].canvases[0], SHAPES[0])
    page.rows[2].name_edit.setFocus()
    qtbot.keyClick(page.rows[2].name_edit, Qt.Key.Key_D, CONTROL | SHIFT)
    assert names(page) == ["star", "house", "moon", "moon copy", "wave"]
    assert filled(page.rows[3]) == [True]
    qtbot.keyClick(page.rows[3].name_edit, Qt.Key.Key_X, CONTROL | SHIFT)
    assert names(page) == ["star", "house", "moon", "wave"]
    assert page.rows[3].holds_focus()


def test_the_same_with_the_mouse(page, qtbot):
    name_rows(qtbot, page, "star", "house", "wave")
    for name, expected in (
        ("down", ["house", "star", "wave"]),
        ("up", ["star", "house", "wave"]),
        ("duplicate", ["star", "star copy", "house", "wave"]),
    ):
        row = next(row for row in page.rows if row.name_edit.text() == "star")
        row.actions_by_name[name].trigger()
        assert names(page) == expected
    qtbot.mouseClick(page.rows[1].delete_button, LEFT)
    assert names(page) == ["star", "house", "wave"]
    assert not page.rows[0].actions_by_name["up"].isEnabled()
    assert not page.rows[2].actions_by_name["down"].isEnabled()
    qtbot.mouseClick(page.rows[0].delete_button, LEFT)
    assert not page.rows[0].delete_button.isEnabled()  # two stay


def test_undo_by_keys_is_the_page_s_wherever_the_focus_is(page, qtbot):
    canvas = page.rows[0].canvases[0]
    page.rows[1].name_edit.setFocus()
    qtbot.keyClicks(page.rows[1].name_edit, "house")
    draw(qtbot, canvas, SHAPES[0])
    draw(qtbot, canvas, SHAPES[1])
    page.query.setFocus()
    for strokes in (1, 0):
        qtbot.keyClick(page.query, Qt.Key.Key_Z, CONTROL)
        assert len(canvas.strokes()) == strokes
    assert names(page)[1] == "house"
    page.rows[1].name_edit.setFocus()
    qtbot.keyClick(page.rows[1].name_edit, Qt.Key.Key_Z, CONTROL)  # in a name too
    assert names(page)[1] == ""
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL | SHIFT)
    assert names(page)[1] == "house"
    for strokes in (1, 2):
        qtbot.keyClick(canvas, Qt.Key.Key_Y, CONTROL)
        assert len(canvas.strokes()) == strokes


def test_the_undo_button_says_what_it_undoes(page, qtbot):
    button = page.parts.buttons["undo"]
    page.rows[0].name_edit.setText("star")
    draw(qtbot, page.rows[1].canvases[0], SHAPES[0])
    assert "draw a stroke" in button.toolTip()
    qtbot.mouseClick(button, LEFT)
    assert page.rows[1].canvases[0].is_empty()
    assert "rename" in button.toolTip()
    qtbot.mouseClick(button, LEFT)
    assert names(page)[0] == ""
    assert not button.isEnabled()


def test_clear_all_and_back(page, qtbot):
    for row, shape in zip(page.rows, SHAPES, strict=True):
        draw(qtbot, row.canvases[0], shape)
    draw(qtbot, page.query, SHAPES[0])
    before = page.drawn()
    page.panel.add_button.setFocus()
    qtbot.mouseClick(page.clear_button, LEFT)
    assert page.query.is_empty()
    assert not any(any(filled(row)) for row in page.rows)
    assert not page.clear_button.isEnabled()
    qtbot.mouseClick(page.parts.buttons["undo"], LEFT)
    assert page.drawn() == before
    qtbot.mouseClick(page.parts.buttons["redo"], LEFT)
    assert page.query.is_empty()


def test_image_files_dropped_on_a_cell_go_there_and_on(page, qtbot, tmp_path):
    page.shots.setValue(3)
    draw(qtbot, page.rows[1].canvases[1], SHAPES[0])
    files = [picture_file(tmp_path / f"{number}.png") for number in range(2)]
    row = page.rows[1]
    drop(row, files_mime(*files), row.canvases[1].mapTo(row, QPoint(5, 5)))
    qtbot.waitUntil(lambda: filled(row) == [False, True, True], timeout=LONG)
    assert row.canvases[1].sketch.picture is not None
    assert page.panel.message.text() == ""
    page.document.undo()
    assert len(row.canvases[1].strokes()) == 1


def test_image_files_dropped_on_a_row_fill_its_empty_canvases_and_then_more(page, qtbot, tmp_path):
    page.shots.setValue(2)
    row = page.rows[0]
    draw(qtbot, row.canvases[0], SHAPES[0])
    drop(row, files_mime(*(picture_file(tmp_path / f"{number}.png") for number in range(3))), QPoint(10, 10))
    qtbot.waitUntil(lambda: filled(row) == [True] * 4, timeout=LONG)
    assert page.shots.value() == 4
    assert row.canvases[0].strokes()  # not in place of what was drawn
    drop(row, files_mime(*(picture_file(tmp_path / f"more{number}.png") for number in range(12))), QPoint(10, 10))
    qtbot.waitUntil(lambda: page.shots.value() == 10, timeout=LONG)
    assert "10 of 12 images were taken" in page.panel.message.text()
    page.document.undo()
    assert page.shots.value() == 4
    assert row.canvases[0].strokes()


def test_folders_dropped_below_the_rows_become_classes(page, qtbot, tmp_path):
    draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
    for folder, count in (("cats", 2), ("dogs", 1), ("zoo/owls", 1), ("zoo/bears", 1)):
        for number in range(count):
            picture_file(tmp_path / folder / f"{number}.png")
    drop(page.panel, files_mime(tmp_path / "cats", tmp_path / "dogs", tmp_path / "zoo", picture_file(tmp_path / "ant.png")))
    qtbot.waitUntil(lambda: len(page.rows) > 3, timeout=LONG)
    assert names(page) == ["", "cats", "dogs", "bears", "owls", "ant"]
    assert all(filled(row)[0] for row in page.rows)
    page.shots.setValue(2)
    assert filled(page.rows[1]) == [True, True]
    page.document.stack.undo()
    page.document.stack.undo()
    assert names(page) == ["", "", ""]


def test_drops_one_after_the_other_all_arrive(page, qtbot, tmp_path):
    files = [picture_file(tmp_path / f"{number}.png") for number in range(3)]
    for row, file in zip(page.rows, files, strict=True):
        drop(row, files_mime(file))
    qtbot.waitUntil(lambda: all(filled(row) == [True] for row in page.rows), timeout=LONG)


@pytest.mark.parametrize("content", [b"no picture", b""])
def test_a_file_that_is_no_picture_is_told_in_one_sentence(page, qtbot, tmp_path, content):
    bad = tmp_path / "bad.png"
    bad.write_bytes(content)
    drop(page.rows[0], files_mime(bad))
    qtbot.waitUntil(lambda: "bad.png" in page.panel.message.text() and "Reading" not in page.panel.message.text(), timeout=LONG)
    assert filled(page.rows[0]) == [False]
    drop(page.rows[0], files_mime(picture_file(tmp_path / "good.png")))
    qtbot.waitUntil(lambda: filled(page.rows[0]) == [True] and page.panel.message.text() == "", timeout=LONG)


def test_words_are_no_picture(page):
    mime = QMimeData()
    mime.setText("a word")
    event = QDragEnterEvent(QPoint(5, 5), Qt.DropAction.CopyAction, mime, LEFT, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(page.rows[0], event)
    assert not event.isAccepted()
    QGuiApplication.clipboard().setText("a word")
    page.rows[0].actions_by_name["paste"].trigger()
    assert "no picture" in page.panel.message.text()


def test_a_drag_shows_where_it_would_go(page, qtbot, tmp_path):
    row = page.rows[0]
    plain = row.grab().toImage()
    mime = files_mime(tmp_path / "a.png")
    no = Qt.KeyboardModifier.NoModifier
    seen = []
    for at in (QPoint(3, 3), row.canvases[0].mapTo(row, QPoint(5, 5))):
        QApplication.sendEvent(row, QDragEnterEvent(at, Qt.DropAction.CopyAction, mime, LEFT, no))
        seen.append(row.grab().toImage())
    assert plain not in seen
    assert seen[0] != seen[1]
    QApplication.sendEvent(row, QDragLeaveEvent())
    assert row.grab().toImage() == plain


def test_a_picture_of_the_clipboard_goes_onto_the_canvas_in_focus(page, qtbot):
    page.shots.setValue(2)
    picture = QImage(60, 50, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    for x in range(20, 30):
        for y in range(10, 40):
            picture.setPixelColor(x, y, QColor("black"))
    QGuiApplication.clipboard().setImage(picture)
    canvas = page.rows[1].canvases[1]
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_V, CONTROL)
    assert filled(page.rows[1]) == [False, True]
    image = canvas.image()
    assert image.max() > 0.9
    assert image[:, 0].max() == 0  # the paper is no ink
    page.document.undo()
    assert filled(page.rows[1]) == [False, False]


def test_pasting_into_a_name_is_pasting_words(page, qtbot):
    QGuiApplication.clipboard().setText("pasted")
    page.rows[0].name_edit.setFocus()
    qtbot.keyClick(page.rows[0].name_edit, Qt.Key.Key_V, CONTROL)
    assert names(page)[0] == "pasted"


def test_from_image_files_that_were_chosen(page, qtbot, tmp_path, monkeypatch):
    file = picture_file(tmp_path / "one.png")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: ([str(file)], ""))
    page.rows[2].name_edit.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_I, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: filled(page.rows[2]) == [True], timeout=LONG)


def test_a_class_of_a_data_set(page, qtbot):
    dialog = FillDialog(page, 2, "digits")
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.gallery.count() == 10, timeout=LONG)
    dialog.gallery.setCurrentRow(4)
    name, examples = dialog.chosen()
    assert name == dialog.gallery.item(4).text()
    assert len(examples) == 2
    shown = [text for text, _ in dialog._classes]
    qtbot.mouseClick(dialog.others, LEFT)
    qtbot.waitUntil(lambda: [text for text, _ in dialog._classes] not in (shown, []), timeout=LONG)
    dialog.accept()
    page.shots.setValue(2)
    page.filler.put_examples(page.rows[0].uid, -1, examples, name)
    assert names(page)[0] == name
    assert filled(page.rows[0]) == [True, True]
    page.document.undo()
    assert names(page)[0] == ""
    assert filled(page.rows[0]) == [False, False]


def test_a_data_set_that_is_not_here_can_be_fetched(page, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path))
    dialog = FillDialog(page, 1, "mnist")
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(dialog.download.isVisible, timeout=LONG)
    assert "MNIST" in dialog.words.text() or "mnist" in dialog.words.text()
    assert dialog.chosen() == ("", [])
    dialog.reject()


def folder_of(tmp_path, name):
    """A folder of class folders."""
    for one in "ab":
        (tmp_path / name / f"{name}-{one}").mkdir(parents=True)
        for number in range(3):
            picture_file(tmp_path / name / f"{name}-{one}" / f"{number}.png")
    return str(tmp_path / name)


def test_the_folder_chosen_last_is_the_one_that_is_kept(page, qtbot, tmp_path, monkeypatch):
    one, two = folder_of(tmp_path, "one"), folder_of(tmp_path, "two")
    answers, began = [one, two, ""], []
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda parent, title, where: began.append(where) or answers.pop(0))
    dialog = FillDialog(page, 1, "digits")
    qtbot.addWidget(dialog)
    dialog.show()

    def shown(start):
        return dialog.gallery.count() == 2 and all(name.startswith(start) for name, _ in dialog._classes)

    for folder in ("one", "two", "two"):  # the third time the question is cancelled
        dialog.sources.setCurrentIndex(dialog.sources.findData("folder"))
        dialog.sources.activated.emit(dialog.sources.currentIndex())
        qtbot.waitUntil(lambda folder=folder: shown(folder), timeout=LONG)
    assert began == ["", one, two]
    assert dialog.folder == two
    dialog.accept()
    again = FillDialog(page, 1, dialog.source, dialog.folder)  # as the page does the next time
    qtbot.addWidget(again)
    again.show()
    qtbot.waitUntil(lambda: [name for name, _ in again._classes] == ["two-a", "two-b"] or again.gallery.count() == 2, timeout=LONG)
    assert again.folder == two
    assert len(began) == 3  # it did not ask
    again.reject()
