"""The same test tasks under several conditions: from the trained and from the random start, transductive and not."""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from threading import Lock

import torch
from torch import Tensor, nn

from ..algorithms import Algorithm, Params
from ..data import Cancelled, Episodes, Sampler
from ..spec import Experiment
from .chunks import chunk_size
from .evaluation import TaskScores, draw_tasks, norm_mode, score_path
from .workers import Workers, workers_for

TRAINED, RANDOM = "trained", "random start"
WORST = 8
"""So many of the worst tasks are kept whole, to be looked at."""


@dataclass(frozen=True)
class Condition:
    """One way to try a model.

    Attributes:
        start: where its tasks begin, ``trained`` or ``random start``.
        transductive: where a query's batch-norm statistics come from.
    """

    start: str
    transductive: bool


@dataclass(frozen=True)
class KeptTask:
    """A task to be looked at.

    Attributes:
        number: which of the tasks it was.
        episodes: the task itself, one in the batch.
        answers: what its queries were answered at every point of the inner loop, ``[points, queries]``.
    """

    number: int
    episodes: Episodes
    answers: Tensor


@dataclass(frozen=True)
class Outcome:
    """What a condition brought.

    Attributes:
        condition: which.
        scores: of every task at every point of the inner loop.
        worst: the tasks that went worst at the last point, the worst first.
    """

    condition: Condition
    scores: TaskScores
    worst: tuple[KeptTask, ...]


@dataclass(frozen=True)
class Comparison:
    """All conditions on the same tasks.

    Attributes:
        outcomes: one per condition.
        classes: ``[tasks, way]``, see :class:`Episodes`.
        query_y: ``[tasks, queries]`` labels, or ``[tasks, queries, 1]`` values.
    """

    outcomes: tuple[Outcome, ...]
    classes: Tensor
    query_y: Tensor


def conditions_of(experiment: Experiment, *, both_modes: bool, random_start: bool) -> tuple[Condition, ...]:
    """The conditions worth trying: the experiment's own norm mode first, the other one only where it makes a difference."""
    own = experiment.evaluation.transductive
    differ = norm_mode(experiment, True) != norm_mode(experiment, False)
    modes = (own, not own) if both_modes and differ else (own,)
    starts = (TRAINED, RANDOM) if random_start else (TRAINED,)
    return tuple(Condition(start, mode) for start in starts for mode in modes)


def compare(
    algorithm: Algorithm,
    starts: Mapping[str, Params],
    sampler: Sampler,
    experiment: Experiment,
    conditions: Sequence[Condition],
    *,
    tasks: int,
    steps: int,
    seed: int,
    may_go_on: Callable[[int], bool] = lambda done: True,
) -> Comparison | None:
    """Try every condition on the same ``tasks`` tasks, the same ones for the same seed.

    The inner loop looks at the support set only, so the norm modes of one start share it.

    Args:
        algorithm: adapts.
        starts: meta-parameters by the name of the start.
        sampler: draws the tasks.
        experiment: whose task decides how many go side by side.
        conditions: what to try.
        tasks: how many.
        steps: inner steps; scores are taken before the first and after each.
        seed: draws the tasks.
        may_go_on: called with the number of tasks begun before each pass through the network, in any thread, never two at once; False
            gives up.

    Returns:
        The scores, or None when it was given up.
    """
    generator = torch.Generator().manual_seed(seed)
    device = algorithm.learner.device
    workers = Workers(workers_for(experiment, device))
    size = chunk_size(experiment, workers=workers.count)
    parts: dict[Condition, list[TaskScores]] = {condition: [] for condition in conditions}
    worst = {condition: _Worst() for condition in conditions}
    classes: list[Tensor] = []
    query_y: list[Tensor] = []
    begun = seen = 0

    def chunks() -> Iterator[Episodes]:
        nonlocal begun
        for begun in range(0, tasks, size):
            if not may_go_on(begun):
                raise Cancelled
            yield draw_tasks(sampler, min(size, tasks - begun), generator)

    def work(drawn: Episodes) -> tuple[Episodes, dict[Condition, TaskScores]]:
        episodes, scores = drawn.to(device), {}
        for start in dict.fromkeys(condition.start for condition in conditions):
            path = algorithm.adapt(starts[start], episodes, steps)
            for condition in (one for one in conditions if one.start == start):
                scores[condition] = score_path(algorithm, path, episodes, condition.transductive)
        return drawn, scores

    def take(result: tuple[Episodes, dict[Condition, TaskScores]]) -> None:
        nonlocal seen
        drawn, scores = result
        classes.append(drawn.classes)
        query_y.append(drawn.query_y)
        for condition in conditions:
            parts[condition].append(scores[condition])
            worst[condition].see(seen, drawn, scores[condition])
        seen += len(drawn)

    try:
        with _asking(algorithm.learner.module, lambda: may_go_on(begun)):
            workers.each(chunks(), work, take)
    except Cancelled:
        return None
    finally:
        workers.close()
    outcomes = tuple(Outcome(condition, TaskScores.joined(parts[condition]), worst[condition].tasks()) for condition in conditions)
    return Comparison(outcomes, torch.cat(classes), torch.cat(query_y))


@contextmanager
def _asking(module: nn.Module, may_go_on: Callable[[], bool]) -> Iterator[None]:
    """Ask before every pass through a network, and give up with :class:`Cancelled`.

    A chunk of tasks with many inner steps takes seconds, and somebody who cancels waits for an answer. Threads that begin later work
    with copies of the network, which ask as well; they do so one after another.
    """
    lock = Lock()

    def ask(*_: object) -> None:
        with lock:
            if not may_go_on():
                raise Cancelled

    handle = module.register_forward_pre_hook(ask)
    try:
        yield
    finally:
        handle.remove()


class _Worst:
    """Keeps the worst tasks of those that it has seen."""

    def __init__(self) -> None:
        self._kept: list[tuple[tuple[float, float, int], KeptTask]] = []

    def see(self, first: int, episodes: Episodes, scores: TaskScores) -> None:
        """Look at the next chunk of tasks, whose first one has this number."""
        assert scores.answers is not None
        # An accuracy first, the loss between equals; regression has the loss alone. What is no number any more is the worst.
        wrong = (1 - scores.accuracy[:, -1]).nan_to_num(0).tolist()
        losses = scores.query_loss[:, -1].nan_to_num(torch.inf).tolist()
        keys = [(*pair, -(first + task)) for task, pair in enumerate(zip(wrong, losses, strict=True))]
        enough = heapq.nlargest(WORST, [*keys, *(key for key, _ in self._kept)])[-1]
        for task, key in enumerate(keys):
            if key >= enough:
                # Clones: a slice would hold the whole chunk in memory.
                one = Episodes(*(getattr(episodes, field.name)[task : task + 1].clone() for field in fields(Episodes)))
                self._kept.append((key, KeptTask(first + task, one, scores.answers[task].clone())))
        self._kept = sorted((entry for entry in self._kept if entry[0] >= enough), key=lambda entry: entry[0], reverse=True)

    def tasks(self) -> tuple[KeptTask, ...]:
        """The worst, the very worst first."""
        return tuple(task for _, task in self._kept)
