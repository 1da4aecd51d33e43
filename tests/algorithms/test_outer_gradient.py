"""The outer gradient on every network: against a plain loop, the looping path, and finite differences."""

import pytest
import torch
from algorithm_cases import BATCH_NORM, NETWORKS, assert_same_gradient, build, is_regression, learner, random_tasks, with_algorithm
from plain_loop import plain_loop, plain_network

from maml_studio.algorithms import ALGORITHMS, Algorithm, Learner, Params
from maml_studio.data import Episodes
from maml_studio.models import build_model
from maml_studio.spec import TABLES, Mlp

RATE = 0.1
NORM_CASES = [(name, True) for name in NETWORKS] + [(name, False) for name in BATCH_NORM]


def algorithm_for(name: str, learner: Learner, steps: int, rate: float = RATE) -> Algorithm:
    return with_algorithm(ALGORITHMS[name], TABLES["algorithm"][name], learner, steps, rate)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("algorithm_name", ALGORITHMS)
@pytest.mark.parametrize(("network", "transductive"), NORM_CASES)
def test_equals_the_plain_loop(network: str, transductive: bool, algorithm_name: str, steps: int) -> None:
    episodes = random_tasks(network, tasks=2)
    fast = algorithm_for(algorithm_name, learner(network), steps)
    slow = algorithm_for(algorithm_name, learner(network, batched=False), steps)
    assert fast.learner.batched
    assert not slow.learner.batched
    meta = fast.meta_parameters()
    outer = fast.outer_gradient(meta, episodes, transductive=transductive)

    assert_same_gradient(outer.gradient, slow.outer_gradient(meta, episodes, transductive=transductive).gradient, 1e-10)

    plain = plain_network(NETWORKS[network], 1 if is_regression(network) else 3)
    names = dict(zip(meta, (name for name, _ in plain.named_parameters()), strict=True))
    gradient, tasks = plain_loop(
        plain,
        {names[name]: value for name, value in meta.items()},
        episodes,
        rate=RATE,
        steps=steps,
        transductive=transductive,
        second_order=algorithm_name == "maml",
    )
    assert_same_gradient(outer.gradient, {name: gradient[names[name]] for name in meta}, 1e-10)
    torch.testing.assert_close(outer.query_loss, torch.stack([task.query_loss for task in tasks]), rtol=1e-10, atol=0)
    assert len(outer.path) == steps + 1
    for step, point in enumerate(outer.path):
        losses = torch.stack([task.support_losses[step] for task in tasks])
        torch.testing.assert_close(point.support_loss, losses, rtol=1e-10, atol=0)
        for name, value in point.params.items():
            expected = torch.stack([task.path[step][names[name]] for task in tasks])
            torch.testing.assert_close(value, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("network", ["mlp-relu", "conv4-stride-batch", "conv4-max_pool-none"])
def test_first_order_differs_on_relu_nets(network: str) -> None:
    """ReLU is linear piece by piece, but cross-entropy on top of it is not: H is not zero."""
    episodes = random_tasks(network)
    second, first = (
        algorithm_for(name, learner(network), 1).outer_gradient(build_meta(network), episodes, transductive=True).gradient
        for name in ("maml", "fomaml")
    )
    with pytest.raises(AssertionError):
        assert_same_gradient(first, second, 1e-3)


def build_meta(network: str) -> Params:
    return {name: value.detach().clone().requires_grad_() for name, value in build(network).named_parameters()}


@pytest.fixture(params=["regression", "classes"])
def tiny(request: pytest.FixtureRequest) -> tuple[Learner, Episodes]:
    """A smooth network of a dozen weights and tasks for it."""
    if request.param == "regression":
        network = build_model(Mlp(hidden=(3,), activation="tanh"), (1,), 1, 0).double()
        return Learner(network, "mse"), random_tasks("sinusoid-tanh")
    network = build_model(Mlp(hidden=(3,), activation="tanh"), (2,), 3, 0).double()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 6, 2, generator=generator, dtype=torch.float64)
    y = torch.randint(3, (3, 6), generator=generator)
    return Learner(network, "cross_entropy"), Episodes(x, y, x.flip(1) + 0.3, y.roll(1, 1), y[:, :0])


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("algorithm_name", ALGORITHMS)
def test_finite_differences(tiny: tuple[Learner, Episodes], algorithm_name: str, steps: int) -> None:
    """Every element of the whole meta-loss's gradient; FOMAML's is none."""
    learner, episodes = tiny
    algorithm = algorithm_for(algorithm_name, learner, steps, rate=0.5)
    meta = algorithm.meta_parameters()
    gradient = algorithm.outer_gradient(meta, episodes, transductive=True).gradient

    def meta_loss() -> float:
        adapted = algorithm.adapt(meta, episodes, steps)[-1].params
        with torch.no_grad():
            return learner.loss(learner.outputs(adapted, episodes.query_x), episodes.query_y).mean().item()

    epsilon = 1e-5
    differences = {name: torch.zeros_like(value) for name, value in meta.items()}
    for name, value in meta.items():
        flat, slope = value.detach().view(-1), differences[name].view(-1)
        for element in range(flat.numel()):
            kept = flat[element].item()
            flat[element] = kept + epsilon
            above = meta_loss()
            flat[element] = kept - epsilon
            slope[element] = (above - meta_loss()) / (2 * epsilon)
            flat[element] = kept
    if algorithm_name == "fomaml":
        with pytest.raises(AssertionError):
            assert_same_gradient(gradient, differences, 1e-3)
    else:
        assert_same_gradient(gradient, differences, 1e-7)


@pytest.mark.parametrize("algorithm_name", ALGORITHMS)
@pytest.mark.parametrize("network", ["conv4-stride-batch", "mlp-tanh", "sinusoid-relu"])
def test_mean_over_tasks_whatever_the_chunks(network: str, algorithm_name: str) -> None:
    episodes = random_tasks(network, tasks=5)
    algorithm = algorithm_for(algorithm_name, learner(network), 2)
    meta = algorithm.meta_parameters()
    whole = algorithm.outer_gradient(meta, episodes, transductive=False)
    for size in (1, 2, 4):
        total = {name: torch.zeros_like(value) for name, value in meta.items()}
        parts = [(chunk, algorithm.outer_gradient(meta, chunk, transductive=False)) for chunk in episodes.chunks(size)]
        for chunk, outer in parts:
            for name, value in outer.gradient.items():
                total[name] += value * len(chunk) / len(episodes)
        assert_same_gradient(total, whole.gradient, 1e-10)
        torch.testing.assert_close(torch.cat([outer.query_loss for _, outer in parts]), whole.query_loss, rtol=1e-10, atol=0)


@pytest.mark.parametrize("algorithm_name", ALGORITHMS)
@pytest.mark.parametrize("network", ["conv4-max_pool-batch", "tutorial_cnn", "sinusoid-tanh"])
def test_leaves_no_trace(network: str, algorithm_name: str) -> None:
    """Parameters in, parameters out: neither the module nor the meta-parameters change or collect gradients."""
    algorithm = algorithm_for(algorithm_name, learner(network), 2)
    module, episodes = algorithm.learner.module, random_tasks(network)
    meta = algorithm.meta_parameters()
    of_module = {name: value.clone() for name, value in module.state_dict().items()}
    of_meta = {name: value.detach().clone() for name, value in meta.items()}
    attributes = [sorted(vars(layer)) for layer in module.modules()]
    drawn = torch.random.get_rng_state()

    first = algorithm.outer_gradient(meta, episodes, transductive=True)
    algorithm.adapt(meta, episodes, 3)
    again = algorithm.outer_gradient(meta, episodes, transductive=True)

    assert all(torch.equal(value, of_module[name]) for name, value in module.state_dict().items())
    assert list(module.state_dict()) == list(of_module)
    assert [sorted(vars(layer)) for layer in module.modules()] == attributes
    assert all(torch.equal(value, of_meta[name]) and value.grad is None for name, value in meta.items())
    assert all(parameter.grad is None for parameter in module.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert all(torch.equal(value, again.gradient[name]) for name, value in first.gradient.items())


@pytest.mark.parametrize("algorithm_name", ALGORITHMS)
def test_meta_parameters_are_fresh_leaves(algorithm_name: str) -> None:
    algorithm = algorithm_for(algorithm_name, learner("mlp-relu"), 1)
    first, second = algorithm.meta_parameters(), algorithm.meta_parameters()
    for name, parameter in algorithm.learner.module.named_parameters():
        assert torch.equal(first[name], parameter)
        assert first[name].is_leaf
        assert first[name].requires_grad
        assert len({first[name].data_ptr(), second[name].data_ptr(), parameter.data_ptr()}) == 3
