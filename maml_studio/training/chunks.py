"""How many tasks walk through the network side by side."""

from functools import lru_cache

from ..spec import Experiment, Model, NWay, TaskSettings, UserModule, outputs

ACTIVATIONS = 33_000_000
"""Budget of one chunk: values that the forward passes leave for the way back. Measured on two cores, more brings little speed, takes
more than 400 MB, and makes Stop wait longer than half a second."""
MOST_TASKS = 32
"""More tasks than these side by side were not faster for any network."""


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
    size = side_by_side(experiment, task, _kept(experiment, task), workers)
    return size if workers == 1 else min(size, -(-experiment.training.meta_batch // workers))


def work_of_a_batch(experiment: Experiment) -> int:
    """Values that the forward passes of a whole meta-batch leave for the way back: how much there is to compute."""
    task = experiment.task
    return experiment.training.meta_batch * _examples(experiment, task) * _kept(experiment, task)


def side_by_side(experiment: Experiment, task: TaskSettings, kept: int, workers: int = 1) -> int:
    """As many tasks as the budget allows where one example leaves ``kept`` values for the way back; torch is not needed."""
    return max(1, min(MOST_TASKS, ACTIVATIONS // workers // (_examples(experiment, task) * kept)))


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
