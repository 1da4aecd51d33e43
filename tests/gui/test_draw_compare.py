"""The same drawings under several models, the saliency overlay, and the test mode."""

import itertools

import numpy as np
import pytest
from draw_cases import CONTROL, LONG, SHAPES, SHIFT, adapted, draw, open_and_draw, open_page, predicted, train
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

import maml_studio
from maml_studio.gui.adapt_worker import ModelRef
from maml_studio.gui.draw_query import PAUSE_MS
from maml_studio.gui.draw_test_mode import TestMode, wilson

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "digits")


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "fomaml", algorithm__name="fomaml", evaluation__inner_steps=8)


@pytest.fixture
def page(qtbot):
    with open_page(qtbot) as page:
        yield page


def menu_of(page):
    button = page.parts.compare_button
    button.menu().aboutToShow.emit()
    return {action.text(): action for action in button.menu().actions() if action.text()}


def answers(page):
    return [place.bars.probabilities for place in page.compare.shown]


def test_other_models_get_the_same_task_and_the_same_steps(page, qtbot, run_folder, other_folder, monkeypatch):
    page.models.offer(other_folder)
    open_and_draw(qtbot, page, run_folder)
    draw(qtbot, page.query, SHAPES[0])
    menu_of(page)[f"Random start of {page.models.title(str(run_folder))}"].trigger()
    menu_of(page)[page.models.title(str(other_folder))].trigger()
    checkpoint = other_folder / "checkpoints" / "latest.safetensors"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(checkpoint), ""))
    menu_of(page)["A checkpoint file…"].trigger()
    qtbot.waitUntil(lambda: predicted(page) and all(len(one) == 3 for one in answers(page)), timeout=LONG)
    assert [place.ref for place in page.compare.shown] == [
        ModelRef(str(run_folder), random=True),
        ModelRef(str(other_folder)),
        ModelRef(str(checkpoint)),
    ]
    assert not menu_of(page)["A checkpoint file…"].isEnabled()  # three are enough

    images = np.stack([row.canvases[0].image() for row in page.rows])
    steps = page.walk.slider.maximum()
    assert [place._result.adapted.steps for place in page.compare.shown] == [steps] * 3
    models = [maml_studio.load(run_folder).untrained(), maml_studio.load(other_folder), maml_studio.load(checkpoint)]
    for step in (0, steps):
        page.walk.slider.setValue(step)
        for model, shown in zip(models, answers(page), strict=True):
            expected = model.adapt(images, list(page.class_names()), steps).predict(page.query.image()[None], step)
            assert list(shown.values()) == pytest.approx(expected.probabilities[0].tolist(), abs=1e-6)
    first = page.compare.shown[0]
    assert first.bars.top in first.words.text()
    assert "%" in first.words.text()


def test_they_follow_the_drawings_and_can_be_taken_away(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    page.compare.add(ModelRef(str(run_folder), random=True), "random start")
    place = page.compare.shown[0]
    qtbot.waitUntil(lambda: "waits for a query" in place.words.text(), timeout=LONG)
    draw(qtbot, page.query, SHAPES[1])
    qtbot.waitUntil(lambda: len(place.bars.probabilities) == 3, timeout=LONG)
    page.rows[0].name_edit.setText("star")
    qtbot.waitUntil(lambda: "star" in place.bars.probabilities, timeout=LONG)
    page.compare.add(ModelRef(str(run_folder), random=True), "the same once more")
    assert len(page.compare.shown) == 1
    qtbot.mouseClick(place._remove, LEFT)
    assert page.compare.shown == []
    assert not place.isVisible()


def test_one_that_cannot_says_why_and_leaves_the_others_alone(page, qtbot, run_folder, tmp_path):
    two = train(tmp_path / "two", task__way=2)
    open_and_draw(qtbot, page, run_folder)
    page.compare.add(ModelRef(str(two)), "two-way")
    page.compare.add(ModelRef(str(tmp_path / "gone")), "gone")
    said = [place.words for place in page.compare.shown]
    qtbot.waitUntil(lambda: "at most 2 classes" in said[0].text() and "gone" in said[1].text(), timeout=LONG)
    assert page.adapted is not None


def test_which_pixels_decided(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    draw(qtbot, page.query, SHAPES[2])
    qtbot.waitUntil(lambda: predicted(page), timeout=LONG)
    assert page.query.heat is None  # off until asked for
    qtbot.keyClick(page, Qt.Key.Key_W, CONTROL | SHIFT)
    qtbot.waitUntil(lambda: page.query.heat is not None, timeout=LONG)
    images = np.stack([row.canvases[0].image() for row in page.rows])
    steps = page.walk.slider.maximum()
    wanted = maml_studio.load(run_folder).adapt(images, list(page.class_names()), steps).saliency(page.query.image(), page.walk.step)
    np.testing.assert_allclose(page.query.heat, wanted / np.abs(wanted).max(), atol=1e-4)
    assert page.bars.top in page.parts.query.legend.text()
    before = page.query.heat
    page.walk.slider.setValue(0)
    qtbot.waitUntil(lambda: page.query.heat is not None and not np.array_equal(page.query.heat, before), timeout=LONG)
    qtbot.mouseClick(page.parts.query.saliency_button, LEFT)
    assert page.query.heat is None
    assert not page.parts.query.legend.isVisible()


def test_the_app_names_a_class_and_the_answer_counts_with_enter(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    qtbot.keyClick(page, Qt.Key.Key_T, CONTROL)
    mode, strip = page.test_mode, page.parts.query.strip
    assert strip.isVisible()
    assert page.query.hasFocus()
    qtbot.keyClick(page.query, Qt.Key.Key_Return)  # nothing drawn: nothing counts
    right = 0
    for number in range(1, 5):
        asked = mode.asked
        assert strip.question.text() == f"Draw: {asked}"
        draw(qtbot, page.query, SHAPES[page.class_names().index(asked)])
        assert len(page.query.strokes()) == 1  # the one before gave way
        qtbot.keyClick(page.query, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda number=number: mode.total == number, timeout=LONG)
        qtbot.keyClick(page.query, Qt.Key.Key_Return)  # the same drawing counts once
        assert mode.total == number
        right += page.bars.top == asked
        assert mode.right == right
        assert page.query.sketch.old
    low, high = wilson(right, 4)
    assert f"{right} of 4 right" in strip.score.text()
    assert f"{low:.0%} to {high:.0%}" in strip.score.text()
    qtbot.mouseClick(strip.reset_button, LEFT)
    assert "no drawing yet" in strip.score.text()
    qtbot.mouseClick(strip.stop_button, LEFT)
    assert not strip.isVisible()
    assert not page.actions_by_name["test"].isChecked()


def test_the_pens_rest_counts_too_and_another_task_begins_the_score_anew(page, qtbot, run_folder):
    open_and_draw(qtbot, page, run_folder)
    qtbot.mouseClick(page.parts.query.test_button, LEFT)
    draw(qtbot, page.query, SHAPES[0])
    qtbot.waitUntil(lambda: page.test_mode.total == 1, timeout=LONG + PAUSE_MS)
    draw(qtbot, page.rows[0].canvases[0], SHAPES[1])  # another support set
    qtbot.waitUntil(lambda: adapted(page), timeout=LONG)
    draw(qtbot, page.query, SHAPES[0])
    qtbot.keyClick(page.query, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.query.sketch.old, timeout=LONG)
    assert page.test_mode.total == 1
    page.rows[0].name_edit.setText("moon")
    qtbot.waitUntil(lambda: predicted(page), timeout=LONG)
    draw(qtbot, page.query, SHAPES[0])
    qtbot.keyClick(page.query, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.query.sketch.old and page.test_mode.asked in page.class_names(), timeout=LONG)


def test_every_round_names_every_class_once_and_none_twice_in_a_row(qapp):
    mode = TestMode(seed=1)
    names = ("a", "b", "c")
    mode.start(names)
    asked = []
    for _ in range(60):
        asked.append(mode.asked)
        mode.answer("a")
    assert all(sorted(asked[i : i + 3]) == list(names) for i in range(0, 60, 3))
    assert all(one != other for one, other in itertools.pairwise(asked))
    assert (mode.right, mode.total) == (20, 60)


@pytest.mark.parametrize(("right", "total", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (7, 10, 0.3968, 0.8922)])
def test_wilsons_interval(right, total, low, high):
    # From Newcombe, "Two-sided confidence intervals for the single proportion" (1998), method 3.
    assert wilson(right, total) == pytest.approx((low, high), abs=5e-4)
