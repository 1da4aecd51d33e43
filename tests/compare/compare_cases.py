"""Tiny runs to compare, and scores made by hand."""

from pathlib import Path

import numpy as np

from maml_studio.compare.common import CommonTasks
from maml_studio.compare.result import Run
from maml_studio.compare.scores import RunScores
from maml_studio.spec import Experiment, load_preset, with_changes
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

TINY = {
    "task.way": 3,
    "task.query": 2,
    "model.width": 4,
    "training.meta_batch": 2,
    "training.iterations": 2,
    "evaluation.every": 1,
    "evaluation.tasks": 4,
    "evaluation.inner_steps": 2,
}


SINES = {"training.iterations": 2, "training.meta_batch": 2, "evaluation.tasks": 4, "evaluation.every": 1, "model.hidden": [8]}


def dotted(changes: dict[str, object]) -> dict[str, object]:
    return {key.replace("__", "."): value for key, value in changes.items()}


def digits(name: str = "tiny", **changes: object) -> Experiment:
    """A small experiment; further changes by field, with ``__`` for the dot."""
    return with_changes(with_changes(load_preset("digits-maml"), TINY | {"name": name}), dotted(changes))


def sines(name: str = "sines", **changes: object) -> Experiment:
    """A small one that fits functions."""
    return with_changes(with_changes(load_preset("sinusoid-maml"), SINES | {"name": name}), dotted(changes))


def train(root: Path, experiment: Experiment) -> Path:
    """A run in a folder of its name."""
    folder = root / experiment.name
    list(run(experiment, folder=RunFolder.create(folder, experiment)))
    return folder


def scored(name: str, scores: np.ndarray, experiment: Experiment | None = None, note: str = "") -> tuple[Run, RunScores]:
    """A run with the scores that somebody thought of, the same before every inner step as after."""
    one = Run(Path("/runs") / name, name, experiment or digits(name))
    return one, RunScores(one.folder, 100, "support", np.array([scores * 0.5, scores]), "same", kept=False, note=note)


def common(tasks: int = 600, **changes: object) -> CommonTasks:
    return CommonTasks.of(digits(**changes), tasks)
