"""Proto-MAML without steps is ProtoNet, written here by its distances: probabilities and the gradient of the encoder."""

import pytest
import torch
from algorithm_cases import learner, meta_of, random_tasks, with_algorithm
from torch import Tensor
from torch.func import functional_call

from maml_studio.algorithms import Algorithm, Params
from maml_studio.algorithms.proto_maml import ProtoMaml
from maml_studio.data import Episodes

PATHS = pytest.mark.parametrize("batched", [True, False])
CASES = pytest.mark.parametrize(
    ("network", "transductive"), [("conv4-stride-batch", True), ("conv4-stride-batch", False), ("mlp-tanh", True)]
)


def distances_say(algorithm: Algorithm, meta: Params, episodes: Episodes, transductive: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Probabilities of all queries, and the gradient of the mean cross-entropy."""
    body = algorithm.learner.module[:-1]
    theta = {key: value.detach().clone().requires_grad_() for key, value in meta.items()}
    probabilities, losses = [], []
    for sx, sy, qx, qy in zip(episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y, strict=True):
        if transductive:
            support, query = (functional_call(_Plain(body), {f"body.{k}": v for k, v in theta.items()}, (x,)) for x in (sx, qx))
        else:
            both = functional_call(_Plain(body, len(sx)), {f"body.{k}": v for k, v in theta.items()}, (torch.cat([sx, qx]),))
            support, query = both[: len(sx)], both[len(sx) :]
        centres = torch.stack([support[sy == label].mean(0) for label in range(int(sy.max()) + 1)])
        closeness = (-((query[:, None] - centres[None]) ** 2).sum(-1)).exp()
        probabilities.append(closeness / closeness.sum(1, keepdim=True))
        losses.append(-probabilities[-1][torch.arange(len(qy)), qy].log().mean())
    gradient = torch.autograd.grad(torch.stack(losses).mean(), list(theta.values()))
    return torch.stack(probabilities).detach(), dict(zip(theta, gradient, strict=True))


class _Plain(torch.nn.Module):
    """The encoder, told whose statistics count."""

    def __init__(self, body: torch.nn.Module, statistics: int | None = None) -> None:
        super().__init__()
        self.body, self.statistics = body, statistics

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.body:
            x = layer(x, self.statistics) if type(layer).__name__ == "BatchNorm2d" else layer(x)
        return x


def check_prototypes(algorithm: Algorithm, network: str, transductive: bool) -> None:
    episodes, meta = random_tasks(network), meta_of(algorithm)
    probabilities, gradient = distances_say(algorithm, meta, episodes, transductive)
    params = algorithm.adapt(meta, episodes, 0)[-1].params
    with torch.no_grad():
        found = algorithm.learner.query_outputs(params, episodes, transductive).softmax(-1)
    torch.testing.assert_close(found, probabilities, rtol=1e-10, atol=1e-12)
    outer = algorithm.outer_gradient(meta, episodes, transductive=transductive).gradient
    assert list(outer) == list(gradient)
    largest = max(value.abs().max() for value in gradient.values())
    for key, value in gradient.items():
        torch.testing.assert_close(outer[key], value, rtol=1e-9, atol=1e-12 * largest.item())


@PATHS
@CASES
@pytest.mark.parametrize("name", ["proto_maml", "protonet"])
def test_no_steps_are_distances(name: str, network: str, transductive: bool, batched: bool) -> None:
    check_prototypes(with_algorithm(name, learner(network, batched=batched), inner_steps=0), network, transductive)


class Detached(ProtoMaml):
    """Takes c_k for a constant."""

    def start(self, meta: Params, episodes: Episodes) -> Params:
        params = super().start(meta, episodes)
        return params | {name: params[name].detach() for name in self.learner.head}


class WithoutSquare(ProtoMaml):
    """b_k = 0."""

    def start(self, meta: Params, episodes: Episodes) -> Params:
        params = super().start(meta, episodes)
        return params | {"head.bias": torch.zeros_like(params["head.bias"])}


class PlusSquare(ProtoMaml):
    """b_k = +‖c_k‖²."""

    def start(self, meta: Params, episodes: Episodes) -> Params:
        params = super().start(meta, episodes)
        return params | {"head.bias": -params["head.bias"]}


@CASES
@pytest.mark.parametrize("wrong", [Detached, WithoutSquare, PlusSquare])
def test_wrong_prototypes_are_told(wrong: type[Algorithm], network: str, transductive: bool) -> None:
    with pytest.raises(AssertionError, match="not close"):
        check_prototypes(with_algorithm(wrong, learner(network), settings="proto_maml", inner_steps=0), network, transductive)


def test_the_head_is_a_variable_of_its_own_once_it_is_made() -> None:
    """In the inner loop the prototypes move as weights; the body's gradient there does not go through them."""
    algorithm, episodes = with_algorithm("proto_maml", learner("mlp-tanh")), random_tasks("mlp-tanh")
    meta = meta_of(algorithm)
    paths = [algorithm.adapt(meta, episodes, 3, order=order) for order in (0, 1, 2)]
    for points in zip(*paths, strict=True):
        for key, value in points[0].params.items():
            for other in points[1:]:
                torch.testing.assert_close(other.params[key].detach(), value, rtol=1e-12, atol=1e-14)


def test_protonet_has_one_point() -> None:
    """However many steps are asked for: nothing adapts."""
    algorithm, episodes = with_algorithm("protonet", learner("mlp-tanh")), random_tasks("mlp-tanh")
    assert [len(algorithm.adapt(meta_of(algorithm), episodes, steps)) for steps in (0, 1, 5)] == [1, 1, 1]


def test_unequal_class_sizes() -> None:
    """A class's mean is over its own examples, however many they are."""
    network, episodes = learner("mlp-tanh"), random_tasks("mlp-tanh")
    uneven = Episodes(
        episodes.support_x,
        torch.tensor([[0, 0, 0, 1, 1, 2], [2, 1, 1, 1, 1, 0], [0, 1, 2, 2, 2, 2]]),
        episodes.query_x,
        episodes.query_y,
        episodes.classes,
    )
    algorithm = with_algorithm("proto_maml", network)
    meta = meta_of(algorithm)
    probabilities, _ = distances_say(algorithm, meta, uneven, transductive=True)
    with torch.no_grad():
        found = network.query_outputs(algorithm.start(meta, uneven), uneven, True).softmax(-1)
    torch.testing.assert_close(found, probabilities, rtol=1e-10, atol=1e-12)
