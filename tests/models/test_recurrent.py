"""GRU and LSTM against PyTorch's own, alone and with a tasks axis, to the second order."""

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from maml_studio.models import build_model
from maml_studio.models.recurrent import Gru, LayerNorm, Lstm, RecurrentLayer
from maml_studio.spec import Recurrent

TASKS, EXAMPLES, STEPS, FEATURES, HIDDEN = 3, 4, 6, 5, 7
CELLS = {"gru": (Gru, nn.GRU), "lstm": (Lstm, nn.LSTM)}


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights_for(layer: nn.Module, *tasks: int) -> dict[str, Tensor]:
    return {name: draw(*tasks, *value.shape, seed=n).requires_grad_() for n, (name, value) in enumerate(layer.named_parameters())}


def gradients(outputs: Tensor, weights: dict[str, Tensor]) -> list[Tensor]:
    """First and second order, of something that is not linear in the outputs."""
    first = torch.autograd.grad(outputs.sin().sum(), list(weights.values()), create_graph=True)
    second = torch.autograd.grad(sum(value.square().sum() for value in first), list(weights.values()))
    return [*first, *second]


def assert_equal(found: Tensor, expected: Tensor, weights: dict[str, Tensor]) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
    for one, other in zip(gradients(found, weights), gradients(expected, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def pair(cell: str, last: bool) -> tuple[RecurrentLayer, nn.Module]:
    ours, theirs = CELLS[cell]
    return ours(FEATURES, HIDDEN, last=last).double(), theirs(FEATURES, HIDDEN, batch_first=True).double()


def of_torch(theirs: nn.Module, weights: dict[str, Tensor], x: Tensor, last: bool) -> Tensor:
    steps = functional_call(theirs, weights, (x,))[0]
    return steps[:, -1] if last else steps


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_equals_torch(cell: str, last: bool) -> None:
    ours, theirs = pair(cell, last)
    theirs.load_state_dict(ours.state_dict())
    weights, x = weights_for(ours), draw(EXAMPLES, STEPS, FEATURES, seed=9)
    assert_equal(functional_call(ours, weights, (x,)), of_torch(theirs, weights, x, last), weights)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_stacked_equals_the_loop(cell: str, last: bool) -> None:
    ours, theirs = pair(cell, last)
    weights, x = weights_for(ours, TASKS), draw(EXAMPLES, TASKS, STEPS, FEATURES, seed=9)
    together = functional_call(ours, weights, (x.flatten(1, 2),)).unflatten(1, (TASKS, -1))
    alone = [of_torch(theirs, {name: value[task] for name, value in weights.items()}, x[:, task], last) for task in range(TASKS)]
    assert_equal(together, torch.stack(alone, 1), weights)


@pytest.mark.parametrize("steps", [(), (STEPS,)])
def test_stacked_layer_norm_equals_the_loop(steps: tuple[int, ...]) -> None:
    ours, theirs = LayerNorm(HIDDEN).double(), nn.LayerNorm(HIDDEN).double()
    weights, x = weights_for(ours, TASKS), draw(EXAMPLES, TASKS, *steps, HIDDEN, seed=9)
    together = functional_call(ours, weights, (x.flatten(1, 2),)).unflatten(1, (TASKS, -1)).reshape(x.shape)
    alone = [functional_call(theirs, {name: value[task] for name, value in weights.items()}, (x[:, task],)) for task in range(TASKS)]
    assert_equal(together, torch.stack(alone, 1), weights)


@pytest.mark.parametrize("cell", CELLS)
def test_reads_rows_from_top_to_bottom(cell: str) -> None:
    """What a cell may forget is the top: its first rows weigh less than its last."""
    network = build_model(Recurrent(cell=cell, hidden=8), (1, 28, 28), 3, 0)
    image = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0), requires_grad=True)
    weight = torch.autograd.grad(network(image).square().sum(), image)[0].abs().sum((0, 1, 3))
    assert weight[:4].sum() < 0.1 * weight[-4:].sum()


def test_reads_a_sequence_as_it_is() -> None:
    network = build_model(Recurrent(hidden=8, layers=2), (64, 3), 4, 0)
    assert [name for name, _ in network.named_children()] == ["gru1", "norm1", "gru2", "norm2", "head"]
    assert network(torch.zeros(5, 64, 3)).shape == (5, 4)
