import numpy as np
import pytest
from draw_cases import CONTROL, LONG, SHAPES, SHIFT, adapted, draw, draw_classes, open_and_draw, open_page, predicted, show_model, train
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QFileDialog, QLineEdit, QMessageBox, QToolTip

import maml_studio
from maml_studio.gui.canvas import DrawingCanvas
from maml_studio.gui.main_window import MainWindow


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture
def page(qtbot):
    with open_page(qtbot) as page:
        yield page


def test_without_a_model_it_says_what_to_do(page, qtbot):
    page.models.setCurrentIndex(page.models.count() - 1)  # also where there is a model in the box
    draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
    assert "Train one on the Train page" in page.bars.message
    assert not page.export_button.isEnabled()
    assert len(page.rows) == 3  # drawing can begin


def test_a_model_brings_its_number_of_classes_and_counts_what_is_missing(page, qtbot, tmp_path):
    show_model(qtbot, page, train(tmp_path / "four", task__way=4, task__shot=2))
    assert len(page.rows) == 4
    assert page.shots.value() == 2
    assert page.bars.message.startswith("Give every class a drawing (0 of 4 have one)")
    draw(qtbot, page.rows[1].canvases[0], SHAPES[0])
    qtbot.waitUntil(lambda: "(1 of 4 have one)" in page.bars.message, timeout=LONG)


def test_what_was_begun_before_the_model_came_stays(page, qtbot, tmp_path):
    draw(qtbot, page.rows[2].canvases[0], SHAPES[0])
    show_model(qtbot, page, train(tmp_path / "four", task__way=4))
    assert len(page.rows) == 3
    assert not page.rows[2].canvases[0].is_empty()


def test_it_adapts_by_itself_and_names_the_query(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    assert page.bars.message.startswith("Now draw one")
    draw(qtbot, page.query, SHAPES[2])
    qtbot.waitUntil(lambda: predicted(page), timeout=LONG)
    assert sum(page.bars.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_a_screen_reader_hears_the_top_prediction(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    page.rows[1].name_edit.setText("house")
    draw(qtbot, page.query, SHAPES[1])
    qtbot.waitUntil(lambda: predicted(page) and bool(page.bars.announced), timeout=LONG)
    top = max(page.bars.probabilities, key=page.bars.probabilities.get)
    assert page.bars.announced == f"{top}, {page.bars.probabilities[top]:.0%}"
    assert page.bars.accessibleDescription() == page.bars.announced
    page.query.clear()
    qtbot.waitUntil(lambda: page.bars.announced == "", timeout=LONG)


def test_it_predicts_while_the_query_is_drawn(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    centre = page.query.rect().center()
    qtbot.mousePress(page.query, Qt.MouseButton.LeftButton, pos=centre)
    qtbot.mouseMove(page.query, centre * 1.2)
    qtbot.waitUntil(lambda: bool(page.bars.probabilities), timeout=LONG)
    assert page.query.sketch.drawing
    assert not page.bars.announced  # not while the pen is down
    qtbot.mouseRelease(page.query, Qt.MouseButton.LeftButton, pos=centre * 1.2)
    qtbot.waitUntil(lambda: bool(page.bars.announced), timeout=LONG)


def test_what_is_shown_is_what_the_api_says(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    draw(qtbot, page.query, SHAPES[0])
    qtbot.waitUntil(lambda: predicted(page), timeout=LONG)
    images = np.stack([row.canvases[0].image() for row in page.rows])
    steps = page.walk.slider.maximum()
    wanted = maml_studio.load(run_folder).adapt(images, list(page.class_names()), steps)
    for step in (0, 2, steps):
        page.walk.slider.setValue(step)
        expected = wanted.predict(page.query.image()[None], step).probabilities[0]
        assert list(page.bars.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-6)
        assert f"after {step} of {steps} inner steps" in page.walk.words.text()
        # Each drawing's own probability moves with the slider too.
        scores = [row.canvases[0].score for row in page.rows]
        assert scores == pytest.approx(wanted.support_probabilities(step).tolist(), abs=1e-6)


def test_the_slider_walks_by_keyboard_and_play_walks_alone(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    page.walk.slider.setFocus()
    qtbot.keyClick(page.walk.slider, Qt.Key.Key_Home)
    assert page.walk.slider.value() == 0
    qtbot.keyClick(page.walk.slider, Qt.Key.Key_Right)
    assert page.walk.slider.value() == 1
    qtbot.keyClick(page.walk.slider, Qt.Key.Key_End)
    qtbot.mouseClick(page.walk.play_button, Qt.MouseButton.LeftButton)
    assert page.walk.slider.value() == 0  # from the start again
    qtbot.waitUntil(lambda: page.walk.slider.value() == 2, timeout=LONG)
    qtbot.mouseClick(page.walk.play_button, Qt.MouseButton.LeftButton)
    assert not page.walk.playing
    assert page.walk.slider.value() == 2
    qtbot.keyClick(page, Qt.Key.Key_P, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: page.walk.slider.value() == 5, timeout=LONG)
    qtbot.waitUntil(lambda: not page.walk.playing, timeout=LONG)


def test_undo_takes_a_drawing_away_and_the_prediction_with_it(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    canvas = page.rows[0].canvases[0]
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    qtbot.waitUntil(lambda: page.adapted is None, timeout=LONG)
    assert canvas.score is None
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: page.adapted is not None, timeout=LONG)


def test_undo_goes_back_from_canvas_to_canvas_as_things_were_done(page, qtbot):
    first, second = page.rows[0].canvases[0], page.rows[1].canvases[0]
    draw(qtbot, first, SHAPES[0])
    page.rows[1].name_edit.setFocus()
    qtbot.keyClicks(page.rows[1].name_edit, "house")
    qtbot.keyClick(page, Qt.Key.Key_N, CONTROL | SHIFT)
    new = page.rows[3].canvases[0]
    draw(qtbot, new, SHAPES[1])
    draw(qtbot, second, SHAPES[2])
    draw(qtbot, page.query, SHAPES[0])
    draw(qtbot, first, SHAPES[1])

    def look():
        drawn = [len(row.canvases[0].strokes()) for row in page.rows]
        return drawn, len(page.query.strokes()), page.rows[1].name_edit.text()

    steps = [
        ([2, 1, 0, 1], 1, "house"),
        ([1, 1, 0, 1], 1, "house"),
        ([1, 1, 0, 1], 0, "house"),
        ([1, 0, 0, 1], 0, "house"),
        ([1, 0, 0, 0], 0, "house"),
        ([1, 0, 0], 0, "house"),
        ([1, 0, 0], 0, ""),
        ([0, 0, 0], 0, ""),
    ]
    assert look() == steps[0]
    for wanted in steps[1:]:
        qtbot.keyClick(page.focusWidget(), Qt.Key.Key_Z, CONTROL)  # with the focus on a canvas, or wherever it went
        assert look() == wanted
    for wanted in reversed(steps[:-1]):
        qtbot.mouseClick(page.parts.buttons["redo"], Qt.MouseButton.LeftButton)
        assert look() == wanted


def test_undo_has_the_drawing_in_sight_that_it_changes(page, qtbot):
    for _ in range(12):
        qtbot.mouseClick(page.panel.add_button, Qt.MouseButton.LeftButton)
    bar = page.panel.scroll.verticalScrollBar()
    draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
    qtbot.waitUntil(lambda: bar.maximum() > 500)
    bar.setValue(bar.maximum())
    page.query.setFocus()
    qtbot.keyClick(page.query, Qt.Key.Key_Z, CONTROL)
    assert page.rows[0].canvases[0].is_empty()
    assert bar.value() == 0


def test_buttons_of_the_page_are_there_when_they_can_do_something(page, qtbot):
    undo, redo, clear = page.parts.buttons["undo"], page.parts.buttons["redo"], page.parts.query.clear_button

    def enabled():
        return [button.isEnabled() for button in (undo, redo, clear)]

    assert enabled() == [False, False, False]
    draw(qtbot, page.query, SHAPES[0])
    assert enabled() == [True, False, True]
    qtbot.mouseClick(undo, Qt.MouseButton.LeftButton)
    assert enabled() == [False, True, False]
    qtbot.mouseClick(redo, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(clear, Qt.MouseButton.LeftButton)
    assert enabled() == [True, False, False]


def test_adapting_that_fails_keeps_the_drawings_and_says_so(page, qtbot, run_folder, tmp_path):
    # It trains without inner steps; those of the page then explode.
    changes = {"model__name": "tutorial_cnn", "task__way": 3, "algorithm__inner_lr": 100.0, "algorithm__inner_steps": 0}
    changes |= {"evaluation__inner_steps": 0, "evaluation__tasks": 2, "training__iterations": 1, "training__meta_batch": 1}
    show_model(qtbot, page, train(tmp_path / "hot", "digits-maml", **changes))
    draw_classes(qtbot, page)
    qtbot.waitUntil(lambda: "no longer a number" in page.bars.message, timeout=LONG)
    assert len(page.rows) == 3
    assert page.parts.model_note.text()
    assert not page.export_button.isEnabled()
    page.models.offer(run_folder)
    qtbot.waitUntil(lambda: page.adapted is not None, timeout=LONG)


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_a_small_canvas_shows_what_the_model_gets_in_its_tooltip(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    canvas = page.rows[0].canvases[0]
    here = canvas.rect().center()
    QApplication.sendEvent(canvas, QHelpEvent(QEvent.Type.ToolTip, here, canvas.mapToGlobal(here)))
    assert "28 × 28 pixels" in QToolTip.text()
    assert "data:image/png;base64," in QToolTip.text()
    QToolTip.hideText()
    canvas.clear()
    QApplication.sendEvent(canvas, QHelpEvent(QEvent.Type.ToolTip, here, canvas.mapToGlobal(here)))
    qtbot.waitUntil(lambda: not QToolTip.isVisible(), timeout=LONG)


def test_more_shots_take_more_drawings_and_fewer_lose_none(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    page.shots.setFocus()
    qtbot.keyClick(page.shots, Qt.Key.Key_Up)
    draw(qtbot, page.rows[0].canvases[1], SHAPES[1])
    qtbot.waitUntil(lambda: adapted(page) and len(page.adapted.support_images) == 4, timeout=LONG)
    qtbot.keyClick(page.shots, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: adapted(page) and len(page.adapted.support_images) == 3, timeout=LONG)
    qtbot.keyClick(page.shots, Qt.Key.Key_Up)
    assert not page.rows[0].canvases[1].is_empty()


def test_names_are_shown_and_kept_apart(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    for row, name in zip(page.rows, ("star", "star", ""), strict=True):
        row.name_edit.setFocus()
        qtbot.keyClicks(row.name_edit, name)
    assert page.class_names() == ("star", "star (2)", "class 3")
    draw(qtbot, page.query, SHAPES[1])
    qtbot.waitUntil(lambda: tuple(page.bars.probabilities) == ("star", "star (2)", "class 3"), timeout=LONG)


def test_a_regression_model_is_refused_with_one_sentence_and_nothing_is_lost(page, qtbot, run_folder, tmp_path):
    waves = train(tmp_path / "waves", "sinusoid-maml", training__iterations=2, evaluation__tasks=4)
    open_and_draw(qtbot, page, run_folder)
    page.models.offer(waves)
    assert page.models.ref().place == str(run_folder)  # of no use here: it waits until it is chosen
    page.models.choose(str(waves))
    qtbot.waitUntil(lambda: "tells no classes apart" in page.bars.message, timeout=LONG)
    page.models.offer(run_folder)
    qtbot.waitUntil(lambda: page.adapted is not None, timeout=LONG)


def test_a_broken_checkpoint_is_told_in_one_sentence(page, qtbot, tmp_path):
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not a checkpoint")
    page.models.offer(broken)
    qtbot.waitUntil(lambda: "broken.safetensors" in page.bars.message, timeout=LONG)


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)  # the list that pops up
def test_rows_beyond_what_the_model_tells_apart_wait_for_another(page, qtbot, run_folder, tmp_path):
    two = train(tmp_path / "two", task__way=2)
    open_and_draw(qtbot, page, run_folder)
    page.models.offer(two)
    qtbot.waitUntil(lambda: adapted(page) and len(page.adapted.classes) == 2, timeout=LONG)
    assert [row.waiting for row in page.rows] == [False, False, True]
    assert page.panel.note.isVisible()
    assert "at most 2 classes" in page.panel.note.words.text()
    assert page.rows[2].canvases[0].score is None
    qtbot.mouseClick(page.panel.note.button, Qt.MouseButton.LeftButton)  # the way out
    assert page.models.view().isVisible()
    page.models.hidePopup()
    page.models.offer(run_folder)
    qtbot.waitUntil(lambda: adapted(page) and len(page.adapted.classes) == 3, timeout=LONG)
    assert not any(row.waiting for row in page.rows)
    assert not page.panel.note.isVisible()
    assert not page.rows[2].canvases[0].is_empty()


def test_fewer_classes_than_outputs_are_fine(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    qtbot.mouseClick(page.rows[2].delete_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: adapted(page) and len(page.adapted.classes) == 2, timeout=LONG)


def test_a_model_for_any_number_of_classes_takes_twenty(page, qtbot, tmp_path):
    show_model(qtbot, page, train(tmp_path / "any", algorithm__name="protonet"))
    for _ in range(17):
        qtbot.keyClick(page, Qt.Key.Key_N, CONTROL | SHIFT)
    assert len(page.rows) == 20
    assert not page.panel.add_button.isEnabled()
    draw_classes(qtbot, page, 20)
    qtbot.waitUntil(lambda: adapted(page) and len(page.adapted.classes) == 20, timeout=LONG)
    assert "no inner steps" in page.walk.words.text()  # it compares, and has nothing to walk
    assert not page.walk.slider.isEnabled()
    assert not page.panel.note.isVisible()
    assert page.parts.model_note.text().startswith("any number of classes")


def test_twenty_classes_with_ten_shots_scroll_and_are_not_squeezed(page, qtbot):
    page.resize(1000, 640)
    for _ in range(17):
        qtbot.mouseClick(page.panel.add_button, Qt.MouseButton.LeftButton)
    page.rows[0].name_edit.setText("a name that is much longer than there is room for on this page, to be sure")
    page.shots.setValue(10)
    bar = page.panel.scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 2000, timeout=LONG)
    assert page.panel.scroll.horizontalScrollBar().maximum() == 0
    assert page.width() == 1000
    for row in page.rows:
        assert {canvas.size().toTuple() for canvas in row.canvases} == {(76, 76)}
        assert row.cells.height() >= row.cells.heightForWidth(row.cells.width())
    page.rows[19].name_edit.setFocus()
    qtbot.keyClick(page.rows[19].name_edit, Qt.Key.Key_Tab)
    assert page.focusWidget() is page.rows[19].canvases[0]


def test_keys_reach_the_query_and_come_back(page, qtbot):
    name = page.rows[1].name_edit
    name.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_G, CONTROL)
    assert page.query.hasFocus()
    qtbot.keyClick(page.query, Qt.Key.Key_Space)
    qtbot.keyClick(page.query, Qt.Key.Key_Down, SHIFT)
    qtbot.keyClick(page.query, Qt.Key.Key_Space)
    assert len(page.query.strokes()) == 1
    qtbot.keyClick(page.query, Qt.Key.Key_G, CONTROL)
    assert name.hasFocus()


def test_tab_goes_through_the_page_as_it_is_read(page, qtbot):
    page.document.begin(3, 2)  # other rows than those that the page was built with
    page.parts.query.saliency_button.setFocus()
    draw(qtbot, page.query, SHAPES[0])
    page.models.setFocus()
    order = []
    for _ in range(60):
        focus = page.focusWidget()
        order.append(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    rows = page.rows
    wanted = [page.models, page.parts.compare_button, page.shots, page.clear_button, *rows[0].canvases, rows[0].fill_button]
    wanted += [rows[1].name_edit, *rows[2].canvases, page.panel.add_button, page.query, page.parts.query.saliency_button]
    places = [order.index(widget) for widget in wanted]
    assert places == sorted(places)


def test_every_part_has_a_name_for_a_screen_reader(page):
    parts = [one for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, DrawingCanvas) for one in page.findChildren(kind)]
    parts = [one for one in parts if not isinstance(one.parent(), QAbstractSpinBox | QComboBox)]
    assert len(parts) > 30
    assert not [one for one in parts if not one.accessibleName() and not getattr(one, "text", str)()]
    assert page.walk.slider.accessibleName()


def test_the_adapted_model_can_be_exported_as_it_is_at_a_step(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    page.walk.slider.setValue(2)
    with qtbot.waitSignal(page.export_wanted) as wanted:
        qtbot.mouseClick(page.export_button, Qt.MouseButton.LeftButton)
    assert wanted.args == [(page.adapted, 2)]


def train_in_window(qtbot, window):
    """Train the window's small experiment and turn to the drawing page, which then has its model."""
    qtbot.mouseClick(window.train_page.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run.status == "finished" and not window.session.running, timeout=LONG)
    window.tabs.setCurrentWidget(window.draw_page)
    qtbot.waitUntil(lambda: window.draw_page.session.result is not None, timeout=LONG)
    draw_classes(qtbot, window.draw_page)
    qtbot.waitUntil(lambda: adapted(window.draw_page), timeout=LONG)
    return window.draw_page


def test_the_window_writes_exports_and_replaces_none_without_a_question(window, qtbot, tmp_path, monkeypatch):
    page = train_in_window(qtbot, window)
    said = []
    monkeypatch.setattr(QMessageBox, "information", lambda *words: said.append(words[2]))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "mine"), ""))
    qtbot.mouseClick(page.export_button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(window.exporter.dialog.choose_file, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(said) == 1, timeout=LONG)
    assert (tmp_path / "mine.safetensors").is_file()
    assert (tmp_path / "mine.md").is_file()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Cancel)
    before = (tmp_path / "mine.safetensors").read_bytes()
    window.menus.export.trigger()
    qtbot.mouseClick(window.exporter.dialog.choose_file, Qt.MouseButton.LeftButton)
    assert (tmp_path / "mine.safetensors").read_bytes() == before
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    window.menus.export.trigger()
    qtbot.mouseClick(window.exporter.dialog.choose_file, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(said) == 2, timeout=LONG)
    assert (tmp_path / "mine.safetensors").read_bytes() != before


def test_the_window_offers_runs_and_keeps_drawings(window, qtbot, memory, tmp_path):
    page = train_in_window(qtbot, window)
    assert page.models.currentText().startswith("tiny")
    page.rows[1].name_edit.setText("house")
    page.files._write(tmp_path / "animals.drawn.json")
    draw(qtbot, page.query, SHAPES[0])
    assert page.parts.file_label.text() == "animals •"

    window.close()
    again = MainWindow(memory)
    qtbot.addWidget(again)
    again.show()
    again.build_pages()
    page = again.draw_page
    qtbot.waitUntil(lambda: page.adapted is not None, timeout=LONG)
    assert page.models.currentText().startswith("tiny")
    assert page.rows[1].name_edit.text() == "house"
    assert len(page.query.strokes()) == 1
    assert page.parts.file_label.text() == "animals •"
    page.files.save()
    again.close()
    third = MainWindow(memory)
    qtbot.addWidget(third)
    third.show()
    third.build_pages()
    assert third.draw_page.parts.file_label.text() == "animals"
    assert third.draw_page.files.recent == [tmp_path / "animals.drawn.json"]
    third.close()


def test_what_does_not_change_the_drawings_does_not_adapt_anew(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    before = page.adapted
    draw(qtbot, page.rows[0].canvases[0], SHAPES[1])
    page.document.undo()
    qtbot.waitUntil(lambda: adapted(page), timeout=LONG)
    for change in (lambda: draw(qtbot, page.query, SHAPES[1]), lambda: page.shots.setValue(3), page.document.undo):
        change()
        qtbot.waitUntil(lambda: adapted(page), timeout=LONG)
        assert len(page.adapted.support_images) == 3
    after = page.adapted
    page.shots.setValue(2)
    qtbot.waitUntil(lambda: adapted(page), timeout=LONG)
    assert page.adapted is after
    assert before.support_losses == after.support_losses


@pytest.mark.parametrize("algorithm", ["proto_maml", "anil", "unicorn_maml", "cavia", "mamlpp"])
def test_every_kind_of_model_says_on_the_page_what_the_api_says(page, qtbot, tmp_path, algorithm):
    open_and_draw(qtbot, page, train(tmp_path / algorithm, algorithm__name=algorithm, model__context=4 if algorithm == "cavia" else 0))
    draw(qtbot, page.query, SHAPES[0])
    qtbot.waitUntil(lambda: predicted(page), timeout=LONG)
    result, adapted_model = page.session.result, page.adapted
    for step in range(adapted_model.steps + 1):
        expected = adapted_model.predict(page.query.image()[None], step).probabilities[0]
        assert result.probabilities[step] == pytest.approx(expected, abs=1e-5)
        assert result.support[step] == pytest.approx(adapted_model.support_probabilities(step), abs=1e-5)


def test_a_model_for_any_number_of_classes_begins_with_few(page, qtbot):
    page.models.choose("pretrained")
    qtbot.waitUntil(lambda: page.session.result is not None, timeout=LONG)
    assert page.session.result.trained.way > 5
    assert len(page.rows) == 5


def test_a_test_that_ends_leaves_the_query_in_ink(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    draw(qtbot, page.query, SHAPES[0])
    qtbot.waitUntil(lambda: predicted(page), timeout=LONG)
    page.start_or_end_test()
    assert page.query.sketch.old
    page.start_or_end_test()
    assert not page.query.sketch.old


def test_a_name_is_a_label_and_nothing_adapts_anew_for_it(page, qtbot, tmp_path):
    open_and_draw(qtbot, page, train(tmp_path / "run"))
    draw(qtbot, page.query, SHAPES[0])
    qtbot.waitUntil(lambda: adapted(page) and bool(page.bars.top), timeout=LONG)
    before, probabilities = page.adapted, page.bars.probabilities
    page.rows[0].name_edit.setFocus()
    qtbot.keyClicks(page.rows[0].name_edit, "star")
    qtbot.waitUntil(lambda: adapted(page) and page.adapted.classes[0] == "star", timeout=LONG)
    assert page.adapted._path is before._path  # the very same inner loop
    assert list(page.bars.probabilities.values()) == pytest.approx(list(probabilities.values()))
