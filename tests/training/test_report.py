import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from run_cases import digits, finish, sines

from maml_studio.api import Trained, load, random_start
from maml_studio.data import open_tasks
from maml_studio.inputs import InputError
from maml_studio.spec import Experiment, parse
from maml_studio.strokes import Frame, measure_frame
from maml_studio.training.framing import FramedSampler
from maml_studio.training.report import REPORT, Report, make_histogram, save_beside_run, to_text
from maml_studio.training.run_index import LOCK

FRAME = Frame(box=20, centre="mass")


def report(experiment: Experiment, **options: object) -> Report:
    found = random_start(experiment, FRAME).report(**({"tasks": 4} | options))
    assert found is not None
    return found


@pytest.mark.parametrize("experiment", [digits(), digits(task__kind="one_vs_rest"), sines()], ids=["digits", "one_vs_rest", "sines"])
def test_it_says_what_evaluate_says(experiment: Experiment) -> None:
    trained = random_start(experiment, FRAME)
    found, scores = trained.report(tasks=6), trained.evaluate(tasks=6)
    assert found is not None
    assert scores is not None
    assert found.results[0].steps == scores.summary()
    value = json.loads(to_text(found))
    first = scores.summary()[-1]
    regression = experiment.regression
    mean, ci95 = (first.query_loss, first.query_loss_ci95) if regression else (first.accuracy, first.accuracy_ci95)
    assert value["metric"] == ("mse" if regression else "accuracy")
    assert value["steps"] == value["results"][0]["steps"]
    assert value["steps"][-1] == {"step": len(value["steps"]) - 1, "mean": pytest.approx(mean), "ci95": pytest.approx(ci95)}
    assert (
        [result["start"] for result in value["results"]] == ["trained", "random start"]
        if regression
        else ["trained"] * 2 + ["random start"] * 2
    )
    assert parse(value["experiment"]) == experiment
    for result in value["results"]:
        assert len(result["task_scores"]) == sum(result["histogram"]["counts"]) == 6
        assert np.mean(result["task_scores"]) == pytest.approx(result["steps"][-1]["mean"], rel=1e-5)
        assert result["task_scores_by_step"][-1] == result["task_scores"]
        assert [np.mean(scores) for scores in result["task_scores_by_step"]] == pytest.approx([step["mean"] for step in result["steps"]])
        assert result["fingerprint"] == value["results"][0]["fingerprint"]
        assert (result["confusion"] is None) == regression
        assert len(result["worst"]) == 6
    if not regression:
        confusion = value["results"][0]["confusion"]
        assert np.trace(confusion["counts"]) / np.sum(confusion["counts"]) == pytest.approx(mean, rel=1e-5)


def test_the_untrained_network_is_its_own_random_start() -> None:
    found = report(digits())
    assert [result.name for result in found.results] == [
        f"{start}, {mode}" for start in ("trained", "random start") for mode in ("transductive", "support")
    ]
    assert found.results[0].steps == found.results[2].steps
    assert found.results[1].steps == found.results[3].steps


def test_the_random_start_stands_beside_a_trained_model(tmp_path: Path) -> None:
    experiment = digits(training__iterations=2, training__outer_lr=0.1, evaluation__tasks=2)
    finish(experiment, tmp_path / "run")
    found, untrained = load(tmp_path / "run", "latest").report(tasks=4), report(experiment)
    assert found is not None
    assert [result.steps for result in found.results[2:]] == [result.steps for result in untrained.results[:2]]
    assert found.results[0].steps != found.results[2].steps


def test_the_first_tasks_are_the_same_however_many_there_are() -> None:
    few, many = report(digits()), report(digits(), tasks=40)
    assert few.results[0].task_scores == pytest.approx(many.results[0].task_scores[:4], abs=1e-6)


def test_other_tasks_have_another_fingerprint() -> None:
    one, same, other = report(digits()), report(digits(model__width=2)), report(digits(evaluation__seed=8))
    assert one.results[0].fingerprint == same.results[0].fingerprint != other.results[0].fingerprint


def test_it_can_be_given_up() -> None:
    assert random_start(digits(), FRAME).report(tasks=4, may_go_on=lambda done: False) is None


def test_more_classes_need_an_algorithm_that_takes_any() -> None:
    with pytest.raises(InputError, match="tells at most 3 classes apart, not 4"):
        random_start(digits()).report(digits(task__way=4))


def test_histogram_bars() -> None:
    """Few queries: a bar for every possible accuracy; many, or errors: twenty."""
    few = make_histogram(np.array([0.0, 0.5, 0.5, 1.0]), 4)
    assert few.counts == (1, 0, 2, 0, 1)
    assert few.edges[0] == pytest.approx(-0.125)
    many = make_histogram(np.array([0.0, 0.52, 1.0]), 75)
    assert (len(many.counts), many.counts[0], many.counts[10], many.counts[19]) == (20, 1, 1, 1)
    errors = make_histogram(np.array([0.0, 3.0, math.nan, math.inf]), None)
    assert (errors.edges[-1], sum(errors.counts), errors.counts[-1]) == (3.0, 2, 1)
    assert sum(make_histogram(np.array([math.nan]), None).counts) == 0
    assert make_histogram(np.zeros(3), None).edges[-1] == 1.0


def test_another_sources_ink_is_placed_as_in_training(tmp_path: Path) -> None:
    folder = _pictures(tmp_path)
    trained = random_start(digits(), FRAME)
    other = digits(data__source="folder", data__path=str(folder), data__split="all", task__query=1)
    framed, as_is = trained.report(other, tasks=4), trained.report(other, tasks=4, as_is=True)
    assert framed is not None
    assert as_is is not None
    assert (framed.framed, as_is.framed) == (True, False)
    assert (framed.trained_on, framed.to_json()["source"]) == ("digits", "folder")
    assert "ink placed as in training" in framed.about
    small, large = (np.stack([task.query_x[:, 0] for task in one.results[0].worst]).reshape(-1, 28, 28) for one in (as_is, framed))
    assert measure_frame(small, "mass").box < 14
    assert measure_frame(large, "mass").box == pytest.approx(20, abs=1.5)
    # Which tasks are drawn is the seed's business alone.
    assert [task.names for task in sorted(framed.results[0].worst, key=lambda t: t.number)] == [
        task.names for task in sorted(as_is.results[0].worst, key=lambda t: t.number)
    ]
    assert not trained.report(tasks=2).framed  # type: ignore[union-attr]


def test_framing_changes_where_ink_lies_and_nothing_else() -> None:
    experiment = digits()
    sampler = open_tasks(experiment.data).sampler("test", experiment.task)
    framed = FramedSampler(sampler, Frame(box=10, centre="box"))
    plain, placed = (one.sample(2, torch.Generator().manual_seed(1)) for one in (sampler, framed))
    assert framed.class_names == sampler.class_names
    assert torch.equal(plain.classes, placed.classes)
    assert placed.support_x.shape == plain.support_x.shape
    assert placed.support_x.dtype == torch.float32
    assert measure_frame(placed.query_x.flatten(0, 2).numpy(), "box").box == pytest.approx(10, abs=1)


def test_a_run_keeps_the_report_on_its_own_test_tasks(tmp_path: Path) -> None:
    experiment = digits(training__iterations=1, evaluation__tasks=2)
    run = tmp_path / "run"
    finish(experiment, run)
    trained = load(run)
    found = _report(trained)
    assert save_beside_run(found, experiment, run) == run / REPORT
    assert json.loads((run / REPORT).read_text())["tasks"] == 2
    again = _report(trained, tasks=3)
    assert save_beside_run(again, experiment, run) == run / REPORT
    assert json.loads((run / REPORT).read_text())["tasks"] == 3
    assert save_beside_run(found, experiment, run / "checkpoints" / "latest.safetensors") is None
    assert save_beside_run(_report(trained, part="validation"), experiment, run) is None
    assert save_beside_run(_report(trained, experiment=digits(task__shot=2)), experiment, run) is None
    assert json.loads((run / REPORT).read_text())["tasks"] == 3
    kept = {path.name for path in run.iterdir()} - {LOCK}
    assert kept == {"checkpoints", "experiment.toml", "metrics.jsonl", REPORT}


def test_numbers_that_json_does_not_know_are_null() -> None:
    experiment = sines(algorithm__inner_lr=100.0, evaluation__inner_steps=60)
    value = json.loads(to_text(report(experiment)))
    assert value["steps"][-1] == {"step": 60, "mean": None, "ci95": None}


def _report(trained: Trained, **options: object) -> Report:
    found = trained.report(**({"tasks": 2, "both_modes": False, "random_start": False} | options))  # type: ignore[arg-type]
    assert found is not None
    return found


def _pictures(root: Path) -> Path:
    """Three classes of small bars at three angles, in a corner."""
    from PIL import Image

    for number in range(3):
        folder = root / f"bar {number}"
        folder.mkdir(parents=True)
        for turn in range(3):
            y, x = np.mgrid[-20:20, -20:20]
            angle = (number + 0.1 * turn) * np.pi / 3
            ink = (np.abs((x + 6) * np.sin(angle) - (y + 6) * np.cos(angle)) < 2) & (np.hypot(x + 6, y + 6) < 8)
            Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(folder / f"{turn}.png")
    return root
