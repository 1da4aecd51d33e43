"""Runs tried on the same tasks: what is kept, what is taken from there, and what is measured anew."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compare_cases import digits, sines, train

import maml_studio
from maml_studio.compare.common import CommonTasks
from maml_studio.compare.measure import measure_all
from maml_studio.compare.result import Run
from maml_studio.compare.scores import MeasureError, checkpoint_iteration, kept_run, measure_run
from maml_studio.training.report import save_beside_run
from maml_studio.training.report_file import COMPARISONS, MOST_COMPARISONS, REPORT, kept_scores


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for experiment in (digits("maml"), digits("anil", algorithm__name="anil"), sines()):
        train(root, experiment)
    return root


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> dict[str, Run]:
    """Fresh copies, whose reports nobody has written yet."""
    shutil.copytree(trained, tmp_path / "runs")
    return {
        name: Run(tmp_path / "runs" / name, name, experiment)
        for name, experiment in {"maml": digits("maml"), "anil": digits("anil", algorithm__name="anil"), "sines": sines()}.items()
    }


def never(*_: object) -> None:
    raise AssertionError("measured again")


def measure(run: Run, common: CommonTasks, **options: object):
    found = measure_run(run.folder, run.experiment, common, **options)  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["maml", "sines"])
def test_a_second_look_measures_nothing(runs: dict[str, Run], name: str) -> None:
    run = runs[name]
    common = CommonTasks.of(run.experiment, 10)
    first = measure(run, common)
    second = measure(run, common, tell=never)
    assert (first.kept, second.kept) == (False, True)
    assert np.allclose(first.by_step, second.by_step, rtol=1e-7)
    assert (first.fingerprint, first.steps, first.norm_mode) == (second.fingerprint, second.steps, second.norm_mode)
    report = maml_studio.load(run.folder).report(tasks=10, both_modes=False, random_start=False)
    assert report is not None
    assert first.last == pytest.approx(report.results[0].task_scores)
    # An accuracy is a whole number of right answers.
    if common.unit:
        assert first.last / common.unit == pytest.approx(np.rint(first.last / common.unit), abs=1e-4)


def test_what_evaluate_wrote_counts_too(runs: dict[str, Run]) -> None:
    run = runs["maml"]
    trained = maml_studio.load(run.folder)
    report = trained.report(tasks=10)
    assert report is not None
    save_beside_run(report, trained.experiment, run.folder)
    for transductive, result in ((False, report.results[0]), (True, report.results[1])):
        common = replace(CommonTasks.of(run.experiment, 10), transductive=transductive)
        assert measure(run, common, tell=never).last == pytest.approx(result.task_scores)


@pytest.mark.parametrize(
    "change",
    [{"tasks": 11}, {"seed": 5}, {"transductive": True}, {"inner_steps": 1}, {"part": "validation"}, {"task": digits(task__shot=2).task}],
    ids=lambda change: next(iter(change)),
)
def test_other_conditions_are_measured(runs: dict[str, Run], change: dict[str, object]) -> None:
    run, common = runs["maml"], CommonTasks.of(digits(), 10)
    measure(run, common)
    other = replace(common, **change)  # type: ignore[arg-type]
    assert kept_run(run.folder, run.experiment, other) is None
    assert not measure(run, other).kept
    # Both are kept now, beside one another.
    for one in (common, other):
        assert measure(run, one, tell=never).kept


def test_an_older_checkpoint_is_measured_again(runs: dict[str, Run]) -> None:
    run, common = runs["maml"], CommonTasks.of(digits(), 10)
    measure(run, common)
    raw = json.loads((run.folder / REPORT).read_text())
    raw[COMPARISONS][0]["iteration"] = 1_000
    (run.folder / REPORT).write_text(json.dumps(raw))
    assert kept_run(run.folder, run.experiment, common) is None
    assert not measure(run, common).kept
    assert [one["iteration"] for one in json.loads((run.folder / REPORT).read_text())[COMPARISONS]] == [checkpoint_iteration(run.folder)]


def test_evaluating_keeps_the_comparisons(runs: dict[str, Run]) -> None:
    run, common = runs["maml"], CommonTasks.of(digits(), 10)
    measure(run, common)
    trained = maml_studio.load(run.folder)
    report = trained.report(tasks=6)
    assert report is not None
    save_beside_run(report, trained.experiment, run.folder)
    assert measure(run, common, tell=never).kept
    assert json.loads((run.folder / REPORT).read_text())["tasks"] == 6
    measure(run, replace(common, tasks=3))
    assert json.loads((run.folder / REPORT).read_text())["tasks"] == 6


def test_only_the_newest_are_kept(runs: dict[str, Run]) -> None:
    run, common = runs["maml"], CommonTasks.of(digits(), 2)
    for seed in range(MOST_COMPARISONS + 2):
        measure(run, replace(common, seed=seed))
    assert kept_run(run.folder, run.experiment, replace(common, seed=0)) is None
    assert len(kept_scores(run.folder)) == MOST_COMPARISONS
    measure(run, replace(common, seed=5), again=True)
    assert len(kept_scores(run.folder)) == MOST_COMPARISONS


HALF = '{"results": [3, {}], "comparisons": [4, {"results": [{"start": "trained"}]}]}'


@pytest.mark.parametrize("text", ["", "{", "[]", '{"results": 3}', HALF, "[" * 5000])
def test_a_report_that_cannot_be_read_is_written_anew(runs: dict[str, Run], text: str) -> None:
    run, common = runs["maml"], CommonTasks.of(digits(), 2)
    (run.folder / REPORT).write_text(text)
    assert not measure(run, common).kept
    assert measure(run, common, tell=never).kept


def test_a_folder_that_cannot_keep_it_still_has_its_scores(runs: dict[str, Run]) -> None:
    run, common = runs["maml"], CommonTasks.of(digits(), 2)
    (run.folder / REPORT).mkdir()
    assert measure(run, common).note.startswith("its folder can't keep the scores")


@pytest.mark.parametrize(
    ("name", "common", "sentence"),
    [
        ("maml", CommonTasks.of(digits(task__way=5), 2), "tells at most 3 classes apart, not 5"),
        ("maml", CommonTasks.of(digits(data__source="folder", data__path="/nowhere"), 2), "can't be tried on them: "),
        ("sines", CommonTasks.of(digits(), 2), "fits functions"),
        ("gone", CommonTasks.of(digits(), 2), "is no longer there"),
    ],
)
def test_what_cannot_be_measured_says_why(runs: dict[str, Run], name: str, common: CommonTasks, sentence: str) -> None:
    run = runs.get(name) or Run(Path("/nowhere/at/all"), name, digits())
    with pytest.raises(MeasureError, match=sentence):
        measure_run(run.folder, run.experiment, common)


def test_a_damaged_checkpoint_and_none_at_all(runs: dict[str, Run]) -> None:
    run, common = runs["maml"], CommonTasks.of(digits(), 2)
    for file in (run.folder / "checkpoints").iterdir():
        file.write_bytes(b"x")
    with pytest.raises(MeasureError, match="cut short"):
        measure_run(run.folder, run.experiment, common)
    shutil.rmtree(run.folder / "checkpoints")
    with pytest.raises(MeasureError, match="no checkpoint yet"):
        measure_run(run.folder, run.experiment, common)


def test_the_good_ones_are_compared_and_the_rest_left_out(runs: dict[str, Run]) -> None:
    told: list[float] = []
    common = CommonTasks.of(digits(), 8)
    found = measure_all(list(runs.values()), common, tell=lambda message, share: told.append(share))
    assert found is not None
    assert {entry.name for entry in found.entries} == {"maml", "anil"}
    assert found.left_out == {"sines": "fits functions and tells no classes apart"}
    assert found.pairs[0].difference.tasks == 8
    assert found.differing[0].field == "algorithm.name"
    assert told == sorted(told)
    assert max(told) <= 1


def test_it_can_be_given_up(runs: dict[str, Run]) -> None:
    common = CommonTasks.of(digits(), 8)
    assert measure_all(list(runs.values()), common, may_go_on=lambda: False) is None


def test_data_that_changed_since_is_measured_again(runs: dict[str, Run]) -> None:
    """A report on other pictures than there are now has scores of other tasks; they are not paired."""
    common = CommonTasks.of(digits(), 8)
    measure(runs["maml"], common)
    path = runs["maml"].folder / REPORT
    path.write_text(path.read_text().replace(kept_scores(path.parent)[0].fingerprint, "0123456789abcdef"))
    found = measure_all([runs["maml"], runs["anil"]], common)
    assert found is not None
    assert len(found.entries) == 2
    assert kept_scores(path.parent)[0].fingerprint != "0123456789abcdef"
