"""What a run's ``report.json`` says of it, in short: the scores on its own test tasks, and under which conditions; free of torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .report_file import read_report


@dataclass(frozen=True)
class Measured:
    """One condition's scores.

    Attributes:
        start: ``trained`` or ``random start``.
        norm_mode: where a query's norm statistics came from.
        steps: for every inner step, from 0 on, its number, the mean, and the half width of its 95% interval.
    """

    start: str
    norm_mode: str
    steps: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True)
class ReportSummary:
    """An evaluation on a run's own test tasks.

    Attributes:
        iteration: outer steps that the model was trained for.
        part: which part of the source the tasks come from.
        tasks: how many.
        seed: draws them.
        results: one for each condition, the experiment's own norm mode first.
    """

    iteration: int
    part: str
    tasks: int
    seed: int
    results: tuple[Measured, ...]


def report_summary(folder: Path, iteration: int) -> ReportSummary | None:
    """The run's own report, if it is about the weights of that iteration; None where there is none that can be read."""
    raw = read_report(folder)
    try:
        found = ReportSummary(
            int(raw["iteration"]), str(raw["part"]), int(raw["tasks"]), int(raw["seed"]), tuple(map(_measured, raw["results"]))
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return found if found.iteration == iteration and found.results else None


def _measured(raw: Mapping[str, Any]) -> Measured:
    steps = tuple((int(one["step"]), float(one["mean"]), float(one["ci95"])) for one in raw["steps"])
    if not steps or not all(math.isfinite(number) for step in steps for number in step):
        raise ValueError
    return Measured(str(raw["start"]), str(raw["norm_mode"]), steps)
