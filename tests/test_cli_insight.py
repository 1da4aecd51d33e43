"""The verb ``insight`` on tiny models."""

import json
from pathlib import Path

import pytest

from maml_studio.cli import main

TINY = ["task.way=3", "model.width=4", "training.meta_batch=2", "training.iterations=2", "evaluation.every=2", "evaluation.tasks=4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    sets = [part for word in TINY for part in ("--set", word)]
    assert main(["train", "digits-maml", *sets, "--run-dir", str(folder)]) == 0
    return folder


def test_words_and_tables(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["insight", str(run), "--tasks", "3", "--steps", "2"]) == 0
    out = capsys.readouterr().out
    assert "MAML on digits, 3-way 1-shot, 15 queries per class, norm: support, weights of iteration 2" in out
    for words in ("Rapid learning or feature reuse?", "2 inner steps of MAML", "conv4", "accuracy, random start", "Task 1: 2 inner steps"):
        assert words in out


def test_json(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "insight.json"
    assert main(["insight", str(run), "--tasks", "3", "--task", "2", "--seed", "4", "--json", str(file)]) == 0
    value = json.loads(file.read_text())
    assert (value["task_seed"], value["inner_steps"]) == (4, 3)
    assert value["answers"]["plane"]["task"] == 1
    assert len(value["answers"]["layers"]["layers"]) == 9
    assert "tells classes apart" in value["answers"]["function"]["unanswered"]


@pytest.mark.parametrize("words", [["--tasks", "1"], ["--steps", "0"], ["--json", "no/such/folder/file"]])
def test_wrong_words(run: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["insight", str(run), *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_no_such_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["insight", "nowhere"]) == 2
    assert "nowhere: there is no such file or folder" in capsys.readouterr().err
