"""Drawings are kept while they are drawn, by each window in its own file."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from draw_cases import LONG, SHAPES, draw, open_page
from PySide6.QtWidgets import QMessageBox

from maml_studio.drawings import DrawnClass, DrawnTask, read_drawn, write_drawn
from maml_studio.drawings.kept import read_kept
from maml_studio.gui.settings import Memory


@contextmanager
def kept_page(qtbot, memory):
    """A page that keeps its drawings."""
    with open_page(qtbot) as page:
        page.keeper.begin(memory)
        yield page


def kept(memory, number=1):
    """What a window's file holds now; None where there is none."""
    path = memory.folder / ("drawing.json" if number == 1 else f"drawing-{number}.json")
    return read_kept(path) if path.exists() else None


def names_and_strokes(page):
    return [(row.name_edit.text(), [len(canvas.strokes()) for canvas in row.canvases]) for row in page.rows]


def test_it_is_written_a_moment_after_each_change(qtbot, memory):
    with kept_page(qtbot, memory) as page:
        draw(qtbot, page.rows[0].canvases[0], SHAPES[0])
        qtbot.waitUntil(lambda: kept(memory) == page.drawn(), timeout=LONG)
        page.rows[1].name_edit.setText("house")
        draw(qtbot, page.query, SHAPES[1])
        qtbot.waitUntil(lambda: kept(memory) == page.drawn(), timeout=LONG)
        page.document.undo()
        qtbot.waitUntil(lambda: kept(memory).query.is_empty, timeout=LONG)
        assert kept(memory).names[1] == "house"


def test_whoever_draws_without_a_pause_has_it_kept_all_the_same(qtbot, memory):
    with kept_page(qtbot, memory) as page:

        def draw_on():
            draw(qtbot, page.query, [(0.3, 0.3), (0.6, 0.5)])
            return kept(memory) is not None

        qtbot.waitUntil(draw_on, timeout=LONG)  # far sooner than the delay, again and again


KILLED = """
import os, signal, sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from maml_studio.gui.pages.draw import DrawPage
from maml_studio.gui.settings import Memory
app = QApplication([])
page = DrawPage()
page.keeper.begin(Memory(Path(sys.argv[1])))
page.document.add_class("killed")
page.keeper.worker.done.connect(lambda *_: os.kill(os.getpid(), signal.SIGKILL))
app.exec()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_window_that_was_killed_has_its_drawings_again(qtbot, memory):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(memory.folder)], check=False, env=os.environ)
    assert ended.returncode == -signal.SIGKILL
    with kept_page(qtbot, memory) as page:
        assert page.rows[-1].name_edit.text() == "killed"
        assert page.keeper.path.name == "drawing.json"


def test_two_windows_do_not_write_over_each_other(qtbot, memory, monkeypatch):
    monkeypatch.setattr(QMessageBox, "exec", lambda box: QMessageBox.StandardButton.Discard)
    with kept_page(qtbot, memory) as first:
        draw(qtbot, first.rows[0].canvases[0], SHAPES[0])
        with kept_page(qtbot, Memory(memory.folder)) as second:
            assert second.document.is_empty()
            assert "this one begins empty" in second.panel.message.text()
            assert second.panel.message.isVisible()
            second.rows[0].name_edit.setText("second")
            draw(qtbot, second.query, SHAPES[1])
            qtbot.waitUntil(lambda: kept(memory) == first.drawn(), timeout=LONG)
            qtbot.waitUntil(lambda: kept(memory, 2) == second.drawn(), timeout=LONG)
        drawn_in_second = kept(memory, 2)
        assert drawn_in_second.names[0] == "second"
    assert not first.panel.message.text()
    with kept_page(qtbot, memory) as again:
        assert names_and_strokes(again)[0] == ("", [1])
        assert "second window is under Draw, Open recent" in again.panel.message.text()
        assert again.files.open(again.files.recent[0])
        assert again.drawn().classes == drawn_in_second.classes


def test_a_second_window_that_nobody_drew_in_leaves_nothing(qtbot, memory):
    with kept_page(qtbot, memory), kept_page(qtbot, Memory(memory.folder)) as second:
        second.document.add_class()
        qtbot.waitUntil(lambda: kept(memory, 2) is not None, timeout=LONG)
    with kept_page(qtbot, memory) as again:
        assert not again.panel.message.text()
        assert not again.files.recent


def test_recent_files_of_two_windows_come_together(qtbot, memory, tmp_path):
    files = [tmp_path / f"{name}.drawn.json" for name in ("one", "two")]
    with kept_page(qtbot, memory) as first, kept_page(qtbot, Memory(memory.folder)) as second:
        for page, file in ((first, files[0]), (second, files[1])):
            draw(qtbot, page.query, SHAPES[0])
            assert page.files._write(file)
    with kept_page(qtbot, memory) as again:
        assert set(files) <= set(again.files.recent)
        assert again.files.path == files[0]  # the first window's


@pytest.mark.parametrize("content", [b"", b"what is this", b'{"format": "maml-studio-drawn", "version": 99}'])
def test_a_file_that_cannot_be_read_is_set_aside_and_told(qtbot, memory, content):
    (memory.folder / "drawing.json").write_bytes(content)
    with kept_page(qtbot, memory) as page:
        assert "can't be read" in page.panel.message.text()
        (aside,) = (memory.folder / "drawings").glob("unreadable-*.json")
        assert str(aside) in page.panel.message.text()
        draw(qtbot, page.query, SHAPES[0])
    assert aside.read_bytes() == content
    assert len(kept(memory).query.strokes) == 1


def test_a_file_that_cannot_be_read_or_renamed_is_left_alone(qtbot, memory):
    (memory.folder / "drawing.json").write_bytes(b"precious")
    (memory.folder / "drawings").write_text("no folder")
    with kept_page(qtbot, memory) as page:
        assert "can't be renamed" in page.panel.message.text()
        draw(qtbot, page.query, SHAPES[0])
    assert (memory.folder / "drawing.json").read_bytes() == b"precious"


def test_what_cannot_be_written_is_told_once(qtbot, memory):
    with kept_page(qtbot, memory) as page:
        said = []
        page.said.connect(said.append)
        (memory.folder / "drawing.json").mkdir()
        draw(qtbot, page.query, SHAPES[0])
        qtbot.waitUntil(lambda: "can't be written" in page.panel.message.text(), timeout=LONG)
        assert "Save the drawings as a file elsewhere" in page.panel.message.text()
        draw(qtbot, page.query, SHAPES[0])
        with qtbot.waitSignal(page.keeper.worker.failed, timeout=LONG):
            pass
        assert len(said) == 1
        (memory.folder / "drawing.json").rmdir()
    assert len(kept(memory).query.strokes) == 2


def test_a_kept_file_with_more_classes_than_the_page_shows_is_not_cut(qtbot, memory):
    task = DrawnTask(tuple(DrawnClass(f"{number}") for number in range(30)))
    write_drawn(memory.folder / "drawing.json", task)
    with kept_page(qtbot, memory) as page:
        assert "30 classes" in page.panel.message.text()
    (aside,) = (memory.folder / "drawings").iterdir()
    assert read_drawn(aside) == task
