"""Event files, read back with TensorBoard's own reader."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from run_cases import assert_same_runs, checked, digits, resume, sines, stop_after
from test_guard import Moved, SmallFilesOnly, Trouble, posix, troubled

from maml_studio.spec import Experiment
from maml_studio.training.control import Control
from maml_studio.training.events import Failed, Finished, Held, OuterStep, Validation
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

pytest.importorskip("tensorboard", reason="is an extra")


def read(path: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(path / "tensorboard"), size_guidance={"scalars": 0})
    board.Reload()
    return board


def curves(path: Path) -> dict[str, list[tuple[int, float]]]:
    board = read(path)
    return {tag: [(point.step, point.value) for point in board.Scalars(tag)] for tag in board.Tags()["scalars"]}


def test_all_curves(tmp_path: Path) -> None:
    experiment = digits(training__tensorboard=True)
    seen = checked(run(experiment, folder=RunFolder.create(tmp_path / "run", experiment)))
    steps = [event for event in seen if isinstance(event, OuterStep)]
    validations = [event for event in seen if isinstance(event, Validation)]
    found = curves(tmp_path / "run")
    for tag, field in (
        ("query_loss", "query_loss"),
        ("outer_lr", "outer_lr"),
        ("gradient_norm", "gradient_norm"),
        ("accuracy_after", "query_accuracy"),
    ):
        assert found[f"training/{tag}"] == [(event.iteration, pytest.approx(getattr(event, field), rel=1e-6)) for event in steps]
    traced = next(event for event in steps if event.query_losses)
    for step, loss in enumerate(traced.query_losses):
        assert found[f"inner_loop/query_loss_step_{step}"] == [(traced.iteration, pytest.approx(loss, rel=1e-6))]
    assert found["training/accuracy_before"] == [(traced.iteration, pytest.approx(traced.accuracy_before, rel=1e-6))]
    for place, name in ((0, "before"), (-1, "after")):
        for sign, end in ((0, ""), (-1, "_low"), (1, "_high")):
            expected = [
                (v.iteration, pytest.approx(v.scores[place].accuracy + sign * v.scores[place].accuracy_ci95, abs=1e-6)) for v in validations
            ]
            assert found[f"validation/accuracy_{name}{end}"] == expected
    # TensorBoard draws the interval as a band under its custom scalars.
    assert "custom_scalars__config__" in read(tmp_path / "run").Tags()["tensors"]


def test_regression_has_no_accuracy(tmp_path: Path) -> None:
    experiment = sines(training__tensorboard=True)
    checked(run(experiment, folder=RunFolder.create(tmp_path / "run", experiment)))
    found = curves(tmp_path / "run")
    assert not [tag for tag in found if "accuracy" in tag]
    assert [step for step, _ in found["validation/query_loss_after"]] == [0, 2, 4, 6]


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Experiment, Path]:
    experiment = sines(training__tensorboard=True)
    checked(run(experiment, folder=RunFolder.create(tmp_path / "whole", experiment)))
    return experiment, tmp_path / "whole"


def test_curves_join_where_a_killed_run_goes_on(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    experiment, reference = whole
    path = tmp_path / "run"
    events = run(experiment, folder=RunFolder.create(path, experiment))
    while getattr(next(events), "iteration", 0) < 5:
        pass
    events.close()
    assert [step for step, _ in curves(path)["training/query_loss"]] == [1, 2, 3, 4, 5]
    resume(path)
    assert len(list((path / "tensorboard").iterdir())) == 2
    assert curves(path) == curves(reference)


def test_curves_begin_anew_where_nothing_was_saved(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    experiment, reference = whole
    path = tmp_path / "run"
    events = run(experiment, folder=RunFolder.create(path, experiment))
    while not isinstance(next(events), OuterStep):
        pass
    events.close()
    resume(path)
    assert curves(path) == curves(reference)


def test_curves_join_after_a_stop(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    experiment, reference = whole
    path, control = tmp_path / "run", Control()
    list(stop_after(3, run(experiment, folder=RunFolder.create(path, experiment), control=control), control))
    resume(path)
    assert curves(path) == curves(reference)


@posix
@pytest.mark.parametrize("kind", [SmallFilesOnly, Moved])
def test_no_point_is_lost_on_a_full_disk(tmp_path: Path, whole: tuple[Experiment, Path], kind: type[Trouble]) -> None:
    experiment, reference = whole
    path = tmp_path / "run"
    trouble = kind(path)
    seen = troubled(run(experiment, folder=RunFolder.create(path, experiment)), trouble, OuterStep, lambda held: trouble.mend())
    assert sum(isinstance(event, Held) for event in seen) == 1
    assert isinstance(seen[-1], Finished)
    assert curves(path) == curves(reference)


def test_it_changes_nothing_else(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    _, reference = whole
    checked(run(sines(), folder=RunFolder.create(tmp_path / "run", sines())))
    for path in (reference / "tensorboard").iterdir():
        path.unlink()
    (reference / "tensorboard").rmdir()
    with pytest.raises(AssertionError):
        assert_same_runs(reference, tmp_path / "run")  # the settings differ, and nothing else
    one, other = (RunFolder.open(path).load_checkpoint("latest") for path in (reference, tmp_path / "run"))
    assert all(bool((one.meta[name] == other.meta[name]).all()) for name in one.meta)


def test_without_the_package_one_sentence_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    experiment = sines(training__tensorboard=True)
    seen = checked(run(experiment, folder=RunFolder.create(tmp_path / "run", experiment)))
    assert isinstance(seen[-1], Failed)
    assert seen[-1].message == "training.tensorboard needs the package tensorboard: pip install 'maml-studio[tensorboard]'"


def test_it_is_imported_only_when_asked_for() -> None:
    code = (
        "import sys; import maml_studio.training.trainer; "
        "assert not [name for name in sys.modules if name.startswith(('tensorboard', 'torch.utils.tensorboard'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
