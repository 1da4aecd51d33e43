"""Settings of the algorithms: what each asks of task, network and training, what it allows, and what its refusals say."""

import re
from typing import Any

import pytest

from maml_studio.spec import TABLES, Experiment, SpecError, with_changes
from maml_studio.spec.algorithm import AlgorithmSettings, QueryLoss, Unrolled

ALGORITHMS: dict[str, type[AlgorithmSettings]] = TABLES["algorithm"]  # type: ignore[assignment]
ANY_WAY = {"proto_maml", "unicorn_maml", "protonet", "joint"}
SINES = {"data.source": "sinusoid", "task.kind": "regression", "model.name": "mlp"}


def names(attribute: str) -> set[str]:
    return {name for name, settings in ALGORITHMS.items() if getattr(settings, attribute)}


def test_what_each_asks() -> None:
    assert list(ALGORITHMS) == [
        "maml",
        "fomaml",
        "reptile",
        "imaml",
        "meta_sgd",
        "anil",
        "boil",
        "proto_maml",
        "unicorn_maml",
        "mamlpp",
        "cavia",
        "protonet",
        "joint",
    ]
    assert names("needs_classes") == {"proto_maml", "unicorn_maml", "protonet"}
    assert names("needs_context") == {"cavia"}
    assert names("any_way") == ANY_WAY
    assert names("pools_tasks") == {"joint"}
    assert {name for name, settings in ALGORITHMS.items() if not issubclass(settings, QueryLoss)} == {
        "reptile",
        "imaml",
        "protonet",
        "joint",
    }
    assert {name for name, settings in ALGORITHMS.items() if issubclass(settings, QueryLoss) and not issubclass(settings, Unrolled)} == {
        "fomaml"
    }


@pytest.mark.parametrize("name", ALGORITHMS)
def test_says_what_it_is(name: str) -> None:
    """A title, and the paper that it is from."""
    settings = ALGORITHMS[name]
    assert settings.title
    assert settings.__doc__
    assert settings().name == name  # type: ignore[attr-defined]
    if name != "joint":
        assert any(character.isdigit() for character in settings.__doc__)
        assert "." in settings.__doc__.rpartition(", ")[2]


@pytest.mark.parametrize(
    ("name", "values", "passes"),
    [
        ("maml", {"inner_steps": 3}, 3),
        ("reptile", {"inner_steps": 7}, 7),
        ("imaml", {"inner_steps": 50}, 2),
        ("protonet", {}, 1),
        ("joint", {}, 1),
    ],
)
def test_passes_of_the_support_set(name: str, values: dict[str, Any], passes: int) -> None:
    assert ALGORITHMS[name](**values).steps_in_training == passes


def test_only_reptile_has_shots_of_its_own() -> None:
    assert {name: settings().shots_in_training for name, settings in ALGORITHMS.items() if settings().shots_in_training} == {"reptile": 10}
    assert ALGORITHMS["reptile"](train_shots=0).shots_in_training == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"algorithm.name": "meta_sgd", "algorithm.rate_min": 0.3},
            "algorithm.rate_min should not be above rate_max (0.1), not 0.3",
        ),
        ({"algorithm.name": "imaml", "algorithm.lam": 0.0}, "algorithm.lam should be above 0, not 0.0"),
        ({"algorithm.name": "imaml", "algorithm.cg_steps": 0}, "algorithm.cg_steps should be 1 or more, not 0"),
        ({"algorithm.name": "mamlpp", "algorithm.inner_steps": 0}, "algorithm.inner_steps should be 1 or more, not 0"),
        ({"algorithm.name": "reptile", "algorithm.batch": 0}, "algorithm.batch should be 1 or more, not 0"),
        (
            {"algorithm.name": "reptile", "algorithm.optimizer": "rmsprop"},
            "algorithm.optimizer should be one of adam or sgd, not 'rmsprop'",
        ),
        (
            {**SINES, "training.objective": "soft_accuracy"},
            "training.objective should be loss, since a function to fit has no accuracy",
        ),
        (
            {"training.vary_shot": 2, "task.shot": 3},
            "training.vary_shot should be 0 or at least task.shot (3)",
        ),
        ({"algorithm.name": "protonet", "training.vary_way": 4}, "training.vary_way should be 0 or at least task.way (5)"),
        (
            {"algorithm.name": "proto_maml", "task.kind": "one_vs_rest", "training.vary_way": 8},
            "training.vary_way should be 0: with Proto-MAML on such tasks the head has a fixed number of rows",
        ),
    ],
)
def test_refused_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SpecError) as caught:
        with_changes(Experiment(), changes)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("name", ALGORITHMS)
def test_varying_ways_need_a_head_of_any_size(name: str) -> None:
    changes = {"algorithm.name": name, "training.vary_way": 8, "model.context": 4}
    if name in ANY_WAY:
        assert with_changes(Experiment(), changes).training.vary_way == 8
    else:
        sentence = f"should be 0: with {ALGORITHMS[name].title} on such tasks the head has a fixed number of rows"
        with pytest.raises(SpecError, match=re.escape(sentence)):
            with_changes(Experiment(), changes)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_it_brings_along_is_allowed(name: str) -> None:
    changed = with_changes(Experiment(), {"algorithm.name": name, **ALGORITHMS[name].goes_with})
    assert type(changed.algorithm) is ALGORITHMS[name]
