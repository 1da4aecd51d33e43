"""A module of the user's own on the generic path, against the plain loop."""

from collections import OrderedDict

import pytest
import torch
from algorithm_cases import WAY, assert_same_gradient, random_tasks
from plain_algorithms import plain_loop
from plain_loop import KeepingNorm
from torch import Tensor, nn

from maml_studio.algorithms import Algorithm, build_algorithm
from maml_studio.models import allow, build_for
from maml_studio.spec import Experiment, with_changes


class Own(nn.Module):
    """With a batch norm, and a linear layer behind the one that is to be the head."""

    def __init__(self, shape: tuple[int, ...], outputs: int, norm: type[nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(shape[0], 3, 4, stride=4), norm(3)
        self.classifier, self.scale = nn.Linear(147, outputs), nn.Linear(outputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(self.classifier(self.norm(self.conv(x)).tanh().flatten(1)))


def algorithm_for(name: str = "maml", head: str = "") -> Algorithm:
    allow(__name__)
    changes = {"model.name": "module", "model.path": f"{__name__}:Own", "model.has_batch_norm": True, "model.head": head}
    experiment = with_changes(
        Experiment(), {**changes, "task.way": WAY, "algorithm.name": name, "algorithm.inner_lr": 0.1, "algorithm.inner_steps": 2}
    )
    return build_algorithm(experiment, build_for(experiment).double())


@pytest.mark.parametrize("transductive", [True, False])
@pytest.mark.parametrize("name", ["maml", "fomaml"])
def test_equals_the_plain_loop(name: str, transductive: bool) -> None:
    algorithm, episodes = algorithm_for(name), random_tasks("mlp-relu")
    assert not algorithm.learner.batched
    meta = algorithm.meta_parameters()
    outer = algorithm.outer_gradient(meta, episodes, transductive=transductive)
    plain = Own((1, 28, 28), WAY, KeepingNorm).double()
    expected, tasks = plain_loop(name, algorithm.settings, plain, meta, episodes, transductive=transductive)
    assert_same_gradient(outer.gradient, expected, 1e-10)
    torch.testing.assert_close(outer.query_loss, torch.stack([task.query_loss for task in tasks]), rtol=1e-10, atol=0)


def test_leaves_no_trace() -> None:
    algorithm, episodes = algorithm_for(), random_tasks("mlp-relu")
    module = algorithm.learner.module
    before = OrderedDict((name, value.clone()) for name, value in module.state_dict().items())
    attributes = [sorted(vars(layer)) for layer in module.modules()]
    meta = algorithm.meta_parameters()
    first = algorithm.outer_gradient(meta, episodes, transductive=False)
    again = algorithm.outer_gradient(meta, episodes, transductive=False)
    assert all(torch.equal(value, again.gradient[name]) for name, value in first.gradient.items())
    assert list(module.state_dict()) == list(before)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert [sorted(vars(layer)) for layer in module.modules()] == attributes


@pytest.mark.parametrize(("head", "adapts"), [("", "scale"), ("classifier", "classifier")])
def test_anil_adapts_the_head_alone(head: str, adapts: str) -> None:
    algorithm, episodes = algorithm_for("anil", head), random_tasks("mlp-relu")
    path = algorithm.adapt(algorithm.meta_parameters(), episodes, 2)
    moved = {name.rpartition(".")[0] for name, value in path[-1].params.items() if not torch.equal(value, path[0].params[name])}
    assert moved == {adapts}
