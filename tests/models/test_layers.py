"""Layers with stacked weights against the ordinary ones, one task after the other."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from maml_studio.models.layers import BatchNorm2d, Conv2d, GroupNorm, Linear

TASKS, IMAGES, CHANNELS = 3, 5, 4


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def stacked(layer: nn.Module) -> dict[str, Tensor]:
    """Other weights for every task."""
    return {name: draw(TASKS, *value.shape, seed=number).requires_grad_() for number, (name, value) in enumerate(layer.named_parameters())}


MAPS = {
    "conv": (lambda: Conv2d(CHANNELS, 6, 3, padding=1), lambda: nn.Conv2d(CHANNELS, 6, 3, padding=1)),
    "conv-stride": (lambda: Conv2d(CHANNELS, 2, 3, 2, padding=1), lambda: nn.Conv2d(CHANNELS, 2, 3, 2, padding=1)),
    "conv-valid": (lambda: Conv2d(CHANNELS, 2, 3), lambda: nn.Conv2d(CHANNELS, 2, 3)),
    "batch norm": (lambda: BatchNorm2d(CHANNELS), lambda: nn.BatchNorm2d(CHANNELS, track_running_stats=False)),
    "group norm": (lambda: GroupNorm(2, CHANNELS), lambda: nn.GroupNorm(2, CHANNELS)),
    "layer norm": (lambda: GroupNorm(1, CHANNELS), lambda: nn.GroupNorm(1, CHANNELS)),
}
"""Layers on ``[N, C, H, W]``: ours and PyTorch's."""


def gradients(outputs: Tensor, weights: dict[str, Tensor]) -> list[Tensor]:
    """First and second order, of something that is not linear in the outputs."""
    first = torch.autograd.grad(outputs.sin().sum(), list(weights.values()), create_graph=True)
    second = torch.autograd.grad(sum(value.square().sum() for value in first), list(weights.values()))
    return [*first, *second]


@pytest.mark.parametrize("layer", MAPS)
def test_stacked_maps_equal_the_loop(layer: str) -> None:
    ours, theirs = (make().double() for make in MAPS[layer])
    assert list(ours.state_dict()) == list(theirs.state_dict())
    weights, x = stacked(ours), draw(IMAGES, TASKS, CHANNELS, 7, 7, seed=9)
    together = functional_call(ours, weights, (x.flatten(1, 2),)).unflatten(1, (TASKS, -1))
    alone = torch.stack(
        [functional_call(theirs, {name: value[task] for name, value in weights.items()}, (x[:, task],)) for task in range(TASKS)], 1
    )
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)
    for fast, slow in zip(gradients(together, weights), gradients(alone, weights), strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layer", MAPS)
def test_plain_maps_equal_the_ordinary_ones(layer: str) -> None:
    ours, theirs = (make().double() for make in MAPS[layer])
    weights = {name: value[0].detach() for name, value in stacked(ours).items()}
    ours.load_state_dict(weights)
    theirs.load_state_dict(weights)
    x = draw(IMAGES, CHANNELS, 7, 7)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("folded", [True, False])
def test_stacked_linear_equals_the_loop(folded: bool) -> None:
    ours, theirs = Linear(CHANNELS, 2).double(), nn.Linear(CHANNELS, 2).double()
    weights, x = stacked(ours), draw(TASKS, IMAGES, CHANNELS, seed=9)
    together = functional_call(ours, weights, (x.transpose(0, 1).flatten(1) if folded else x,))
    alone = torch.stack(
        [functional_call(theirs, {name: value[task] for name, value in weights.items()}, (x[task],)) for task in range(TASKS)]
    )
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)
    for fast, slow in zip(gradients(together, weights), gradients(alone, weights), strict=True):
        torch.testing.assert_close(fast, slow, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layer", [nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1), nn.ReLU(), nn.Flatten()])
def test_layers_without_weights_keep_tasks_apart(layer: nn.Module) -> None:
    x = draw(IMAGES, TASKS, CHANNELS, 6, 6)
    together = layer(x.flatten(1, 2)).unflatten(1, (TASKS, -1))
    alone = torch.stack([layer(x[:, task]) for task in range(TASKS)], 1)
    assert torch.equal(together.flatten(), alone.flatten())


@pytest.mark.parametrize("tasks", [None, TASKS])
def test_batch_norm_with_statistics_of_the_first_images(tasks: int | None) -> None:
    norm = BatchNorm2d(CHANNELS).double()
    weights = stacked(norm) if tasks else {name: value[0].detach() for name, value in stacked(norm).items()}
    x = draw(IMAGES, (tasks or 1) * CHANNELS, 3, 3)
    everything, first = (functional_call(norm, weights, (x, count)) for count in (None, 3))
    torch.testing.assert_close(functional_call(norm, weights, (x, IMAGES)), everything, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(first[:3], functional_call(norm, weights, (x[:3],)), rtol=1e-12, atol=1e-12)
    mean, var = x[:3].mean((0, 2, 3), keepdim=True), x[:3].var((0, 2, 3), unbiased=False, keepdim=True)
    weight, bias = (weights[name].reshape(-1, 1, 1) for name in ("weight", "bias"))
    torch.testing.assert_close(first, (x - mean) / (var + norm.eps).sqrt() * weight + bias, rtol=1e-12, atol=1e-12)


def test_batch_norm_remembers_nothing() -> None:
    norm = BatchNorm2d(CHANNELS)
    x = torch.randn(IMAGES, CHANNELS, 3, 3, generator=torch.Generator().manual_seed(0))
    before = norm(x)
    norm(3 * x + 5)
    assert torch.equal(norm.eval()(x), before)
    assert not list(norm.buffers())
