"""A window for tests: its own memory, a small experiment, real threads."""

from maml_studio.spec import Experiment, load_preset, with_changes

TINY = {
    "name": "tiny",
    "task.way": 3,
    "task.query": 2,
    "model.width": 4,
    "training.meta_batch": 4,
    "training.iterations": 6,
    "training.checkpoint_every": 2,
    "evaluation.every": 3,
    "evaluation.tasks": 6,
    "evaluation.inner_steps": 2,
}


def tiny(**changes: object) -> Experiment:
    """The default preset, made small; further changes by field, with ``__`` for the dot."""
    return with_changes(load_preset("digits-maml"), TINY | {name.replace("__", "."): value for name, value in changes.items()})
