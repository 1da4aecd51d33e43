"""Is one run better than another? Scores of the same tasks, pair by pair.

**Paired**, because both runs are tried on the same tasks: how hard a task is falls out of the difference, which leaves a far narrower
interval than two accuracies with an interval each (Dror et al., "The Hitchhiker's Guide to Testing Statistical Significance in NLP",
ACL 2018, section 3).

**The test is the paired randomisation test on the mean difference** (Fisher, "The Design of Experiments", 1935, section 21; Pitman 1937):
if two runs were equally good, each task's difference could as well have had the other sign; the p-value is the share of all 2^n choices
of signs whose mean is at least as far from zero as the one that was seen. It is exact for any number of tasks and any shape of scores, and
asks about the mean, the figure that is reported. Wilcoxon's signed-rank test asks about another one: in a simulation with equal means and
skewed differences it called 88 of 100 comparisons significant, this test and the t-test 5. The t-test goes wrong where it matters here:
near 100% only a handful of 600 tasks differ at all, and four tasks that all point one way would be p = 0.046 to it, where signs alone do
that with probability 0.125. Smucker, Allan and Carterette (CIKM 2007) found randomisation, bootstrap and t-test alike otherwise, and
Wilcoxon's test apart. All signs at once are counted, not sampled, by the shift algorithm (Pagano and Tritchler, JASA 1983,
"On Obtaining Permutation Distributions in Polynomial Time"), so that the same scores give the same p-value each time.

**Several pairs** are corrected by Holm's step-down method ("A Simple Sequentially Rejective Multiple Test Procedure", 1979): the chance
that any of the differences called significant is none stays below 5%, whatever depends on what.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

LEVEL = 0.05
GRID = 1 << 15
"""The differences' sum is counted in at most so many steps; that is finer than the noise of any score."""


@dataclass(frozen=True)
class Paired:
    """A difference over the same tasks.

    Attributes:
        mean: of the differences, the first minus the second.
        half: half width of its 95% interval, 1.96 σ/√n as of every mean here.
        p: two-sided, of the paired randomisation test.
        tasks: how many.
    """

    mean: float
    half: float
    p: float
    tasks: int


def paired(first: Sequence[float] | Values, second: Sequence[float] | Values, unit: float = 0.0) -> Paired:
    """Compare two runs over the same tasks.

    Args:
        first: the one's score of each task ``[tasks]``.
        second: the other's.
        unit: of which every score is a multiple, as an accuracy is of one over the queries; 0: of none.

    Raises:
        ValueError: when the two are not rows of one length with at least two tasks, or not all are numbers.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    if differences.ndim != 1 or len(differences) < 2 or not np.isfinite(differences).all():
        raise ValueError(f"scores to pair should be two rows of numbers, at least two each, not of shape {differences.shape}")
    deviation = differences.std(ddof=1)
    half = 1.96 * deviation / math.sqrt(len(differences))
    return Paired(float(differences.mean()), float(half), randomisation_p(differences, unit), len(differences))


def randomisation_p(differences: Values, unit: float = 0.0) -> float:
    """The two-sided p-value of the paired randomisation test: all choices of signs, none of them sampled.

    Args:
        differences: of the same tasks ``[tasks]``.
        unit: see :func:`paired`; 0, or one that leads to more than :data:`GRID` steps: the differences are rounded to a grid.
    """
    sizes = np.abs(differences)
    unit = max(unit, sizes.sum() / GRID)
    if unit == 0:
        return 1.0
    steps = np.rint(sizes / unit).astype(int)
    seen = abs(int(np.rint(differences / unit).sum()))
    # The probability of every sum of the steps that got a plus; a step that is added shifts it.
    mass = np.zeros(steps.sum() + 1)
    mass[0] = 1.0
    reach = 0
    for step in np.sort(steps[steps > 0]):
        mass[: reach + 1] *= 0.5
        mass[step : reach + step + 1] += mass[: reach + 1].copy()
        reach += step
    # Plus minus the rest is at least as large as what was seen; both ends are alike.
    above = mass[math.ceil((reach + seen) / 2) :].sum()
    return float(min(1.0, 2 * above))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: below 0.05 where the difference is significant at 5% among all of them."""
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return [float(value) for value in adjusted]


def p_words(p: float) -> str:
    """A p-value as papers write it."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"
