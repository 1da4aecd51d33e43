"""Runs in the terminal that are stopped in any state, wait for a disk, or are asked for twice."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maml_studio.cli import main
from maml_studio.data import SOURCES, Progress
from maml_studio.data.bank import ImageBank
from maml_studio.spec import Digits
from maml_studio.training.events import OuterStep, Started, Stopped
from maml_studio.training.run_folder import METRICS, RunFolder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")

SMALL = ["training.iterations=6", "training.checkpoint_every=2", "training.meta_batch=2", "evaluation.tasks=4", "evaluation.every=3"]


def sets(*values: str) -> list[str]:
    return [word for value in values for word in ("--set", value)]


@contextmanager
def once_written(metrics: Path, words: str, act: Callable[[], None]) -> Iterator[None]:
    """Do something in a thread as soon as the metrics hold these words."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.002):
            if metrics.is_file() and words in metrics.read_text():
                act()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def interrupt(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_while_it_loads(tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(settings: Digits, progress: Progress) -> ImageBank:
        interrupt(number)()
        progress("Loading", 0.5)
        pytest.fail("it goes on loading")

    monkeypatch.setitem(SOURCES, "digits", slow)
    run = tmp_path / "run"
    assert main(["train", "digits-maml", *sets(*SMALL), "--run-dir", str(run), "--json", str(tmp_path / "j")]) == 0
    assert json.loads((tmp_path / "j").read_text()) == {"run": str(run), "status": "stopped", "iterations": 0}
    assert list(RunFolder.open(run).events()) == [Stopped(0)]
    monkeypatch.undo()
    assert main(["resume", str(run)]) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_while_it_validates(tmp_path: Path, number: int) -> None:
    run = tmp_path / "run"
    words = ["train", "sinusoid-maml", *sets(*SMALL, "evaluation.tasks=100000"), "--run-dir", str(run)]
    with once_written(run / METRICS, "Started", interrupt(number)):
        assert main(words) == 0
    assert [type(event).__name__ for event in RunFolder.open(run).events()] == ["Started", "Checkpointed", "Stopped"]
    assert RunFolder.open(run).load_checkpoint("latest").iteration == 0


def test_stopped_while_nothing_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1: the state could not be saved. Nothing else is lost."""
    run, away = tmp_path / "run", tmp_path / "away"

    def move_away_and_stop() -> None:
        run.rename(away)
        interrupt(signal.SIGTERM)()

    words = ["train", "sinusoid-maml", *sets(*SMALL, "training.iterations=100000"), "--run-dir", str(run), "--json", str(tmp_path / "j")]
    with once_written(run / METRICS, '"iteration": 4', move_away_and_stop):
        assert main(words) == 1
    assert json.loads((tmp_path / "j").read_text())["status"] == "failed"
    error = capsys.readouterr().err.splitlines()[-1]
    assert str(run) in error
    assert "is gone: put it back" in error
    assert "the last state that was saved is that of iteration" in error
    assert any(isinstance(event, OuterStep) for event in RunFolder.open(away).events())


def test_it_waits_for_its_folder_and_says_so(tmp_path: Path) -> None:
    run, away = tmp_path / "run", tmp_path / "away"
    words = ["train", "sinusoid-maml", *sets(*SMALL, "training.iterations=100000", "evaluation.every=50"), "--run-dir", str(run)]
    command = [sys.executable, "-m", "maml_studio", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if line.startswith("50/"):
                break
        run.rename(away)
        told = process.stderr.readline()
        assert str(run) in told
        assert "is gone: put it back" in told
        assert "training waits" in told
        assert "Ctrl+C" in told
        away.rename(run)
        assert process.stderr.readline() == "Training goes on; nothing was lost.\n"
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait() == 0
        assert process.stderr.read() == ""
    iterations = [event.iteration for event in RunFolder.open(run).events() if isinstance(event, OuterStep)]
    assert iterations == list(range(1, len(iterations) + 1))
    assert isinstance(list(RunFolder.open(run).events())[-1], Stopped)


def test_the_second_program_is_refused_politely(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main(["train", "sinusoid-maml", *sets(*SMALL), "--run-dir", str(run)]) == 0
    holder = RunFolder.open(run)
    holder.lock("the window of MAML Studio")
    capsys.readouterr()
    assert main(["resume", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{run}: is being trained by the window of MAML Studio (process {os.getpid()}) since 20" in error
    # Whoever only reads is let in.
    for words in (["evaluate", str(run), "--tasks", "2"], ["export", str(run), "--out", str(tmp_path / "m.safetensors")], ["runs"]):
        assert main(words) == 0
    holder.close()
    assert main(["resume", str(run)]) == 0
    assert "is finished already" in capsys.readouterr().out


def test_tensorboard_is_a_word_or_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tensorboard", reason="is an extra")
    for number, words in enumerate((["--tensorboard"], ["--set", "training.tensorboard=true"])):
        run = tmp_path / str(number)
        assert main(["train", "sinusoid-maml", *sets(*SMALL), *words, "--run-dir", str(run)]) == 0
        assert len(list((run / "tensorboard").iterdir())) == 1
        assert isinstance(next(iter(RunFolder.open(run).events())), Started)
    capsys.readouterr()
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert main(["train", "sinusoid-maml", "--tensorboard", "--run-dir", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.endswith("needs the package tensorboard: pip install 'maml-studio[tensorboard]'\n")
    assert not (tmp_path / "none").exists()
