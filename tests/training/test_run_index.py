import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import filelock
import pytest
from run_folders import add_events, experiment, finished, step, validation, write_run

from maml_studio.spec import load_preset
from maml_studio.training import run_index
from maml_studio.training.events import Failed, Started, Stopped
from maml_studio.training.run_about import About, write_about
from maml_studio.training.run_end import TAIL_BYTES
from maml_studio.training.run_index import BestScore, RunIndex, in_use, list_runs, summarise
from maml_studio.training.run_lock import LOCK


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "home"))


@pytest.fixture
def runs(tmp_path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


def test_a_finished_run_at_a_glance(runs):
    folder = write_run(runs / "2026-11-23-101500-mine", finished(), experiment(name="mine", training__iterations=100))
    write_about(folder, About("the good one", True, ("paper",), "as in the talk"))
    run = summarise(folder)
    assert (run.title, run.experiment) == ("the good one", "mine")
    assert (run.algorithm, run.algorithm_title) == ("maml", "MAML")
    assert (run.source, run.task) == ("digits", "5-way 1-shot")
    assert run.created.replace(tzinfo=None) == datetime(2026, 11, 23, 10, 15)
    assert (run.status, run.message) == ("finished", "all 100 iterations done")
    assert (run.iteration, run.iterations, run.seconds) == (100, 100, 10.0)
    assert run.best == BestScore("accuracy", 0.9, 0.01, 100, "support", 3, 100)
    assert run.best.text() == "90.0 ± 1.0 %"
    assert run.best.conditions() == "at 100 (100 validation tasks, support, 3 steps)"
    assert (run.starred, run.tags, run.notes, run.problem) == (True, ("paper",), "as in the talk", "")


@pytest.mark.parametrize(
    ("end", "status", "message"),
    [
        ([Stopped(5)], "stopped", ""),
        ([Failed(5, "the loss was no longer a number")], "failed", "the loss was no longer a number"),
        ([step(5)], "cut off", ""),
    ],
)
def test_how_a_run_ended(runs, end, status, message):
    run = summarise(write_run(runs / "one", [Started(0, 9, "cpu", 1, "support"), step(4), *end]))
    assert (run.status, run.message, run.iteration) == (status, message, 5)


def test_a_run_that_trains_is_told_from_one_cut_off(runs):
    folder = write_run(runs / "one", [step(1)])
    script = f"""
import sys
from pathlib import Path
from maml_studio.training.run_lock import RunLock
lock = RunLock(Path({str(folder)!r}))
lock.take("a test")
print("taken", flush=True)
sys.stdin.readline()
"""
    index = RunIndex(runs)
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "taken\n"
        assert in_use(folder)
        assert [run.status for run in index.refresh()] == ["training"]
        other.communicate("\n")
    assert not in_use(folder)
    assert [run.status for run in index.refresh()] == ["cut off"]


def test_a_lock_that_nobody_holds_says_nothing(runs):
    folder = write_run(runs / "one", [step(1)])
    (folder / LOCK).touch()
    assert summarise(folder).status == "cut off"
    with filelock.FileLock(folder / LOCK):
        assert summarise(folder).status == "training"


def test_of_a_long_file_only_the_end_is_read_and_the_best_checkpoint_knows_the_best(runs, monkeypatch):
    from maml_studio.algorithms import build_algorithm
    from maml_studio.models import build_for
    from maml_studio.training.checkpoint import Checkpoint, save_checkpoint

    settings = experiment()
    folder = write_run(runs / "one", [validation(50, 0.95), *(step(k) for k in range(51, 600)), validation(600, 0.8, best=False)], settings)
    meta = build_algorithm(settings, build_for(settings)).meta_parameters(0)
    steps = [{"step": 3, "query_loss": 0.1, "query_loss_ci95": 0.01, "support_loss": 0.1, "accuracy": 0.95, "accuracy_ci95": 0.02}]
    scores = {"iteration": 50, "tasks": 40, "norm_mode": "transductive", "steps": steps}
    save_checkpoint(folder / "checkpoints" / "best.safetensors", Checkpoint(settings, 50, meta, progress={"scores": scores}))
    assert (folder / "metrics.jsonl").stat().st_size > TAIL_BYTES
    run = summarise(folder)
    assert run.iteration == 600
    assert run.best == BestScore("accuracy", 0.95, 0.02, 40, "transductive", 3, 50)
    (folder / "checkpoints" / "best.safetensors").write_bytes(b"\xff" * 100)
    assert summarise(folder).best is None


def test_a_regression_has_a_squared_error_and_points(runs):
    from maml_studio.training.events import StepScore, Validation

    score = StepScore(5, 0.34, 0.03, 0.1, None, None)
    run = summarise(write_run(runs / "one", [Validation(10, (score,), 600, "none", True, 1.0)], load_preset("sinusoid-maml")))
    assert run.task == "10 points"
    assert run.best.metric == "mse"
    assert run.best.text() == "0.34 ± 0.03"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("experiment.toml", b"name = ", "should be a TOML file"),
        ("experiment.toml", b"\xff", "should be a TOML file"),
        ("experiment.toml", b"#" * (1 << 20) + b"##", "should be less than 1 MB"),
        ("experiment.toml", b"name = 3\ntask = 4\n[algorithm]\nname = ['maml']\n", ""),
        ("experiment.toml", b"name = 'x'\n[algorithm]\nname = 'of next year'\n", ""),
        ("about.json", b"{", "should be a JSON object"),
        ("metrics.jsonl", b"\xff\x00{\n" * 10_000, ""),
        ("metrics.jsonl", b'{"event": "Finished", "iteration": "many", "reason": 3}\n', ""),
        (
            "metrics.jsonl",
            b'{"event": "Validation", "iteration": 1, "scores": [], "tasks": 1, "norm_mode": "", "best": true, "seconds": 0}',
            "",
        ),
        ("metrics.jsonl", b"x" * 1_000_000, ""),
    ],
)
def test_a_broken_file_keeps_no_run_from_the_list(runs, name, content, problem):
    broken = write_run(runs / "broken", finished())
    write_run(runs / "whole", finished())
    (broken / name).write_bytes(content)
    by_name = {run.folder.name: run for run in list_runs(runs)}
    assert set(by_name) == {"broken", "whole"}
    assert problem in by_name["broken"].problem
    assert bool(problem) == bool(by_name["broken"].problem)
    assert by_name["whole"].status == "finished"


def test_what_is_no_run_is_passed_over(runs, tmp_path):
    (runs / "empty").mkdir()
    (runs / ".trash").mkdir()
    write_run(runs / ".trash" / "gone", finished())
    (runs / "file").write_text("")
    (runs / "odd").mkdir()
    (runs / "odd" / "metrics.jsonl").write_text("")
    assert list_runs(runs) == []
    assert list_runs(tmp_path / "nowhere") == []
    assert summarise(runs / "empty") is None


def test_the_newest_come_first(runs):
    for name in ("2026-01-02-030405-b", "2026-03-02-030405-a", "2025-12-31-235959-c"):
        write_run(runs / name, [])
    assert [run.folder.name[-1] for run in list_runs(runs)] == ["a", "b", "c"]


def test_only_what_changed_is_read_again(runs, monkeypatch):
    for number in range(3):
        write_run(runs / f"run-{number}", finished())
    assert len(list_runs(runs)) == 3
    read = []
    original = run_index._read
    monkeypatch.setattr(run_index, "_read", lambda folder: read.append(folder.name) or original(folder))
    index = RunIndex(runs)
    assert len(index.refresh()) == 3
    assert read == []
    write_about(runs / "run-1", About("another"))
    assert sorted(run.title for run in index.refresh()) == ["another", "digits-maml", "digits-maml"]
    assert read == ["run-1"]
    add_events(runs / "run-2", [step(101)])
    assert {run.folder.name: run.status for run in index.refresh()}["run-2"] == "cut off"
    assert read == ["run-1", "run-2"]
    (runs / "run-0").rename(runs / "run-9")
    assert {run.folder.name for run in index.refresh()} == {"run-1", "run-2", "run-9"}
    assert read == ["run-1", "run-2", "run-9"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1, "runs": {"run": [1, 2]}}', b'{"version": 9}', b"[" * 100_000])
def test_a_bad_cache_is_made_again(runs, tmp_path, content):
    write_run(runs / "run", finished())
    first = list_runs(runs)
    (cache,) = (tmp_path / "home" / "cache" / "run-index").iterdir()
    good = cache.read_bytes()
    cache.write_bytes(content)
    assert list_runs(runs) == first
    assert json.loads(cache.read_bytes()) == json.loads(good)


def test_without_a_place_for_the_cache_there_is_a_list_all_the_same(runs, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "file"))
    write_run(runs / "run", finished())
    assert len(list_runs(runs)) == 1


def test_neither_torch_nor_qt_is_imported(runs):
    code = "import sys, maml_studio.training.queue; print([name for name in ('torch', 'PySide6') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"
