"""Names and numbers of classes: who is blind to their order, who takes any number, and what chance is."""

from dataclasses import replace
from itertools import permutations

import pytest
import torch
from algorithm_cases import NETWORKS, POOL, WAY, assert_same_gradient, is_regression, learner, meta_of, pairs, random_tasks, with_algorithm
from torch import Tensor

from maml_studio.algorithms import ALGORITHMS, Algorithm, Params
from maml_studio.data import Episodes
from maml_studio.spec import TABLES

CLASSIFIERS = [name for name in NETWORKS if not is_regression(name)]
BLIND = ("unicorn_maml", "proto_maml", "protonet")
ANY_WAY = [name for name, settings in TABLES["algorithm"].items() if settings.any_way]
FIXED_HEAD = [name for name in ALGORITHMS if name not in ANY_WAY]
RENAMED = torch.tensor([2, 0, 1])


def renamed(episodes: Episodes) -> Episodes:
    """The same tasks, with class 0 now called 2 and so on."""
    classes = torch.empty_like(episodes.classes)
    classes[:, RENAMED] = episodes.classes
    return replace(episodes, support_y=RENAMED[episodes.support_y], query_y=RENAMED[episodes.query_y], classes=classes)


def with_ways(way: int, shot: int = 2, tasks: int = 2) -> Episodes:
    """Tasks of any number of ways, images in classes' order."""
    generator = torch.Generator().manual_seed(3)
    y = torch.arange(way).repeat_interleave(shot).expand(tasks, -1)
    support, query = (torch.rand(tasks, way * shot, 1, 28, 28, generator=generator, dtype=torch.float64) for _ in range(2))
    return Episodes(support, y, query, y, torch.stack([torch.randperm(POOL, generator=generator)[:way] for _ in range(tasks)]))


def answers(algorithm: Algorithm, meta: Params, episodes: Episodes, steps: int = 3) -> Tensor:
    """Logits of the queries after adapting, ``[tasks, queries, way]``."""
    params = algorithm.adapt(meta, episodes, steps)[-1].params
    with torch.no_grad():
        return algorithm.learner.query_outputs(params, episodes, True)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("network", ["conv4-stride-batch", "mlp-tanh"])
@pytest.mark.parametrize("name", [*BLIND, "joint"])
def test_renamed_classes_rename_the_logits(name: str, network: str, batched: bool) -> None:
    """With nothing else renamed; joint training starts new classes at zero, all alike."""
    algorithm, episodes = with_algorithm(name, learner(network, batched=batched)), random_tasks(network)
    meta = meta_of(algorithm)
    outputs, other = answers(algorithm, meta, episodes), answers(algorithm, meta, renamed(episodes))
    torch.testing.assert_close(other[..., RENAMED], outputs, rtol=1e-9, atol=1e-11)
    assert not torch.allclose(other, outputs, rtol=1e-3)
    gradients = [algorithm.outer_gradient(meta, tasks, transductive=True).gradient for tasks in (episodes, renamed(episodes))]
    assert_same_gradient(gradients[1], gradients[0], 1e-10)


@pytest.mark.parametrize(
    ("name", "network"),
    [("maml", network) for network in CLASSIFIERS] + [cell for cell in pairs("conv4-context", "mlp-context") if cell[0] in FIXED_HEAD],
)
def test_a_fixed_head_has_to_be_renamed_alike(name: str, network: str) -> None:
    """Its rows and biases, and whatever rates belong to them."""
    algorithm, episodes = with_algorithm(name, learner(network)), random_tasks(network)
    meta = meta_of(algorithm)
    turned = dict(meta)
    for key, value in meta.items():
        if "head." in key and len(value) == WAY and (name != "mamlpp" or not key.startswith("inner_rate.")):
            turned[key] = value.detach()[RENAMED.argsort()].requires_grad_()
    outputs, alike = answers(algorithm, meta, episodes), answers(algorithm, turned, renamed(episodes))
    torch.testing.assert_close(alike[..., RENAMED], outputs, rtol=1e-8, atol=1e-10)
    assert not torch.allclose(answers(algorithm, meta, renamed(episodes))[..., RENAMED], outputs, rtol=1e-6)


@pytest.mark.parametrize(("name", "network"), [("maml", network) for network in CLASSIFIERS] + pairs("conv4-context"))
def test_without_adaptation_it_is_chance(name: str, network: str) -> None:
    """Averaged over all namings of the classes, a model that has not adapted scores 1/N."""
    algorithm, episodes = with_algorithm(name, learner(network)), random_tasks(network)
    outputs = answers(algorithm, algorithm.meta_parameters(), episodes, steps=0)
    scores = [algorithm.learner.accuracy(outputs, torch.tensor(order)[episodes.query_y]) for order in permutations(range(WAY))]
    torch.testing.assert_close(torch.stack(scores).double().mean(0), torch.full((3,), 1 / WAY, dtype=torch.float64), rtol=1e-6, atol=0)


@pytest.mark.parametrize("network", ["conv4-stride-batch", "mlp-tanh"])
def test_unicorn_moves_its_body_from_the_second_step_on(network: str) -> None:
    """While all rows are equal, no class pulls a feature anywhere."""
    algorithm = with_algorithm("unicorn_maml", learner(network))
    path = [point.params for point in algorithm.adapt(meta_of(algorithm), random_tasks(network), 2)]
    body = [key for key in path[0] if not key.startswith("head.")]
    for key in body:
        torch.testing.assert_close(path[1][key], path[0][key], rtol=0, atol=1e-15)
    assert sum((path[2][key] - path[1][key]).norm() for key in body) > 1e-6
    assert (path[1]["head.weight"] - path[0]["head.weight"]).abs().amax((1, 2)).min() > 1e-6


def test_what_unicorns_rows_share_cancels() -> None:
    """Softmax does not see what is added to all logits: the vector gets no gradient, and another one gives the same answers."""
    algorithm, episodes = with_algorithm("unicorn_maml", learner("mlp-tanh"), inner_steps=3), random_tasks("mlp-tanh")
    meta = meta_of(algorithm)
    gradient = algorithm.outer_gradient(meta, episodes, transductive=True).gradient
    assert gradient["head.weight"].shape[0] == gradient["head.bias"].shape[0] == 1
    largest = max(value.abs().max() for value in gradient.values())
    assert max(gradient[key].abs().max() for key in ("head.weight", "head.bias")) < 1e-12 * largest
    other = meta | {key: (meta[key].detach() + 3).requires_grad_() for key in ("head.weight", "head.bias")}
    one, same = (answers(algorithm, weights, episodes).softmax(-1) for weights in (meta, other))
    torch.testing.assert_close(one, same, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("way", [2, 3, 5, 7])
@pytest.mark.parametrize("name", ANY_WAY)
def test_any_number_of_ways(name: str, way: int, batched: bool) -> None:
    """Whatever the network was built for."""
    network = "conv4-stride-batch"
    algorithm, episodes = with_algorithm(name, learner(network, batched=batched)), with_ways(way)
    meta = meta_of(algorithm)
    assert answers(algorithm, meta, episodes).shape == (2, 2 * way, way)
    outer = algorithm.outer_gradient(meta, episodes, transductive=False)
    assert all(outer.gradient[key].shape == value.shape for key, value in meta.items())
    assert sum(value.norm() for value in outer.gradient.values()) > 1e-6


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("name", FIXED_HEAD)
def test_fewer_classes_than_rows(name: str, batched: bool) -> None:
    """The first rows serve; the others get no gradient, nor do their rates."""
    network = "conv4-context"
    algorithm, episodes = with_algorithm(name, learner(network, batched=batched)), with_ways(2)
    meta = meta_of(algorithm)
    assert answers(algorithm, meta, episodes).shape == (2, 4, 2)
    gradient = algorithm.outer_gradient(meta, episodes, transductive=False).gradient
    for key, value in gradient.items():
        assert value.shape == meta[key].shape
        if "head." in key and len(value) == WAY and (name != "mamlpp" or not key.startswith("inner_rate.")):
            assert value[:2].abs().max() > 0
            assert torch.equal(value[2:], torch.zeros_like(value[2:]))


@pytest.mark.parametrize("known", [True, False])
def test_joint_training_knows_its_own_classes(known: bool) -> None:
    """Told apart by the classifier of training where tasks are made of its classes; else by a head of zeros."""
    network, episodes = "mlp-tanh", random_tasks("mlp-tanh")
    algorithm = ALGORITHMS["joint"](TABLES["algorithm"]["joint"](), learner(network), known_classes=known)
    meta = meta_of(algorithm)
    assert algorithm.classes_in(meta) == len(meta["all_classes.weight"]) == POOL
    head = algorithm.start(meta, episodes)["head.weight"]
    expected = torch.stack([meta["all_classes.weight"][classes] for classes in episodes.classes])
    assert torch.equal(head, expected if known else torch.zeros_like(expected))
    strangers = replace(episodes, classes=episodes.classes + POOL)
    assert torch.equal(algorithm.start(meta, strangers)["head.weight"], torch.zeros_like(expected))
