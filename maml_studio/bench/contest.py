"""Times several ways of doing the same thing in turns, so that what else the machine does meets all of them alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch


@dataclass(frozen=True)
class Contestant:
    """One way of doing it.

    Attributes:
        name: in the result.
        run: does it once.
        threads: torch threads that it does it with.
    """

    name: str
    run: Callable[[], object]
    threads: int


def in_turns(contestants: Sequence[Contestant], *, seconds: float, rounds: int, device: torch.device) -> dict[str, list[float]]:
    """Run all of them again and again, every second time in the opposite order (A B B A), after one run each that doesn't count.

    Args:
        contestants: who takes part.
        seconds: no further pair of rounds begins after that.
        rounds: at least so many, time or not; an even number.
        device: waited for, where it works on its own.

    Returns:
        Seconds of every run by the contestant's name.
    """
    threads = torch.get_num_threads()
    times: dict[str, list[float]] = {one.name: [] for one in contestants}
    try:
        for one in contestants:
            _timed(one, device)
        began, done = time.perf_counter(), 0
        while done < rounds or done % 2 or time.perf_counter() - began < seconds:
            for one in contestants if done % 2 == 0 else reversed(contestants):
                times[one.name].append(_timed(one, device))
            done += 1
    finally:
        torch.set_num_threads(threads)
    return times


def best(times: dict[str, list[float]], names: Sequence[str]) -> str:
    """Whose median is the smallest."""
    return min(names, key=lambda name: median(times[name]))


def _timed(contestant: Contestant, device: torch.device) -> float:
    torch.set_num_threads(contestant.threads)
    _wait_for(device)
    began = time.perf_counter()
    contestant.run()
    _wait_for(device)
    return time.perf_counter() - began


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
