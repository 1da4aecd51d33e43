"""Linear CKA against its closed form and its invariances, in float64."""

import math

import pytest
import torch

from maml_studio.insight.cka import linear_cka


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_features(x: torch.Tensor, y: torch.Tensor) -> float:
    """The paper's equation in terms of features, ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖)."""
    x, y = x - x.mean(0), y - y.mean(0)
    return float((y.T @ x).norm().square() / ((x.T @ x).norm() * (y.T @ y).norm()))


def test_equal_features_are_alike() -> None:
    x = draw(9, 4)
    assert linear_cka(x, x) == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("scale", [1e-30, -3.0, 1e30])
def test_scale_shift_and_rotation_make_no_difference(scale: float) -> None:
    x, y = draw(9, 6), draw(9, 6, seed=1)
    rotation, _ = torch.linalg.qr(draw(6, 6, seed=2))
    assert linear_cka(x, scale * (x @ rotation) + scale * draw(6, seed=3)) == pytest.approx(1, abs=1e-9)
    assert linear_cka(scale * y @ rotation, x) == pytest.approx(linear_cka(x, y), abs=1e-12)


def test_other_linear_maps_do() -> None:
    x = draw(9, 4)
    assert linear_cka(x, x * torch.tensor([10.0, 1, 1, 1])) < 0.95


def test_the_grams_give_what_the_paper_writes() -> None:
    x, y = draw(12, 5), draw(12, 3, seed=1)
    assert linear_cka(x, y) == pytest.approx(by_features(x, y), abs=1e-14)


def test_closed_forms_on_small_matrices() -> None:
    x = torch.tensor([[1.0, 0], [-1, 0], [0, 0], [0, 0]])
    y = torch.tensor([[0.0], [0], [1], [-1]])
    assert linear_cka(x, y) == 0
    # Gram matrices diag-like: of (1, −1) and of (2, −1, −1)/3 over three examples; by hand 9/(2·√... ) = 3/4.
    one, other = torch.tensor([[1.0], [-1], [0]]), torch.tensor([[2.0], [-1], [-1]])
    # (x·y)² / (|x|² |y|²) for single features: 3² / (2 · 6).
    assert linear_cka(one, other) == pytest.approx(9 / 12, abs=1e-15)


def test_features_of_any_shape() -> None:
    x, y = draw(5, 2, 3, 4), draw(5, 7, seed=1)
    assert linear_cka(x, y) == pytest.approx(by_features(x.flatten(1), y), abs=1e-14)


def test_features_that_never_change_are_like_nothing() -> None:
    assert math.isnan(linear_cka(torch.ones(5, 3), draw(5, 3)))
