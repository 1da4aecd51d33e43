"""The curves of a run as they lie over those of others, thinned to what a picture can show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..training.events import OuterStep, Validation, from_line
from ..training.run_index import METRICS

Values = npt.NDArray[np.float64]

POINTS = 400
"""A curve has at most so many points."""


@dataclass(frozen=True)
class Curve:
    """One quantity of a run.

    Attributes:
        iterations: outer steps done ``[points]``.
        seconds: spent training and validating by then, pauses left out ``[points]``.
        mean: the quantity ``[points]``.
        half: half width of its 95% interval, or its spread over several seeds ``[points]``; NaN where there is none.
    """

    iterations: Values
    seconds: Values
    mean: Values
    half: Values

    def __len__(self) -> int:
        """How many points."""
        return len(self.mean)

    def x(self, *, by_time: bool) -> Values:
        """Positions: iterations, or seconds."""
        return self.seconds if by_time else self.iterations


@dataclass(frozen=True)
class RunCurves:
    """What a run's ``metrics.jsonl`` says of its course.

    Attributes:
        outer: query loss of the training tasks after adaptation, as it is, a point for every outer step.
        validation: accuracy (0 to 1) or squared error of the validation tasks after adaptation, with its 95% interval.
        metric: of the validation, ``accuracy`` or ``mse``; empty where there is none.
        tasks: how many validation tasks.
        norm_mode: of the validation.
    """

    outer: Curve
    validation: Curve
    metric: str = ""
    tasks: int = 0
    norm_mode: str = ""


def read_curves(folder: Path) -> RunCurves:
    """The curves of a run folder, of one that trains too; an empty one where there is nothing to read yet.

    Raises:
        OSError: when its metrics can't be read.
    """
    outer: list[tuple[float, ...]] = []
    validations: list[tuple[float, ...]] = []
    last: Validation | None = None
    path = folder / METRICS
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                event = from_line(line)
                if isinstance(event, OuterStep):
                    outer.append((event.iteration, event.seconds, event.query_loss, math.nan))
                elif isinstance(event, Validation) and event.scores:
                    score, last = event.scores[-1], event
                    figures = (score.query_loss, score.query_loss_ci95) if score.accuracy is None else (score.accuracy, score.accuracy_ci95)
                    validations.append((event.iteration, event.seconds, *(math.nan if value is None else value for value in figures)))
    if last is None:
        return RunCurves(_curve(outer), _curve([]))
    metric = "mse" if last.scores[-1].accuracy is None else "accuracy"
    return RunCurves(_curve(outer), _curve(validations), metric, last.tasks, last.norm_mode)


def _curve(rows: Sequence[tuple[float, ...]]) -> Curve:
    return Curve(*(np.array(rows, np.float64) if rows else np.empty((0, 4))).T)


def thinned(curve: Curve, most: int = POINTS) -> Curve:
    """The curve with at most so many points, its first and last among them.

    For curves that were smoothed, which have no peaks that could be lost between them.
    """
    if len(curve) <= most:
        return curve
    keep = np.unique(np.linspace(0, len(curve) - 1, most).round().astype(int))
    return Curve(*(values[keep] for values in (curve.iterations, curve.seconds, curve.mean, curve.half)))


def mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean of several seeds' curves, and as its half width the standard deviation over them.

    Each is read off at the iterations of the one with most points, as far as all of them go; seconds are means too.
    """
    there = [curve for curve in curves if len(curve)]
    if len(there) < 2:
        return there[0] if there else _curve([])
    longest = max(there, key=len)
    low, high = max(curve.iterations[0] for curve in there), min(curve.iterations[-1] for curve in there)
    x = longest.iterations[(longest.iterations >= low) & (longest.iterations <= high)]
    means = np.array([np.interp(x, curve.iterations, curve.mean) for curve in there])
    seconds = np.mean([np.interp(x, curve.iterations, curve.seconds) for curve in there], axis=0)
    return Curve(x, seconds, means.mean(0), means.std(0, ddof=1))
