"""One workload: the engine and the plain loop in turns, their gradients compared, and the limit that the convolutions set."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor

from ..algorithms import build_algorithm
from ..algorithms.recursion import outer_gradient_of
from ..data import Episodes
from ..models import build_for
from ..training.chunks import chunk_size, usable_cores
from ..training.machine import free_memory
from ..training.memory import goes_flat
from ..training.workers import Workers, workers_for
from .contest import Contestant, best, in_turns
from .convolutions import convolutions_of
from .plain import loop_gradient
from .workloads import Workload

CHECKED_TASKS = 2
"""Tasks whose gradients are compared in float64, which is slow; more than one, so that they walk side by side."""
LIMIT_SHARE = 4
"""The convolutions alone are timed for so small a part of the meta-batch; they are the same for every task."""
Gradient = Mapping[str, Tensor]


@dataclass(frozen=True)
class Row:
    """What was measured of one workload.

    Attributes:
        workload: its name.
        tasks_per_s: of the engine.
        ratio_to_loop: the loop's time over the engine's, of medians.
        gradient_error: largest difference to the loop's gradient in float64, as a share of its largest entry.
        loop_tasks_per_s: of the plain loop, in its best mode.
        loop_threads: the threads of that mode.
        limit: ``ratio_to_loop`` if the loop's convolutions were all that takes time, in their best mode, several threads at once too.
        share_of_limit: how much of the limit is reached.
        rounds: how often each was timed.
    """

    workload: str
    tasks_per_s: float
    ratio_to_loop: float
    gradient_error: float
    loop_tasks_per_s: float
    loop_threads: int
    limit: float
    share_of_limit: float
    rounds: int

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def measure(workload: Workload, device: torch.device, *, seconds: float, rounds: int) -> Row:
    """Compare, then time in turns.

    Args:
        workload: what to do.
        device: where.
        seconds: for the timing, about.
        rounds: at least so many, an even number.
    """
    error = difference(*(make(workload, torch.float64, _exact(device), CHECKED_TASKS)() for make in (engine, loop)))
    run_loop = loop(workload, torch.float32, device)
    sampled = max(1, workload.tasks // LIMIT_SHARE)
    convolutions = convolutions_of(loop(workload, torch.float32, device, sampled))
    modes = thread_modes(device)
    together, none = Workers(workers_for(workload.experiment, device)), workload.episodes(torch.float32, 1)
    contestants = [
        Contestant("engine", engine(workload, torch.float32, device), modes[-1]),
        *(Contestant(f"loop {threads}", run_loop, threads) for threads in modes),
        *(Contestant(f"convolutions {threads}", convolutions, threads) for threads in modes),
        Contestant("convolutions together", lambda: together.each([none] * together.count, lambda _: convolutions(), lambda _: None), 1),
    ]
    times = in_turns(contestants, seconds=seconds, rounds=rounds, device=device)
    together.close()
    # As many shares were done in that time as there are threads.
    times["convolutions together"] = [seconds / together.count for seconds in times["convolutions together"]]
    return row_of(workload, times, error, sampled)


def row_of(workload: Workload, times: dict[str, list[float]], error: float, sampled: int) -> Row:
    """What the times say.

    Args:
        workload: what was done.
        times: seconds of ``engine``, ``loop N`` and ``convolutions N`` with N threads.
        error: the gradient's.
        sampled: for how many tasks the convolutions were timed.
    """
    loops, limits = ([name for name in times if name.startswith(kind)] for kind in ("loop", "convolutions"))
    fastest = best(times, loops)
    ours, theirs = median(times["engine"]), median(times[fastest])
    least = median(times[best(times, limits)]) * workload.tasks / sampled
    return Row(
        workload=workload.name,
        tasks_per_s=workload.tasks / ours,
        ratio_to_loop=theirs / ours,
        gradient_error=error,
        loop_tasks_per_s=workload.tasks / theirs,
        loop_threads=int(fastest.split()[1]),
        limit=theirs / least,
        share_of_limit=least / ours,
        rounds=len(times["engine"]),
    )


def engine(workload: Workload, dtype: torch.dtype, device: torch.device, tasks: int | None = None) -> Callable[[], Gradient]:
    """The outer gradient as training makes it, chunk by chunk, as many at once as there are cores."""
    experiment = workload.experiment
    algorithm = build_algorithm(experiment, build_for(experiment).to(device, dtype))
    meta = {name: value.to(device).requires_grad_() for name, value in workload.start(dtype).items()}
    episodes = workload.episodes(dtype, tasks).to(device)
    workers = Workers(workers_for(experiment, device))
    chunks = list(episodes.chunks(chunk_size(experiment, workers=workers.count)))
    outer_gradient = outer_gradient_of(algorithm, flat=goes_flat(experiment, free_memory(device)))

    def run() -> Gradient:
        total = {name: torch.zeros_like(value) for name, value in meta.items()}

        def work(chunk: Episodes) -> tuple[Gradient, int]:
            return outer_gradient(meta, chunk, transductive=True).gradient, len(chunk)

        def take(result: tuple[Gradient, int]) -> None:
            for name, value in result[0].items():
                total[name] += value * (result[1] / len(episodes))

        workers.each(chunks, work, take)
        return total

    return run


def loop(workload: Workload, dtype: torch.dtype, device: torch.device, tasks: int | None = None) -> Callable[[], Gradient]:
    """The plain loop over the same tasks from the same weights."""
    start = {name: value.to(device) for name, value in workload.start(dtype).items()}
    one_by_one = separate(workload.episodes(dtype, tasks).to(device))
    return lambda: loop_gradient(workload.name, start, one_by_one, workload.inner_lr, workload.inner_steps)


def separate(episodes: Episodes) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Task by task: support images and labels, query images and labels."""
    return list(zip(episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y, strict=True))


def difference(found: Gradient, right: Gradient) -> float:
    """Largest difference between two gradients, as a share of the largest entry of the second."""
    largest = torch.stack([value.abs().max() for value in right.values()]).max()
    # Torch's max, unlike Python's, lets no NaN go unseen.
    return float(torch.stack([(found[name] - value).abs().max() for name, value in right.items()]).max() / largest)


def thread_modes(device: torch.device) -> list[int]:
    """Numbers of threads worth trying: one, two, and every core; on a GPU they make no difference."""
    cores = usable_cores()
    return sorted({1, min(2, cores), cores}) if device.type == "cpu" else [cores]


def _exact(device: torch.device) -> torch.device:
    """Where float64 is to be had: Apple's GPUs have none."""
    return torch.device("cpu") if device.type == "mps" else device
