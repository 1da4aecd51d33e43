"""The verb ``evaluate`` on tiny models: more than one condition, other data, report files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from maml_studio.cli import main

TINY = ["task.way=3", "model.width=4", "training.meta_batch=2", "training.iterations=2", "evaluation.every=2", "evaluation.tasks=4"]


def sets(words: list[str]) -> list[str]:
    return [part for word in words for part in ("--set", word)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", "digits-maml", *sets(TINY), "--run-dir", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pictures")
    y, x = np.mgrid[-20:20, -20:20]
    for number in range(3):
        (root / f"bar {number}").mkdir()
        for copy in range(3):
            angle = (number + 0.1 * copy) * np.pi / 3
            ink = (np.abs(x * np.sin(angle) - y * np.cos(angle)) < 2) & (np.hypot(x, y) < 8)
            Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(root / f"bar {number}" / f"{copy}.png")
    return root


def result(words: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main([*words, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def test_modes_and_random_start_stand_side_by_side(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = result(["evaluate", str(run), "--tasks", "6", "--both-modes", "--random-start"], capsys)
    assert [(one["start"], one["norm_mode"]) for one in value["results"]] == [
        (start, mode) for start in ("trained", "random start") for mode in ("support", "transductive")
    ]
    assert value["steps"] == value["results"][0]["steps"]
    assert main(["evaluate", str(run), "--tasks", "6", "--both-modes", "--random-start"]) == 0
    out = capsys.readouterr().out
    assert "6 test tasks of digits, 3-way 1-shot, 5 queries, norm: support, weights of iteration 2" in out
    for name in ("trained, support", "trained, transductive", "random start, support", "random start, transductive"):
        assert name in out
    assert main(["evaluate", str(run), "--tasks", "6"]) == 0
    assert "transductive" not in capsys.readouterr().out


def test_json_holds_what_the_page_shows(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = result(["evaluate", str(run), "--tasks", "6"], capsys)
    (only,) = value["results"]
    assert np.mean(only["task_scores"]) == pytest.approx(value["steps"][-1]["mean"], rel=1e-5)
    assert sum(only["histogram"]["counts"]) == 6
    assert np.sum(only["confusion"]["counts"]) == 6 * 15
    assert only["confusion"]["classes"] == [str(digit) for digit in range(10)]
    assert sorted(only["worst"][0]) == ["classes", "predicted", "score", "task", "true"]
    assert value["experiment"]["task"]["way"] == 3


def test_one_mode_only_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "digits-maml", *sets([*TINY, "model.norm=layer", "training.iterations=1"]), "--run-dir", str(tmp_path / "run")]
    assert main(words) == 0
    assert main(["evaluate", str(tmp_path / "run"), "--tasks", "2", "--both-modes"]) == 0
    out = capsys.readouterr().out
    assert "no batch norm, so there is one norm mode only" in out
    assert "queries, layer norm, weights" in out


def test_other_data_is_placed_as_in_training(run: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(run), "--tasks", "2", *sets(["data.source=folder", f"data.path={pictures}", "data.split=all", "task.query=1"])]
    before = (run / "report.json").read_bytes() if (run / "report.json").exists() else None
    assert result(words, capsys)["framed"] is True
    assert result([*words, "--as-is"], capsys)["framed"] is False
    # The run's own report is about its own data.
    assert ((run / "report.json").read_bytes() if (run / "report.json").exists() else None) == before


def test_a_run_keeps_the_report_on_its_own_tasks(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = result(["evaluate", str(run), "--tasks", "5"], capsys)
    assert json.loads((run / "report.json").read_text()) == value
    assert result(["evaluate", str(run / "checkpoints" / "latest.safetensors"), "--tasks", "3"], capsys)["tasks"] == 3
    assert result(["evaluate", str(run), "--tasks", "3", "--part", "validation"], capsys)["tasks"] == 3
    assert json.loads((run / "report.json").read_text()) == value


def test_a_run_folder_that_cannot_keep_it_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert main(["train", "digits-maml", *sets([*TINY, "training.iterations=1"]), "--run-dir", str(run)]) == 0
    (run / "report.json").mkdir()
    assert main(["evaluate", str(run), "--tasks", "2"]) == 0
    assert "The run folder can't keep the report" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "names"), [("both", ["report.json", "report.png"]), ("mine.json", ["mine.json"]), ("mine.png", ["mine.png"])]
)
def test_report_files(run: Path, tmp_path: Path, where: str, names: list[str], capsys: pytest.CaptureFixture[str], qapp: object) -> None:
    target = tmp_path / where
    words = ["evaluate", str(run), "--tasks", "2", "--report", str(target)]
    assert main(words) == 0
    folder = target if target.is_dir() else tmp_path
    assert sorted(path.name for path in folder.iterdir()) == names
    for name in names:
        assert f"Report: {folder / name}" in capsys.readouterr().out or len(names) > 1
        if name.endswith(".png"):
            with Image.open(folder / name) as image:
                assert image.width > 2000
        else:
            assert json.loads((folder / name).read_text())["tasks"] == 2
    # Nothing is replaced without being asked for.
    before = {name: (folder / name).read_bytes() for name in names}
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is there already; --overwrite replaces it" in error
    assert {name: (folder / name).read_bytes() for name in names} == before
    assert main([*words[:3], "3", *words[4:], "--overwrite"]) == 0
    assert {name: (folder / name).read_bytes() for name in names} != before


@pytest.mark.parametrize(
    ("where", "sentence"), [("no/where.json", "its folder does not exist"), ("notes.txt", "should be a folder, or a file that ends in")]
)
def test_a_report_that_cannot_be_put_there_is_refused_before_anything_is_measured(
    run: Path, tmp_path: Path, where: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["evaluate", str(run), "--tasks", "100000", "--report", str(tmp_path / where)]) == 2
    assert sentence in capsys.readouterr().err
    assert (tmp_path / "notes.txt").read_text() == "mine"
