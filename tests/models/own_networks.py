"""Modules as users write them, good ones and bad ones."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Small(nn.Module):
    def __init__(self, shape: tuple[int, ...], outputs: int, width: int = 4, activation: str = "ReLU") -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(shape[0], width, 3, stride=4), getattr(nn, activation)())
        self.classifier = nn.Linear(width * 49, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.body(x).flatten(1))


class Normed(nn.Module):
    """Batch norms of two kinds and dropout."""

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.conv, self.norm1 = nn.Conv2d(shape[0], 3, 3, stride=5), nn.BatchNorm2d(3)
        self.linear, self.norm2 = nn.Linear(108, 6), nn.BatchNorm1d(6, affine=False)
        self.drop, self.head = nn.Dropout(0.5), nn.Linear(6, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(self.conv(x)).tanh().flatten(1)
        return self.head(self.drop(self.norm2(self.linear(x)).tanh()))


class Attending(nn.Module):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(shape[-1], 2, batch_first=True), nn.Linear(shape[-1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1, 2)
        return self.head(self.attention(x, x, x, need_weights=False)[0].mean(1))


class Fused(nn.Module):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.rnn, self.head = nn.LSTM(shape[-1], 5, batch_first=True), nn.Linear(5, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x.flatten(1, 2))[0][:, -1])


class Shared(Small):
    """One norm at two places."""

    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__(shape, outputs)
        self.norm = nn.BatchNorm2d(4)
        self.body = nn.Sequential(self.body[0], self.norm, self.body[1], self.norm)


class Silent(Small):
    def forward(self, x: Tensor) -> None:  # type: ignore[override]
        del x


class TooWide(Small):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__(shape, outputs + 2)


class Frozen(Small):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__(shape, outputs)
        self.body.requires_grad_(False)


class Idle(Small):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__(shape, outputs)
        self.never = nn.Linear(2, 2)


class Detached(Small):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).detach()


class Counting(Small):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__(shape, outputs)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x)


class Averaging(Small):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__(shape, outputs)
        self.body.append(nn.InstanceNorm2d(4, track_running_stats=True))


class Dicing(Small):
    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(super().forward(x), 0.5)


class Failing(Small):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        raise RuntimeError("no luck\ntoday")


class Crooked(Small):
    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(x)


class Empty(nn.Module):
    def __init__(self, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()


def not_a_class(shape: tuple[int, ...], outputs: int) -> nn.Module:
    return Small(shape, outputs)
