"""Tiny runs that take well under a second each."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from maml_studio.spec import Experiment, parse, with_changes
from maml_studio.spec.editing import with_selection
from maml_studio.training.checkpoint import Checkpoint
from maml_studio.training.chunks import chunk_size
from maml_studio.training.control import Control
from maml_studio.training.events import TERMINAL, Event, Loading, OuterStep, Validation
from maml_studio.training.run_folder import BEST, LATEST, METRICS, RunFolder
from maml_studio.training.trainer import run

SINES: dict[str, Any] = {
    "name": "sines",
    "data": {"source": "sinusoid"},
    "task": {"kind": "regression", "shot": 5, "query": 5},
    "model": {"name": "mlp", "hidden": [8]},
    "algorithm": {"name": "maml", "inner_lr": 0.01},
    "training": {"iterations": 6, "meta_batch": 4, "checkpoint_every": 3, "device": "cpu"},
    "evaluation": {"every": 2, "tasks": 5, "inner_steps": 2},
}
DIGITS: dict[str, Any] = SINES | {
    "name": "digits",
    "data": {"source": "digits"},
    "task": {"kind": "n_way", "way": 3, "shot": 1, "query": 2},
    "model": {"name": "conv4", "width": 4},
    "algorithm": {"name": "maml", "inner_lr": 0.1},
}


def sines(**changes: Any) -> Experiment:
    """``training__iterations=3`` for ``training.iterations``."""
    return with_changes(parse(SINES), dotted(changes))


def digits(**changes: Any) -> Experiment:
    return with_changes(parse(DIGITS), dotted(changes))


def suited(experiment: Experiment, algorithm: str) -> Experiment:
    """The experiment with an algorithm, and what has to go with it."""
    return parse(with_selection(experiment.model_dump(), "algorithm", algorithm))


def dotted(changes: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in changes.items()}


def three_chunks(experiment: Experiment) -> Experiment:
    """With as many tasks in a meta-batch as take three chunks, the last of them a small one."""
    return with_changes(experiment, {"training.meta_batch": 2 * chunk_size(experiment) + 1})


class AtChunk(Control):
    """Does something at the nth time that the trainer asks whether it may go on."""

    def __init__(self, script: dict[int, Callable[[Control], None]]) -> None:
        super().__init__()
        self.script = script
        self.asked = 0

    def may_go_on(self, *, within_step: bool = True) -> bool:
        self.asked += 1
        self.script.get(self.asked, lambda control: None)(self)
        return super().may_go_on(within_step=within_step)


def stop_after(iteration: int, events: Iterable[Event], control: Control) -> list[Event]:
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, OuterStep) and event.iteration == iteration:
            control.stop()
    return seen


def finish(experiment: Experiment, path: Path | None = None, **options: Any) -> list[Event]:
    """All events of a run, which has exactly one terminal event, the last."""
    folder = RunFolder.create(path, experiment) if path else None
    return checked(run(experiment, folder=folder, **options))


def checked(events: Iterable[Event]) -> list[Event]:
    seen = list(events)
    assert [isinstance(event, TERMINAL) for event in seen] == [False] * (len(seen) - 1) + [True]
    return seen


def stored(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, Loading)]


def timeless(events: Iterable[Event]) -> list[Event]:
    """What training computed, without the clock."""
    return [replace(event, seconds=0.0) for event in events if isinstance(event, OuterStep | Validation)]


def resume(path: Path, **options: Any) -> list[Event]:
    """Go on with a run as the command line does."""
    folder = RunFolder.open(path)
    checkpoint = folder.resume_point()
    return checked(run(folder.experiment, folder=folder, checkpoint=checkpoint, **options))


def lines(path: Path) -> list[dict[str, Any]]:
    """All of ``metrics.jsonl`` but for the clock."""
    found = [json.loads(line) for line in (path / METRICS).read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in found]


def assert_same_bits(one: Checkpoint, other: Checkpoint) -> None:
    assert one.experiment == other.experiment
    assert one.iteration == other.iteration
    for mine, theirs in ((one.meta, other.meta), (one.optimizer, other.optimizer)):
        assert set(mine) == set(theirs)
        assert all(torch.equal(value, theirs[name]) for name, value in mine.items())
    assert one.meta
    assert bool(one.optimizer) == (one.experiment.training.optimizer == "adam" and one.iteration > 0)
    assert one.generator is not None
    assert other.generator is not None
    assert torch.equal(one.generator, other.generator)
    assert one.progress | {"seconds": 0} == other.progress | {"seconds": 0}
    assert one.frame == other.frame


def assert_same_runs(one: Path, other: Path) -> None:
    """Both run folders hold the same, bit for bit, but for the clock; and nothing else lies about in them."""
    assert lines(one) == lines(other)
    folders = [RunFolder.open(path) for path in (one, other)]
    for kind in (LATEST, BEST):
        checkpoints = [folder.load_checkpoint(kind) for folder in folders if folder.checkpoint_path(kind).exists()]
        assert len(checkpoints) != 1
        if checkpoints:
            assert_same_bits(*checkpoints)
    names = [sorted(str(file.relative_to(path)) for file in path.rglob("*")) for path in (one, other)]
    assert names[0] == names[1]
