"""Which weights the inner loop moves, which it leaves alone to the bit, and which the outer gradient reaches."""

import pytest
import torch
from algorithm_cases import (
    assert_same_gradient,
    learner,
    meta_of,
    pairs,
    random_tasks,
    with_algorithm,
)

from maml_studio.algorithms import Algorithm, OuterGradient, Params, build_algorithm
from maml_studio.data import Episodes
from maml_studio.models import build_for
from maml_studio.spec import Experiment, with_changes

NETWORKS = ("conv4-context", "mlp-context")
PATHS = pytest.mark.parametrize("batched", [True, False])


def adapted(algorithm: Algorithm, network: str, steps: int = 4) -> tuple[Params, Params]:
    """Where the inner loop began and ended."""
    path = algorithm.adapt(meta_of(algorithm), random_tasks(network), steps)
    return path[0].params, path[-1].params


def outer(algorithm: Algorithm, episodes: Episodes, meta: Params) -> OuterGradient:
    return algorithm.outer_gradient(meta, episodes, transductive=True)


@PATHS
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", ["anil", "boil", "cavia", "maml", "joint"])
def test_only_its_own_part_moves(name: str, network: str, batched: bool) -> None:
    algorithm = with_algorithm(name, learner(network, batched=batched))
    before, after = adapted(algorithm, network)
    head, context = set(algorithm.learner.head), set(algorithm.learner.context)
    moves = {"anil": head, "boil": set(before) - head, "cavia": context}.get(name, set(before))
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    # Batch norm takes the bias before it away again.
    idle = {key for key in moves if key.startswith("conv") and key.endswith("bias")}
    assert moved <= moves
    assert moves - idle <= moved
    assert moved


def test_joint_training_may_fine_tune_its_head_alone() -> None:
    algorithm = with_algorithm("joint", learner("mlp-context"), adapts="head")
    before, after = adapted(algorithm, "mlp-context")
    assert {key for key in before if not torch.equal(before[key], after[key])} == {"head.weight", "head.bias"}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("name", ["anil", "boil"])
def test_what_does_not_adapt_is_learned_all_the_same(name: str, network: str) -> None:
    algorithm = with_algorithm(name, learner(network), inner_steps=3)
    gradient = outer(algorithm, random_tasks(network), meta_of(algorithm)).gradient
    assert all(value.abs().max() > 0 for key, value in gradient.items() if not key.startswith(("conv", "context", "film")))
    assert sum(value.norm() for key, value in gradient.items() if key.startswith(("conv", "linear"))) > 1e-3


@PATHS
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(("name", "still"), [("anil", "body"), ("boil", "head")])
def test_equals_maml_with_that_rate_zero(name: str, still: str, network: str, batched: bool) -> None:
    """The one tree of rates: MAML++ with every rate at α and that part's at zero takes the same steps."""
    one = with_algorithm(name, learner(network, batched=batched), inner_steps=3)
    tree = with_algorithm("mamlpp", learner(network, batched=batched), inner_steps=3, multi_step=0)
    meta, rates = one.meta_parameters(), tree.meta_parameters()
    with torch.no_grad():
        for key, value in rates.items():
            if key.startswith("inner_rate."):
                in_head = key.startswith("inner_rate.head.")
                value.fill_(0.0 if in_head == (still == "head") else 0.1)
    episodes = random_tasks(network)
    mine, theirs = outer(one, episodes, meta), outer(tree, episodes, rates)
    assert_same_gradient(mine.gradient, {key: theirs.gradient[key] for key in meta}, 1e-12)
    for here, there in zip(mine.path, theirs.path, strict=True):
        for key, value in here.params.items():
            torch.testing.assert_close(value, there.params[key], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["meta_sgd", "mamlpp"])
def test_learned_rates_all_alike_are_maml(name: str) -> None:
    episodes = random_tasks("conv4-context")
    maml = with_algorithm("maml", learner("conv4-context"), inner_steps=3)
    rated = with_algorithm(name, learner("conv4-context"), inner_steps=3, multi_step=0, rate_min=0.1, rate_max=0.1)
    expected = outer(maml, episodes, maml.meta_parameters()).gradient
    found = outer(rated, episodes, rated.meta_parameters()).gradient
    assert_same_gradient({key: found[key] for key in expected}, expected, 1e-12)
    assert {key.removeprefix("inner_rate.") for key in found if key not in expected} == set(expected)


def test_first_rates_of_meta_sgd() -> None:
    """Spread between the two settings, of each parameter's own shape; a rate that has turned negative climbs."""
    algorithm = with_algorithm("meta_sgd", learner("conv4-context"), rate_min=0.005, rate_max=0.1)
    meta = algorithm.meta_parameters()
    rates = {key.removeprefix("inner_rate."): value for key, value in meta.items() if key.startswith("inner_rate.")}
    assert {key: value.shape for key, value in rates.items()} == {key: meta[key].shape for key in rates}
    every = torch.cat([value.detach().flatten() for value in rates.values()])
    assert 0.005 <= every.min() < 0.01
    assert 0.095 < every.max() <= 0.1
    turned = meta | {key: -value.detach() for key, value in meta.items() if key.startswith("inner_rate.")}
    episodes = random_tasks("conv4-context")
    ahead, back = (algorithm.adapt(one, episodes, 1)[1].params for one in (meta, turned))
    for key in rates:
        torch.testing.assert_close(ahead[key] - meta[key], meta[key] - back[key], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(("algorithm", "drawn", "weights"), [("meta_sgd", "inner_rate.", "conv1.weight"), ("joint", "all_classes.", "")])
def test_what_is_drawn_beside_the_network_is_no_copy_of_it(algorithm: str, drawn: str, weights: str) -> None:
    experiment = with_changes(Experiment(), {"algorithm.name": algorithm, "model.width": 8, "seed": 3})
    network = build_for(experiment)
    meta = build_algorithm(experiment, network).meta_parameters(10)
    first = network.get_parameter("conv1.weight").flatten()
    other = meta[f"{drawn}{weights or 'weight'}"].flatten()
    count = min(len(first), len(other))
    assert torch.corrcoef(torch.stack([first[:count], other[:count]]))[0, 1].abs() < 0.5


def test_learned_rates_beyond_the_steps_of_training() -> None:
    """MAML++ goes on with its last rate."""
    algorithm = with_algorithm("mamlpp", learner("mlp-context"), inner_steps=2)
    meta, episodes = meta_of(algorithm), random_tasks("mlp-context")
    longer = {key: torch.cat([v, v[-1:], v[-1:]]) if key.startswith("inner_rate.") else v for key, v in meta.items()}
    path, expected = (algorithm.adapt(one, episodes, 4) for one in (meta, longer))
    for here, there in zip(path, expected, strict=True):
        assert all(torch.equal(value, there.params[key]) for key, value in here.params.items())


@PATHS
@pytest.mark.parametrize("network", ["conv4-context", "mlp-context", "sinusoid-context"])
def test_the_context_starts_at_zero(network: str, batched: bool) -> None:
    """Whatever the network's own is; and it is no meta-parameter."""
    algorithm = with_algorithm("cavia", learner(network, batched=batched))
    (name,) = algorithm.learner.context
    assert algorithm.learner.module.get_parameter(name).abs().max() > 0
    before, after = adapted(algorithm, network)
    assert torch.equal(before[name], torch.zeros_like(before[name]))
    assert (after[name].abs().amax(1) > 0).all()
    assert name not in algorithm.meta_parameters()


@pytest.mark.parametrize(("name", "network"), pairs("conv4-context", "sinusoid-context"))
def test_one_task_is_learned_as_if_alone(name: str, network: str) -> None:
    """Path and end of a task do not depend on the others beside it."""
    algorithm, episodes = with_algorithm(name, learner(network)), random_tasks(network)
    meta = meta_of(algorithm)
    together = algorithm.adapt(meta, episodes, 3)
    for task, alone in enumerate(episodes.chunks(1)):
        for one, all_of_them in zip(algorithm.adapt(meta, alone, 3), together, strict=True):
            torch.testing.assert_close(one.support_loss[0], all_of_them.support_loss[task], rtol=1e-9, atol=1e-12)
            for key, value in one.params.items():
                torch.testing.assert_close(value[0], all_of_them.params[key][task], rtol=1e-8, atol=1e-10)
