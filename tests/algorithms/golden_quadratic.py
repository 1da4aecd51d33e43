"""Tasks whose losses are exactly quadratic, with what the algorithms have to give on them."""

from collections import OrderedDict
from dataclasses import dataclass

import torch
from algorithm_cases import meta_of, with_algorithm
from torch import Tensor, nn

from maml_studio.algorithms import Algorithm, Learner, Params
from maml_studio.data import Episodes
from maml_studio.models import Network
from maml_studio.models.layers import Linear

TASKS, FEATURES, EXAMPLES = 4, 3, 6
SIZE = FEATURES + 1
ALPHA, LAM = 0.1, 1.5


@dataclass
class Quadratic:
    """Tasks with L_s = ½(θ−a)ᵀA(θ−a) and L_q = ½(θ−b)ᵀB(θ−b), and the regression tasks that have those losses.

    The squared error of an affine map with weights θ on inputs X (a column of ones for the bias) and targets Xa is exactly that,
    with A = 2/n XᵀX.
    """

    matrix_a: Tensor
    a: Tensor
    matrix_b: Tensor
    b: Tensor
    episodes: Episodes


def quadratic_tasks(seed: int = 0) -> Quadratic:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    support_x, query_x = draw(TASKS, EXAMPLES, FEATURES), draw(TASKS, EXAMPLES + 1, FEATURES)
    a, b = draw(TASKS, SIZE, 1), draw(TASKS, SIZE, 1)
    full_s, full_q = (torch.cat([x, torch.ones_like(x[..., :1])], -1) for x in (support_x, query_x))
    empty = torch.empty(TASKS, 0, dtype=torch.int64)
    return Quadratic(
        2 / full_s.shape[1] * full_s.mT @ full_s,
        a,
        2 / full_q.shape[1] * full_q.mT @ full_q,
        b,
        Episodes(support_x, full_s @ a, query_x, full_q @ b, empty),
    )


def linear_learner(batched: bool) -> Learner:
    """An affine map, drawn anew with the same numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(0)
        head = Linear(FEATURES, 1) if batched else nn.Linear(FEATURES, 1)
    layers: OrderedDict[str, nn.Module] = OrderedDict(head=head)
    return Learner((Network(layers) if batched else nn.Sequential(layers)).double(), "mse")


LEARNERS = {"batched": lambda: linear_learner(True), "loop": lambda: linear_learner(False)}
SETTINGS = {
    "imaml": {"inner_lr": 0.12, "tolerance": 0.0, "lam": LAM, "cg_steps": SIZE},
    "reptile": {"optimizer": "sgd", "batch": 100},
    "mamlpp": {"multi_step": 0},
}


def vector(params: Params, prefix: str = "") -> Tensor:
    """Weights and bias of the affine map as one column θ, stacked or not."""
    return torch.cat([params[f"{prefix}head.weight"], params[f"{prefix}head.bias"].unsqueeze(-1)], -1).mT


def same(found: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(found.detach(), expected, rtol=tolerance, atol=tolerance / 100)


def power(matrix: Tensor, exponent: int) -> Tensor:
    return torch.linalg.matrix_power(matrix, exponent)


def check_golden(name: str, steps: int, learner: Learner, kind: type[Algorithm] | None = None) -> None:
    """Path, losses and outer gradient of an algorithm, or of ``kind`` in its place, are those of the closed form."""
    tasks = quadratic_tasks()
    values = {"inner_lr": ALPHA, "inner_steps": steps} | SETTINGS.get(name, {})
    algorithm = with_algorithm(kind or name, learner, settings=name, **values)
    meta = meta_of(algorithm)
    outer = algorithm.outer_gradient(meta, tasks.episodes, transductive=True)
    theta = vector(meta).detach()
    eye = torch.eye(SIZE, dtype=torch.float64)
    if name == "imaml":
        check_implicit(tasks, theta, outer.gradient, vector(outer.path[-1].params), steps)
        return

    rates = [step_rates(meta, name, step) for step in range(steps)]
    phis = [theta.expand(TASKS, -1, -1)]
    for rate in rates:
        phis.append(tasks.a + (eye - rate * tasks.matrix_a) @ (phis[-1] - tasks.a))
    if name in ("maml", "fomaml", "reptile"):
        same(phis[-1], tasks.a + power(eye - ALPHA * tasks.matrix_a, steps) @ (theta - tasks.a))
    assert len(outer.path) == len(phis) == steps + 1
    for phi, point in zip(phis, outer.path, strict=True):
        same(vector(point.params), phi)
        same(point.support_loss, (0.5 * (phi - tasks.a).mT @ tasks.matrix_a @ (phi - tasks.a)).flatten())
    phi = phis[-1]
    same(outer.query_loss, (0.5 * (phi - tasks.b).mT @ tasks.matrix_b @ (phi - tasks.b)).flatten())
    if name == "reptile":
        same(vector(outer.gradient), ((eye - power(eye - ALPHA * tasks.matrix_a, steps)) @ (theta - tasks.a)).mean(0))
        return

    slope = tasks.matrix_b @ (phi - tasks.b)
    if name == "maml":
        same(vector(outer.gradient), (power(eye - ALPHA * tasks.matrix_a, steps) @ slope).mean(0))
    of_rates = torch.zeros(steps, SIZE, 1, dtype=torch.float64)
    for step in reversed(range(steps)):
        of_rates[step] = -(tasks.matrix_a @ (phis[step] - tasks.a) * slope).mean(0)  # −g_s ⊙ g_q
        if name != "fomaml":
            slope = slope - tasks.matrix_a @ (rates[step] * slope)  # (I − A diag α) from the left, A being symmetric
    same(vector(outer.gradient), slope.mean(0))
    if name == "meta_sgd":
        same(vector(outer.gradient, "inner_rate."), of_rates.sum(0))
    if name == "mamlpp":
        same(outer.gradient["inner_rate.head.weight"], of_rates[:, :FEATURES].sum((1, 2)))
        same(outer.gradient["inner_rate.head.bias"], of_rates[:, FEATURES, 0])


def step_rates(meta: Params, name: str, step: int) -> Tensor:
    """The step's rates as a column that multiplies a column."""
    if name == "meta_sgd":
        return vector(meta, "inner_rate.").detach()
    if name == "mamlpp":
        weight, bias = (meta[f"inner_rate.head.{part}"].detach()[step] for part in ("weight", "bias"))
        return torch.stack([*[weight] * FEATURES, bias]).unsqueeze(1)
    return torch.full((SIZE, 1), ALPHA, dtype=torch.float64)


def check_implicit(tasks: Quadratic, theta: Tensor, gradient: Params, found: Tensor, steps: int) -> None:
    """(I + A/λ)⁻¹ B(φ* − b), at φ* = (A + λ)⁻¹ (Aa + λθ); without a step at θ."""
    eye = torch.eye(SIZE, dtype=torch.float64)
    solved = torch.linalg.solve(tasks.matrix_a + LAM * eye, tasks.matrix_a @ tasks.a + LAM * theta)
    phi = solved if steps else theta.expand_as(solved)
    same(found, phi)
    same(vector(gradient), torch.linalg.solve(eye + tasks.matrix_a / LAM, tasks.matrix_b @ (phi - tasks.b)).mean(0), 1e-8)
