"""Norm modes, accuracy and purity of adaptation."""

import pytest
import torch
from algorithm_cases import BATCH_NORM, NETWORKS, WAY, build, is_regression, learner, meta_of, pairs, random_tasks, with_algorithm
from plain_loop import plain_network, query_outputs
from torch import nn

from maml_studio.algorithms import ALGORITHMS, Algorithm, Learner, build_algorithm
from maml_studio.algorithms.base import Order
from maml_studio.data import Episodes
from maml_studio.models import build_for
from maml_studio.spec import TABLES, Experiment, with_changes


def algorithm_on(network: str, name: str = "maml") -> Algorithm:
    return with_algorithm(name, learner(network))


def with_queries(episodes: Episodes, x: torch.Tensor) -> Episodes:
    return Episodes(episodes.support_x, episodes.support_y, x, episodes.query_y[:, : x.shape[1]], episodes.classes)


@pytest.mark.parametrize("transductive", [True, False])
@pytest.mark.parametrize("network", NETWORKS)
def test_one_query_among_others(network: str, transductive: bool) -> None:
    """Its outputs depend on the other queries in one case only: batch norm with the queries' own statistics."""
    algorithm, episodes = algorithm_on(network), random_tasks(network)
    meta = algorithm.meta_parameters()
    params = algorithm.adapt(meta, episodes, 2)[-1].params

    def first_query(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return algorithm.learner.query_outputs(params, with_queries(episodes, x), transductive)[:, 0]

    together = first_query(episodes.query_x)
    others_changed = torch.cat([episodes.query_x[:, :1], episodes.query_x[:, 1:] ** 3], 1)
    depends = transductive and network in BATCH_NORM
    for x in (others_changed, episodes.query_x[:, :2], episodes.query_x[:, [0, 3, 2, 1]]):
        assert torch.allclose(first_query(x), together, rtol=1e-10, atol=1e-12) != depends


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_one_query_among_others_for_every_algorithm(name: str, batched: bool) -> None:
    """With the support set's statistics no algorithm lets the other queries in, neither in adapting nor in answering."""
    network = "conv4-context"
    algorithm, episodes = with_algorithm(name, learner(network, batched=batched)), random_tasks(network)
    meta = meta_of(algorithm)
    other = with_queries(episodes, torch.cat([episodes.query_x[:, :1], episodes.query_x[:, 1:] ** 3], 1))
    logits = {}
    for transductive in (True, False):
        with torch.no_grad():
            logits[transductive] = [
                algorithm.learner.query_outputs(algorithm.adapt(meta, tasks, 2)[-1].params, tasks, transductive)[:, 0]
                for tasks in (episodes, other)
            ]
    torch.testing.assert_close(*logits[False], rtol=1e-10, atol=1e-12)
    assert not torch.allclose(*logits[True], rtol=1e-6)


@pytest.mark.parametrize("network", BATCH_NORM)
def test_one_query_alone(network: str) -> None:
    """A single drawing has nothing of its own to be normalised by; with the support set's statistics it needs nothing."""
    algorithm, episodes = algorithm_on(network), random_tasks(network)
    params = algorithm.adapt(algorithm.meta_parameters(), episodes, 1)[-1].params
    with torch.no_grad():
        alone = algorithm.learner.query_outputs(params, with_queries(episodes, episodes.query_x[:, :1]), False)
        together = algorithm.learner.query_outputs(params, episodes, False)
    torch.testing.assert_close(alone[:, 0], together[:, 0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("transductive", [True, False])
@pytest.mark.parametrize("network", NETWORKS)
def test_query_outputs_along_the_inner_loop(network: str, transductive: bool) -> None:
    """At each φ_j, with statistics of the support set at that very φ_j, one task after the other in plain PyTorch."""
    algorithm, episodes = algorithm_on(network), random_tasks(network)
    plain = plain_network(NETWORKS[network], 1 if is_regression(network) else WAY)
    names = [name for name, _ in plain.named_parameters()]
    for point in algorithm.adapt(algorithm.meta_parameters(), episodes, 3):
        with torch.no_grad():
            outputs = algorithm.learner.query_outputs(point.params, episodes, transductive)
            for task in range(len(episodes)):
                weights = dict(zip(names, (value[task] for value in point.params.values()), strict=True))
                expected = query_outputs(plain, weights, episodes.support_x[task], episodes.query_x[task], transductive)
                torch.testing.assert_close(outputs[task], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("steps", [0, 1, 4])
@pytest.mark.parametrize(("name", "network"), pairs("conv4-context"))
def test_path_of_adaptation(name: str, network: str, steps: int, order: Order) -> None:
    """A point before each step and one at the end; the same numbers whatever of it can be differentiated; losses that fall."""
    algorithm, episodes = with_algorithm(name, learner(network), inner_lr=0.01, test_batch=100), random_tasks(network)
    meta = meta_of(algorithm)
    path = algorithm.adapt(meta, episodes, steps, order=order)
    assert len(path) == (1 if name == "protonet" else steps + 1)
    start = algorithm.start(meta, episodes)
    assert all(torch.equal(value, start[key]) for key, value in path[0].params.items())
    for point, plain in zip(path, algorithm.adapt(meta, episodes, steps), strict=True):
        for key, value in point.params.items():
            torch.testing.assert_close(value.detach(), plain.params[key], rtol=1e-10, atol=1e-13)
    assert all(not point.support_loss.requires_grad and point.support_loss.shape == (3,) for point in path)
    losses = torch.stack([point.support_loss for point in path])
    assert torch.isfinite(losses).all()
    assert (losses.diff(dim=0) < 0).all()


@pytest.mark.parametrize(("name", "network"), pairs("mlp-context"))
def test_adapts_inside_no_grad(name: str, network: str) -> None:
    algorithm, episodes = with_algorithm(name, learner(network)), random_tasks(network)
    meta = meta_of(algorithm)
    expected = algorithm.adapt(meta, episodes, 2)[-1].params
    with torch.no_grad():
        found = algorithm.adapt(meta, episodes, 2)[-1].params
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize(("name", "network"), pairs("conv4-context"))
def test_adaptation_looks_at_support_sets_only(name: str, network: str) -> None:
    algorithm, episodes = with_algorithm(name, learner(network)), random_tasks(network)
    nothing = Episodes(episodes.support_x, episodes.support_y, episodes.query_x[:, :0], episodes.query_y[:, :0], episodes.classes)
    meta = meta_of(algorithm)
    for point, blind in zip(algorithm.adapt(meta, episodes, 2), algorithm.adapt(meta, nothing, 2), strict=True):
        assert all(torch.equal(value, blind.params[name]) for name, value in point.params.items())


def test_losses_and_accuracy_per_task() -> None:
    classifier, regressor = learner("mlp-relu"), learner("sinusoid-relu")
    logits = torch.tensor([[[9.0, 0, 0], [0, 9, 0]], [[0, 9.0, 0], [9, 0, 0]]])
    y = torch.tensor([[0, 1], [1, 2]])
    assert classifier.accuracy(logits, y).tolist() == [1.0, 0.5]
    expected = [torch.nn.functional.cross_entropy(one, label) for one, label in zip(logits, y, strict=True)]
    torch.testing.assert_close(classifier.loss(logits, y), torch.stack(expected))
    values = torch.tensor([[[1.0], [3.0]], [[0.0], [0.0]]])
    assert regressor.loss(values, torch.zeros(2, 2, 1)).tolist() == [5.0, 0.0]
    assert regressor.accuracy(values, torch.zeros(2, 2, 1)).isnan().all()


def test_any_module_takes_the_loop() -> None:
    """Model-agnostic: a module that knows nothing of a tasks axis adapts just so."""

    class Doubled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Flatten(), nn.Linear(784, WAY))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inner(2 * x)

    plain = Learner(Doubled().double(), "cross_entropy")
    assert not plain.batched
    algorithm = with_algorithm("maml", plain, inner_lr=0.01)
    outer = algorithm.outer_gradient(algorithm.meta_parameters(), random_tasks("mlp-relu"), transductive=False)
    assert outer.path[-1].support_loss.sum() < outer.path[0].support_loss.sum()
    assert outer.gradient["inner.1.weight"].shape == (WAY, 784)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_built_from_an_experiment(name: str) -> None:
    classes = with_changes(Experiment(), {"model.context": 4, "algorithm.name": name})
    algorithm = build_algorithm(classes, build_for(classes))
    assert type(algorithm) is ALGORITHMS[name]
    assert algorithm.learner.loss_name == "cross_entropy"
    assert algorithm.settings == classes.algorithm
    assert algorithm.known_classes
    if not TABLES["algorithm"][name].needs_classes:
        changes = {"data.source": "sinusoid", "task.kind": "regression", "model.name": "mlp", "model.context": 4}
        sines = with_changes(classes, changes)
        assert build_algorithm(sines, build_for(sines)).learner.loss_name == "mse"


@pytest.mark.parametrize(
    ("data", "known"),
    [({}, True), ({"data.split": "classes", "data.holdout": ["3"]}, False), ({"data.source": "folder", "data.split": "images"}, False)],
)
def test_classes_are_known_only_where_their_numbers_come_from(data: dict[str, object], known: bool) -> None:
    tried = with_changes(Experiment(), {"algorithm.name": "joint"})
    assert build_algorithm(tried, build_for(tried), trained_on=with_changes(tried, data)).known_classes is known


def test_module_and_settings_table_agree() -> None:
    assert list(ALGORITHMS) == list(TABLES["algorithm"])
    assert build("mlp-relu").head.out_features == WAY
