"""iMAML: its conjugate gradients against dense solves, on random matrices and on the true Hessian of a small tanh network."""

import pytest
import torch
from algorithm_cases import learner, meta_of, random_tasks, with_algorithm
from gradient_checks import tiny
from torch import Tensor
from torch.func import functional_call

from maml_studio.algorithms import Params
from maml_studio.algorithms.imaml import conjugate_gradients
from maml_studio.training.evaluation import TaskScores, score_tasks

SIZE = 6


def systems(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Three symmetric positive definite systems."""
    generator = torch.Generator().manual_seed(seed)
    root, right = (torch.randn(3, SIZE, n, generator=generator, dtype=torch.float64) for n in (SIZE, 1))
    return root @ root.mT + torch.eye(SIZE, dtype=torch.float64), right.squeeze(-1)


def product(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def test_solves_in_as_many_steps_as_unknowns() -> None:
    matrix, right = systems()
    solution, residual = conjugate_gradients(lambda vector: product(matrix, vector), right, SIZE)
    torch.testing.assert_close(solution, torch.linalg.solve(matrix, right), rtol=1e-8, atol=1e-10)
    assert residual.max() < 1e-8


@pytest.mark.parametrize("steps", range(1, SIZE + 3))
def test_the_residual_is_the_true_one_and_the_error_falls(steps: int) -> None:
    """The error in the matrix's own norm falls at every step (Hestenes and Stiefel 1952, theorem 6:3)."""
    matrix, right = systems()

    def solve(count: int) -> tuple[Tensor, Tensor]:
        return conjugate_gradients(lambda vector: product(matrix, vector), right, count)

    solution, residual = solve(steps)
    left = right - product(matrix, solution)
    torch.testing.assert_close(residual, left.norm(dim=1) / right.norm(dim=1), rtol=1e-4, atol=1e-10)
    truth = torch.linalg.solve(matrix, right)
    errors = [((x - truth) * product(matrix, x - truth)).sum(1) for x in (solve(steps - 1)[0], solution)]
    assert (errors[1] <= errors[0] + 1e-12).all()
    assert steps > SIZE or (errors[1] < errors[0]).all()


def test_solved_tasks_stay_solved_and_nothing_to_solve_is_zero() -> None:
    matrix, right = systems()
    matrix[1], right[2] = torch.eye(SIZE), 0
    solution, residual = conjugate_gradients(lambda vector: product(matrix, vector), right, 40)
    torch.testing.assert_close(solution, torch.linalg.solve(matrix, right), rtol=1e-8, atol=1e-10)
    assert torch.equal(solution[2], right[2])
    assert residual[2] == 0


def test_stops_for_good_where_the_matrix_bends_the_other_way() -> None:
    """A task with a negative curvature takes the best of what it has and of the right-hand side; the others go on."""
    matrix, right = systems()
    matrix[0], right[0] = torch.diag(torch.tensor([9.0, 4, 3, 2, 1, -1], dtype=torch.float64)), 1
    met = next(steps for steps in range(1, SIZE) if _direction_bends(matrix[0], right[0], steps))
    assert met == 3
    candidates = [right[0], *(conjugate_gradients(lambda v: product(matrix, v), right, steps)[0][0] for steps in range(1, met))]
    expected = min(candidates, key=lambda x: (right[0] - matrix[0] @ x).norm().item())
    after, residual = conjugate_gradients(lambda vector: product(matrix, vector), right, SIZE + 2)
    torch.testing.assert_close(after[0], expected, rtol=0, atol=0)
    left = (right[0] - matrix[0] @ expected).norm() / right[0].norm()
    torch.testing.assert_close(residual[0], left, rtol=1e-10, atol=0)
    torch.testing.assert_close(after[1:], torch.linalg.solve(matrix[1:], right[1:]), rtol=1e-8, atol=1e-10)


def test_a_matrix_that_bends_the_other_way_at_once_leaves_the_right_hand_side() -> None:
    matrix, right = torch.diag(torch.tensor([-1.0, 0.2, 0.3], dtype=torch.float64))[None], torch.tensor([[3.0, 1, 1]], dtype=torch.float64)
    solution, _ = conjugate_gradients(lambda vector: product(matrix, vector), right, 5)
    assert torch.equal(solution, right)


def _direction_bends(matrix: Tensor, right: Tensor, steps: int) -> bool:
    """Whether the textbook's direction number ``steps`` has a negative curvature."""
    left, direction = right, right
    for _ in range(steps - 1):
        length = (left @ left) / (direction @ matrix @ direction)
        after = left - length * matrix @ direction
        left, direction = after, after + (after @ after) / (left @ left) * direction
    return bool(direction @ matrix @ direction < 0)


@pytest.mark.parametrize("damping", [0.0, 0.4])
@pytest.mark.parametrize("kind", ["classes", "norm"])
def test_dense_solve_with_the_true_hessian(kind: str, damping: float) -> None:
    """(I + H(φ*)/λ) x = ∇L_query(φ*), with H of the support loss entry by entry."""
    network, episodes = tiny(kind)
    algorithm = with_algorithm("imaml", network, inner_lr=0.2, inner_steps=200, tolerance=1e-10, lam=2.0, cg_steps=60, damping=damping)
    meta = meta_of(algorithm)
    outer = algorithm.outer_gradient(meta, episodes, transductive=True)
    shapes = {key: value.shape for key, value in meta.items()}

    def loss(vector: Tensor, x: Tensor, y: Tensor) -> Tensor:
        parts = vector.split([shape.numel() for shape in shapes.values()])
        weights: Params = {key: part.view(shape) for (key, shape), part in zip(shapes.items(), parts, strict=True)}
        return torch.nn.functional.cross_entropy(functional_call(network.module, weights, (x,)), y)

    solutions = []
    for task in range(len(episodes)):
        phi = torch.cat([outer.path[-1].params[key][task].flatten() for key in meta])
        theta = torch.cat([value.detach().flatten() for value in meta.values()])
        support = episodes.support_x[task], episodes.support_y[task]
        torch.testing.assert_close(torch.func.grad(loss)(phi, *support), 2.0 * (theta - phi), rtol=0, atol=1e-8)  # the inner problem
        hessian = torch.func.jacrev(torch.func.grad(loss))(phi, *support)
        query = torch.func.grad(loss)(phi, episodes.query_x[task], episodes.query_y[task])
        solutions.append(torch.linalg.solve((1 + damping) * torch.eye(len(phi)) + hessian / 2.0, query))
    found = torch.cat([value.flatten() for value in outer.gradient.values()])
    torch.testing.assert_close(found, torch.stack(solutions).mean(0), rtol=1e-7, atol=1e-9)
    assert outer.notes["CG residual"] < 1e-8
    assert outer.notes["inner gradient"] < 1e-9


def test_residuals_on_show_fall() -> None:
    network, episodes = tiny("classes")

    def note(name: str, **values: object) -> float:
        algorithm = with_algorithm("imaml", network, **{"inner_steps": 30, "tolerance": 0.0, "lam": 3.0, **values})
        return algorithm.outer_gradient(meta_of(algorithm), episodes, transductive=True).notes[name]

    residuals = [note("CG residual", cg_steps=steps) for steps in (1, 4, 12)]
    slopes = [note("inner gradient", inner_steps=steps) for steps in (1, 10, 100)]
    assert residuals[0] > 5 * residuals[1] > 25 * residuals[2]
    assert slopes[0] > slopes[1] > 5 * slopes[2]


def test_a_task_that_is_solved_stays_and_the_path_is_whole() -> None:
    """Every chunk of tasks has a point at each step, however early its inner loops ended."""
    network, episodes = tiny("classes")
    algorithm = with_algorithm("imaml", network, inner_lr=0.2, tolerance=1e-3, lam=2.0)
    meta = meta_of(algorithm)
    lengths = []
    for chunk in episodes.chunks(1):
        path = algorithm.adapt(meta, chunk, 60)
        assert len(path) == 61
        ends = [all(torch.equal(v, path[-1].params[k]) for k, v in point.params.items()) for point in path]
        lengths.append(ends.index(True))
        assert all(torch.equal(point.support_loss, path[-1].support_loss) for point in path[lengths[-1] :])
    assert len(set(lengths)) > 1
    assert max(lengths) < 60
    scores = [score_tasks(algorithm, meta, chunk, 60, True) for chunk in episodes.chunks(2)]
    assert TaskScores.joined(scores).accuracy.shape == (3, 61)


def test_the_tolerance_is_kept() -> None:
    algorithm, episodes = (
        with_algorithm("imaml", learner("sinusoid-tanh"), inner_lr=0.05, inner_steps=300, tolerance=0.01),
        random_tasks("sinusoid-tanh"),
    )
    notes = algorithm.outer_gradient(meta_of(algorithm), episodes, transductive=True).notes
    assert 1e-4 < notes["inner gradient"] <= 0.01
