import json
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import experiment, finished, write_run

from maml_studio.training.events import Failed, Stopped
from maml_studio.training.queue import Queue, QueueError


@pytest.fixture
def queue(tmp_path) -> Queue:
    return Queue(tmp_path / "data" / "queue.json")


def names(queue: Queue) -> list[str]:
    return [entry.name for entry in queue.entries()]


def add(queue: Queue, *wanted: str) -> list[str]:
    return [entry.identity for entry in queue.add([experiment(name=name) for name in wanted])]


def test_what_is_added_is_there_for_another_window(queue):
    assert queue.entries() == []
    add(queue, "a", "b")
    add(queue, "c")
    again = Queue(queue.path)
    assert names(again) == ["a", "b", "c"]
    assert again.entries()[0].settings() == experiment(name="a")
    assert {entry.state for entry in again.entries()} == {"waiting"}


def test_entries_move_go_and_come_back(queue):
    a, b, c = add(queue, "a", "b", "c")
    queue.move(c, -1)
    assert names(queue) == ["a", "c", "b"]
    queue.move(a, 99)
    assert names(queue) == ["c", "b", "a"]
    queue.move("nobody", 1)
    (gone,) = queue.remove([b, "nobody"])
    assert names(queue) == ["c", "a"]
    queue.insert([(1, gone)])
    assert names(queue) == ["c", "b", "a"]


def test_one_after_the_other_and_a_failure_does_not_stop_the_rest(queue, tmp_path):
    add(queue, "a", "b", "c")
    ends = {"a": finished(), "b": [Failed(3, "it exploded")], "c": finished()}
    queue.acquire()
    trained = []
    while entry := queue.begin(tmp_path / "runs"):
        trained.append(entry.name)
        assert [one.state for one in queue.entries()].count("training") == 1
        write_run(Path(entry.folder), ends[entry.name], entry.settings())
        queue.settle(entry.identity)
    queue.release()
    assert trained == ["a", "b", "c"]
    assert [(one.state, one.message) for one in queue.entries()] == [
        ("finished", "all 100 iterations done"),
        ("failed", "it exploded"),
        ("finished", "all 100 iterations done"),
    ]
    queue.clear_done()
    assert queue.entries() == []


def test_what_trains_is_neither_moved_nor_removed(queue, tmp_path):
    a, _, c = add(queue, "a", "b", "c")
    queue.acquire()
    queue.begin(tmp_path / "runs")
    assert queue.remove([a]) == []
    queue.move(a, 2)
    queue.move(c, -5)
    assert names(queue) == ["a", "c", "b"]
    queue.release()


def test_a_run_that_was_stopped_waits_and_goes_on_in_its_folder(queue, tmp_path):
    add(queue, "a")
    queue.acquire()
    entry = queue.begin(tmp_path / "runs")
    write_run(Path(entry.folder), [Stopped(3)])
    assert queue.settle(entry.identity).state == "waiting"
    assert queue.begin(tmp_path / "runs").folder == entry.folder
    queue.release()


@pytest.mark.parametrize(
    ("left", "state"), [(None, "waiting"), ([], "waiting"), (finished(), "finished"), ([Failed(1, "it exploded")], "failed")]
)
def test_after_a_crash_it_goes_on_with_what_was_under_way(queue, tmp_path, left, state):
    add(queue, "a", "b")
    queue.acquire()
    folder = Path(queue.begin(tmp_path / "runs").folder)
    queue.release()  # as the system does for a process that was killed
    if left is not None:
        write_run(folder, left)
    again = Queue(queue.path)
    again.acquire()
    assert [entry.state for entry in again.entries()] == [state, "waiting"]
    assert again.begin(tmp_path / "runs").name == ("a" if state == "waiting" else "b")
    again.release()


def test_one_program_at_a_time_trains_it_and_others_may_add(queue):
    script = f"""
import sys
from pathlib import Path
from maml_studio.training.queue import Queue
queue = Queue(Path({str(queue.path)!r}))
queue.acquire()
print("taken", flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "taken\n"
        with pytest.raises(QueueError, match="trains this queue already"):
            queue.acquire()
        add(queue, "a")
        assert names(queue) == ["a"]
        other.communicate("\n")
    queue.acquire()
    assert queue.held
    queue.release()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "should be a queue"),
        (b'{"version": 1}', "should be a queue"),
        (b'{"version": 2, "entries": []}', "newer version"),
        (b'{"version": 1, "entries": [3]}', "entry 1"),
        (b'{"version": 1, "entries": [{"identity": "a"}]}', "entry 1"),
        (b'{"version": 1, "entries": [{"identity": "a", "experiment": {}, "state": "dancing"}]}', "entry 1"),
        (b'{"version": 1, "entries": [{"identity": "a", "experiment": {}, "state": []}]}', "entry 1"),
        (b'{"version": 1, "entries": [{"identity": "a", "experiment": {}, "folder": 3}]}', "entry 1"),
    ],
)
def test_a_bad_file_is_told_kept_and_put_aside_when_asked(queue, content, words):
    queue.path.parent.mkdir(parents=True)
    queue.path.write_bytes(content)
    for attempt in (queue.entries, queue.acquire, lambda: add(queue, "a"), queue.clear_done):
        with pytest.raises(QueueError, match=words):
            attempt()
    assert not queue.held
    assert queue.path.read_bytes() == content
    aside = queue.set_aside()
    assert aside.read_bytes() == content
    assert add(queue, "a")


def test_settings_of_another_version_wait_without_harm(queue):
    add(queue, "a")
    raw = json.loads(queue.path.read_text())
    raw["entries"][0]["experiment"]["of_next_year"] = 1
    queue.path.write_text(json.dumps(raw))
    (entry,) = queue.entries()
    with pytest.raises(ValueError, match="of_next_year"):
        entry.settings()
    queue.settle(entry.identity, "of_next_year is not a setting")
    assert queue.entries()[0].message == "of_next_year is not a setting"


def test_where_it_cannot_be_written_that_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    queue = Queue(tmp_path / "file" / "queue.json")
    with pytest.raises(QueueError, match="can't be"):
        add(queue, "a")
    with pytest.raises(QueueError, match="can't be"):
        queue.acquire()
