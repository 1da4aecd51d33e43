"""Linear CKA: how alike two sets of features of the same examples are.

Kornblith, Norouzi, Lee and Hinton 2019, "Similarity of neural network representations revisited", 1905.00414, section 3. With X and Y
centred over the examples,

    CKA(X, Y) = ‖Yᵀ X‖_F² / (‖Xᵀ X‖_F ‖Yᵀ Y‖_F),

1 for equal features, blind to rotations and to one common scale. Written with the examples' Gram matrices, which stay small however many
features there are. With few examples and many features it comes out high for unrelated features too: compare it with that of a random
start.
"""

import math

import torch
from torch import Tensor


def linear_cka(x: Tensor, y: Tensor) -> float:
    """CKA of two sets of features.

    Args:
        x: ``[N, ...]``, one row per example.
        y: ``[N, ...]``, of the same examples in the same order; it may have another number of features.

    Returns:
        A number from 0 to 1; NaN where one of them is the same for all examples.
    """
    return alike(gram(x), gram(y))


def alike(one: Tensor, other: Tensor) -> float:
    """CKA of two Gram matrices ``[N, N]`` that :func:`gram` made."""
    size = torch.linalg.matrix_norm(one) * torch.linalg.matrix_norm(other)
    return (one * other).sum().item() / size.item() if size > 0 else math.nan


def gram(features: Tensor) -> Tensor:
    """Products of the examples' centred features, ``[N, N]`` in float64, with an overall scale taken out.

    Args:
        features: ``[N, ...]``.
    """
    rows = features.detach().cpu().flatten(1).double()
    rows = rows - rows.mean(0)
    # Weights that exploded must not overflow when they are squared twice.
    rows = rows / rows.abs().max().clamp_min(torch.finfo(torch.float64).tiny)
    return rows @ rows.T
