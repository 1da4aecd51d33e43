"""Where each window keeps its drawings."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from maml_studio.drawings import DrawingError, DrawnClass, DrawnTask, Example, read_drawn, to_json, write_drawn
from maml_studio.drawings.kept import claim, gather_others, read_kept, set_aside

LINE = Example((np.array([[0.1, 0.1, 0.0], [0.9, 0.9, 0.5]]),))
TASK = DrawnTask((DrawnClass("star", (LINE,)), DrawnClass("", ())), LINE, title="mine")


def test_each_window_has_a_file_of_its_own_and_the_first_one_is_taken_again(tmp_path):
    first, second, third = claim(tmp_path), claim(tmp_path), claim(tmp_path)
    assert [place.path.name for place in (first, second, third)] == ["drawing.json", "drawing-2.json", "drawing-3.json"]
    first.write(TASK)
    second.write(DrawnTask())
    assert first.read() == TASK
    assert third.read() is None
    first.release()
    again = claim(tmp_path)
    assert again.read() == TASK
    for place in (again, second, third):
        place.release()


def test_a_window_that_was_killed_leaves_its_file_to_the_next(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from maml_studio.drawings.kept import claim\n"
        "place = claim(Path(sys.argv[1])); print(place.number, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"1\n"
        second = claim(tmp_path)
        assert second.number == 2
        os.kill(other.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        other.wait()
    first = claim(tmp_path)
    assert first.number == 1
    first.release()
    second.release()


def test_what_a_closed_second_window_left_is_put_where_one_can_open_it(tmp_path):
    places = [claim(tmp_path) for _ in range(4)]
    for place in places[:3]:
        place.write(TASK)
    places[3].write(DrawnTask((DrawnClass(""), DrawnClass(""))))  # nobody drew there
    for place in (places[0], places[1], places[3]):
        place.release()
    own = claim(tmp_path)
    assert own.number == 1
    (found,) = gather_others(tmp_path, own.number)
    assert read_drawn(found) == TASK
    assert found.name.startswith("window-2-")
    assert found.name.endswith(".drawn.json")
    assert sorted(path.name for path in tmp_path.glob("drawing*.json")) == ["drawing-3.json", "drawing.json"]
    assert not gather_others(tmp_path, own.number)
    own.release()
    places[2].release()


@pytest.mark.parametrize(("content", "listed"), [(to_json(TASK), 1), (b"what is this", 0)])
def test_a_second_window_begins_empty_and_loses_nothing_of_an_earlier_one(tmp_path, content, listed):
    (tmp_path / "drawing-2.json").write_bytes(content)
    first, second = claim(tmp_path), claim(tmp_path)
    assert len(gather_others(tmp_path, second.number)) == listed
    assert second.read() is None
    (kept,) = (tmp_path / "drawings").iterdir()
    assert kept.read_bytes() == content
    first.release()
    second.release()


def test_files_set_aside_in_the_same_second_do_not_replace_each_other(tmp_path):
    found = set()
    for text in "abc":
        (tmp_path / "drawing.json").write_text(text)
        found.add(set_aside(tmp_path / "drawing.json", "unreadable"))
    assert {path.read_text() for path in found} == set("abc")


def test_the_preview_can_be_left_out(tmp_path):
    assert len(to_json(TASK, preview=False)) < len(to_json(TASK))
    (tmp_path / "kept.json").write_bytes(to_json(TASK, preview=False))
    assert read_drawn(tmp_path / "kept.json") == TASK
    raw = json.loads(to_json(TASK))
    assert list(raw) == ["format", "version", "title", "shots", "model", "steps", "classes", "query", "preview"]


def first_format(**changes):
    stroke = [[0.1, 0.1, 0.0], [0.9, 0.9, 0.5]]
    raw = {"format": 1, "shots": 2, "classes": [{"name": "star", "drawings": [[stroke], []]}, {"name": "", "drawings": []}], "query": []}
    return json.dumps(raw | changes).encode()


def test_drawings_of_the_first_format_are_converted(tmp_path):
    path = tmp_path / "drawing.json"
    path.write_bytes(first_format())
    assert read_kept(path) == DrawnTask((DrawnClass("star", (LINE, Example())), DrawnClass("")), shots=2)
    write_drawn(path, read_kept(path))
    assert read_kept(path).names == ("star", "class 2")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b"\xff" * 100,
        first_format(classes=[{"name": 1}]),
        first_format(query=[[["x"]]]),
        first_format(query=[[[0.1, float("nan"), 0]]]),
        first_format(shots="many"),
        first_format(classes=3),
        b'{"format": 2, "shots": 1, "classes": [], "query": []}',
    ],
    ids=range(11),
)
def test_what_cannot_be_read_is_told_in_one_sentence(tmp_path, content):
    path = tmp_path / "drawing.json"
    path.write_bytes(content)
    with pytest.raises(DrawingError, match=r"drawing\.json: "):
        read_kept(path)
    assert path.read_bytes() == content


def test_without_a_folder_there_is_no_place(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        claim(tmp_path / "file" / "folder")
