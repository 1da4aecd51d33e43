"""Curves out of metrics.jsonl, thinned and averaged over seeds."""

import math
from pathlib import Path

import numpy as np
import pytest

from maml_studio.compare.curves import Curve, mean_curve, read_curves, thinned
from maml_studio.training.events import OuterStep, Started, StepScore, Validation, to_line


def step(iteration: int, loss: float) -> OuterStep:
    return OuterStep(iteration, loss, 0.5, (1.0,), (), None, 0.1, 0.001, 4, 2.0 * iteration)


def validation(iteration: int, *, accuracy: float | None) -> Validation:
    interval = None if accuracy is None else 0.05
    scores = tuple(StepScore(k, 1.0 - 0.1 * k, 0.02, 1.0, None if accuracy is None else accuracy * k, interval) for k in (0, 1))
    return Validation(iteration, scores, 100, "support", True, 2.0 * iteration)


def write(folder: Path, *events: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(to_line(event) + "\n" for event in events))  # type: ignore[arg-type]
    return folder


def curve(x: list[float], mean: list[float]) -> Curve:
    return Curve(np.array(x, float), 2 * np.array(x, float), np.array(mean, float), np.full(len(x), math.nan))


@pytest.mark.parametrize(("accuracy", "metric", "mean", "half"), [(0.8, "accuracy", 0.8, 0.05), (None, "mse", 0.9, 0.02)])
def test_a_runs_curves(tmp_path: Path, accuracy: float | None, metric: str, mean: float, half: float) -> None:
    folder = write(
        tmp_path, Started(0, 3, "cpu", 10, "support"), step(1, 2.0), step(2, math.nan), validation(2, accuracy=accuracy), step(3, 1.0)
    )
    found = read_curves(folder)
    assert found.outer.iterations.tolist() == [1, 2, 3]
    assert found.outer.seconds.tolist() == [2, 4, 6]
    assert found.outer.mean == pytest.approx([2.0, math.nan, 1.0], nan_ok=True)
    assert (found.metric, found.tasks, found.norm_mode) == (metric, 100, "support")
    assert (found.validation.x(by_time=True).tolist(), found.validation.x(by_time=False).tolist()) == ([4], [2])
    assert (found.validation.mean.tolist(), found.validation.half.tolist()) == ([mean], [half])


def test_nothing_yet_and_half_a_line(tmp_path: Path) -> None:
    assert len(read_curves(tmp_path).outer) == len(read_curves(tmp_path / "gone").validation) == 0
    folder = write(tmp_path, step(1, 2.0))
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"event": "OuterSt\nnonsense\n')
    found = read_curves(folder)
    assert (len(found.outer), len(found.validation), found.metric) == (1, 0, "")


def test_thinned_to_its_ends() -> None:
    long = curve(list(range(5000)), list(range(5000)))
    short = thinned(long, 400)
    assert len(short) <= 400
    assert (short.iterations[0], short.iterations[-1]) == (0, 4999)
    assert np.all(np.diff(short.iterations) > 0)
    assert thinned(short, 400) is short


def test_several_seeds_as_one() -> None:
    found = mean_curve([curve([0, 10, 20], [0, 1, 2]), curve([0, 5, 10, 15], [2, 2, 2, 2]), curve([], [])])
    assert found.iterations.tolist() == [0, 5, 10, 15]
    assert found.mean == pytest.approx([1, 1.25, 1.5, 1.75])
    assert found.half[0] == pytest.approx(np.std([0, 2], ddof=1))
    assert len(mean_curve([])) == 0
    alone = curve([0, 1], [3, 4])
    assert mean_curve([alone]) is alone
