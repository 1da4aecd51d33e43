"""How many tasks walk through the network side by side, and how many such chunks at once."""

import os
from functools import lru_cache

from ..spec import Experiment, Model, NWay, TaskSettings, UserModule, outputs

ACTIVATIONS = 33_000_000
"""Budget of one chunk: values that the forward passes leave for the way back. Measured on two cores, more brings little speed, takes
more than 400 MB, and makes Stop wait longer than half a second."""
MOST_TASKS = 32
"""More tasks than these side by side were not faster for any network."""
LEAST_WORK = 1_000_000
"""Values that the forward passes of a meta-batch leave, below which several threads only wait for the interpreter's lock."""


def usable_cores() -> int:
    """Cores that this process may use: a container or a batch system often grants fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def chunk_size(experiment: Experiment, task: TaskSettings | None = None, workers: int = 1) -> int:
    """Tasks per chunk; a property of its arguments alone, so that a resumed run adds its gradients up in the same order.

    Args:
        experiment: the settings.
        task: the task at hand, where it is not the experiment's.
        workers: how many chunks are worked on at once, which share the budget and the meta-batch.
    """
    if experiment.algorithm.pools_tasks and task is not None:
        return experiment.training.meta_batch
    task = task or experiment.task
    return side_by_side(experiment, task, _kept(experiment, task), workers)


def chunks_at_once(experiment: Experiment, cores: int, kept: int | None = None) -> int:
    """How many chunks of a run are worth working on at once on a CPU.

    One where all tasks are one chunk; for a module of the user's own, which may draw random numbers, in an order that must not depend on
    which thread was first; and where there is little to compute.

    Args:
        experiment: the settings.
        cores: that there are.
        kept: values that one example leaves for the way back, where that is known; else it is counted.
    """
    if cores == 1 or experiment.algorithm.pools_tasks or isinstance(experiment.model, UserModule):
        return 1
    task, meta_batch = experiment.task, experiment.training.meta_batch
    work = meta_batch * _examples(experiment, task) * (_kept(experiment, task) if kept is None else kept)
    return 1 if work < LEAST_WORK else max(1, min(cores, meta_batch))


def side_by_side(experiment: Experiment, task: TaskSettings, kept: int, workers: int = 1) -> int:
    """As many tasks as the budget allows where one example leaves ``kept`` values for the way back; torch is not needed."""
    size = max(1, min(MOST_TASKS, ACTIVATIONS // workers // (_examples(experiment, task) * kept)))
    if workers == 1:
        return size
    share = -(-experiment.training.meta_batch // workers)
    # As many chunks for each worker, so that none waits for the others at the end.
    return -(-share // -(-share // min(size, share)))


def _examples(experiment: Experiment, task: TaskSettings) -> int:
    """Examples that pass through the network for one task."""
    classes = task.way if isinstance(task, NWay) else 1 if task.regression else 2
    # The support set passes once per inner step; with its statistics for the queries it passes once more.
    passes = experiment.algorithm.steps_in_training + (0 if experiment.training.transductive else 1)
    return classes * (task.shot * max(1, passes) + task.query)


def _kept(experiment: Experiment, task: TaskSettings) -> int:
    from ..models import input_shape

    return _activations(experiment.model, input_shape(experiment), outputs(task))


@lru_cache(maxsize=64)
def _activations(model: Model, shape: tuple[int, ...], outputs: int) -> int:
    """Values that one example leaves for the way back; counted without computing any, but for a module of the user's own."""
    import torch

    from ..models import build_model, values_kept

    with torch.device("cpu" if isinstance(model, UserModule) else "meta"):
        return max(1, values_kept(build_model(model, shape, outputs, seed=0), torch.zeros(2, *shape)))
