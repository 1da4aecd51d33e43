"""Networks as users write them; the cards of models made of them import this file."""

import torch
from torch import nn


class Plain(nn.Module):
    """A head somewhere in the middle, and dropout."""

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(784, 6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, outputs))
        self.register_buffer("shift", torch.full((1,), 0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(x - self.shift.expand(len(x), 1, 1, 1))


class Normed(nn.Module):
    """Batch norms of two kinds and dropout."""

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.conv, self.norm1 = nn.Conv2d(shape[0], 3, 3, stride=5), nn.BatchNorm2d(3)
        self.linear, self.norm2 = nn.Linear(108, 6), nn.BatchNorm1d(6, affine=False)
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(6, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm1(self.conv(x)).tanh().flatten(1)
        return self.fc(self.drop(self.norm2(self.linear(x)).tanh()))
