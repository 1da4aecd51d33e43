import functools

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QKeySequence, QPointingDevice, QShortcut, QTabletEvent, QUndoStack
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from maml_studio.drawings import DrawingError, Example
from maml_studio.gui import theme
from maml_studio.gui.canvas import DrawingCanvas
from maml_studio.gui.sketch import Sketch
from maml_studio.strokes import Frame, render

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
CONTROL, SHIFT, PLAIN = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.NoModifier,
)
EL = np.array([[0.2, 0.1, 0.0], [0.2, 0.9, 0.5], [0.6, 0.9, 1.0]])
PATH = [(40, 40), (60, 100), (120, 150), (160, 60)]


@pytest.fixture
def canvas(themed, qtbot):
    widget = DrawingCanvas(side=200)
    qtbot.addWidget(widget)
    widget.resize(200, 200)
    widget.show()
    widget.activateWindow()
    widget.setFocus()
    qtbot.waitUntil(widget.hasFocus)
    return widget


def by_mouse(canvas, path, button=LEFT):
    QTest.mousePress(canvas, button, PLAIN, QPoint(*path[0]))
    for point in path[1:]:
        QTest.mouseMove(canvas, QPoint(*point))
    QTest.mouseRelease(canvas, button, PLAIN, QPoint(*path[-1]))


@functools.cache
def touch_screen():
    return QTest.createTouchDevice()


def by_touch(canvas, path):
    def finger():
        return QTest.touchEvent(canvas, touch_screen())

    finger().press(0, QPoint(*path[0])).commit()
    for point in path[1:]:
        finger().move(0, QPoint(*point)).commit()
    finger().release(0, QPoint(*path[-1])).commit()


def by_pen(canvas, path, eraser=False):
    kind = QPointingDevice.PointerType.Eraser if eraser else QPointingDevice.PointerType.Pen
    pen = QPointingDevice(
        "pen",
        1,
        QPointingDevice.DeviceType.Stylus,
        kind,
        QPointingDevice.Capability.Position | QPointingDevice.Capability.Pressure,
        1,
        2,
    )
    last = len(path) + 1
    for step, point in enumerate([path[0], *path[1:], path[-1]], start=1):
        event = {1: QEvent.Type.TabletPress, last: QEvent.Type.TabletRelease}.get(step, QEvent.Type.TabletMove)
        changed = LEFT if step in (1, last) else Qt.MouseButton.NoButton
        held = Qt.MouseButton.NoButton if step == last else LEFT
        at = QPointF(*point)
        there = QPointF(canvas.mapToGlobal(QPoint(*point)))
        QApplication.sendEvent(canvas, QTabletEvent(event, pen, at, there, 0.5, 0, 0, 0, 0, 0, PLAIN, changed, held))


HANDS = [by_mouse, by_touch, by_pen]


@pytest.mark.parametrize("draw", HANDS)
def test_a_hand_draws_strokes_with_time(canvas, qtbot, draw):
    assert canvas.is_empty()
    with qtbot.waitSignals([canvas.live, canvas.changed]):
        draw(canvas, PATH)
    with qtbot.waitSignal(canvas.changed):
        draw(canvas, [(100, 20), (100, 180)])
    first, second = canvas.strokes()
    np.testing.assert_allclose(first[:, :2], np.array(PATH) / 200, atol=0.011)  # the offscreen platform puts a finger two pixels off
    t = np.concatenate([first[:, 2], second[:, 2]])
    assert t[0] == pytest.approx(0, abs=0.01)
    assert (np.diff(t) >= 0).all()
    np.testing.assert_array_equal(canvas.image(), render([first, second], Frame()))
    assert not canvas.is_empty()


@pytest.mark.parametrize("draw", HANDS)
def test_a_tap_is_a_dot_and_the_edge_holds_the_pen(canvas, draw):
    draw(canvas, [(100, 100)])
    draw(canvas, [(100, 100), (900, -50)])
    dot, line = canvas.strokes()
    assert len(dot) == 1
    np.testing.assert_allclose(line[-1, :2], (1, 0))
    assert canvas.image().max() == 1


def test_changed_once_per_stroke_and_live_only_now_and_then(canvas, qtbot):
    lives, changes = [], []
    canvas.live.connect(lambda: lives.append(len(canvas.strokes()[-1])))
    canvas.changed.connect(lambda: changes.append(1))
    QTest.mousePress(canvas, LEFT, PLAIN, QPoint(10, 10))
    for x in range(11, 190):
        QTest.mouseMove(canvas, QPoint(x, 10))
    assert lives[0] == 1
    qtbot.waitUntil(lambda: lives[-1] == 180)  # the last one is told too, though it came too soon
    assert len(lives) < 60
    assert not changes
    QTest.mouseRelease(canvas, LEFT, PLAIN, QPoint(189, 10))
    assert changes == [1]


def test_drawing_by_keys_alone(canvas, qtbot):
    lines = [
        (Qt.Key.Key_Left, SHIFT),
        (Qt.Key.Key_Space, PLAIN),
        (Qt.Key.Key_Down, SHIFT),
        (Qt.Key.Key_Right, PLAIN),
        (Qt.Key.Key_Space, PLAIN),
        (Qt.Key.Key_Up, SHIFT),
    ]
    for key, modifier in lines:
        QTest.keyClick(canvas, key, modifier)
    (stroke,) = canvas.strokes()
    np.testing.assert_allclose(stroke[:, :2], [(0.4, 0.5), (0.4, 0.6), (0.42, 0.6)])
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    QTest.keyClick(canvas, Qt.Key.Key_Left)
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert len(canvas.strokes()) == 1
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    with qtbot.waitSignal(canvas.changed):
        canvas.clearFocus()  # leaving lifts the pen
    assert len(canvas.strokes()) == 2


@pytest.mark.parametrize("redo", [(Qt.Key.Key_Z, CONTROL | SHIFT), (Qt.Key.Key_Y, CONTROL)])
@pytest.mark.parametrize("clear", [Qt.Key.Key_Delete, Qt.Key.Key_Backspace])
def test_undo_redo_and_clear_by_keys(canvas, qtbot, redo, clear):
    by_mouse(canvas, PATH)
    drawn = canvas.strokes()
    with qtbot.waitSignal(canvas.changed):
        QTest.keyClick(canvas, clear)
    assert canvas.is_empty()
    for keys, strokes in (((Qt.Key.Key_Z, CONTROL), drawn), ((Qt.Key.Key_Z, CONTROL), []), (redo, drawn), (redo, [])):
        with qtbot.waitSignal(canvas.changed):
            QTest.keyClick(canvas, *keys)
        assert len(canvas.strokes()) == len(strokes)
        assert all(np.array_equal(a, b) for a, b in zip(canvas.strokes(), strokes, strict=True))
    assert (canvas.can_undo(), canvas.can_redo()) == (True, False)
    with qtbot.assertNotEmitted(canvas.changed):
        canvas.redo()
        canvas.clear()  # nothing there to clear


def test_ctrl_z_is_the_canvas_own_while_it_has_the_focus(themed, qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    canvas = DrawingCanvas(window)
    heard = []
    QShortcut(QKeySequence.StandardKey.Undo, window, heard.append)
    window.show()
    window.activateWindow()
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus)
    canvas.set_strokes([EL])
    QTest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert canvas.is_empty()
    assert not heard


def test_undo_in_the_middle_of_a_stroke_drops_it(canvas):
    canvas.set_strokes([EL])
    QTest.mousePress(canvas, LEFT, PLAIN, QPoint(10, 10))
    QTest.mouseMove(canvas, QPoint(90, 90))
    canvas.undo()
    QTest.mouseMove(canvas, QPoint(120, 90))
    QTest.mouseRelease(canvas, LEFT, PLAIN, QPoint(120, 90))
    assert len(canvas.strokes()) == 1


@pytest.mark.parametrize(
    "erase",
    [lambda c, path: by_mouse(c, path, RIGHT), lambda c, path: by_pen(c, path, eraser=True)],
    ids=["right button", "pen's other end"],
)
def test_the_eraser_takes_the_stroke_under_it(canvas, qtbot, erase):
    across = np.array([[0.1, 0.5, 2.0], [0.9, 0.5, 3.0]])
    canvas.set_strokes([EL, across])
    with qtbot.assertNotEmitted(canvas.changed):
        erase(canvas, [(150, 150)])
    with qtbot.waitSignal(canvas.changed):
        erase(canvas, [(150, 80), (150, 100)])
    np.testing.assert_array_equal(canvas.strokes(), [EL])
    canvas.undo()
    with qtbot.waitSignal(canvas.changed):
        erase(canvas, [(150, 100), (40, 150)])  # both in one pass, and one step back
    assert canvas.is_empty()
    canvas.undo()
    assert len(canvas.strokes()) == 2


def test_strokes_set_from_outside(canvas, qtbot):
    with qtbot.waitSignal(canvas.changed):
        canvas.set_strokes([EL, np.empty((0, 3))])
    np.testing.assert_array_equal(canvas.strokes(), [EL])
    by_mouse(canvas, PATH)
    assert canvas.strokes()[1][0, 2] >= 1  # t runs on
    assert canvas.strokes()[1][0, 2] < 60
    canvas.undo()
    canvas.undo()
    assert canvas.is_empty()
    canvas.set_strokes([EL])
    with pytest.raises(DrawingError, match="far off or no number"):
        canvas.set_strokes([EL * np.nan])
    np.testing.assert_array_equal(canvas.strokes(), [EL])


def test_a_picture_is_shown_until_one_draws_over_it(canvas, qtbot):
    example = Example(picture=render([EL], Frame()))
    picture = example.image(Frame())
    with qtbot.waitSignal(canvas.changed):
        canvas.set_example(example)
    np.testing.assert_array_equal(canvas.image(), picture)
    assert not canvas.is_empty()
    assert canvas.strokes() == []
    by_mouse(canvas, PATH)
    np.testing.assert_array_equal(canvas.image(), render(canvas.strokes(), Frame()))
    canvas.undo()
    np.testing.assert_array_equal(canvas.image(), picture)
    by_mouse(canvas, [(100, 100)], RIGHT)
    assert canvas.is_empty()
    canvas.undo()
    np.testing.assert_array_equal(canvas.image(), picture)


def test_another_frame_gives_another_image(canvas, qtbot):
    frame = Frame(box=14, width=1.5, centre="box")
    canvas.set_strokes([EL])
    with qtbot.waitSignal(canvas.changed):
        canvas.set_frame(frame)
    np.testing.assert_array_equal(canvas.image(), render([EL], frame))
    with qtbot.assertNotEmitted(canvas.changed):
        canvas.set_frame(frame)
    canvas.clear()
    assert canvas.image().shape == (28, 28)
    assert not canvas.image().any()


def paper_and_ink(widget):
    image = widget.grab().toImage()
    centre = image.pixelColor(image.width() // 2, image.height() // 2)
    return image.pixelColor(image.width() * 3 // 4, image.height() // 4), centre


class PaintCounter(QObject):
    """Counts how often a widget paints."""

    def __init__(self, widget):
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    def eventFilter(self, watched, event):
        self.count += event.type() == QEvent.Type.Paint
        return False


def test_it_paints_in_the_scheme_in_use(canvas, themed, qtbot):
    canvas.set_strokes([np.array([[0.1, 0.5, 0], [0.9, 0.5, 1]])])
    assert paper_and_ink(canvas) == (QColor(theme.DARK.canvas_paper), QColor(theme.DARK.canvas_ink))
    themed.processEvents()
    painted = PaintCounter(canvas)
    theme.apply(themed, "light")
    qtbot.waitUntil(lambda: painted.count > 0)  # by itself, at once
    assert paper_and_ink(canvas) == (QColor(theme.LIGHT.canvas_paper), QColor(theme.LIGHT.canvas_ink))


@pytest.mark.parametrize("size", [(200, 200), (300, 120), (40, 200)])
def test_inset_hint_focus_and_picture_paint_at_any_size(canvas, size):
    canvas.resize(*size)
    canvas.set_inset_visible(True)
    for content in ([], [EL], [EL[:1]], [EL[[0, 0, 0]]], [np.random.default_rng(0).random((500, 3))]):
        canvas.set_strokes(content)
        focused = canvas.grab().toImage()
        canvas.clearFocus()
        assert canvas.grab().toImage() != focused
        canvas.setFocus()
    canvas.set_example(Example(picture=render([EL], Frame())))
    assert not canvas.grab().isNull()


def test_it_stays_square_and_tells_what_it_is(canvas):
    assert canvas.hasHeightForWidth()
    assert canvas.heightForWidth(123) == 123
    canvas.resize(400, 200)
    by_mouse(canvas, [(100, 0), (300, 200)])  # the square in the middle
    np.testing.assert_allclose(canvas.strokes()[0][:, :2], [(0, 0), (1, 1)], atol=0.01)
    assert canvas.accessibleName()
    assert canvas.accessibleDescription().startswith("1 stroke.")


@pytest.mark.qt_log_ignore("not accepted by receiving widget")
def test_a_disabled_canvas_takes_nothing(canvas):
    canvas.setEnabled(False)
    by_mouse(canvas, PATH)
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert canvas.is_empty()


def test_a_second_finger_does_nothing(canvas):
    QTest.touchEvent(canvas, touch_screen()).press(0, QPoint(20, 20)).commit()
    QTest.touchEvent(canvas, touch_screen()).move(0, QPoint(60, 60)).press(1, QPoint(180, 20)).commit()
    QTest.touchEvent(canvas, touch_screen()).stationary(0).release(1, QPoint(180, 40)).commit()
    QTest.touchEvent(canvas, touch_screen()).move(0, QPoint(80, 60)).commit()
    QTest.touchEvent(canvas, touch_screen()).release(0, QPoint(80, 60)).commit()
    (stroke,) = canvas.strokes()
    np.testing.assert_allclose(stroke[[0, -1], :2], [(0.1, 0.1), (0.4, 0.3)], atol=0.011)
    assert stroke[:, 0].max() < 0.45


def test_a_drawing_that_is_done_with_gives_way_to_the_next_stroke_and_undo_brings_it_back(canvas):
    canvas.set_old(True)  # nothing there: nothing happens
    assert not canvas.sketch.old
    canvas.set_strokes([EL])
    black = canvas.grab().toImage()
    canvas.set_old(True)
    assert canvas.sketch.old
    assert canvas.grab().toImage() != black
    canvas.set_old(False)
    assert canvas.grab().toImage() == black
    canvas.set_old(True)
    QTest.mousePress(canvas, LEFT, PLAIN, QPoint(10, 10))
    QTest.mouseMove(canvas, QPoint(90, 90))
    assert len(canvas.strokes()) == 1
    assert not canvas.sketch.old
    QTest.keyClick(canvas, Qt.Key.Key_Escape)  # no stroke after all
    np.testing.assert_array_equal(canvas.strokes(), [EL])
    assert canvas.sketch.old
    by_mouse(canvas, PATH)
    assert len(canvas.strokes()) == 1
    assert not canvas.sketch.old
    canvas.undo()  # one step
    np.testing.assert_array_equal(canvas.strokes(), [EL])


def test_on_a_page_the_way_back_is_the_page_s_but_a_growing_stroke_is_dropped(canvas):
    history = QUndoStack()
    canvas.set_sketch(Sketch(history=history))
    by_mouse(canvas, PATH)
    assert not canvas.can_undo()
    QTest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert len(canvas.strokes()) == 1
    QTest.mousePress(canvas, LEFT, PLAIN, QPoint(10, 10))
    QTest.keyClick(canvas, Qt.Key.Key_Z, CONTROL)
    assert len(canvas.strokes()) == 1
    history.undo()
    assert canvas.is_empty()
    canvas.set_sketch(Sketch(canvas))


def test_each_sketch_has_its_own_way_back(canvas, qtbot):
    by_mouse(canvas, PATH)
    first, second = canvas.sketch, Sketch()
    first.setParent(None)
    canvas.set_sketch(second)
    assert canvas.is_empty()
    assert not canvas.can_undo()
    by_mouse(canvas, PATH)
    by_mouse(canvas, PATH)
    with qtbot.assertNotEmitted(canvas.changed):
        first.undo()  # out of sight
    canvas.set_sketch(first)
    assert canvas.is_empty()
    assert canvas.can_redo()
    canvas.set_sketch(second)
    assert len(canvas.strokes()) == 2


def test_a_stroke_that_grows_survives_another_frame(canvas):
    QTest.mousePress(canvas, LEFT, PLAIN, QPoint(20, 20))
    QTest.mouseMove(canvas, QPoint(90, 90))
    canvas.set_frame(Frame(box=14, centre="box"))
    QTest.mouseMove(canvas, QPoint(150, 90))
    QTest.mouseRelease(canvas, LEFT, PLAIN, QPoint(150, 90))
    assert len(canvas.strokes()[0]) >= 3


def test_score_heat_and_fading_show(canvas):
    canvas.set_strokes([EL])
    canvas.set_inset_visible(True)
    seen = [canvas.grab().toImage()]
    for show in (
        lambda: canvas.set_score(0.5),
        lambda: canvas.set_score(0.9),
        lambda: canvas.set_heat(np.eye(28, dtype=np.float32)),
        lambda: canvas.set_heat(-np.eye(28, dtype=np.float32)),
        lambda: canvas.set_faded(True),
    ):
        show()
        seen.append(canvas.grab().toImage())
        assert seen[-1] != seen[-2]
    assert "90%" in canvas.accessibleDescription()
    canvas.clear()  # both were about the other drawing
    assert canvas.score is None
    assert canvas.heat is None
