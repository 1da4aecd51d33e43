"""The verb ``queue`` on tiny experiments."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from maml_studio.cli import main
from maml_studio.paths import runs_dir
from maml_studio.training.queue import Queue, queue_file
from maml_studio.training.run_index import summarise

TINY = ["model.hidden=[4]", "training.meta_batch=2", "training.iterations=3", "evaluation.every=2", "evaluation.tasks=2"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "home"))


def sets(words: list[str]) -> list[str]:
    return [part for word in words for part in ("--set", word)]


def result(words: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert main([*words, "--json", "-"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_grid_is_added_and_trained_and_a_failure_does_not_stop_the_rest(capsys):
    grids = ["--grid", 'training.start_from="nowhere.safetensors", ""', "--grid", "seed=0,1"]
    added = result(["queue", "add", "sinusoid-maml", *sets(TINY), *grids], capsys)["added"]
    assert [row["name"] for row in added][1:3] == [
        "sinusoid-maml start_from=nowhere.safetensors seed=1",
        "sinusoid-maml start_from= seed=0",
    ]
    assert [row["state"] for row in result(["queue", "list"], capsys)["queue"]] == ["waiting"] * 4
    capsys.readouterr()
    assert main(["queue", "run"]) == 1
    said = capsys.readouterr()
    assert "2 finished, 2 failed, 0 waiting" in said.out
    assert "nowhere.safetensors" in said.err
    assert said.err.count("\n") == 1
    rows = result(["queue"], capsys)["queue"]
    assert [row["state"] for row in rows] == ["failed", "failed", "finished", "finished"]
    assert [summarise(Path(row["run"])).status for row in rows] == ["failed", "failed", "finished", "finished"]
    assert result(["queue", "clear"], capsys)["queue"] == []
    assert len(list(runs_dir().iterdir())) == 4


def test_the_result_of_a_queue_is_one_object(capsys):
    result(["queue", "add", "sinusoid-maml", *sets(TINY)], capsys)
    ran = result(["queue", "run"], capsys)
    assert [row["state"] for row in ran["runs"]] == ["finished"]
    assert ran["waiting"] == 0


def test_entries_are_moved_and_removed(capsys):
    a, b, c = (row["id"] for row in result(["queue", "add", "digits-maml", "--grid", "seed=0,1,2"], capsys)["added"])
    assert main(["queue", "move", c, "--", "-2"]) == 0
    assert [row["id"] for row in result(["queue"], capsys)["queue"]] == [c, a, b]
    assert [row["id"] for row in result(["queue", "remove", a], capsys)["removed"]] == [a]
    assert main(["queue", "remove", "nobody", c]) == 2
    assert "nobody: not in the queue" in capsys.readouterr().err
    assert [row["id"] for row in result(["queue"], capsys)["queue"]] == [c, b]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--grid", "seed"], "should read FIELD=VALUE,VALUE"),
        (["--grid", "task.ways=2,3"], "task.ways is not a setting"),
        (["--grid", f"seed={','.join(map(str, range(201)))}"], "200 runs at most"),
    ],
)
def test_a_grid_that_cannot_be_adds_nothing(capsys, words, said):
    assert main(["queue", "add", "digits-maml", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not queue_file().exists()


def test_a_broken_queue_is_one_line(capsys):
    queue_file().parent.mkdir(parents=True)
    queue_file().write_text("{")
    assert main(["queue"]) == 2
    assert capsys.readouterr().err == f"maml-studio: {queue_file()}: should be a queue that MAML Studio wrote, and is no JSON\n"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_queue_that_was_broken_off_goes_on(capsys, sign):
    added = ["queue", "add", "sinusoid-maml", *sets([*TINY, "training.iterations=100000", "training.checkpoint_every=10"])]
    result(added, capsys)
    with subprocess.Popen([sys.executable, "-m", "maml_studio", "queue", "run"], stdout=subprocess.DEVNULL) as program:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            folders = list(runs_dir().glob("*/checkpoints/latest.safetensors"))
            if folders:
                break
            with pytest.raises(subprocess.TimeoutExpired):
                program.wait(0.1)
        program.send_signal(sign)
        assert program.wait(60) == (0 if sign == signal.SIGINT else -signal.SIGKILL)
    (folder,) = (path.parent.parent for path in folders)
    (entry,) = Queue(queue_file()).entries()
    assert entry.state == ("waiting" if sign == signal.SIGINT else "training")
    queue = Queue(queue_file())
    queue.acquire()
    assert queue.begin(runs_dir()).folder == str(folder)
    queue.release()


def test_runs_are_listed_with_what_the_window_shows(capsys):
    run = runs_dir() / "mine"
    assert main(["train", "sinusoid-maml", *sets(TINY), "--run-dir", str(run)]) == 0
    (run / "about.json").write_text('{"title": "the good one", "starred": true, "tags": ["paper"]}')
    (row,) = result(["runs"], capsys)["runs"]
    assert (row["name"], row["status"], row["iterations"], row["iterations_wanted"]) == ("mine", "finished", 3, 3)
    assert (row["title"], row["starred"], row["tags"], row["algorithm"], row["task"]) == (
        "the good one",
        True,
        ["paper"],
        "maml",
        "10 points",
    )
    assert row["best"]["metric"] == "mse"
    assert main(["runs"]) == 0
    said = capsys.readouterr().out
    assert "* mine (the good one)" in said
    assert "3 of 3" in said
    (run / "about.json").write_text("{")
    assert main(["runs"]) == 0
    assert f"{run / 'about.json'}: should be a JSON object" in capsys.readouterr().out
