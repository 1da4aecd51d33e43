"""Integrated gradients where they can be worked out by hand."""

import pytest
import torch

from maml_studio.saliency import integrated_gradients

X = torch.tensor([0.5, 0.0, 1.0, 0.25])
W = torch.tensor([1.0, 2.0, -3.0, 4.0])


@pytest.mark.parametrize(
    ("score", "shares"),
    [
        (lambda x: x @ W, W * X),
        (lambda x: (x**2).sum(1), X**2),
        (lambda x: x[:, 0] * x[:, 2], torch.tensor([0.25, 0.0, 0.25, 0.0])),  # two that need each other share equally
        (lambda x: x[:, 0] ** 2 * x[:, 2], torch.tensor([1 / 6, 0.0, 1 / 12, 0.0])),
        (lambda x: x[:, 0] * 0 + 7, torch.zeros(4)),
    ],
)
def test_shares_by_hand(score, shares):
    torch.testing.assert_close(integrated_gradients(score, X), shares, atol=1e-4, rtol=0)


def test_a_kink_is_hit_to_one_part_in_the_number_of_steps():
    shares = integrated_gradients(lambda x: (x.sum(1) - 1.1).relu(), X, steps=100)
    assert abs(shares.sum() - 0.65) < 1.75 / 100


def test_it_works_where_gradients_are_off_and_leaves_them_off():
    with torch.no_grad():
        torch.testing.assert_close(integrated_gradients(lambda x: x @ W, X), W * X)
        assert not torch.is_grad_enabled()
