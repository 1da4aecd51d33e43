"""Finite differences of the whole meta-loss, with respect to everything that an algorithm learns, learned rates included."""

import pytest
import torch
from algorithm_cases import assert_same_gradient, meta_of, with_algorithm
from gradient_checks import TINY, check_finite_differences, differences, tiny

from maml_studio.algorithms import ALGORITHMS, Algorithm
from maml_studio.data import Episodes
from maml_studio.spec import TABLES

EXACT = [name for name in ALGORITHMS if name not in ("fomaml", "reptile", "joint")]
"""Whose outer gradient is that of the query loss; iMAML's where its inner problem is solved."""
SOLVED = {"inner_steps": 60, "tolerance": 1e-12, "cg_steps": 60, "lam": 10.0, "inner_lr": 0.08}


def prepared(name: str, kind: str, *, objective: str = "loss", **values: object) -> tuple[Algorithm, Episodes]:
    """The algorithm on a tiny network of the kind, and tasks."""
    settings = TABLES["algorithm"][name]
    learner, episodes = tiny(kind, context=2 if settings.needs_context else 0, objective=objective)
    return with_algorithm(name, learner, **{"inner_lr": 0.5, **(SOLVED if name == "imaml" else {}), **values}), episodes


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for name in EXACT
        for kind in TINY
        if not (kind == "regression" and TABLES["algorithm"][name].needs_classes) and not (kind == "norm" and name == "imaml")
    ],
)
def test_every_meta_parameter(name: str, kind: str) -> None:
    algorithm, episodes = prepared(name, kind, multi_step=0, **({} if name == "imaml" else {"inner_steps": 3}))
    check_finite_differences(algorithm, episodes)


@pytest.mark.parametrize("name", EXACT)
def test_support_norm(name: str) -> None:
    algorithm, episodes = prepared(name, "norm", multi_step=0)
    check_finite_differences(algorithm, episodes, transductive=False)


@pytest.mark.parametrize("name", EXACT)
def test_soft_accuracy(name: str) -> None:
    algorithm, episodes = prepared(name, "classes", objective="soft_accuracy", multi_step=0)
    check_finite_differences(algorithm, episodes)


@pytest.mark.parametrize("objective", ["loss", "soft_accuracy"])
@pytest.mark.parametrize("name", [name for name in EXACT if "multi_step" in TABLES["algorithm"][name].model_fields])
def test_multi_step_loss(name: str, objective: str) -> None:
    algorithm, episodes = prepared(name, "classes", objective=objective, multi_step=10, inner_steps=3)
    check_finite_differences(algorithm, episodes, iteration=4)


@pytest.mark.parametrize("kind", TINY)
def test_joint_training(kind: str) -> None:
    """The ordinary loss of all examples among all classes, support and query alike."""
    algorithm, episodes = prepared("joint", kind)
    meta = meta_of(algorithm)

    def loss() -> float:
        head = {f"head.{part}": meta[f"all_classes.{part}"] for part in ("weight", "bias") if f"all_classes.{part}" in meta}
        body = {key: value for key, value in meta.items() if not key.startswith("all_classes.")}
        x = torch.cat([episodes.support_x, episodes.query_x], 1).flatten(0, 1)
        if kind == "regression":
            y = torch.cat([episodes.support_y, episodes.query_y], 1).flatten(0, 1)
        else:
            y = torch.cat([episodes.classes.gather(1, labels) for labels in (episodes.support_y, episodes.query_y)], 1).flatten()
        with torch.no_grad():
            outputs = torch.func.functional_call(algorithm.learner.module, body | head, (x,))
            return (
                torch.nn.functional.mse_loss(outputs, y) if kind == "regression" else torch.nn.functional.cross_entropy(outputs, y)
            ).item()

    gradient = algorithm.outer_gradient(meta, episodes, transductive=True).gradient
    assert_same_gradient(gradient, differences(loss, meta), 1e-7)


def test_first_order_is_no_gradient_of_the_meta_loss() -> None:
    algorithm, episodes = prepared("fomaml", "classes", multi_step=0)
    with pytest.raises(AssertionError, match="is off by"):
        check_finite_differences(algorithm, episodes)


@pytest.mark.parametrize("spoilt", [{"inner_steps": 3}, {"cg_steps": 1}])
def test_implicit_gradient_needs_both_solutions(spoilt: dict[str, object]) -> None:
    """Of the inner problem, and of the linear system."""
    algorithm, episodes = prepared("imaml", "classes", **spoilt)
    with pytest.raises(AssertionError, match="is off by"):
        check_finite_differences(algorithm, episodes)
