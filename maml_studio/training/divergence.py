"""Notices that the numbers run away, before they do harm."""

import math
from typing import Any

from ..spec import Experiment

EXPLODED = 1000.0
"""A loss this many times the first one, for several steps in a row, does not come back."""
EXPLODED_STEPS = 10


class DivergedError(Exception):
    """The numbers ran away; its text says what to try."""


def check_step(experiment: Experiment, progress: dict[str, Any], iteration: int, query_loss: float, norm: float) -> None:
    """Look at an outer step before it is taken.

    Args:
        experiment: whose rates the advice names.
        progress: the run's plain values; ``first_loss`` and ``exploded`` are kept up to date.
        iteration: of the step, from 1.
        query_loss: of its meta-batch.
        norm: of its outer gradient.

    Raises:
        DivergedError: when it would only do harm.
    """
    if not math.isfinite(query_loss) or not math.isfinite(norm):
        what = "query loss" if not math.isfinite(query_loss) else "outer gradient"
        raise DivergedError(f"The {what} was no longer a number at iteration {iteration}: {_advice(experiment)}")
    first = progress["first_loss"]
    if first is None:
        progress["first_loss"] = first = max(query_loss, 1.0)
    progress["exploded"] = progress["exploded"] + 1 if query_loss > EXPLODED * first else 0
    if progress["exploded"] >= EXPLODED_STEPS:
        raise DivergedError(f"The query loss had grown to {query_loss:.3g} by iteration {iteration}: {_advice(experiment)}")


def _advice(experiment: Experiment) -> str:
    rate = getattr(experiment.algorithm, "inner_lr", None)
    inner = "" if rate is None else f"inner rate (now {rate:g}), a smaller "
    return f"try a smaller {inner}outer rate (now {experiment.training.outer_lr:g}) or training.clip = 10; the last good checkpoint is kept"
