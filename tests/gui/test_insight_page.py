"""The Insight page, driven as a user drives it, with real models and real data."""

import csv
import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from window_cases import tiny

from maml_studio.gui import theme
from maml_studio.gui.pages.insight import InsightPage
from maml_studio.spec import load_preset, with_changes
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

LONG = 90_000


def train(folder, experiment):
    list(run(experiment, folder=RunFolder.create(folder, experiment)))
    return folder


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "digits", tiny())


@pytest.fixture(scope="module")
def protonet_run(tmp_path_factory):
    changes = {"algorithm.name": "protonet", "training.iterations": 1, "name": "proto"}
    return train(tmp_path_factory.mktemp("runs") / "proto", with_changes(tiny(), changes))


@pytest.fixture(scope="module")
def sines_run(tmp_path_factory):
    changes = {
        "training.iterations": 30,
        "training.meta_batch": 4,
        "evaluation.tasks": 4,
        "model.hidden": [16],
        "evaluation.inner_steps": 4,
    }
    return train(tmp_path_factory.mktemp("runs") / "sines", with_changes(load_preset("sinusoid-maml"), changes))


@pytest.fixture
def page(qtbot, themed):
    page = InsightPage()
    qtbot.addWidget(page)
    page.resize(1240, 760)
    page.show()
    qtbot.waitExposed(page)
    yield page
    page.end()


def open_model(qtbot, page, folder):
    page.models.offer(folder)
    qtbot.waitUntil(lambda: page._place == str(folder) and page.look_button.isEnabled(), timeout=LONG)


def looked(qtbot, page, folder, tasks=3):
    open_model(qtbot, page, folder)
    page.tasks.setValue(tasks)
    press(qtbot, page.look_button)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.answers, page.message.text()
    return page.answers


def press(qtbot, button):
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Space)


def settled(qtbot, page):
    """Wait until the answer to the last drag is there."""
    at = page.function.plot.points()
    qtbot.waitUntil(
        lambda: np.array_equal(page.answers["function"].task.x, at[0]) and np.array_equal(page.answers["function"].task.y, at[1])
    )


def laid_out(plot):
    """Draw it now, and give its legend the rows that it needs."""
    plot.redraw()
    QApplication.processEvents()
    QApplication.processEvents()


def choose_file(monkeypatch, path):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **kwargs: (str(path), ""))


def test_before_anything_was_asked(page, qtbot):
    assert page.nothing.isVisible()
    assert not any(card.isVisible() for card in page.cards.values())
    assert not page.save_button.isEnabled()
    page.another_task()
    page.save()
    assert not page.running


def test_a_classifier(page, qtbot, digits_run):
    answers = looked(qtbot, page, digits_run)
    assert list(answers) == ["layers", "start", "plane", "function"]
    assert all(card.isVisible() for card in page.cards.values())
    assert not page.nothing.isVisible()
    for key, card in page.cards.items():
        assert card.paragraph.text() == answers[key].paragraph
    assert page.steps.value() == 2
    assert page.layers.figure.bars.words(0).startswith("conv1: moves by")
    assert "3 tasks" in page.layers.figure.note()
    assert page.start.accuracy.isVisible()
    assert not page.function.plot.isVisible()
    assert not page.function.reset.isVisible()
    assert page.plane.maps[0].isVisible()
    assert page.note.text() == "MAML on Digits (built in), trained for 3 iterations" or "MAML on Digits" in page.note.text()


def test_an_algorithm_without_steps(page, qtbot, protonet_run, digits_run):
    looked(qtbot, page, protonet_run)
    assert not page.layers.figure.isVisible()
    assert "no inner loop" in page.layers.paragraph.text()
    assert not page.plane.another.isVisible()
    assert page.start.accuracy.isVisible()
    # Another model brings the figures back.
    looked(qtbot, page, digits_run)
    assert page.layers.figure.isVisible()
    assert page.plane.another.isVisible()


def test_another_model_clears_the_answers(page, qtbot, digits_run, sines_run):
    looked(qtbot, page, digits_run)
    open_model(qtbot, page, sines_run)
    assert not page.answers
    assert page.nothing.isVisible()
    assert page.steps.value() == 4


def test_layers_by_keyboard(page, qtbot, digits_run):
    answers = looked(qtbot, page, digits_run)
    figure = page.layers.figure
    assert figure.accessibleDescription().count("features before and after") == len(answers["layers"].layers)
    figure.setFocus()
    qtbot.keyClick(figure, Qt.Key.Key_Up)
    assert figure.accessibleDescription().startswith("head: moves by")
    for _ in range(20):
        qtbot.keyClick(figure, Qt.Key.Key_Up)
    assert figure.accessibleDescription().startswith("conv1: ")
    qtbot.keyClick(figure, Qt.Key.Key_Down)
    assert figure.accessibleDescription().startswith("norm1: ")
    assert figure.toolTip() == figure.accessibleDescription()


def test_the_plane_by_keyboard_and_mouse(page, qtbot, digits_run):
    plane = looked(qtbot, page, digits_run)["plane"]
    figure = page.plane.maps[1]
    page.scroll.ensureWidgetVisible(figure)
    assert figure.note() == "cross-entropy, norm: support"
    figure.setFocus()
    qtbot.keyClick(figure, Qt.Key.Key_Right)
    assert figure.note().startswith("θ: ")
    qtbot.keyClick(figure, Qt.Key.Key_End)
    assert figure.step == 2
    assert figure.note() == f"after step 2 (φ): {plane.path[2].query:.3g}"
    qtbot.keyClick(figure, Qt.Key.Key_Left)
    assert figure.step == 1
    qtbot.keyClick(figure, Qt.Key.Key_Escape)
    assert figure.step is None
    QApplication.processEvents()
    QApplication.processEvents()
    view = figure.map.view
    qtbot.mouseMove(view.viewport(), QPoint(2, 2))
    at = view.mapFromScene(view.box.mapViewToScene(QPointF(plane.path[0].x, plane.path[0].y)))

    def moved_onto(place: QPoint, done: Callable[[], bool]) -> None:
        """Move until it is noticed: on a busy machine Qt now and then swallows a single move."""
        moves = iter(range(10_000))

        def noticed() -> bool:
            # Answers that come late make the cards above grow, and push the figure out of sight.
            page.scroll.ensureWidgetVisible(figure)
            qtbot.mouseMove(view.viewport(), place + QPoint(next(moves) % 2, 0))
            return done()

        qtbot.waitUntil(noticed, timeout=LONG)

    moved_onto(at, lambda: figure.step == 0)
    # Where the path leads depends on the last digits of the training: take the corner that is farthest from all of it.
    corners = [view.mapFromScene(view.box.mapViewToScene(QPointF(x, y))) for x in plane.x[[1, -2]] for y in plane.y[[1, -2]]]
    points = [view.mapFromScene(view.box.mapViewToScene(QPointF(point.x, point.y))) for point in plane.path]
    corner = max(corners, key=lambda place: min((place - point).manhattanLength() for point in points))
    moved_onto(corner, lambda: figure.note().startswith("here: "))
    assert figure.map.loss_at(float(plane.x[3]), float(plane.y[2])) == pytest.approx(plane.query[2, 3], rel=1e-6)
    assert figure.map.loss_at(float(plane.x[-1]) + 1, 0.0) is None


def test_another_task(page, qtbot, sines_run):
    answers = dict(looked(qtbot, page, sines_run))
    press(qtbot, page.plane.another)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.answers["layers"] is answers["layers"]
    assert page.answers["start"] is answers["start"]
    assert (page.answers["plane"].task, page.answers["function"].task.number) == (1, 1)
    assert page.plane.paragraph.text().startswith("Task 2: ")
    qtbot.keyClick(page.plane.maps[0], Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.answers["function"].task.number == 2, timeout=LONG)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)


def test_a_point_is_dragged_by_mouse(page, qtbot, sines_run):
    own = looked(qtbot, page, sines_run)["function"]
    plot = page.function.plot
    page.scroll.ensureWidgetVisible(plot)
    laid_out(plot)
    assert not page.start.accuracy.isVisible()
    assert not page.function.reset.isEnabled()
    area, start = plot.area(), plot.place_of(0).toPoint()
    point = int(np.argmin([(plot.place_of(i) - QPointF(start)).manhattanLength() for i in range(len(own.task.x))]))
    target = QPoint(area.width() // 2, area.height() // 2)
    qtbot.mousePress(area, Qt.MouseButton.LeftButton, pos=start)
    for step in range(1, 5):
        qtbot.mouseMove(area, start + (target - start) * step / 4)
    settled(qtbot, page)
    plot.redraw()
    # However the curves change, the point stays in the hand.
    assert (plot.place_of(point) - QPointF(target)).manhattanLength() < 3
    qtbot.mouseRelease(area, Qt.MouseButton.LeftButton, pos=target)
    assert plot.chosen == point
    others = np.arange(len(own.task.x)) != point
    assert np.array_equal(plot.points()[1][others], own.task.y[others])
    assert page.function.paragraph.text().startswith("The points as you moved them")
    assert not np.array_equal(page.answers["function"].values[-1], own.values[-1])
    assert np.array_equal(page.answers["function"].values[0], own.values[0])
    press(qtbot, page.function.reset)
    settled(qtbot, page)
    assert page.answers["function"].task.number == 0
    assert np.allclose(page.answers["function"].values, own.values)


def test_a_drag_beside_the_points_moves_none(page, qtbot, sines_run):
    own = looked(qtbot, page, sines_run)["function"]
    plot = page.function.plot
    page.scroll.ensureWidgetVisible(plot)
    laid_out(plot)
    area = plot.area()
    free = next(
        at
        for at in (QPoint(x, y) for x in range(80, area.width() - 80, 20) for y in range(30, area.height() - 80, 20))
        if all((plot.place_of(i) - QPointF(at)).manhattanLength() > 30 for i in range(len(own.task.x)))
    )
    qtbot.mousePress(area, Qt.MouseButton.LeftButton, pos=free)
    qtbot.mouseMove(area, free + QPoint(15, 15))
    qtbot.mouseRelease(area, Qt.MouseButton.LeftButton, pos=free + QPoint(15, 15))
    assert np.array_equal(plot.points()[0], own.task.x)
    assert plot.chosen is None


def test_points_by_keyboard(page, qtbot, sines_run):
    own = looked(qtbot, page, sines_run)["function"]
    plot = page.function.plot
    plot.setFocus()
    order = np.argsort(own.task.x)
    qtbot.keyClick(plot, Qt.Key.Key_PageDown)
    assert plot.chosen == order[0]
    qtbot.keyClick(plot, Qt.Key.Key_PageUp)
    assert plot.chosen == order[-1]
    qtbot.keyClick(plot, Qt.Key.Key_Up)
    qtbot.keyClick(plot, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    x, y = plot.points()
    assert x[order[-1]] == pytest.approx(own.task.x[order[-1]] - 0.5)
    assert y[order[-1]] == pytest.approx(own.task.y[order[-1]] + 0.1)
    settled(qtbot, page)
    for _ in range(300):
        qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert plot.points()[1][order[-1]] == -10
    settled(qtbot, page)
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert plot.chosen is None
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert np.array_equal(plot.points()[0], x)
    assert "points at (" in plot.accessibleDescription()


def test_cancel_by_key(page, qtbot, digits_run):
    open_model(qtbot, page, digits_run)
    page.tasks.setValue(100_000)
    qtbot.keyClick(page.tasks, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert page.running
    assert not page.look_button.isEnabled()
    qtbot.waitUntil(lambda: "of 100,000 tasks" in page.message.text(), timeout=LONG)
    qtbot.keyClick(page.cancel_button, Qt.Key.Key_Escape)
    assert not page.running
    assert page.message.text() == "Cancelled."
    # The thread is free again at once.
    assert looked(qtbot, page, digits_run)


def test_a_checkpoint_that_is_gone(page, qtbot, tmp_path):
    page.models.offer(tmp_path / "gone.safetensors")
    qtbot.waitUntil(lambda: page.message.property("role") == "bad", timeout=LONG)
    assert "gone.safetensors: there is no such file or folder" in page.message.text()
    assert not page.look_button.isEnabled()


def test_it_can_go_while_it_is_looked_at(page, qtbot, digits_run, tmp_path):
    import shutil

    copy = shutil.copytree(digits_run, tmp_path / "copy")
    answers = looked(qtbot, page, copy)
    shutil.rmtree(copy)
    press(qtbot, page.look_button)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.message.property("role") == "bad"
    assert page.answers == answers
    # What is on show is still looked at further: the model is in memory.
    press(qtbot, page.plane.another)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.answers["plane"].task == 1


def test_answers_are_saved(page, qtbot, sines_run, tmp_path, monkeypatch):
    looked(qtbot, page, sines_run)
    choose_file(monkeypatch, tmp_path / "answers")
    press(qtbot, page.save_button)
    value = json.loads((tmp_path / "answers.json").read_text())
    assert value["model"] == "sinusoid-maml"
    assert list(value["answers"]) == ["layers", "start", "plane", "function"]
    assert value["answers"]["function"]["paragraph"] == page.function.paragraph.text()
    assert "Saved as answers.json" in page.message.text()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_figures_are_saved(page, qtbot, sines_run, tmp_path, scheme, themed):
    theme.apply(themed, scheme)
    found = looked(qtbot, page, sines_run)
    for name, figure in (("layers", page.layers.figure), ("plane", page.plane.maps[0]), ("function", page.function.plot)):
        for suffix in (".png", ".svg", ".csv"):
            figure.save(tmp_path / f"{name}{suffix}")
        picture = QImage(str(tmp_path / f"{name}.png"))
        assert picture.width() == 2 * figure.width()
        assert len({picture.pixel(x, y) for x in range(0, picture.width(), 7) for y in range(0, picture.height(), 7)}) > 3
        assert "</svg>" in (tmp_path / f"{name}.svg").read_text()
    rows = list(csv.reader(io.StringIO((tmp_path / "layers.csv").read_text())))
    assert [row[0] for row in rows[1:]] == [*(layer.name for layer in found["layers"].layers), "embedding"]
    rows = list(csv.reader(io.StringIO((tmp_path / "plane.csv").read_text())))
    assert len(rows) == 1 + len(found["plane"].path) + found["plane"].support.size
    assert "points" in (tmp_path / "function.csv").read_text().splitlines()[0]
    with pytest.raises(ValueError, match="ends in none"):
        page.layers.figure.save(tmp_path / "layers.txt")


def test_colours_follow_the_scheme(page, qtbot, digits_run, themed):
    looked(qtbot, page, digits_run)
    figure = page.plane.maps[0]
    before = figure.map.grab().toImage().pixelColor(60, 60)
    theme.apply(themed, "light")
    qtbot.waitUntil(lambda: figure.map.grab().toImage().pixelColor(60, 60).lightness() > before.lightness())


def test_figures_stand_under_one_another_where_it_is_narrow(page, qtbot, digits_run):
    looked(qtbot, page, digits_run)
    one, other = page.plane.maps
    assert one.y() == other.y()
    page.resize(820, 700)
    qtbot.waitUntil(lambda: other.y() > one.y())
    assert page.scroll.horizontalScrollBar().maximum() == 0


def test_runs_are_offered(page, qtbot, digits_run, sines_run):
    page.offer_runs([sines_run, digits_run])
    qtbot.waitUntil(lambda: page._place == str(sines_run), timeout=LONG)
    page.set_run(digits_run)
    qtbot.waitUntil(lambda: page._place == str(digits_run), timeout=LONG)
    # With answers on show, a run that saves a checkpoint takes nothing away.
    looked(qtbot, page, digits_run)
    page.set_run(sines_run)
    assert page.models.ref().place == str(digits_run)
    assert page.answers


@pytest.mark.parametrize("text", ["", "[]", "{", '{"tasks": "many"}', '{"tasks": true}', '{"tasks": 1}', '{"other": 3}'])
def test_memory_that_cannot_be_read_changes_nothing(page, text):
    page.bring_back(text)
    assert page.tasks.value() == 100


def test_what_is_remembered(page):
    page.tasks.setValue(33)
    text = page.remembered()
    page.tasks.setValue(44)
    page.bring_back(text)
    assert page.tasks.value() == 33


@pytest.mark.parametrize("ctrl", [False, True])
def test_the_wheel_is_the_page_s_unless_ctrl_is_held(page, qtbot, digits_run, ctrl):
    looked(qtbot, page, digits_run)
    page.resize(900, 500)
    figure = page.plane.maps[1]
    page.scroll.ensureWidgetVisible(figure)
    qtbot.waitUntil(lambda: page.scroll.verticalScrollBar().value() > 0)
    page.look_button.setFocus()
    view = figure.map.view
    before = view.x_range()
    keys = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
    here, window = QPointF(view.viewport().rect().center()), QPointF(view.viewport().mapToGlobal(QPoint(0, 0)))
    no_button, no_phase = Qt.MouseButton.NoButton, Qt.ScrollPhase.NoScrollPhase
    event = QWheelEvent(here, here + window, QPoint(), QPoint(0, 120), no_button, keys, no_phase, False)
    QApplication.sendEvent(view.viewport(), event)
    assert (view.x_range() != before) is ctrl
    assert event.isAccepted() is ctrl  # else Qt hands it on to what the plot lies on
