"""Interrupted and resumed is the same as never interrupted, bit for bit."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from run_cases import AtChunk, assert_same_runs, checked, digits, finish, resume, sines, stop_after, suited, three_chunks, timeless

from maml_studio.algorithms import ALGORITHMS
from maml_studio.spec import TABLES, Experiment
from maml_studio.training.checkpoint import Checkpoint
from maml_studio.training.control import Control
from maml_studio.training.events import Event, Failed, Finished, Stopped
from maml_studio.training.run_folder import LATEST, RunFolder
from maml_studio.training.trainer import run


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Experiment], tuple[list[Event], RunFolder]]:
    """The same run without a break, made once for all its interruptions."""

    @cache
    def make(experiment: Experiment) -> tuple[list[Event], RunFolder]:
        path = tmp_path_factory.mktemp("whole") / "run"
        return finish(experiment, path), RunFolder.open(path)

    return make


Uninterrupted = Callable[[Experiment], tuple[list[Event], RunFolder]]


def check(experiment: Experiment, uninterrupted: Uninterrupted, path: Path, interrupt: Callable[[RunFolder], list[Event]]) -> None:
    whole, whole_folder = uninterrupted(experiment)
    stopped = interrupt(RunFolder.create(path, experiment))
    assert isinstance(stopped[-1], Stopped)
    resumed = resume(path)
    assert resumed[-1] == whole[-1]
    assert isinstance(resumed[-1], Finished)
    assert_same_runs(whole_folder.path, path)
    assert len(timeless(whole_folder.events())) > experiment.training.iterations


@pytest.mark.parametrize(
    ("algorithm", "make", "iteration"),
    [
        *(("maml", sines, iteration) for iteration in (1, 2, 3, 4)),
        *((name, digits, 2) for name in ALGORITHMS),
        *((name, sines, 3) for name in ALGORITHMS if not TABLES["algorithm"][name].needs_classes),  # type: ignore[attr-defined]
    ],
)
def test_stopped_between_steps(
    tmp_path: Path, uninterrupted: Uninterrupted, make: Callable[..., Experiment], algorithm: str, iteration: int
) -> None:
    experiment = suited(make(training__schedule="cosine", training__clip=5.0), algorithm)

    def interrupt(folder: RunFolder) -> list[Event]:
        control = Control()
        return checked(stop_after(iteration, run(experiment, folder=folder, control=control), control))

    check(experiment, uninterrupted, tmp_path / "run", interrupt)


@pytest.mark.parametrize(("algorithm", "asked"), [*((name, 4) for name in ALGORITHMS), *(("maml", n) for n in (1, 2, 3, 6, 8, 12))])
def test_stopped_anywhere(tmp_path: Path, uninterrupted: Uninterrupted, algorithm: str, asked: int) -> None:
    """In the validation at the start, in the middle of a meta-batch, at its end, in a validation on the way, in the last one."""
    experiment = three_chunks(suited(digits(training__iterations=3), algorithm))

    def interrupt(folder: RunFolder) -> list[Event]:
        return checked(run(experiment, folder=folder, control=AtChunk({asked: Control.stop})))

    check(experiment, uninterrupted, tmp_path / "run", interrupt)


def test_killed_after_a_checkpoint(tmp_path: Path) -> None:
    """What came after the last checkpoint is forgotten and done again."""
    experiment = sines(training__iterations=8, evaluation__every=3)
    finish(experiment, tmp_path / "whole")
    folder = RunFolder.create(tmp_path / "parts", experiment)
    events = run(experiment, folder=folder)
    while getattr(next(events), "iteration", 0) < 5:
        pass
    events.close()
    assert folder.load_checkpoint(LATEST).iteration == 3
    resume(tmp_path / "parts")
    assert_same_runs(tmp_path / "whole", tmp_path / "parts")


def test_resumed_again_and_again(tmp_path: Path) -> None:
    experiment = sines(training__patience=50)
    finish(experiment, tmp_path / "whole")
    folder = RunFolder.create(tmp_path / "parts", experiment)
    checkpoint = None
    for iteration in (1, 2, 3, 4, 5):
        control = Control()
        list(stop_after(iteration, run(experiment, folder=folder, control=control, checkpoint=checkpoint), control))
        checkpoint = folder.resume_point()
        assert checkpoint is not None
        assert checkpoint.iteration == iteration
    folder.close()
    resume(tmp_path / "parts")
    assert_same_runs(tmp_path / "whole", tmp_path / "parts")


def test_time_goes_on(tmp_path: Path) -> None:
    finish(sines(), tmp_path / "run")
    checkpoint = RunFolder.open(tmp_path / "run").load_checkpoint(LATEST)
    later = replace(checkpoint, iteration=4, progress=checkpoint.progress | {"seconds": 1000.0})
    steps = [event for event in finish(sines(), checkpoint=later) if type(event).__name__ == "OuterStep"]
    assert [event.iteration for event in steps] == [5, 6]
    assert all(event.seconds > 1000 for event in steps)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda c: replace(c, generator=torch.zeros(3, dtype=torch.uint8)), "random generator"),
        (lambda c: replace(c, optimizer={n: v for n, v in c.optimizer.items() if not n.endswith("exp_avg")}), "optimizer"),
        (lambda c: replace(c, optimizer={n: torch.zeros(2, 2, 2) for n in c.optimizer}), "optimizer"),
        (lambda c: replace(c, progress={"seconds": "long"}), "progress"),
        (lambda c: replace(c, meta=dict(list(c.meta.items())[1:])), "no weights"),
    ],
)
def test_a_checkpoint_whose_parts_do_not_fit_is_refused_in_one_sentence(
    tmp_path: Path, spoil: Callable[[Checkpoint], Checkpoint], words: str
) -> None:
    experiment = sines(training__iterations=2)
    finish(experiment, tmp_path / "run")
    folder = RunFolder.open(tmp_path / "run")
    longer = sines(training__iterations=4)
    events = list(run(longer, checkpoint=spoil(folder.load_checkpoint(LATEST))))
    assert isinstance(events[-1], Failed)
    assert words in events[-1].message
    assert "\n" not in events[-1].message
