"""A card takes the evaluation of the run where there is one, with its conditions."""

import json
from pathlib import Path

import pytest
from run_cases import digits, finish, sines

import maml_studio
from maml_studio.export import export_model
from maml_studio.spec import Experiment
from maml_studio.training.report import REPORT, save_beside_run

FEW = {"training__iterations": 2, "training__checkpoint_every": 1, "evaluation__every": 1}


def card_of(run: Path, tmp_path: Path, kind: str = "best") -> str:
    trained = maml_studio.load(run, kind)
    return export_model(trained, tmp_path / "model.safetensors", overwrite=True)[1].read_text(encoding="utf-8")


def evaluated(experiment: Experiment, run: Path, tasks: int = 6) -> maml_studio.Trained:
    finish(experiment, run)
    trained = maml_studio.load(run)
    report = trained.report(tasks=tasks)
    assert report is not None
    assert save_beside_run(report, trained.experiment, run) == run / REPORT
    return trained


def test_the_evaluation_stands_there_with_all_its_conditions(tmp_path: Path) -> None:
    experiment = digits(**FEW)
    run = tmp_path / "run"
    trained = evaluated(experiment, run)
    tested = trained.tested
    assert tested is not None
    text = card_of(run, tmp_path)
    assert f"Accuracy on 6 test tasks ({experiment.task.way} classes from" in text
    assert f"{experiment.task.query} to ask about of each) of Digits (built in) (split: images), drawn by task seed" in text
    assert f"the model after {trained.iteration} outer iterations" in text
    for mode in ("support", "transductive"):
        assert f"trained, {mode} ± 95% |" in text
        assert f"random start, {mode} ± 95% |" in text
    assert "validation tasks" not in text
    raw = json.loads((run / REPORT).read_text())
    mean, half = raw["steps"][-1]["mean"], raw["steps"][-1]["ci95"]
    assert f"| {len(raw['steps']) - 1} | {100 * mean:.1f} ± {100 * half:.1f} % |" in text
    assert '"split": "test"' in text
    for result in raw["results"]:
        if result["start"] == "trained":
            assert f'"value": {round(result["steps"][-1]["mean"], 4)}' in text
            assert f'norm: {result["norm_mode"]}"' in text


def test_an_error_of_functions_too(tmp_path: Path) -> None:
    evaluated(sines(**FEW), tmp_path / "run")
    text = card_of(tmp_path / "run", tmp_path)
    assert "Mean squared error on 6 test tasks (a function from" in text
    assert "to ask about) of Sine waves, drawn by task seed" in text
    assert '"type": "mse"' in text


@pytest.mark.parametrize("damage", ["other iteration", "no report", "no JSON", "no numbers", "nothing"])
def test_what_is_not_about_these_weights_is_not_quoted(tmp_path: Path, damage: str) -> None:
    run = tmp_path / "run"
    evaluated(sines(**FEW), run)
    file = run / REPORT
    raw = json.loads(file.read_text())
    match damage:
        case "other iteration":
            raw["iteration"] += 1
        case "no numbers":
            raw["results"][0]["steps"][0]["mean"] = None
        case "nothing":
            raw["results"] = []
    file.write_text("{" if damage == "no JSON" else json.dumps(raw))
    if damage == "no report":
        file.unlink()
    text = card_of(run, tmp_path)
    assert "validation tasks" in text
    assert "test tasks (" not in text
