"""Linear regression, where inner loop and outer gradient have a closed form (quadratic losses)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from algorithm_cases import with_algorithm
from golden_quadratic import ALPHA, LEARNERS, SIZE, check_golden, power, quadratic_tasks, same, vector
from torch import Tensor

from maml_studio.algorithms import Learner
from maml_studio.data import Episodes


@pytest.mark.parametrize("path", LEARNERS)
@pytest.mark.parametrize(
    ("name", "steps"),
    [(name, steps) for name in ("maml", "fomaml", "meta_sgd", "mamlpp", "reptile") for steps in (0, 1, 3, 5) if steps or name != "mamlpp"]
    + [("imaml", 0), ("imaml", 400)],
)
def test_closed_form(name: str, steps: int, path: str) -> None:
    check_golden(name, steps, LEARNERS[path]())


@pytest.mark.parametrize("path", LEARNERS)
def test_reptile_with_one_full_step_is_a_gradient_step(path: str) -> None:
    """α g_s(θ): joint training on the support sets."""
    tasks = quadratic_tasks()
    learner = LEARNERS[path]()
    reptile = with_algorithm("reptile", learner, inner_lr=ALPHA, inner_steps=1, optimizer="sgd", batch=100)
    meta = reptile.meta_parameters()
    support = replace(tasks.episodes, query_x=tasks.episodes.query_x[:, :0], query_y=tasks.episodes.query_y[:, :0])
    joint = with_algorithm("joint", learner)
    ordinary = joint.outer_gradient(joint.meta_parameters(), support, transductive=True).gradient
    found = reptile.outer_gradient(meta, tasks.episodes, transductive=True).gradient
    same(vector(found), ALPHA * vector(ordinary))
    same(vector(found), ALPHA * (tasks.matrix_a @ (vector(meta).detach() - tasks.a)).mean(0))


def test_joint_training_is_the_ordinary_gradient() -> None:
    """Support and query sets of all tasks count by their numbers of examples."""
    tasks = quadratic_tasks()
    joint = with_algorithm("joint", LEARNERS["batched"]())
    meta = joint.meta_parameters()
    theta = vector(meta).detach()
    support, query = tasks.episodes.support_x.shape[1], tasks.episodes.query_x.shape[1]
    expected = support * tasks.matrix_a @ (theta - tasks.a) + query * tasks.matrix_b @ (theta - tasks.b)
    same(vector(joint.outer_gradient(meta, tasks.episodes, transductive=True).gradient), expected.mean(0) / (support + query))


@pytest.mark.parametrize("lam", [0.5, 2.0, 30.0])
def test_imaml_path_is_descent_on_the_regularised_loss(lam: float) -> None:
    """φ_j = φ* + (I − α(A + λ))^j (θ − φ*), with φ* = (A + λ)⁻¹(Aa + λθ)."""
    tasks = quadratic_tasks()
    algorithm = with_algorithm("imaml", LEARNERS["batched"](), inner_lr=0.02, inner_steps=7, tolerance=0.0, lam=lam)
    meta = algorithm.meta_parameters()
    theta, pulled = vector(meta).detach(), tasks.matrix_a + lam * torch.eye(SIZE)
    solved = torch.linalg.solve(pulled, tasks.matrix_a @ tasks.a + lam * theta)
    for j, point in enumerate(algorithm.adapt(meta, tasks.episodes, 7)):
        same(vector(point.params), solved + power(torch.eye(SIZE) - 0.02 * pulled, j) @ (theta - solved))


def test_imaml_tends_to_the_query_gradient_where_nothing_may_move() -> None:
    tasks = quadratic_tasks()
    errors = []
    for lam in (1e2, 1e4, 1e6):
        algorithm = with_algorithm("imaml", LEARNERS["batched"](), inner_lr=1 / lam, inner_steps=50, tolerance=0.0, lam=lam, cg_steps=SIZE)
        meta = algorithm.meta_parameters()
        expected = (tasks.matrix_b @ (vector(meta).detach() - tasks.b)).mean(0)
        found = vector(algorithm.outer_gradient(meta, tasks.episodes, transductive=True).gradient)
        errors.append(((found - expected).norm() / expected.norm()).item())
    assert errors[2] < 1e-4
    assert errors[0] > 30 * errors[1] > 900 * errors[2]


class LinearThenSquare(Learner):
    """Loss linear in the outputs where ``y`` is 1 (support), their square where it is 0 (query)."""

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (y * outputs + (1 - y) * outputs.square()).flatten(1).mean(1)


def both_gradients(learner: Learner, episodes: Episodes, rate: float) -> list[Tensor]:
    algorithms = (with_algorithm(name, learner, inner_lr=rate, inner_steps=3) for name in ("maml", "fomaml"))
    return [vector(algorithm.outer_gradient(algorithm.meta_parameters(), episodes, transductive=True).gradient) for algorithm in algorithms]


def test_first_order_is_exact_where_the_support_loss_is_linear() -> None:
    tasks = quadratic_tasks().episodes
    linear = replace(tasks, support_y=torch.ones_like(tasks.support_y), query_y=torch.zeros_like(tasks.query_y))
    second, first = both_gradients(LinearThenSquare(LEARNERS["batched"]().module, "mse"), linear, ALPHA)
    torch.testing.assert_close(first, second, rtol=1e-12, atol=0)
    assert second.abs().max() > 0.1


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS)
def test_first_order_is_exact_at_rate_zero_and_not_above(make: Callable[[], Learner]) -> None:
    tasks = quadratic_tasks().episodes
    second, first = both_gradients(make(), tasks, 0.0)
    torch.testing.assert_close(first, second, rtol=1e-12, atol=0)
    second, first = both_gradients(make(), tasks, ALPHA)
    assert not torch.allclose(first, second, rtol=1e-2)
