"""What the results of an evaluation are painted with."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QToolTip

from maml_studio.gui import theme
from maml_studio.gui.evaluate_confusion import ConfusionView
from maml_studio.gui.evaluate_histogram import TaskHistogram
from maml_studio.gui.evaluate_results import TaskGrid
from maml_studio.gui.evaluate_tasks import AnsweredTask
from maml_studio.stroke_sequences import to_sequence
from maml_studio.training.confusion import ConfusedPair, Confusion
from maml_studio.training.report import WorstTask, make_histogram

NAMES = ("cat", "dog", "owl")
COUNTS = np.array([[8, 2, 0], [0, 10, 0], [1, 0, 9]])


@pytest.fixture(autouse=True)
def dark(themed):
    """All of them paint in the application's colours."""


def shown(qtbot, widget, width=420, height=300):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    widget.show()
    qtbot.waitExposed(widget)
    widget.grab()
    return widget


def task(answers, way=3, shot=1, query=2, names=NAMES):
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(way), query)
    pictures = rng.random((way * (shot + query), 1, 28, 28), dtype=np.float32)
    support = np.repeat(np.arange(way), shot)
    score = float((np.array(answers) == truth).mean())
    return WorstTask(16, score, names, pictures[: way * shot], support, pictures[way * shot :], truth, np.array(answers))


def count_colour(widget, role):
    image = widget.grab().toImage().convertToFormat(widget.grab().toImage().Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), -1)
    return int((pixels & 0xFFFFFF == theme.current().color(role).rgb() & 0xFFFFFF).sum())


def tooltip_at(qtbot, widget, at):
    QToolTip.hideText()
    QApplication.sendEvent(widget, QHelpEvent(QHelpEvent.Type.ToolTip, at, widget.mapToGlobal(at)))
    return QToolTip.text()


def test_a_cell_is_told_by_mouse_and_by_keys(qtbot):
    view = shown(qtbot, ConfusionView())
    view.show_confusion(Confusion(NAMES, COUNTS, ()))
    matrix = view.matrix
    assert matrix.isVisible()
    legend = view.words.text()
    at = matrix._box(0, 1).center()
    none, no_keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(matrix, QMouseEvent(QMouseEvent.Type.MouseMove, at, matrix.mapToGlobal(at), none, none, no_keys))
    assert view.words.text() == "cat taken for dog: 2 of 10 (20.0 %)"
    matrix.setFocus()
    for key, words in (
        (Qt.Key.Key_Down, "dog recognised: 10 of 10 (100.0 %)"),
        (Qt.Key.Key_Down, "owl taken for dog: 0 of 10 (0.0 %)"),
        (Qt.Key.Key_Left, "owl taken for cat: 1 of 10 (10.0 %)"),
        (Qt.Key.Key_Left, "owl taken for cat: 1 of 10 (10.0 %)"),
    ):
        qtbot.keyClick(matrix, key)
        assert view.words.text() == matrix.accessibleDescription() == words
    qtbot.keyClick(matrix, Qt.Key.Key_Escape)
    assert view.words.text() == legend


def test_pairs_are_a_table_and_no_mistake_is_a_sentence(qtbot):
    view = shown(qtbot, ConfusionView())
    view.show_confusion(Confusion((), None, (ConfusedPair("ጸ", "ᔦ", 1200, 3400),)))
    assert view.table.isVisible()
    assert [view.table.item(0, column).text() for column in range(4)] == ["ጸ", "ᔦ", "1,200", "3,400"]
    view.show_confusion(Confusion((), None, ()))
    assert view.no_mistake.isVisible()


def test_long_names_and_twenty_classes_can_be_painted(qtbot):
    names = tuple(f"a class with quite a long name {number}" for number in range(20))
    view = shown(qtbot, ConfusionView(), 300, 200)
    view.show_confusion(Confusion(names, np.eye(20, dtype=np.int64), ()))
    view.grab()
    assert view.matrix.minimumWidth() > 20 * 15


@pytest.mark.qt_log_ignore("This plugin does not support raise", extend=True)
def test_bars_say_what_they_stand_for(qtbot):
    bars = shown(qtbot, TaskHistogram())
    bars.show_histogram(make_histogram(np.array([0.5, 0.5, 1.0]), 4), 2 / 3, accuracy=True)
    assert bars.bar_words()[2] == "50 % right: 2 of 3 tasks"
    assert bars.accessibleDescription() == "50 % right: 2 of 3 tasks; 100 % right: 1 of 3 tasks"
    bars.grab()
    assert tooltip_at(qtbot, bars, bars._bars[4][0].center().toPoint()) == "100 % right: 1 of 3 tasks"
    assert count_colour(bars, "after") > 500
    bars.show_histogram(make_histogram(np.array([0.0, 2.0]), None), 1.0, accuracy=False)
    assert bars.bar_words()[-1] == "squared error 1.9 to 2: 1 of 2 tasks"
    bars.show_histogram(make_histogram(np.array([0.32, 1.0]), 75), 0.66, accuracy=True)
    assert bars.bar_words()[6] == "30 to 35 % right: 1 of 2 tasks"
    bars.show_histogram(make_histogram(np.array([np.nan]), None), np.nan, accuracy=False)
    bars.grab()


@pytest.mark.qt_log_ignore("This plugin does not support raise", extend=True)
def test_wrong_answers_are_framed_crossed_and_named(qtbot):
    wrong = shown(qtbot, AnsweredTask(task([0, 1, 1, 1, 2, 0])))
    assert wrong.title() == "Task 17: 4 of 6 right (67 %)"
    assert wrong.mistakes() == ["cat taken for dog", "owl taken for cat"]
    assert wrong.accessibleDescription() == "cat taken for dog; owl taken for cat"
    assert count_colour(wrong, "bad") > 400
    cells = [words for _, words in wrong._cells]
    # The wrong one first, so that it is seen where there is no room for all.
    assert cells[:3] == ["support: cat", "query: cat, taken for dog", "query: cat, recognised"]
    box = wrong._cells[1][0]
    assert tooltip_at(qtbot, wrong, QPoint(round(box.center().x()), round(box.center().y()))) == "query: cat, taken for dog"
    right = shown(qtbot, AnsweredTask(task([0, 0, 1, 1, 2, 2])))
    assert count_colour(right, "bad") == 0
    assert right.height() < wrong.height()


def test_many_ways_and_queries_are_not_squeezed(qtbot):
    names = tuple(f"character {number}" for number in range(20))
    widget = shown(qtbot, AnsweredTask(task([0] * 300, way=20, shot=10, query=15, names=names)), 300)
    assert widget.height() > 20 * 30
    assert all(box.width() == 30 for box, _ in widget._cells)
    assert all(box.right() <= widget.width() + 1 for box, _ in widget._cells)


def test_an_answer_that_is_no_class_of_the_task_has_a_name(qtbot):
    widget = shown(qtbot, AnsweredTask(task([4, 0, 1, 1, 2, 2])))
    assert widget.mistakes() == ["cat taken for none of these"]


def test_strokes_are_painted_as_strokes(qtbot):
    drawing = to_sequence([np.array([[0.1, 0.1], [0.9, 0.9]])])
    drawings = np.stack([drawing] * 6)
    truth = np.array([0, 1, 2])
    widget = shown(qtbot, AnsweredTask(WorstTask(0, 1.0, NAMES, drawings[:3], truth, drawings[3:], truth, truth)))
    assert len(widget._cells) == 6
    assert count_colour(widget, "canvas_ink") > 6 * 10


def test_long_names_are_numbered(qtbot):
    long = tuple(f"alphabet/{name}" for name in NAMES)
    short, numbered = (AnsweredTask(task([0, 1, 1, 1, 2, 0], names=names)) for names in (NAMES, long))
    assert short._names_fit(short.fontMetrics())
    assert not numbered._names_fit(numbered.fontMetrics())
    shown(qtbot, numbered)


def test_points_of_a_function(qtbot):
    x = np.linspace(-5, 5, 6, dtype=np.float32)[:, None]
    answers = np.cos(x)
    answers[2] = np.nan
    widget = shown(qtbot, AnsweredTask(WorstTask(0, 0.5, (), x, np.sin(x), x, np.sin(x), answers)))
    assert widget.title() == "Task 1: squared error 0.5"
    assert count_colour(widget, "support") > 50


def test_tasks_stand_beside_one_another_where_there_is_room(qtbot):
    grid = shown(qtbot, TaskGrid(), 300)
    grid.show_tasks([AnsweredTask(task([0, 1, 1, 1, 2, 0])) for _ in range(4)])
    qtbot.waitUntil(lambda: grid.tasks[1].y() > grid.tasks[0].y())
    assert len({widget.x() for widget in grid.tasks}) == 1
    grid.resize(700, 300)
    qtbot.waitUntil(lambda: len({widget.x() for widget in grid.tasks}) == 2)
    grid.show_tasks([])
    assert grid.tasks == []
