"""The undoable document behind the Draw page, without the page."""

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from maml_studio.drawings import DrawnClass, DrawnTask, Example
from maml_studio.gui.draw_document import MAX_CLASSES, MAX_SHOTS, DrawDocument
from maml_studio.strokes import Frame

LINE = Example((np.array([[0.1, 0.1, 0.0], [0.9, 0.9, 0.5]]),))
PICTURE = Example(picture=np.eye(28, dtype=np.float32))


@pytest.fixture
def document(qapp):
    document = DrawDocument()
    document.begin(3, 2, ("star", "house", "wave"))
    return document


def uids(document):
    return [one.uid for one in document.classes]


def look(document):
    """All that is on show, to compare."""
    drawn = tuple((one.name, tuple(sketch.example for sketch in one.sketches[: document.shots])) for one in document.classes)
    return document.shots, drawn, document.query.example


def draw(document, row=0, shot=0, example=LINE):
    document.classes[row].sketches[shot].set_example(example)


ACTIONS = {
    "add": lambda d: d.add_class(),
    "duplicate": lambda d: d.duplicate(uids(d)[1]),
    "move up": lambda d: d.move(uids(d)[2], -1),
    "move down": lambda d: d.move(uids(d)[0], 2),
    "delete": lambda d: d.delete(uids(d)[0]),
    "rename": lambda d: d.rename(uids(d)[0], "moon"),
    "more shots": lambda d: d.set_shots(4),
    "fewer shots": lambda d: d.set_shots(1),
    "fill": lambda d: d.fill(uids(d)[1], {0: PICTURE, 1: LINE}),
    "fill beyond the shots": lambda d: d.fill(uids(d)[1], {4: PICTURE}),
    "clear a class": lambda d: d.clear_class(uids(d)[0]),
    "clear all": lambda d: d.clear_all(),
    "put classes": lambda d: d.put_classes([DrawnClass("moon", (PICTURE,))]),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_can_be_undone_and_redone_to_the_last_stroke(document, name):
    draw(document, 0, 0)
    draw(document, 1, 1)
    document.query.set_example(PICTURE)
    before, sketches = look(document), [one.sketches[0] for one in document.classes]
    version = document.version
    ACTIONS[name](document)
    after = look(document)
    assert after != before
    assert document.version > version
    for _ in range(2):
        document.undo()
        assert look(document) == before
        assert [one.sketches[0] for one in document.classes] == sketches  # the very same, their own way back with them
        document.redo()
        assert look(document) == after


def stroke(sketch, at):
    """A stroke by hand."""
    sketch.begin(at, at)
    sketch.grow(at + 0.1, at)
    sketch.lift()


DEEDS = {
    "draw": lambda d, n: stroke(d.classes[n % len(d.classes)].sketches[0], 0.1 + n / 50),
    "query": lambda d, n: stroke(d.query, 0.1 + n / 50),
    "erase": lambda d, n: (d.query.erase(0.15, 0.12, 10), d.query.end_erasing()),
    "add": lambda d, n: d.add_class(f"new {n}"),
    "delete": lambda d, n: d.delete(uids(d)[n % len(d.classes)]),
    "rename": lambda d, n: d.rename(uids(d)[n % len(d.classes)], f"name {n}"),
    "fill": lambda d, n: d.fill(uids(d)[n % len(d.classes)], {n % 3: PICTURE}),
    "move": lambda d, n: d.move(uids(d)[0], 1 + n % 2),
    "shots": lambda d, n: d.set_shots(1 + n % 4),
    "clear": lambda d, n: d.clear_class(uids(d)[n % len(d.classes)]),
    "clear all": lambda d, n: d.clear_all(),
    "copy": lambda d, n: d.duplicate(uids(d)[-1]),
}


@pytest.mark.parametrize("seed", range(8))
def test_undo_goes_back_through_everything_in_the_order_in_which_it_was_done(document, seed):
    random = np.random.default_rng(seed)
    looks = [look(document)]
    for number in range(40):
        DEEDS[str(random.choice(list(DEEDS)))](document, number)
        if document.stack.index() == len(looks):
            looks.append(look(document))
        else:  # nothing to do, or the same step going on
            looks[-1] = look(document)
    assert document.stack.index() == len(looks) - 1 > 20
    for _ in range(2):
        for expected in reversed(looks[:-1]):
            document.undo()
            assert look(document) == expected
        assert not document.can_undo()
        for expected in looks[1:]:
            document.redo()
            assert look(document) == expected


def test_undo_in_the_middle_of_a_stroke_drops_it_and_an_action_finishes_it(document):
    sketch = document.classes[0].sketches[0]
    stroke(sketch, 0.2)
    sketch.begin(0.5, 0.5)
    assert document.can_undo()
    document.redo()  # nothing
    document.undo()
    assert len(sketch.strokes()) == 1
    sketch.begin(0.5, 0.5)
    document.delete(uids(document)[0])
    document.undo()
    assert len(document.classes[0].sketches[0].example.strokes) == 2


def test_it_tells_which_drawing_undo_changed(document, qtbot):
    stroke(document.query, 0.2)
    document.rename(uids(document)[0], "moon")
    with qtbot.assertNotEmitted(document.travelled):
        document.undo()
    for travel in (document.undo, document.redo):
        with qtbot.waitSignal(document.travelled) as told:
            travel()
        assert told.args == [document.query]


def test_the_title_of_a_file_stays(document):
    document.set_task(DrawnTask((DrawnClass("a"), DrawnClass("b")), title="Runes of the hill"))
    assert document.task().title == "Runes of the hill"
    document.begin(2, 1)
    assert document.task().title == ""


def test_typing_a_name_and_turning_the_shots_are_one_step_each(document):
    for name in ("m", "mo", "moon"):
        document.rename(uids(document)[0], name)
    for shots in (3, 4, 5):
        document.set_shots(shots)
    document.rename(uids(document)[1], "sun")
    assert document.stack.count() == 3
    for _ in range(3):
        document.stack.undo()
    assert document.names == ("star", "house", "wave")
    assert document.shots == 2


def test_its_limits(document):
    while document.add_class() is not None:
        pass
    assert len(document.classes) == MAX_CLASSES
    assert document.duplicate(uids(document)[0]) is None
    assert document.put_classes([DrawnClass("more", (LINE,))]) == 1  # in place of an empty one without a name
    for uid in uids(document):
        document.delete(uid)
    assert len(document.classes) == 2
    document.fill(0, {0: LINE})  # no such class
    document.move(uids(document)[0], -5)


def test_it_knows_whether_it_is_as_it_was_saved(document):
    assert not document.modified
    draw(document)
    assert document.modified
    document.undo()
    assert not document.modified
    document.rename(uids(document)[0], "moon")
    document.mark_saved()
    assert not document.modified
    document.stack.undo()
    assert document.modified
    document.stack.redo()
    assert not document.modified
    document.query.set_example(LINE)
    assert document.modified


def test_a_task_comes_back_equal_hidden_drawings_too(document):
    document.set_shots(3)
    draw(document, 2, 2)
    draw(document, 0, 0, PICTURE)
    document.query.set_example(LINE)
    document.set_shots(1)
    task = document.task("a model", 5)
    assert (task.model, task.steps, task.shots) == ("a model", 5, 1)
    other = DrawDocument()
    other.set_task(task)
    assert not other.modified
    assert look(other) == look(document)
    other.set_shots(3)
    assert other.classes[2].sketches[2].example == LINE


def test_a_task_of_another_page_fits_in(qapp):
    document = DrawDocument()
    document.set_task(DrawnTask((DrawnClass("only", (LINE,) * 12),), shots=12))
    assert len(document.classes) == 2
    assert document.shots == MAX_SHOTS
    assert len(document.task().classes[0].examples) == 12  # two of them out of sight


def test_drawings_take_the_frame_even_those_that_undo_brings_back(document):
    draw(document)
    document.clear_all()
    frame = Frame(box=14, centre="box")
    document.set_frame(frame)
    document.stack.undo()
    np.testing.assert_array_equal(document.classes[0].sketches[0].image(), LINE.image(frame))


def test_dropped_classes_take_the_place_of_empty_ones_first(document):
    document.rename(uids(document)[1], "")
    assert document.put_classes([DrawnClass("a", (LINE,)), DrawnClass("b", (LINE, PICTURE))]) == 2
    assert document.names == ("star", "a", "wave", "b")
    assert document.stack.count() == 2


def test_blank_means_that_nobody_has_begun(qapp):
    assert DrawDocument().blank
    for change in (
        lambda d: d.add_class(),
        lambda d: d.rename(uids(d)[0], "moon"),
        lambda d: draw(d),
        lambda d: d.query.set_example(LINE),
        lambda d: d.set_shots(2),
    ):
        document = DrawDocument()
        change(document)
        assert not document.blank
    QApplication.processEvents()
