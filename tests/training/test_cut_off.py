"""A run that is cut off between any two writes goes on as if nothing had happened.

Every kind of state that a kill or a power cut can leave is made from a real run: its folder is copied after every event, and the last line
of a copy is taken away, though the checkpoint that it tells of is there, or cut short.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_cases import assert_same_runs, checked, digits, lines, resume, sines, suited

from maml_studio.algorithms import ALGORITHMS
from maml_studio.spec import Experiment, with_changes
from maml_studio.training.events import Checkpointed, Diverged, Event, Failed, Finished
from maml_studio.training.run_folder import METRICS, RunFolder
from maml_studio.training.trainer import run


def last_line_missing(path: Path) -> None:
    """Its checkpoint was renamed, and then the power went."""
    metrics = path / METRICS
    metrics.write_bytes(b"".join(metrics.read_bytes().splitlines(keepends=True)[:-1]))


def last_line_half(path: Path) -> None:
    metrics = path / METRICS
    content = metrics.read_bytes()
    metrics.write_bytes(content[: -(len(content.splitlines()[-1]) // 2)])


def last_line_without_its_end(path: Path) -> None:
    metrics = path / METRICS
    metrics.write_bytes(metrics.read_bytes()[:-1])


def files_half_written(path: Path) -> None:
    for place, name in (
        (path, "experiment.toml"),
        (path / "checkpoints", "latest.safetensors"),
        (path / "checkpoints", "best.safetensors"),
    ):
        (place / f".{name}.0123abcd.part").write_bytes(b"\x00" * 100)


AT_CHECKPOINTS: list[Callable[[Path], None]] = [last_line_missing, last_line_half, files_half_written]
ELSEWHERE: list[Callable[[Path], None]] = [last_line_half, last_line_without_its_end, files_half_written]


def cut_off(experiment: Experiment, path: Path, interesting: Callable[[Event], bool]) -> Iterator[Path]:
    """A run to its end in ``path/whole``, and a copy of its folder at each interesting point of its way, still to be finished."""
    folder = RunFolder.create(path / "whole", experiment)
    copies: list[Path] = []
    for number, event in enumerate(run(experiment, folder=folder)):
        if (folder.path / METRICS).exists() and interesting(event):
            for cut in AT_CHECKPOINTS if isinstance(event, Checkpointed) else [ELSEWHERE[number % len(ELSEWHERE)]]:
                copy = path / f"{len(copies):03} {cut.__name__} at {type(event).__name__}"
                shutil.copytree(folder.path, copy)
                cut(copy)
                copies.append(copy)
    yield from copies


def always(event: Event) -> bool:
    del event
    return True


def at_checkpoints(event: Event) -> bool:
    return isinstance(event, Checkpointed | Finished)


RICH = {"training.schedule": "cosine", "training.clip": 5.0, "evaluation.every": 2, "training.checkpoint_every": 3}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"training.checkpoint_every": 1, "evaluation.every": 1},
        {"training.checkpoint_every": 100, "evaluation.every": 3},
        {"training.optimizer": "sgd", "training.schedule": "halving", "training.halve_every": 2},
        {"evaluation.every": 1, "training.patience": 2, "training.outer_lr": 1e-12},
        {"evaluation.every": 2, "training.stop_at": 1e6},
        {"training.tail": 0.5, "training.vary_shot": 8, "training.schedule": "linear"},
        {"algorithm.inner_lr": 100.0, "algorithm.inner_steps": 5, "training.checkpoint_every": 2},
    ],
    ids=["rich", "often", "best-only", "sgd", "patience", "stop-at", "tail", "diverges"],
)
def test_cut_off_anywhere(tmp_path: Path, changes: dict[str, object]) -> None:
    experiment = with_changes(sines(), RICH | changes)
    for copy in cut_off(experiment, tmp_path, always):
        resume(copy)
        assert_same_runs(tmp_path / "whole", copy)
        shutil.rmtree(copy)
    assert len(lines(tmp_path / "whole")) >= 4


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_cut_off_at_a_checkpoint(tmp_path: Path, algorithm: str) -> None:
    """Learned rates, contexts, prototypes, annealing: whatever an algorithm keeps is in the checkpoint."""
    changes = {"training.iterations": 4, "training.checkpoint_every": 2, "evaluation.every": 1, "evaluation.tasks": 2}
    experiment = with_changes(suited(digits(), algorithm), RICH | changes)
    if experiment.algorithm.any_way:
        experiment = with_changes(experiment, {"training.vary_way": 4})
    kept = 0
    for copy in cut_off(experiment, tmp_path, at_checkpoints):
        if "last_line_missing" in copy.name:
            resume(copy)
            assert_same_runs(tmp_path / "whole", copy)
            kept += 1
    assert kept >= 3


def test_cut_off_when_the_loss_has_grown_too_far(tmp_path: Path) -> None:
    """How often it was too large is as it was before the step that was not taken."""
    changes = {"training.outer_lr": 10.0, "training.clip": 1.0, "algorithm.inner_lr": 1e-6, "training.iterations": 200}
    experiment = with_changes(sines(), changes | {"training.checkpoint_every": 1000, "evaluation.every": 1000})
    copies = list(cut_off(experiment, tmp_path, lambda event: isinstance(event, Checkpointed | Diverged | Failed)))
    assert "had grown to" in lines(tmp_path / "whole")[-1]["message"]
    for copy in copies:
        resume(copy)
        assert_same_runs(tmp_path / "whole", copy)
    assert len(copies) == 5


def test_start_from_is_read_once(tmp_path: Path) -> None:
    checked(run(sines(), folder=RunFolder.create(tmp_path / "first", sines())))
    experiment = sines(training__start_from=str(tmp_path / "first"), seed=7)
    copies = list(cut_off(experiment, tmp_path, at_checkpoints))
    shutil.rmtree(tmp_path / "first")
    for copy in copies:
        resume(copy)
        assert_same_runs(tmp_path / "whole", copy)


def test_cut_off_before_anything_was_measured(tmp_path: Path) -> None:
    experiment = sines()
    checked(run(experiment, folder=RunFolder.create(tmp_path / "whole", experiment)))
    RunFolder.create(tmp_path / "empty", experiment)
    resume(tmp_path / "empty")
    assert_same_runs(tmp_path / "whole", tmp_path / "empty")


def test_cut_off_again_after_a_validation_that_a_stop_cut_short(tmp_path: Path) -> None:
    """The state that the stop saved knows nothing of the validation, which the killed run had written down."""
    from run_cases import AtChunk, three_chunks

    from maml_studio.training.control import Control

    experiment = three_chunks(digits(training__iterations=3, evaluation__every=1, training__checkpoint_every=100))
    checked(run(experiment, folder=RunFolder.create(tmp_path / "whole", experiment)))
    for asked in (1, 5, 9):
        path = tmp_path / str(asked)
        folder = RunFolder.create(path, experiment)
        checked(run(experiment, folder=folder, control=AtChunk({asked: Control.stop})))
        events = run(experiment, folder=folder, checkpoint=folder.resume_point())
        for event in events:
            if isinstance(event, Checkpointed) or type(event).__name__ == "Validation":
                break
        events.close()
        resume(path)
        assert_same_runs(tmp_path / "whole", path)


def test_a_run_that_failed_goes_on(tmp_path: Path) -> None:
    """What went wrong outside, such as data that was not there, leaves no trace in a run that is finished later."""
    experiment = sines()
    checked(run(experiment, folder=RunFolder.create(tmp_path / "whole", experiment)))
    folder = RunFolder.create(tmp_path / "run", experiment)
    folder.append(Failed(0, "The data was not there"))
    folder.close()
    resume(tmp_path / "run")
    assert_same_runs(tmp_path / "whole", tmp_path / "run")
