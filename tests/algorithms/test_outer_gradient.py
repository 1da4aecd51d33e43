"""The outer gradient on every network: against plain loops, the looping path, and chunk by chunk."""

import pytest
import torch
from algorithm_cases import (
    BATCH_NORM,
    NETWORKS,
    assert_same_gradient,
    build,
    learner,
    learns,
    meta_of,
    pairs,
    random_tasks,
    with_algorithm,
)
from gradient_checks import check_plain

from maml_studio.algorithms import ALGORITHMS
from maml_studio.spec import TABLES

SMALL = ("conv4-stride-batch", "conv4-context", "mlp-context", "sinusoid-relu", "sinusoid-context")
FEW = pairs("conv4-context", "sinusoid-context")


def both_norms(cells: list[tuple[str, str]]) -> list[tuple[str, str, bool]]:
    return [(name, network, True) for name, network in cells] + [(name, network, False) for name, network in cells if network in BATCH_NORM]


def check_batched_loop_and_plain(name: str, network: str, *, transductive: bool, iteration: int = 0, **values: object) -> None:
    fast = with_algorithm(name, learner(network), **values)
    slow = with_algorithm(name, learner(network, batched=False), **values)
    assert fast.learner.batched
    assert not slow.learner.batched
    outer = check_plain(name, fast, network, transductive=transductive, iteration=iteration)
    episodes = random_tasks(network, tasks=2)
    looped = slow.outer_gradient(meta_of(slow), episodes, transductive=transductive, iteration=iteration)
    assert_same_gradient(outer.gradient, looped.gradient, 1e-10)


@pytest.mark.parametrize(("name", "steps"), [("maml", 1), ("maml", 3), ("fomaml", 2)])
@pytest.mark.parametrize(("network", "transductive"), [case[1:] for case in both_norms([("maml", network) for network in NETWORKS])])
def test_equals_the_plain_loop_on_every_network(network: str, transductive: bool, name: str, steps: int) -> None:
    check_batched_loop_and_plain(name, network, transductive=transductive, inner_steps=steps)


@pytest.mark.parametrize(("name", "network", "transductive"), both_norms(pairs(*SMALL)))
def test_equals_the_plain_loop_for_every_algorithm(name: str, network: str, transductive: bool) -> None:
    # Adam divides the gradient of a bias that batch norm takes away again, which is nothing but rounding, by its own size.
    check_batched_loop_and_plain(name, network, transductive=transductive, optimizer="sgd" if network in BATCH_NORM else "adam")


@pytest.mark.parametrize(
    ("name", "values"),
    [(name, {"multi_step": 8}) for name in ALGORITHMS if "multi_step" in TABLES["algorithm"][name].model_fields]
    + [(name, {"first_order_until": 4}) for name in ALGORITHMS if "first_order_until" in TABLES["algorithm"][name].model_fields]
    + [("mamlpp", {"multi_step": 8, "first_order_until": 4}), ("imaml", {"damping": 0.5, "lam": 0.7})],
)
def test_equals_the_plain_loop_in_every_setting(name: str, values: dict[str, object]) -> None:
    """In the fourth outer step, while the multi-step loss and the first order still count."""
    check_batched_loop_and_plain(name, "conv4-context", transductive=False, iteration=3, inner_steps=3, **values)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name not in ("reptile", "joint")])
def test_soft_accuracy_equals_the_plain_loop(name: str) -> None:
    soft = learner("mlp-context")
    soft.objective_name = "soft_accuracy"
    check_plain(name, with_algorithm(name, soft), "mlp-context", transductive=True)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if "first_order_until" in TABLES["algorithm"][name].model_fields])
def test_first_order_ends_when_it_should(name: str) -> None:
    """The iteration before the last of its time is first order, the one after it exact."""
    network = "mlp-context"
    episodes = random_tasks(network)

    def gradient(iteration: int, until: int) -> dict[str, torch.Tensor]:
        algorithm = with_algorithm(name, learner(network), first_order_until=until, multi_step=0, inner_lr=5.0 if name == "cavia" else 0.5)
        return algorithm.outer_gradient(meta_of(algorithm), episodes, transductive=True, iteration=iteration).gradient

    exact = gradient(0, 0)
    assert all(torch.equal(value, exact[key]) for key, value in gradient(5, 5).items())
    first = gradient(4, 5)
    assert all(torch.equal(value, first[key]) for key, value in gradient(0, 5).items())
    with pytest.raises(AssertionError, match="is off by"):
        assert_same_gradient(first, exact, 1e-3)


@pytest.mark.parametrize("network", ["mlp-relu", "conv4-stride-batch"])
def test_first_order_differs_on_relu_nets(network: str) -> None:
    """ReLU is linear piece by piece, but cross-entropy on top of it is not: H is not zero."""
    episodes = random_tasks(network)
    first, second = (
        algorithm.outer_gradient(meta_of(algorithm), episodes, transductive=True).gradient
        for algorithm in (with_algorithm(name, learner(network), inner_steps=1) for name in ("fomaml", "maml"))
    )
    with pytest.raises(AssertionError, match="is off by"):
        assert_same_gradient(first, second, 1e-3)


@pytest.mark.parametrize(("name", "network"), [cell for cell in FEW if not TABLES["algorithm"][cell[0]].pools_tasks])
def test_mean_over_tasks_whatever_the_chunks(name: str, network: str) -> None:
    """Joint training alone is no mean over tasks where batch norm sees them all at once."""
    episodes = random_tasks(network, tasks=5)
    algorithm = with_algorithm(name, learner(network))
    meta = meta_of(algorithm)
    whole = algorithm.outer_gradient(meta, episodes, transductive=False)
    for size in (1, 2, 4):
        total = {name: torch.zeros_like(value) for name, value in meta.items()}
        parts = [(chunk, algorithm.outer_gradient(meta, chunk, transductive=False)) for chunk in episodes.chunks(size)]
        for chunk, outer in parts:
            for key, value in outer.gradient.items():
                total[key] += value * len(chunk) / len(episodes)
        assert_same_gradient(total, whole.gradient, 1e-10)
        torch.testing.assert_close(torch.cat([outer.query_loss for _, outer in parts]), whole.query_loss, rtol=1e-10, atol=0)
        for note, mean in whole.notes.items():
            assert sum(outer.notes[note] * len(chunk) for chunk, outer in parts) / len(episodes) == pytest.approx(mean, rel=1e-8)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_order_of_tasks_does_not_matter(name: str) -> None:
    """Nothing that one task learned is left for the next; CAVIA's context least of all."""
    network = "conv4-context"
    algorithm, episodes = with_algorithm(name, learner(network)), random_tasks(network, tasks=4)
    order = torch.tensor([2, 0, 3, 1])
    meta = meta_of(algorithm)
    one, other = (algorithm.outer_gradient(meta, tasks, transductive=False) for tasks in (episodes, episodes.pick(order)))
    assert_same_gradient(other.gradient, one.gradient, 1e-10)
    torch.testing.assert_close(other.query_loss, one.query_loss[order], rtol=1e-10, atol=0)


TRACED = [(name, network, batched) for name, network in FEW for batched in (True, False)]
TRACED += [("maml", network, True) for network in ("conv4-max_pool-batch", "tutorial_cnn", "lstm-2")]


@pytest.mark.parametrize(("name", "network", "batched"), TRACED)
def test_leaves_no_trace(name: str, network: str, batched: bool) -> None:
    """Parameters in, parameters out: neither the module nor the meta-parameters change or collect gradients."""
    algorithm = with_algorithm(name, learner(network, batched=batched))
    module, episodes = algorithm.learner.module, random_tasks(network)
    meta = meta_of(algorithm)
    of_module = {name: value.clone() for name, value in module.state_dict().items()}
    of_meta = {name: value.detach().clone() for name, value in meta.items()}
    attributes = [sorted(vars(layer)) for layer in module.modules()]
    drawn = torch.random.get_rng_state()

    first = algorithm.outer_gradient(meta, episodes, transductive=True)
    algorithm.adapt(meta, episodes, 3)
    again = algorithm.outer_gradient(meta, episodes, transductive=True)

    assert list(first.gradient) == list(meta)
    assert all(value.shape == meta[key].shape and not value.requires_grad for key, value in first.gradient.items())
    assert all(not value.requires_grad for point in first.path for value in point.params.values())
    assert all(torch.equal(value, of_module[name]) for name, value in module.state_dict().items())
    assert list(module.state_dict()) == list(of_module)
    assert [sorted(vars(layer)) for layer in module.modules()] == attributes
    assert all(torch.equal(value, of_meta[name]) and value.grad is None for name, value in meta.items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert all(torch.equal(value, again.gradient[name]) for name, value in first.gradient.items())


@pytest.mark.parametrize("name", ALGORITHMS)
def test_meta_parameters_are_fresh_leaves(name: str) -> None:
    algorithm = with_algorithm(name, learner("mlp-context"))
    first, second = algorithm.meta_parameters(7), algorithm.meta_parameters(7)
    assert list(first) == list(second)
    module = dict(algorithm.learner.module.named_parameters())
    for key, value in first.items():
        assert value.is_leaf
        assert value.requires_grad
        assert torch.equal(value, second[key])
        assert value.dtype == torch.float64
        addresses = [value.data_ptr(), second[key].data_ptr(), *([module[key].data_ptr()] if key in module else [])]
        assert len(set(addresses)) == len(addresses)
        if key in module and value.shape == module[key].shape:
            assert torch.equal(value, module[key])


def test_every_algorithm_is_in_the_small_set() -> None:
    assert {name for name, _ in pairs(*SMALL)} == {name for name, _ in FEW} == set(ALGORITHMS)
    assert build("conv4-context").film is not None
    assert not learns("cavia", "mlp-tanh")
