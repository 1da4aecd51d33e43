"""The verb ``compare`` on tiny runs."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from maml_studio.cli import main

TINY = ["task.way=3", "model.width=4", "training.meta_batch=2", "training.iterations=2", "evaluation.every=2", "evaluation.tasks=4"]


def sets(words: list[str]) -> list[str]:
    return [part for word in words for part in ("--set", word)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for name, words in (("maml", []), ("anil", ["algorithm.name=anil"]), ("seed", ["seed=1"]), ("shots", ["task.shot=2"])):
        assert main(["train", "digits-maml", *sets([*TINY, *words]), "--run-dir", str(root / name)]) == 0
    return root


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "runs"))


def test_table_and_files(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", str(runs / "maml"), str(runs / "anil"), "--tasks", "8"]
    files = {option: tmp_path / f"table.{option}" for option in ("csv", "markdown", "json")}
    assert main([*words, *(part for option, file in files.items() for part in (f"--{option}", str(file)))]) == 0
    out = capsys.readouterr().out
    assert "8 test tasks of Digits (built in), 3-way 1-shot, 5 queries per class" in out
    assert "paired over 8 tasks, p " in out
    value = json.loads(files["json"].read_text())
    assert {entry["name"] for entry in value["entries"]} == {"maml", "anil"}
    assert len(value["pairs"]) == 1
    assert "algorithm.name" in [one["field"] for one in value["differing"]]
    with files["csv"].open(newline="") as file:
        assert [row["run"] for row in csv.DictReader(file)] == [entry["name"] for entry in value["entries"]]
    assert "| setting | " in files["markdown"].read_text()
    # The second look is the same, and takes no network.
    before = [(runs / name / "report.json").read_bytes() for name in ("maml", "anil")]
    assert main([*words, "--json", str(tmp_path / "again.json")]) == 0
    (pair,), (first,) = json.loads((tmp_path / "again.json").read_text())["pairs"], value["pairs"]
    numbers = ("difference", "ci95", "p", "p_holm")
    assert [pair[key] for key in numbers] == pytest.approx([first[key] for key in numbers])
    assert [(runs / name / "report.json").read_bytes() for name in ("maml", "anil")] == before


def test_runs_of_different_tasks_are_refused_with_what_would_help(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", str(runs / "maml"), str(runs / "shots"), "--tasks", "4"]
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "their shots differ: 1 (maml), 2 (shots)" in error
    assert "--like maml" in error
    assert main([*words, "--like", str(runs / "shots")]) == 0
    assert "3-way 2-shot" in capsys.readouterr().out
    assert main([*words, "--set", "task.shot=3", "--set", "evaluation.inner_steps=1"]) == 0
    assert "3-way 3-shot" in capsys.readouterr().out


def test_seeds_together(runs: Path, tmp_path: Path) -> None:
    words = ["compare", *(str(runs / name) for name in ("maml", "seed", "anil")), "--tasks", "6", "--group-seeds"]
    assert main([*words, "--json", str(tmp_path / "found.json")]) == 0
    entries = json.loads((tmp_path / "found.json").read_text())["entries"]
    together = next(entry for entry in entries if entry["name"] == "maml (+1)")
    assert len(together["runs"]) == 2
    assert together["spread"] >= 0


def test_one_that_cannot_be_tried_is_left_out(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "anil" / "checkpoints" / "best.safetensors").write_bytes(b"")
    assert main(["compare", str(runs / "maml"), str(runs / "anil"), "--tasks", "4"]) == 0
    assert "anil is left out: it can't be tried on them: " in capsys.readouterr().out
    for name in ("maml", "anil"):
        shutil.rmtree(runs / name / "checkpoints")
    assert main(["compare", str(runs / "maml"), str(runs / "anil"), "--tasks", "5"]) == 1
    assert "none of the runs could be tried" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["{maml}"], "at least two different runs"),
        (["{maml}", "{maml}"], "at least two different runs"),
        (["{maml}", "/nowhere"], "/nowhere: is no run folder"),
        (["{maml}", "{anil}", "--csv", "/nowhere/t.csv"], "--csv /nowhere/t.csv: its folder does not exist"),
        (["{maml}", "{anil}", "--set", "training.iterations=3"], "training.iterations"),
        (["{maml}", "{anil}", "--set", "task.way=1"], "task.way"),
        (["{maml}", "{anil}", "--like", "/nowhere"], "can't be read"),
        (["{maml}", "{anil}", "--tasks", "1"], "--tasks"),
    ],
)
def test_wrong_words(runs: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *(word.format(maml=runs / "maml", anil=runs / "anil") for word in words)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert sentence in error
