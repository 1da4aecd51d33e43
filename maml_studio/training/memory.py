"""How much memory a run will take, known from its settings alone: nothing is built, and no torch is needed.

What there is at once: the data; a meta-batch of tasks; the network with its gradient, Adam's moments and a checkpoint on its way to the
disk; and, whichever is more, the chunks of tasks under way in training, one for each core, or those in validation. A chunk has the
activations of its support sets (of every inner step where the outer gradient goes through all of them at once, else of one), those of its
query sets, and the weights of each task at every inner step. The factors are fitted to what runs took (tests/benchmarks/memory.py), and
err on the high side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import psutil

from ..spec import Conv4, Drawn, Experiment, Folder, Glyphs, Mlp, NWay, Recurrent, SpecError, TaskSettings, TutorialCnn, outputs
from ..spec.algorithm import Unrolled
from ..spec.errors import Problem
from .chunks import chunks_at_once, side_by_side, usable_cores
from .network_size import NetworkSize, example_shape, network_size

MB, GB = 10**6, 10**9
MANY_STEPS = 5
SINES = 15 * MB
"""What comes with the first task of functions, which need no reader of images."""
IMAGES = {"digits": 1797, "omniglot": 32_460, "mnist": 70_000, "fashion_mnist": 70_000, "kmnist": 70_000, "emnist": 131_600}
"""Images of the sources whose number is known."""
COPIES, TASKS = 8.0, 3.0
"""How often the network is there (its gradient, Adam's moments, a checkpoint on its way to the disk), and a meta-batch."""


@dataclass(frozen=True)
class _Factors:
    """What was measured of a kind of network.

    Attributes:
        libraries: bytes that torch's kernels and a source's reader bring along with the first task.
        step: how often the activations of an inner step are there, for each step that the outer gradient goes through.
        query: how often those of the queries are there.
        queries: the same with several tasks side by side, which a grouped convolution copies into another layout.
    """

    libraries: int
    step: float
    query: float
    queries: float


CONVOLUTIONS = _Factors(110 * MB, 2.1, 1.6, 2.9)
TUTORIAL = _Factors(110 * MB, 1.3, 1.4, 1.4)
DENSE = _Factors(80 * MB, 1.3, 1.4, 1.4)
RECURRENT = _Factors(80 * MB, 8.5, 1.1, 1.1)
"""A recurrent layer is many small operations, each of which keeps its own."""
SEVERAL_THREADS, SINGLE_TASKS = 1.3, 1.7
"""How much more several threads take than one, as their buffers come and go between one another's; and where each has a single task."""
UNROLLED_WEIGHTS, FLAT_WEIGHTS, TRIED_WEIGHTS = 2.3, 1.9, 3.2
"""How often a task's weights are there at each inner step: in training, and when it is tried."""


@dataclass(frozen=True)
class Estimate:
    """Bytes that a run will take.

    Attributes:
        parts: bytes by what they are for, each with the fields that make it smaller.
        flat: whether the outer gradient is made one inner step at a time.
        whole: False where a module of the user's own is not counted.
    """

    parts: tuple[tuple[int, tuple[str, ...]], ...]
    flat: bool = False
    whole: bool = True

    @property
    def total(self) -> int:
        """All of it."""
        return sum(size for size, _ in self.parts)

    @property
    def fields(self) -> tuple[str, ...]:
        """The settings to make smaller, for the largest part."""
        return max(self.parts)[1]

    @property
    def sentence(self) -> str:
        """For the form: ``needs about 310 MB``."""
        return f"needs {'about' if self.whole else 'at least'} {readable(self.total)}"


def readable(size: int) -> str:
    """Bytes as people write them, to two digits: 310 MB, 4.2 GB."""
    if size < GB:
        return f"{max(10, round(size / MB, -1)):.0f} MB"
    return f"{size / GB:.1f} GB" if size < 10 * GB else f"{size / GB:,.0f} GB"


def available() -> int:
    """Bytes of memory that are free on this machine."""
    return int(psutil.virtual_memory().available)


def estimate(experiment: Experiment, free: int | None = None) -> Estimate:
    """What training and its validation will take; well under a millisecond.

    Args:
        experiment: the settings.
        free: bytes that are free, by which ``training.memory = "auto"`` decides; those of this machine if None.
    """
    return _estimate(experiment, flat=goes_flat(experiment, free))


def goes_flat(experiment: Experiment, free: int | None = None) -> bool:
    """Whether the outer gradient is made one inner step at a time: as set, or where all at once would take half of what is free.

    Args:
        experiment: the settings.
        free: bytes that are free; those of this machine if None.
    """
    if experiment.training.memory != "auto" or not isinstance(experiment.algorithm, Unrolled):
        return experiment.training.memory == "flat"
    unrolled = _estimate(experiment, flat=False).total
    return unrolled > (available() if free is None else free) / 2 and _estimate(experiment, flat=True).total < unrolled


def refusal(experiment: Experiment, free: int | None = None) -> Problem | None:
    """Why a run would not fit into memory, with the fields to make smaller; None where it fits.

    Args:
        experiment: the settings.
        free: bytes that are free; those of this machine if None. On a GPU only it knows, and it says so itself.
    """
    if experiment.training.device in ("cuda", "mps"):
        return None
    free = available() if free is None else free
    found = estimate(experiment, free)
    if found.total <= free:
        return None
    first, *others = found.fields
    also = f" (or {', '.join(others)})" if others else ""
    return Problem(first, f"should be smaller{also}: this {found.sentence} of memory, and this machine has {readable(free)} free")


def check_memory(experiment: Experiment, free: int | None = None) -> None:
    """Refuse what would not fit, before anything is built.

    Raises:
        SpecError: naming the fields to make smaller.
    """
    if problem := refusal(experiment, free):
        raise SpecError([problem])


def _estimate(experiment: Experiment, *, flat: bool) -> Estimate:
    shape = example_shape(experiment)
    task = _largest_task(experiment)
    size = network_size(experiment.model, shape, outputs(task))
    sizes = _model_fields(experiment)
    data = _images(experiment) * (4 * prod(shape) if experiment.model.reads_strokes else prod(shape))
    tasks = TASKS * experiment.training.meta_batch * _classes(task) * (task.shot + task.query) * 4 * prod(shape)
    parts = [
        (SINES if experiment.data.regression else _factors(experiment).libraries, ()),
        (data, ("data.classes", "data.instances") if isinstance(experiment.data, Glyphs) else ("data.source",)),
        (int(tasks), ("training.meta_batch", *_task_fields(task))),
    ]
    if size is not None:
        learned = 2 if experiment.algorithm.name == "meta_sgd" else 1
        parts.append((int(COPIES * 4 * size.parameters * learned), sizes))
        training, validation = _training(experiment, task, size, flat=flat), _validation(experiment, size)
        parts += training if _bytes(training) >= _bytes(validation) else validation
    return Estimate(tuple(parts), flat, size is not None)


def _bytes(parts: list[tuple[int, tuple[str, ...]]]) -> int:
    return sum(size for size, _ in parts)


def _training(experiment: Experiment, task: TaskSettings, size: NetworkSize, *, flat: bool) -> list[tuple[int, tuple[str, ...]]]:
    """The chunks of tasks under way in training."""
    algorithm, sizes = experiment.algorithm, _model_fields(experiment)
    steps = getattr(algorithm, "inner_steps", 0)
    support, query = _classes(task) * task.shot, _classes(task) * task.query
    if algorithm.pools_tasks:
        everything = experiment.training.meta_batch * (support + query) * size.kept_bytes
        return [(int(2 * everything), ("training.meta_batch", *_task_fields(task), *sizes))]
    tasks, chunks = _under_way(experiment, task, size)
    factors = _factors(experiment)
    if algorithm.name == "reptile":
        support, query = min(support, algorithm.batch), 0  # it learns from minibatches, and not from the queries
    second_order = isinstance(algorithm, Unrolled) or algorithm.name == "imaml"
    through_all = isinstance(algorithm, Unrolled) and not flat and algorithm.name != "anil"
    passes = (max(1, steps) if through_all else 1) * factors.step + 1 if second_order else 2
    spread = 1 if chunks == 1 else SEVERAL_THREADS if tasks > chunks else SINGLE_TASKS
    activations = spread * tasks * support * size.kept_bytes * passes
    with_support = not experiment.training.transductive and experiment.model.batch_norm
    often = factors.queries if tasks > chunks else factors.query
    queries = spread * often * tasks * (query + support * with_support) * size.kept_bytes
    if isinstance(algorithm, Unrolled) and through_all and algorithm.multi_step:
        queries *= max(1, steps)  # the query loss after every step counts
    copies = 5 if algorithm.name in ("imaml", "reptile") else 1  # moments, or the vectors of conjugate gradients
    per_step = UNROLLED_WEIGHTS if through_all else FLAT_WEIGHTS
    weights = 4 * tasks * (per_step * _moving(experiment, size) * (steps + copies) + size.parameters)
    by_steps = _first("algorithm.inner_steps", steps)
    return [
        (int(activations), by_steps((*_task_fields(task)[:2], *sizes))),
        (int(queries), ("task.query", *sizes)),
        (int(weights), by_steps(sizes)),
    ]


def _validation(experiment: Experiment, size: NetworkSize) -> list[tuple[int, tuple[str, ...]]]:
    """The chunks of tasks under way in validation, where only weights are kept of each step."""
    task, sizes = experiment.task, _model_fields(experiment)
    steps = experiment.evaluation.inner_steps if experiment.algorithm.name != "protonet" else 0
    tasks = min(_under_way(experiment, task, size)[0], experiment.evaluation.tasks)
    support, query = _classes(task) * task.shot, _classes(task) * task.query
    activations = tasks * (2 * support * size.kept_bytes + 4 * 3 * query * size.widest)
    weights = 4 * tasks * (TRIED_WEIGHTS * _moving(experiment, size) * steps + 2 * size.parameters)
    return [(int(activations), (*_task_fields(task), *sizes)), (int(weights), _first("evaluation.inner_steps", steps)(sizes))]


def _factors(experiment: Experiment) -> _Factors:
    match experiment.model:
        case Conv4():
            return CONVOLUTIONS
        case TutorialCnn():
            return TUTORIAL
        case Recurrent():
            return RECURRENT
    return DENSE


def _first(field: str, steps: int) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """The number of inner steps before the other fields where it is large, which then makes the most difference."""
    return lambda others: (field, *others) if steps > MANY_STEPS else others


def _under_way(experiment: Experiment, task: TaskSettings, size: NetworkSize) -> tuple[int, int]:
    """Tasks that are worked on at once, and in how many chunks."""
    kept = max(1, size.kept)
    chunks = chunks_at_once(experiment, usable_cores(), kept)
    return min(experiment.training.meta_batch, chunks * side_by_side(experiment, task, kept, chunks)), chunks


def _moving(experiment: Experiment, size: NetworkSize) -> int:
    """Weights that the inner loop moves."""
    match experiment.algorithm.name:
        case "anil":
            return size.head
        case "boil":
            return size.parameters - size.head
        case "cavia":
            return getattr(experiment.model, "context", 0)
        case "protonet":
            return 0
    return size.parameters


def _largest_task(experiment: Experiment) -> TaskSettings:
    task, training = experiment.task, experiment.training
    changes = {"shot": max(task.shot, training.vary_shot, experiment.algorithm.shots_in_training)}
    if isinstance(task, NWay):
        changes["way"] = max(task.way, training.vary_way)
    return task.model_copy(update=changes)


def _classes(task: TaskSettings) -> int:
    return task.way if isinstance(task, NWay) else 1 if task.regression else 2


def _images(experiment: Experiment) -> int:
    data = experiment.data
    if isinstance(data, Glyphs):
        return data.classes * data.instances
    # What a folder holds is known when it is read.
    return 0 if isinstance(data, Folder | Drawn) else IMAGES.get(data.source, 0)


def _task_fields(task: TaskSettings) -> tuple[str, ...]:
    return ("task.way", "task.shot", "task.query") if isinstance(task, NWay) else ("task.shot", "task.query")


def _model_fields(experiment: Experiment) -> tuple[str, ...]:
    match experiment.model:
        case Conv4():
            return ("model.width",)
        case Mlp() | Recurrent():
            return ("model.hidden",)
    return ("model.name",)
