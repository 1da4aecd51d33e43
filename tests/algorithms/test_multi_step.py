"""Weights of the multi-step loss (Antoniou 2019, 1810.09502, section 4)."""

from itertools import pairwise

import pytest
from algorithm_cases import assert_same_gradient, learner, meta_of, random_tasks, with_algorithm

from maml_studio.algorithms import ALGORITHMS
from maml_studio.spec import TABLES

MULTI = [name for name in ALGORITHMS if "multi_step" in TABLES["algorithm"][name].model_fields]


@pytest.mark.parametrize("steps", [2, 3, 5, 10])
@pytest.mark.parametrize("name", MULTI)
def test_weights(name: str, steps: int) -> None:
    """They sum to one at every iteration, all alike at first; none falls below 0.03/K before the end; then only the last counts."""
    until = 40
    algorithm = with_algorithm(name, learner("mlp-context"), multi_step=until, inner_steps=steps)
    rows = [algorithm.step_weights(iteration, steps) for iteration in range(until + 3)]
    for row in rows:
        assert len(row) == steps + 1
        assert sum(row) == pytest.approx(1, abs=1e-12)
        assert row[0] == 0
    assert rows[0][1:] == pytest.approx([1 / steps] * steps, rel=1e-12)
    for iteration, row in enumerate(rows[:until]):
        assert row[1:-1] == pytest.approx([max(1 / steps - iteration / (steps * until), 0.03 / steps)] * (steps - 1), rel=1e-12)
        assert row[-1] >= 1 / steps - 1e-12
    assert min(rows[until - 1][1:-1]) == pytest.approx(0.03 / steps)
    assert all(later[-1] >= earlier[-1] for earlier, later in pairwise(rows))
    assert all(row == [0.0] * steps + [1.0] for row in rows[until:])


@pytest.mark.parametrize("steps", [0, 1])
def test_no_choice_with_one_step(steps: int) -> None:
    algorithm = with_algorithm("maml", learner("mlp-tanh"), multi_step=100, inner_steps=steps)
    assert algorithm.step_weights(3, steps) == [0.0] * steps + [1.0]


@pytest.mark.parametrize("name", MULTI)
def test_the_gradient_is_the_weighted_sum(name: str) -> None:
    """Of what the same algorithm with fewer steps gives, each by its last loss alone."""
    network = "mlp-context"
    episodes, total = random_tasks(network), {}
    whole = with_algorithm(name, learner(network), multi_step=20, inner_steps=3)
    meta = meta_of(whole)
    for steps, weight in enumerate(whole.step_weights(6, 3)):
        if weight:
            part = with_algorithm(name, learner(network), multi_step=0, inner_steps=steps)
            gradient = part.outer_gradient(meta, episodes, transductive=True).gradient
            total = {key: total.get(key, 0) + weight * value for key, value in gradient.items()}
    assert_same_gradient(whole.outer_gradient(meta, episodes, transductive=True, iteration=6).gradient, total, 1e-11)
