"""The command line on tiny experiments; in this process but where signals and exit codes of a real program matter."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from PIL import Image
from safetensors.torch import load_file

import maml_studio
from maml_studio.cli import main
from maml_studio.training.events import OuterStep, Validation
from maml_studio.training.run_folder import RunFolder

TINY = ["model.width=4", "training.meta_batch=2", "training.iterations=4", "evaluation.every=2", "evaluation.tasks=4", "task.query=2"]
SINES = ["model.hidden=[8]", "training.meta_batch=2", "evaluation.every=50", "evaluation.tasks=4", "training.iterations=1000"]


def sets(words: list[str]) -> list[str]:
    return [part for word in words for part in ("--set", word)]


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "tiny"
    assert main(["train", "digits-maml", *sets(TINY), "--run-dir", str(run)]) == 0
    return run


@pytest.fixture(scope="module")
def sines_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "sines"
    assert main(["train", "sinusoid-maml", *sets(SINES), "--run-dir", str(run)]) == 0
    return run


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five classes: a bar at five angles, dark on light; a query folder with one sub-folder per class, and one more flat image."""
    root = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        for part, shift in (("support", 0), ("query", 3)):
            y, x = np.mgrid[-20:20, -20:20]
            angle = number * np.pi / 5
            ink = np.abs((x - shift) * np.sin(angle) - (y - shift) * np.cos(angle)) < 2
            ink &= np.hypot(x, y) < 15
            folder = root / part / f"bar {number}"
            folder.mkdir(parents=True)
            Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(folder / "one.png")
    for name in "abcdef":
        (root / "six" / name).mkdir(parents=True)
        Image.new("L", (28, 28), "white").save(root / "six" / name / "one.png")
    (root / "query" / "bar 0" / "one.png").rename(root / "query" / "loose.png")
    (root / "query" / "bar 0").rmdir()
    return root


def result(words: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    """What a verb says with ``--json -``; it must be all that stands on standard output."""
    capsys.readouterr()
    assert main([*words, "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)


def test_train_writes_a_run_and_says_so(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, file = tmp_path / "run", tmp_path / "result.json"
    words = ["train", str(digits_run / "experiment.toml"), "--set", "training.iterations=1", "--run-dir", str(run), "--json", str(file)]
    assert main(words) == 0
    assert json.loads(file.read_text()) == {"run": str(run), "status": "finished", "iterations": 1}
    out = capsys.readouterr().out
    assert "Finished after" in out
    assert f"Run folder: {run}" in out
    assert "validation tasks, 3 inner steps, norm: support" in out
    assert maml_studio.load(run, "latest").iteration == 1


def test_a_run_without_a_folder_goes_where_runs_are(capsys: pytest.CaptureFixture[str]) -> None:
    value = result(["train", "sinusoid-maml", *sets([*SINES, "training.iterations=2", "name='one of mine'"])], capsys)
    assert Path(value["run"]).name.endswith("-one of mine")
    listed = result(["runs"], capsys)
    assert Path(value["run"]).parent == Path(listed["folder"])
    row = next(row for row in listed["runs"] if row["path"] == value["run"])
    assert (row["status"], row["iterations"], row["best"]["metric"], row["best"]["tasks"]) == ("finished", 2, "mse", 4)
    # A run in its usual place answers to its name.
    assert result(["resume", row["name"]], capsys)["status"] == "finished"


def test_a_run_that_fails_ends_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "sinusoid-maml", *sets([*SINES, "algorithm.inner_lr=100", "algorithm.inner_steps=40"])]
    assert main([*words, "--run-dir", str(tmp_path / "run"), "--json", str(tmp_path / "j")]) == 1
    assert json.loads((tmp_path / "j").read_text())["status"] == "failed"
    error = capsys.readouterr().err
    assert error.startswith("maml-studio: The ")
    assert error.count("\n") == 1
    assert "try a smaller inner rate" in error


def test_evaluate_scores_every_inner_step(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = result(["evaluate", str(digits_run), "--tasks", "6"], capsys)
    steps = value.pop("steps")
    assert [step["step"] for step in steps] == [0, 1, 2, 3]
    assert all(0 <= step["mean"] <= 1 and step["ci95"] >= 0 for step in steps)
    assert value.pop("iteration") in (2, 4)
    norm = {"transductive": False, "norm_mode": "support"}
    contract = {"metric": "accuracy", "tasks": 6, "way": 5, "shot": 1, "part": "test", "source": "digits", **norm}
    assert {name: value[name] for name in contract} == contract


def test_evaluate_takes_other_settings(digits_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = ["evaluation.transductive=true", "evaluation.inner_steps=1", "task.shot=2", "data.split=all"]
    file = str(digits_run / "checkpoints" / "latest.safetensors")
    value = result(["evaluate", file, "--tasks", "2", "--part", "validation", *sets(changes)], capsys)
    assert (value["transductive"], value["norm_mode"], value["shot"], value["part"]) == (True, "transductive", 2, "validation")
    assert len(value["steps"]) == 2


def test_evaluate_takes_another_source(digits_run: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = sets(["data.source=folder", f"data.path={pictures / 'support'}", "data.split=all", "task.query=1"])
    assert main(["evaluate", str(digits_run), "--tasks", "2", *words]) == 2
    assert "has one image only" in capsys.readouterr().err


def test_regression_is_scored_by_its_error(sines_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = result(["evaluate", str(sines_run), "--tasks", "4"], capsys)
    assert (value["metric"], value["way"], value["shot"]) == ("mse", None, 10)
    assert [step["step"] for step in value["steps"]] == list(range(11))
    assert all(step["mean"] > 0 and step["ci95"] > 0 for step in value["steps"])


def test_adapt_names_every_query(digits_run: Path, pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["adapt", str(digits_run), "--support", str(pictures / "support"), "--query", str(pictures / "query"), "--steps", "4"]
    value = result(words, capsys)
    assert value["classes"] == [f"bar {number}" for number in range(5)]
    assert len(value["support_losses"]) == 5
    rows = value["predictions"]
    assert [Path(row["file"]).name for row in rows] == ["one.png"] * 4 + ["loose.png"]
    assert all(row["label"] in value["classes"] and 0.2 <= row["probability"] <= 1 for row in rows)
    # One file alone gets the answer that it got among the others.
    alone = result([*words[:5], rows[2]["file"], *words[6:]], capsys)["predictions"]
    assert alone[0]["label"] == rows[2]["label"]
    assert alone[0]["probability"] == pytest.approx(rows[2]["probability"], abs=1e-6)


@pytest.mark.parametrize("options", [[], ["--as-is", "--polarity", "dark_on_light"]])
def test_adapt_recognises_its_own_examples(
    digits_run: Path, pictures: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    support = str(pictures / "support")
    value = result(["adapt", str(digits_run), "--support", support, "--query", support, "--steps", "60", *options], capsys)
    assert [row["label"] for row in value["predictions"]] == value["classes"]


def test_export_writes_weights_and_card(digits_run: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start, bars = tmp_path / "start.safetensors", tmp_path / "bars.safetensors"
    value = result(["export", str(digits_run), "--out", str(start)], capsys)
    assert value == {"format": "safetensors", "file": str(start), "weights": str(start), "card": str(tmp_path / "start.md")}
    assert "± " in (tmp_path / "start.md").read_text()
    words = ["export", str(digits_run), "--format", "safetensors", "--support", str(pictures / "support"), "--out", str(bars)]
    assert main(words) == 0
    assert "`bar 4`" in (tmp_path / "bars.md").read_text()
    assert load_file(bars)["norm1.running_var"].shape == (4,)
    assert main(words) == 2
    assert "is there already" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


@pytest.mark.parametrize(("option", "output"), [("--softmax", "probabilities"), ("--no-softmax", "logits")])
def test_export_writes_a_whole_model(
    digits_run: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, output: str
) -> None:
    words = ["export", str(digits_run), "--format", "onnx", "--support", str(pictures / "support"), option, "--steps", "2"]
    value = result([*words, "--out", str(tmp_path / "bars.onnx")], capsys)
    assert (value["format"], value["file"], value["card"]) == ("onnx", str(tmp_path / "bars.onnx"), str(tmp_path / "bars.onnx.md"))
    model = onnx.load(value["file"])
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(about["classes"]) == [f"bar {number}" for number in range(5)]
    assert about["inner_steps"] == "2"
    assert model.graph.output[0].name == output


def test_export_writes_prototypes(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "protonet"
    assert main(["train", "digits-maml", *sets([*TINY, "algorithm.name=protonet"]), "--run-dir", str(run)]) == 0
    words = ["export", str(run), "--format", "prototypes", "--support", str(pictures / "support")]
    value = result([*words, "--out", str(tmp_path / "bars.safetensors")], capsys)
    assert load_file(value["file"])["prototypes"].shape == (5, 4)
    assert "nearest prototype" in Path(value["card"]).read_text()


def test_lists_tell_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert result(["presets"], capsys)["presets"][0]["name"] == "digits-maml"
    sources = {row["source"]: row["needs"] for row in result(["data"], capsys)["sources"]}
    assert sources["digits"] == "nothing, built in"
    assert sources["mnist"].startswith("a download")
    assert "data.path" in sources["folder"]
    folder = Path(result(["data"], capsys)["folder"]) / "omniglot-py"
    for part in ("images_background", "images_evaluation"):
        (folder / part).mkdir(parents=True)
    sources = {row["source"]: row["needs"] for row in result(["data"], capsys)["sources"]}
    for part in ("images_background", "images_evaluation"):
        (folder / part).rmdir()
    assert sources["omniglot"] == "nothing, downloaded already"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dance"], "No such command 'dance'"),
        (["train"], "Missing argument"),
        (["train", "digits-maml", "--fast"], "No such option"),
        (["train", "digits"], "none of the presets digits-maml"),
        (["train", "missing.toml"], "missing.toml: can't be read"),
        (["train", "digits-maml", "--set", "task.way=1"], "task.way should be 2 or more"),
        (["train", "digits-maml", "--set", "task.ways=5"], "task.ways"),
        (["train", "digits-maml", "--set", "way"], "--set should read FIELD=VALUE"),
        (["train", "digits-maml", "--run-dir", "{run}"], "is there already"),
        (["train", "digits-maml", "--json", "nowhere/j"], "--json nowhere/j: its folder does not exist"),
        (["resume", "nothing"], "nothing: is no run folder"),
        (["evaluate", "nothing"], "nothing: there is no such file or folder"),
        (["evaluate", "{run}", "--tasks", "1"], "--tasks"),
        (["evaluate", "{run}", "--part", "train"], "--part"),
        (["evaluate", "{run}", "--set", "task.way=6"], "at most 5 classes"),
        (["evaluate", "{run}", "--set", "training.iterations=9"], "training.iterations makes no difference to a trained model"),
        (["evaluate", "{run}", "--set", "model.width=8"], "model.width makes no difference"),
        (["adapt", "{run}", "--support", "nothing", "--query", "{pictures}/query"], "--support nothing"),
        (["adapt", "{run}", "--support", "{pictures}/support", "--query", "nothing"], "--query nothing"),
        (["adapt", "{run}", "--support", "{pictures}/six", "--query", "{pictures}/query"], "at most 5 classes apart, not 6"),
        (["adapt", "{sines}", "--support", "{pictures}", "--query", "{pictures}/query"], "fits functions (sinusoid)"),
        (["export", "{run}", "--out", "model.tfl", "--format", "tfl"], "should be safetensors, onnx, pt2 or prototypes, not 'tfl'"),
        (["export", "{run}", "--out", "model.pt"], "should end in .safetensors"),
        (["export", "{run}", "--out", "model.onnx", "--format", "onnx"], "--support is missing: the format onnx needs a model"),
        (["export", "{run}", "--out", "m.safetensors", "--format", "prototypes"], "--support is missing: the format prototypes needs"),
        (["export", "{run}", "--out", "m.safetensors", "--steps", "2"], "--steps needs --support"),
        (["export", "{run}", "--out", "m.safetensors", "--no-softmax"], "--no-softmax is for onnx and pt2"),
        (["export", "{run}", "--out", "m", "--format", "prototypes", "--support", "{pictures}/support"], "ProtoNet or Proto-MAML"),
    ],
)
def test_wrong_words_get_one_line(
    digits_run: Path, sines_run: Path, pictures: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main([word.format(run=digits_run, sines=sines_run, pictures=pictures) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("maml-studio: ")
    assert captured.err.count("\n") == 1
    assert sentence in captured.err


def test_a_damaged_checkpoint_gets_one_line(digits_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half = (digits_run / "checkpoints" / "latest.safetensors").read_bytes()[:500]
    (tmp_path / "half.safetensors").write_bytes(half)
    assert main(["evaluate", str(tmp_path / "half.safetensors")]) == 2
    error = capsys.readouterr().err
    assert "half.safetensors: is cut short" in error
    assert error.count("\n") == 1


def measured(run: Path) -> list[tuple[int, object]]:
    """Iteration and numbers of all that a run measured."""
    events = RunFolder(run).events()
    return [(event.iteration, getattr(event, "scores", None)) for event in events if isinstance(event, OuterStep | Validation)]


def program(*words: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "maml_studio", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, "PYTHONUTF8": "1", **environment},
    )  # fmt: skip


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"maml-studio {maml_studio.__version__}\n"
    for verb in ("train", "resume", "evaluate", "adapt", "export", "presets", "runs", "data"):
        assert main([verb, "--help"]) == 0
        assert "--json" in capsys.readouterr().out
    with pytest.raises(AttributeError):
        _ = maml_studio.nothing


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems always have a display")
def test_without_a_display_the_window_says_what_else_works() -> None:
    with program(DISPLAY="", WAYLAND_DISPLAY="", QT_QPA_PLATFORM="") as process:
        out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert "no display" in err
    assert "maml-studio train digits-maml" in err
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_run_and_resuming_ends_as_if_nothing_had_happened(
    sines_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    run, file = tmp_path / "run", tmp_path / "result.json"
    with program("train", "sinusoid-maml", *sets(SINES), "--run-dir", str(run), "--json", str(file)) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("50/1000"):
                process.send_signal(number)
        assert process.wait() == 0
    stopped = json.loads(file.read_text())
    assert stopped["status"] == "stopped"
    assert 50 <= stopped["iterations"] < 1000
    assert maml_studio.load(run, "latest").iteration == stopped["iterations"]
    assert result(["resume", str(run)], capsys) == {"run": str(run), "status": "finished", "iterations": 1000}
    for kind in ("latest", "best"):
        found, expected = (load_file(RunFolder(path).checkpoint_path(kind)) for path in (run, sines_run))
        assert found.keys() == expected.keys()
        assert all(bool((found[name] == expected[name]).all()) for name in expected)
    assert measured(run) == measured(sines_run)
    assert main(["resume", str(run)]) == 0
    assert "is finished already" in capsys.readouterr().out


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "sinusoid-maml", *sets([*SINES, "training.iterations=3"]), "--run-dir", str(tmp_path / "run")]
    assert main(words) == 0
    expected = load_file(RunFolder(tmp_path / "run").checkpoint_path("latest"))
    metrics = tmp_path / "run" / "metrics.jsonl"
    whole = metrics.read_text().splitlines(keepends=True)
    metrics.write_text("".join(whole[:3]))
    for file in (tmp_path / "run" / "checkpoints").iterdir():
        file.unlink()
    assert result(["resume", str(tmp_path / "run")], capsys)["iterations"] == 3
    found = load_file(RunFolder(tmp_path / "run").checkpoint_path("latest"))
    assert all(bool((found[name] == expected[name]).all()) for name in expected)
    assert len(metrics.read_text().splitlines()) == len(whole)
