"""Outer gradients that are wrong in one thing each: the checks have to notice every one of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from algorithm_cases import learner, with_algorithm
from golden_quadratic import LEARNERS, check_golden
from gradient_checks import check_finite_differences, check_plain, tiny
from torch import Tensor

from maml_studio.algorithms import Algorithm, InnerStep, OuterGradient, Params
from maml_studio.algorithms.anil import Anil
from maml_studio.algorithms.base import Order
from maml_studio.algorithms.boil import Boil
from maml_studio.algorithms.cavia import Cavia
from maml_studio.algorithms.fomaml import Fomaml
from maml_studio.algorithms.imaml import Imaml
from maml_studio.algorithms.joint import Joint
from maml_studio.algorithms.maml import Maml
from maml_studio.algorithms.mamlpp import Mamlpp
from maml_studio.algorithms.meta_sgd import MetaSgd
from maml_studio.algorithms.proto_maml import ProtoMaml
from maml_studio.algorithms.protonet import ProtoNet
from maml_studio.algorithms.reptile import Reptile
from maml_studio.algorithms.unicorn_maml import UnicornMaml
from maml_studio.data import Episodes


class Detached(Maml):
    """Forgets the second derivatives: exactly FOMAML."""

    order = 1


class WrongSign(Maml):
    """Climbs."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Any:
        return -super().inner_rate(meta, name, step)  # type: ignore[operator]


class OneStepOff(Maml):
    """Stops one step early, and says that it did not."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        path = super().adapt(meta, episodes, steps - 1, order=order)
        return [*path, path[-1]]


class LateGradient(Maml):
    """The right path, but the first step left out of the outer gradient."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        path = super().adapt(meta, episodes, steps)
        # φ_1 as if it were θ moved by a constant.
        first = {name: value + (meta[name] - meta[name].detach()) for name, value in path[1].params.items()}
        away = _From(self.settings, self.learner, first)
        return [path[0], *away.adapt(meta, episodes, steps - 1, order=order)]


class _From(Maml):
    def __init__(self, settings: Any, learner: Any, start: Params) -> None:
        super().__init__(settings, learner)
        self.given = start

    def start(self, meta: Params, episodes: Episodes) -> Params:
        return self.given


def scaled(kind: type[Algorithm], factor: Callable[[Episodes], float]) -> type[Algorithm]:
    """The right gradient, times something."""

    class Scaled(kind):  # type: ignore[valid-type,misc]
        def outer_gradient(self, meta: Params, episodes: Episodes, **options: Any) -> OuterGradient:
            right: OuterGradient = super().outer_gradient(meta, episodes, **options)
            return replace(right, gradient={name: value * factor(episodes) for name, value in right.gradient.items()})

    return Scaled


class EarlyQuery(Fomaml):
    """Takes the query gradient where the inner loop began."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        path = super().adapt(meta, episodes, steps, order=order)
        return [*path[:-1], path[0]]


class MetaSgdDetachedRate(MetaSgd):
    """Its rates get no gradient."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Any:
        return super().inner_rate(meta, name, step).detach()  # type: ignore[union-attr]


class MetaSgdOnlyPositive(MetaSgd):
    """Its rates may not turn negative."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Any:
        return (super().inner_rate(meta, name, step) - 0.1).relu()  # type: ignore[operator]


class MamlppDetachedRate(Mamlpp):
    """Its rates get no gradient."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Any:
        return super().inner_rate(meta, name, step).detach()  # type: ignore[union-attr]


class MamlppNextRate(Mamlpp):
    """The rate of the step after."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Any:
        return super().inner_rate(meta, name, step + 1)


class MultiStepShifted(Maml):
    """The unadapted weights count, the adapted ones don't."""

    def step_weights(self, iteration: int, steps: int) -> list[float]:
        first, *rest = super().step_weights(iteration, steps)
        return [*rest[:-1], first, rest[-1]]


class MultiStepUniform(Maml):
    """Never anneals."""

    def step_weights(self, iteration: int, steps: int) -> list[float]:
        return super().step_weights(0, steps)


class AnilDetachedBody(Anil):
    """The body's part in the inner loop is forgotten."""

    order = 1


class BoilWithHead(Boil):
    """Its head moves too."""

    def inner_rate(self, meta: Params, name: str, step: int) -> Any:
        return Maml.inner_rate(self, meta, name, step)


class DetachedPrototypes(ProtoMaml):
    """No gradient through c_k."""

    def head(self, features: Tensor, episodes: Episodes) -> Params:
        return {name: value.detach().requires_grad_() for name, value in super().head(features, episodes).items()}


class WrongPrototypes(ProtoMaml):
    """W = c_k for 2 c_k."""

    def head(self, features: Tensor, episodes: Episodes) -> Params:
        head = super().head(features, episodes)
        return head | {"head.weight": head["head.weight"] / 2}


class PrototypesWithoutBias(ProtoNet):
    """Nearest in the scalar product, not in the distance."""

    def head(self, features: Tensor, episodes: Episodes) -> Params:
        head = super().head(features, episodes)
        return head | {"head.bias": 0 * head["head.bias"]}


class ProtoNetDetached(ProtoNet, DetachedPrototypes):
    """No gradient through c_k."""


class OneRowLearns(UnicornMaml):
    """Only the first row's gradient arrives."""

    def start(self, meta: Params, episodes: Episodes) -> Params:
        params = super().start(meta, episodes)
        rows = {name: torch.cat([params[name][:, :1], params[name][:, 1:].detach()], 1) for name in self.learner.head}
        return params | rows


class ContextFirstOrder(Cavia):
    """The network's part in the inner loop is forgotten."""

    order = 1


class ContextKept(Cavia):
    """A context that does not start at zero."""

    def start(self, meta: Params, episodes: Episodes) -> Params:
        params = super().start(meta, episodes)
        return params | {name: (params[name].detach() + 0.1).requires_grad_() for name in self.learner.context}


class NoPull(Imaml):
    """Plain descent inside, as in the released code, with the solve of the regularised problem."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        return Imaml(self.settings.model_copy(update={"lam": 0.0}), self.learner).adapt(meta, episodes, steps)


class PushInsteadOfPull(Imaml):
    """λ (θ − φ): a minus missing."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        return Imaml(self.settings.model_copy(update={"lam": -self.settings.lam}), self.learner).adapt(meta, episodes, min(steps, 5))


class HalfPull(Imaml):
    """λ/2 inside, λ in the solve: the derivative of (λ/2)‖φ − θ‖² taken wrongly."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        return Imaml(self.settings.model_copy(update={"lam": self.settings.lam / 2}), self.learner).adapt(meta, episodes, steps)


class NoSolve(Imaml):
    """The query gradient at the solution, as it is: (I + 0) x = g."""

    def outer_gradient(self, meta: Params, episodes: Episodes, **options: Any) -> OuterGradient:
        path = self.adapt(meta, episodes, self.settings.inner_steps)
        params = {name: value.detach().requires_grad_() for name, value in path[-1].params.items()}
        outputs = self.learner.query_outputs(params, episodes, options["transductive"])
        slopes = torch.autograd.grad(self.learner.objective(outputs, episodes.query_y).mean(), list(params.values()))
        return self.report({name: slope.sum(0) for name, slope in zip(params, slopes, strict=True)}, path, outputs, episodes)


class QueryHessian(Imaml):
    """The Hessian of the query loss in place of the support loss's: support and query change places after the inner loop."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        return super().adapt(meta, self.right, steps)

    def outer_gradient(self, meta: Params, episodes: Episodes, **options: Any) -> OuterGradient:
        self.right = episodes
        return super().outer_gradient(meta, replace(episodes, support_x=episodes.query_x, support_y=episodes.query_y), **options)


class ReptileOneStepShort(Reptile):
    """θ − φ_{k−1}."""

    def _train(self, meta: Params, episodes: Episodes, steps: int, size: int, seed: int) -> list[InnerStep]:
        path = super()._train(meta, episodes, steps - 1, size, seed)
        return [*path, path[-1]]


class ReptileSameBatch(Reptile):
    """The same minibatches in each outer step."""

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool, iteration: int = 0) -> OuterGradient:
        return super().outer_gradient(meta, episodes, transductive=transductive, iteration=0)


class JointSupportOnly(Joint):
    """Leaves the queries out."""

    def outer_gradient(self, meta: Params, episodes: Episodes, **options: Any) -> OuterGradient:
        return super().outer_gradient(meta, replace(episodes, query_x=episodes.support_x, query_y=episodes.support_y), **options)


class JointTaskLabels(Joint):
    """Takes a class's number in its task for its number in the pool."""

    def _targets(self, episodes: Episodes, y: Tensor) -> Tensor:
        return y


def flipped(kind: type[Algorithm]) -> type[Algorithm]:
    return scaled(kind, lambda episodes: -1.0)


def summed(kind: type[Algorithm]) -> type[Algorithm]:
    return scaled(kind, len)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("maml", Detached),
        ("maml", WrongSign),
        ("maml", OneStepOff),
        ("maml", LateGradient),
        ("maml", flipped(Maml)),
        ("maml", summed(Maml)),
        ("maml", Fomaml),
        ("fomaml", Maml),
        ("fomaml", EarlyQuery),
        ("meta_sgd", MetaSgdDetachedRate),
        ("meta_sgd", MetaSgdOnlyPositive),
        ("mamlpp", MamlppDetachedRate),
        ("reptile", flipped(Reptile)),
        ("reptile", summed(Reptile)),
        ("reptile", ReptileOneStepShort),
    ],
)
def test_the_golden_task_tells(name: str, wrong: type[Algorithm], steps: int) -> None:
    with pytest.raises(AssertionError, match="not close"):
        check_golden(name, steps, LEARNERS["batched"](), wrong)


@pytest.mark.parametrize("wrong", [NoPull, PushInsteadOfPull, HalfPull, NoSolve, QueryHessian, flipped(Imaml), summed(Imaml)])
def test_the_golden_task_tells_of_implicit_gradients(wrong: type[Algorithm]) -> None:
    with pytest.raises(AssertionError, match="not close"):
        check_golden("imaml", 400, LEARNERS["batched"](), wrong)


def test_a_rate_for_the_wrong_step_is_told() -> None:
    with pytest.raises(AssertionError, match="not close"):
        check_golden("mamlpp", 3, LEARNERS["batched"](), MamlppNextRate)


def test_what_is_detached_is_wrong_in_its_gradient_only() -> None:
    """The first of them fails for the reason that it stands for: it is exactly FOMAML."""
    check_golden("fomaml", 3, LEARNERS["batched"](), Detached)


@pytest.mark.parametrize(
    ("name", "wrong", "values"),
    [
        ("maml", Detached, {}),
        ("maml", flipped(Maml), {}),
        ("maml", MultiStepShifted, {"multi_step": 10}),
        ("maml", MultiStepUniform, {"multi_step": 10}),
        ("meta_sgd", MetaSgdDetachedRate, {}),
        ("mamlpp", MamlppDetachedRate, {}),
        ("anil", AnilDetachedBody, {}),
        ("proto_maml", DetachedPrototypes, {}),
        ("protonet", ProtoNetDetached, {}),
        ("unicorn_maml", OneRowLearns, {}),
        ("cavia", ContextFirstOrder, {"inner_lr": 5.0}),
    ],
)
def test_finite_differences_tell(name: str, wrong: type[Algorithm], values: dict[str, Any]) -> None:
    network, episodes = tiny("norm", context=2 if name == "cavia" else 0)
    algorithm = with_algorithm(wrong, network, settings=name, **{"inner_lr": 0.5, "inner_steps": 3, "multi_step": 0, **values})
    with pytest.raises(AssertionError, match="is off by"):
        check_finite_differences(algorithm, episodes, iteration=4)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("boil", BoilWithHead),
        ("anil", Maml),
        ("boil", Maml),
        ("proto_maml", WrongPrototypes),
        ("proto_maml", DetachedPrototypes),
        ("protonet", ProtoNetDetached),
        ("protonet", PrototypesWithoutBias),
        ("cavia", ContextKept),
        ("cavia", ContextFirstOrder),
        ("mamlpp", MamlppNextRate),
        ("imaml", NoSolve),
        ("imaml", HalfPull),
        ("reptile", ReptileSameBatch),
        ("joint", JointSupportOnly),
        ("joint", JointTaskLabels),
        ("joint", flipped(Joint)),
        *((name, summed(kind)) for name, kind in (("anil", Anil), ("cavia", Cavia), ("protonet", ProtoNet), ("joint", Joint))),
    ],
)
def test_the_plain_loop_tells(name: str, wrong: type[Algorithm]) -> None:
    algorithm = with_algorithm(wrong, learner("mlp-context"), settings=name, inner_steps=3)
    with pytest.raises(AssertionError, match=r"is off by|not close"):
        check_plain(name, algorithm, "mlp-context", transductive=True, iteration=1)
