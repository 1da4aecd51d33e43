"""The gradient from the last step to the first is the one through the whole unrolled loop."""

import pytest
from algorithm_cases import assert_same_gradient, learner, random_tasks

from maml_studio.algorithms import ALGORITHMS, Algorithm
from maml_studio.algorithms.recursion import recursive_gradient
from maml_studio.spec import TABLES
from maml_studio.spec.algorithm import Unrolled

UNROLLED = [name for name, settings in TABLES["algorithm"].items() if issubclass(settings, Unrolled)]
CASES = [
    (name, network)
    for name in UNROLLED
    for network in ("conv4-stride-batch", "conv4-context", "sinusoid-context")
    if ("context" in network) == (name == "cavia") and not (network.startswith("sinusoid") and TABLES["algorithm"][name].needs_classes)
] + [
    ("maml", "conv4-max_pool-batch"),
    ("maml", "tutorial_cnn"),
    ("mamlpp", "sinusoid-tanh"),
    ("meta_sgd", "sinusoid-tanh"),
    ("maml", "gru"),
]


def build(name: str, network: str, steps: int, **settings: object) -> Algorithm:
    return ALGORITHMS[name](TABLES["algorithm"][name](inner_steps=steps, **settings), learner(network))


@pytest.mark.parametrize(("name", "network"), CASES)
@pytest.mark.parametrize("multi_step", [0, 10])
def test_equal_to_the_unrolled_loop(name: str, network: str, multi_step: int) -> None:
    algorithm, episodes = build(name, network, 3, multi_step=multi_step), random_tasks(network)
    meta = algorithm.meta_parameters()
    for transductive in (True, False):
        unrolled = algorithm.outer_gradient(meta, episodes, transductive=transductive, iteration=2)
        recursive = recursive_gradient(algorithm, meta, episodes, transductive=transductive, iteration=2)
        assert_same_gradient(recursive.gradient, unrolled.gradient, 1e-10)
        assert recursive.query_loss.tolist() == pytest.approx(unrolled.query_loss.tolist(), rel=1e-12)
        assert len(recursive.path) == len(unrolled.path)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_few_steps(steps: int) -> None:
    algorithm, episodes = build("maml", "sinusoid-tanh", steps), random_tasks("sinusoid-tanh")
    meta = algorithm.meta_parameters()
    expected = algorithm.outer_gradient(meta, episodes, transductive=True)
    assert_same_gradient(recursive_gradient(algorithm, meta, episodes, transductive=True).gradient, expected.gradient, 1e-10)
