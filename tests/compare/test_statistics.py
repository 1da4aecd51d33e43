"""The paired test against scipy, against counting by hand, and against chance."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from maml_studio.compare.statistics import holm, p_words, paired, randomisation_p


def scores(generator: np.random.Generator, tasks: int, queries: int, skill: float) -> np.ndarray:
    """Accuracies of tasks that are hard and easy for everybody."""
    hard = generator.normal(size=tasks)
    return generator.binomial(queries, 1 / (1 + np.exp(-skill - hard))) / queries


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_share_of_all_signs(seed: int) -> None:
    generator = np.random.default_rng(seed)
    differences = generator.integers(-5, 6, 11) / 5
    sums = [abs(np.dot(signs, differences)) for signs in itertools.product((-1, 1), repeat=11)]
    share = np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9)
    assert randomisation_p(differences, 0.2) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("kind", ["accuracies", "errors"])
def test_it_is_scipys_permutation_test(kind: str) -> None:
    generator = np.random.default_rng(3)
    if kind == "accuracies":
        first, second = scores(generator, 12, 25, 1.0), scores(generator, 12, 25, 1.8)
    else:
        first, second = generator.lognormal(size=12), generator.lognormal(0.4, size=12)
    exact = stats.permutation_test((first, second), lambda a, b, axis: (a - b).mean(axis), permutation_type="samples", n_resamples=np.inf)
    tolerance = 1e-12 if kind == "accuracies" else 0.002
    assert paired(first, second, 0.04 if kind == "accuracies" else 0.0).p == pytest.approx(exact.pvalue, abs=tolerance)


def test_the_interval_is_scipys() -> None:
    generator = np.random.default_rng(0)
    first, second = scores(generator, 600, 25, 1.5), scores(generator, 600, 25, 1.3)
    found = paired(first, second, 0.04)
    interval = stats.ttest_rel(first, second).confidence_interval(0.95)
    assert found.half == pytest.approx((interval.high - interval.low) / 2, rel=0.005)
    assert found.mean == pytest.approx((interval.high + interval.low) / 2)
    # With hundreds of tasks that differ, the t-test says the same.
    assert found.p == pytest.approx(stats.ttest_rel(first, second).pvalue, rel=0.1)


def test_near_the_ceiling_a_handful_of_tasks_proves_nothing() -> None:
    """Four of 600 tasks differ, all in one direction: one in eight by chance, while a t-test calls it significant."""
    first, second = np.ones(600), np.ones(600)
    second[:4] -= 0.04
    assert paired(first, second, 0.04).p == pytest.approx(2 / 2**4)
    assert stats.ttest_rel(first, second).pvalue < 0.05


def test_equal_and_far_apart() -> None:
    same = np.linspace(0, 1, 20)
    assert (paired(same, same).mean, paired(same, same).half, paired(same, same).p) == (0.0, 0.0, 1.0)
    apart = paired(same + 1, same, 0.0)
    assert (apart.mean, apart.half) == pytest.approx((1.0, 0.0))
    assert apart.p == pytest.approx(2 / 2**20)
    assert paired(np.ones(5000), np.zeros(5000), 0.04).p == 0.0


def test_turned_round_it_says_the_same() -> None:
    generator = np.random.default_rng(1)
    first, second = generator.lognormal(size=100), generator.lognormal(size=100)
    one, other = paired(first, second), paired(second, first)
    assert (one.mean, one.p) == (-other.mean, other.p)


@pytest.mark.parametrize(
    ("first", "second"), [([1.0], [0.5]), ([1.0, 2.0], [1.0, 2.0, 3.0]), ([1.0, math.nan], [0.0, 0.0]), ([1.0, math.inf], [0.0, 0.0])]
)
def test_what_cannot_be_paired_is_refused(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="broadcast" if len(first) != len(second) else "two rows of numbers"):
        paired(first, second)


def test_holm_by_hand() -> None:
    """Holm 1979: the smallest times 4, the next times 3, and never below the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.02]) == [0.02]


@pytest.mark.parametrize(("p", "words"), [(0.0, "p < 0.001"), (0.0012, "p = 0.001"), (0.049, "p = 0.049"), (0.3, "p = 0.30")])
def test_p_in_words(p: float, words: str) -> None:
    assert p_words(p) == words


@pytest.mark.parametrize(("skill", "tasks"), [(1.5, 600), (5.0, 600), (1.5, 20)])
def test_false_positives_are_no_more_than_five_in_a_hundred(skill: float, tasks: int) -> None:
    """Two runs of the same skill on the same tasks, 400 times; the bound is 5% and three standard errors."""
    generator = np.random.default_rng(7)
    found = 0
    for _ in range(400):
        hard = generator.normal(size=tasks)
        chance = 1 / (1 + np.exp(-skill - hard))
        first, second = (generator.binomial(25, chance) / 25 for _ in range(2))
        found += paired(first, second, 0.04).p < 0.05
    assert found / 400 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_a_real_difference_is_found() -> None:
    generator = np.random.default_rng(8)
    hard = generator.normal(size=600)
    first, second = (generator.binomial(25, 1 / (1 + np.exp(-skill - hard))) / 25 for skill in (1.7, 1.5))
    found = paired(first, second, 0.04)
    assert found.p < 0.01
    assert found.mean > found.half
