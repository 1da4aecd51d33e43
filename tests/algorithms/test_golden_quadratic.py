"""Linear regression, where inner loop and outer gradient have a closed form (quadratic losses)."""

from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from maml_studio.algorithms import Algorithm, Fomaml, InnerStep, Learner, Maml, OuterGradient, Params
from maml_studio.data import Episodes
from maml_studio.models import Network
from maml_studio.models.layers import Linear
from maml_studio.spec import Fomaml as FomamlSettings
from maml_studio.spec import Maml as MamlSettings

TASKS, FEATURES, EXAMPLES = 4, 3, 6
ALPHA = 0.1


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
    a, b = draw(TASKS, FEATURES + 1, 1), draw(TASKS, FEATURES + 1, 1)
    full_s, full_q = (torch.cat([x, torch.ones_like(x[..., :1])], -1) for x in (support_x, query_x))
    empty = torch.empty(TASKS, 0, dtype=torch.int64)
    return Quadratic(
        2 / full_s.shape[1] * full_s.mT @ full_s,
        a,
        2 / full_q.shape[1] * full_q.mT @ full_q,
        b,
        Episodes(support_x, full_s @ a, query_x, full_q @ b, empty),
    )


LEARNERS = {
    "batched": lambda: Learner(Network(OrderedDict(head=Linear(FEATURES, 1))).double(), "mse"),
    "loop": lambda: Learner(nn.Sequential(OrderedDict(head=nn.Linear(FEATURES, 1))).double(), "mse"),
}


def vector(params: Params) -> Tensor:
    """Weights and bias of the affine map as one column θ, stacked or not."""
    return torch.cat([params["head.weight"], params["head.bias"].unsqueeze(-1)], -1).mT


def check_golden(kind: type[Algorithm], steps: int, learner: Learner, *, second_order: bool) -> None:
    tasks = quadratic_tasks()
    algorithm = kind((MamlSettings if second_order else FomamlSettings)(inner_lr=ALPHA, inner_steps=steps), learner)
    meta = algorithm.meta_parameters()
    outer = algorithm.outer_gradient(meta, tasks.episodes, transductive=True)

    theta = vector(meta).detach()
    shrink = torch.eye(FEATURES + 1, dtype=torch.float64) - ALPHA * tasks.matrix_a
    assert len(outer.path) == steps + 1
    for j, point in enumerate(outer.path):
        phi = tasks.a + torch.linalg.matrix_power(shrink, j) @ (theta - tasks.a)
        torch.testing.assert_close(vector(point.params).detach(), phi, rtol=1e-10, atol=1e-12)
        support_loss = 0.5 * (phi - tasks.a).mT @ tasks.matrix_a @ (phi - tasks.a)
        torch.testing.assert_close(point.support_loss, support_loss.flatten(), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(
        outer.query_loss, (0.5 * (phi - tasks.b).mT @ tasks.matrix_b @ (phi - tasks.b)).flatten(), rtol=1e-10, atol=1e-12
    )
    gradient = tasks.matrix_b @ (phi - tasks.b)
    if second_order:
        gradient = torch.linalg.matrix_power(shrink, steps) @ gradient
    torch.testing.assert_close(vector(outer.gradient), gradient.mean(0), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("path", LEARNERS)
@pytest.mark.parametrize("steps", [0, 1, 3, 5])
@pytest.mark.parametrize(("kind", "second_order"), [(Maml, True), (Fomaml, False)])
def test_closed_form(kind: type[Algorithm], second_order: bool, steps: int, path: str) -> None:
    check_golden(kind, steps, LEARNERS[path](), second_order=second_order)


class Detached(Maml):
    """Forgets the second derivatives."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, create_graph: bool = False) -> list[InnerStep]:
        path = super().adapt(meta, episodes, steps)
        # Through the identity only, as if every H were zero.
        params = {name: value + (meta[name] - meta[name].detach()) for name, value in path[-1].params.items()}
        return [*path[:-1], InnerStep(params, path[-1].support_loss)]


class WrongSign(Maml):
    """Climbs."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Tensor | float:
        return -super().inner_rate(meta, name, step)


class OneStepOff(Maml):
    """Stops one step early, and says that it did not."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, create_graph: bool = False) -> list[InnerStep]:
        path = super().adapt(meta, episodes, steps - 1, create_graph=create_graph)
        return [*path, path[-1]]


class LateGradient(Maml):
    """The right path, but the first step left out of the outer gradient."""

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool) -> OuterGradient:
        right = super().outer_gradient(meta, episodes, transductive=transductive)
        first = {name: value.detach().requires_grad_() for name, value in right.path[1].params.items()}
        params = first
        for step in range(1, self.settings.inner_steps):
            loss = self._support_loss(params, episodes).sum()
            gradients = torch.autograd.grad(loss, list(params.values()), create_graph=True)
            rates = [self.inner_rate(meta, name, step) for name in params]
            params = {name: value - rate * gradient for (name, value), rate, gradient in zip(params.items(), rates, gradients, strict=True)}
        loss = self._query(params, episodes, transductive)[0].mean()
        gradients = torch.autograd.grad(loss, list(first.values()))
        gradient = {name: value.sum(0) for name, value in zip(first, gradients, strict=True)}
        return OuterGradient(gradient, right.path, right.query_loss, right.query_accuracy)


class SumOverTasks(Maml):
    """Adds the tasks up instead of averaging."""

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool) -> OuterGradient:
        right = super().outer_gradient(meta, episodes, transductive=transductive)
        gradient = {name: value * len(episodes) for name, value in right.gradient.items()}
        return OuterGradient(gradient, right.path, right.query_loss, right.query_accuracy)


class EarlyQuery(Fomaml):
    """Takes the query gradient where the inner loop began."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, create_graph: bool = False) -> list[InnerStep]:
        path = super().adapt(meta, episodes, steps)
        return [*path[:-1], path[0]]


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    ("kind", "second_order"),
    [
        (Detached, True),
        (WrongSign, True),
        (OneStepOff, True),
        (LateGradient, True),
        (SumOverTasks, True),
        (EarlyQuery, False),
        (Fomaml, True),
        (Maml, False),
    ],
)
def test_the_guard_bites(kind: type[Algorithm], second_order: bool, steps: int) -> None:
    with pytest.raises(AssertionError):
        check_golden(kind, steps, LEARNERS["batched"](), second_order=second_order)


def test_detached_guard_is_wrong_in_its_gradient_only() -> None:
    """The mutant above fails for the reason that it stands for: it is exactly FOMAML."""
    check_golden(Detached, 3, LEARNERS["batched"](), second_order=False)


class LinearThenSquare(Learner):
    """Loss linear in the outputs where ``y`` is 1 (support), their square where it is 0 (query)."""

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        return (y * outputs + (1 - y) * outputs.square()).flatten(1).mean(1)


def both_gradients(learner: Learner, episodes: Episodes, rate: float, steps: int) -> list[Tensor]:
    gradients = []
    for algorithm in (
        Maml(MamlSettings(inner_lr=rate, inner_steps=steps), learner),
        Fomaml(FomamlSettings(inner_lr=rate, inner_steps=steps), learner),
    ):
        meta = algorithm.meta_parameters()
        gradients.append(vector(algorithm.outer_gradient(meta, episodes, transductive=True).gradient))
    return gradients


def test_first_order_is_exact_where_the_support_loss_is_linear() -> None:
    tasks = quadratic_tasks().episodes
    linear = Episodes(tasks.support_x, torch.ones_like(tasks.support_y), tasks.query_x, torch.zeros_like(tasks.query_y), tasks.classes)
    learner = LinearThenSquare(LEARNERS["batched"]().module, "mse")
    second, first = both_gradients(learner, linear, ALPHA, 3)
    torch.testing.assert_close(first, second, rtol=1e-12, atol=0)
    assert second.abs().max() > 0.1


def test_first_order_is_exact_at_rate_zero_and_not_above() -> None:
    tasks = quadratic_tasks().episodes
    second, first = both_gradients(LEARNERS["batched"](), tasks, 0.0, 3)
    torch.testing.assert_close(first, second, rtol=1e-12, atol=0)
    second, first = both_gradients(LEARNERS["batched"](), tasks, ALPHA, 3)
    assert not torch.allclose(first, second, rtol=1e-2)
