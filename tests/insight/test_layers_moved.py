"""What moves and what stays, for every algorithm."""

import json
import math

import pytest
import torch
from insight_cases import CLASSIFIERS, doubled, experiment, in_double, subject
from torch import nn

from maml_studio.algorithms import InnerStep, Learner
from maml_studio.insight.features import EMBEDDING, layer_features, layer_names
from maml_studio.insight.layers import LayerInsight, Unanswered, compare_layers, see_layers

TASKS = 3


def by_name(found: LayerInsight) -> dict:
    return {layer.name: layer for layer in found.layers}


@pytest.mark.parametrize("algorithm", [*CLASSIFIERS, "sines"])
def test_every_algorithm_has_an_answer(algorithm: str) -> None:
    found = see_layers(subject(algorithm), TASKS)
    assert found.paragraph.endswith(".")
    assert "nan" not in found.paragraph
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["paragraph" if found.answered else "unanswered"] == found.paragraph
    if algorithm == "protonet":
        assert isinstance(found, Unanswered)
        assert "no inner loop" in found.paragraph
        return
    assert isinstance(found, LayerInsight)
    assert [layer.head for layer in found.layers] == [False] * (len(found.layers) - 1) + [True]
    # What makes FiLM's scales out of the context says nothing about single examples.
    assert [layer.name for layer in found.layers if layer.cka is None] == (["film.linear"] if algorithm == "cavia" else [])
    assert all(0 <= layer.cka.mean <= 1 + 1e-9 for layer in found.layers if layer.cka)
    assert found.steps == subject(algorithm).steps


def test_anil_has_a_body_that_stays() -> None:
    found = see_layers(subject("anil"), TASKS)
    *body, head = found.layers
    assert all(layer.fixed and layer.distance.mean == 0 and layer.change == 0 for layer in body)
    assert all(layer.cka.mean == pytest.approx(1, abs=1e-12) for layer in body)
    assert head.change > 0
    assert "only the head moves" in found.paragraph
    assert "The body stays exactly where it was: ANIL has no inner rate there." in found.paragraph
    assert found.embedding.mean == pytest.approx(1, abs=1e-12)
    assert "reuses features" in found.paragraph


def test_boil_has_a_head_that_stays() -> None:
    found = see_layers(subject("boil"), TASKS)
    *body, head = found.layers
    assert head.fixed
    assert head.distance.mean == 0
    assert all(layer.change > 0 for layer in body)
    assert "The head stays exactly where it was" in found.paragraph
    # Its logits change all the same, with the features.
    assert head.cka.mean < 1
    assert found.embedding.mean < 1


def test_cavia_moves_a_context_that_starts_at_zero() -> None:
    found = see_layers(subject("cavia"), TASKS)
    moving = [layer for layer in found.layers if not layer.fixed]
    assert [layer.name for layer in moving] == ["film"]
    assert moving[0].relative is None
    assert moving[0].distance.mean > 0
    assert "film starts at zero" in found.paragraph
    assert "All other layers stay" in found.paragraph


def test_a_head_of_zeros_has_no_relative_change() -> None:
    # Joint training puts a head of zeros on new classes; only the head adapts here.
    layers = by_name(see_layers(subject("joint"), TASKS))
    assert layers["conv1"].fixed
    head = layers["head"]
    assert head.relative is None or head.change > 0


def test_norms_by_hand() -> None:
    algorithm, meta = in_double(experiment())
    episodes = doubled(subject("maml").one(0))
    path = algorithm.adapt(meta, episodes, 2)
    scores = compare_layers(algorithm, path, meta, episodes, False)
    names = layer_names(algorithm.learner.names)
    at = names.index("conv2")
    for step in (1, 2):
        square = sum((path[step].params[f"conv2.{kind}"] - path[0].params[f"conv2.{kind}"]).square().sum() for kind in ("weight", "bias"))
        assert scores.distance[0, step - 1, at].item() == pytest.approx(math.sqrt(square), rel=1e-12)
    own = sum(meta[f"conv2.{kind}"].square().sum() for kind in ("weight", "bias"))
    assert scores.length[0, at].item() == pytest.approx(math.sqrt(own), rel=1e-12)
    # The random start is the very same here.
    assert torch.allclose(scores.yardstick, torch.ones_like(scores.yardstick), atol=1e-12)


def test_a_path_that_stands_still_changes_nothing() -> None:
    algorithm, meta = in_double(experiment())
    episodes = doubled(subject("maml").one(0))
    (start,) = algorithm.adapt(meta, episodes, 0)
    scores = compare_layers(algorithm, [start, InnerStep(start.params, start.support_loss)], meta, episodes, False)
    assert scores.distance.abs().max() == 0
    assert torch.allclose(scores.cka, torch.ones_like(scores.cka), atol=1e-12)


def test_features_are_those_of_the_query_under_the_support_statistics() -> None:
    algorithm, meta = in_double(experiment())
    episodes = doubled(subject("maml").one(0))
    network, support = algorithm.learner.module, episodes.support_x.shape[1]
    both = torch.cat([episodes.support_x[0], episodes.query_x[0]])
    found = layer_features(algorithm.learner, meta, both, support)
    x = both
    for name, layer in network.named_children():
        x = layer(x, support) if name.startswith("norm") else layer(x)
        if name in found:
            assert torch.allclose(found[name], x, atol=1e-12), name
    assert set(found) == {*layer_names(algorithm.learner.names), EMBEDDING}
    own = {name: value[None] for name, value in meta.items()}
    assert torch.allclose(found[EMBEDDING], algorithm.learner.embed(own, both[None], support)[0], atol=1e-12)
    assert not any(module._forward_hooks for module in network.modules())


class Odd(nn.Module):
    """Parameters of its own, a layer that gives a pair, one that is used without being called, one that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.gru = nn.GRU(4, 3, batch_first=True)
        self.silent = nn.Linear(3, 3)
        self.twice = nn.Linear(3, 3)
        self.head = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.gru(x)[0][:, -1]
        x = x @ self.silent.weight + self.silent.bias
        return self.scale * self.head(self.twice(self.twice(x).tanh()))


def test_any_module() -> None:
    network = Odd().eval()
    learner = Learner(network, "cross_entropy")
    x = torch.randn(6, 5, 4, generator=torch.Generator().manual_seed(0))
    found = layer_features(learner, {name: value.detach() for name, value in network.named_parameters()}, x)
    assert set(found) == {"", "gru", "twice", "head", EMBEDDING}
    assert torch.equal(found[EMBEDDING], found["twice"])
    assert found["gru"].shape == (6, 5, 3)
    assert torch.allclose(found[""], network(x))
    assert torch.allclose(found["head"], network.head(found["twice"]))


def test_layers_come_in_the_order_of_their_parameters() -> None:
    assert layer_names(["scale", "a.b.weight", "a.b.bias", "c.weight"]) == ("", "a.b", "c")


def test_the_second_farthest_layer_is_told_of_as_well() -> None:
    found = see_layers(subject("maml"), TASKS)
    order = sorted(found.layers, key=lambda layer: layer.change, reverse=True)
    assert len(order) > 2
    assert f"next comes {order[1].called} (" in found.paragraph
