"""A meta-batch of tasks, and how tasks are drawn: the one shape in which every source delivers."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Episodes:
    """A meta-batch of tasks.

    Attributes:
        support_x: ``[tasks, way*shot, C, H, W]`` images (float32 in [0, 1], ink = 1), or ``[tasks, shot, 1]`` points.
        support_y: ``[tasks, way*shot]`` class numbers (int64), or ``[tasks, shot, 1]`` values.
        query_x: as ``support_x``, the examples that the adapted model is asked about.
        query_y: as ``support_y``.
        classes: ``[tasks, way]`` which of the pool's classes stands behind each label; empty (``[tasks, 0]``) without classes.
    """

    support_x: Tensor
    support_y: Tensor
    query_x: Tensor
    query_y: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return self.support_x.shape[0]

    @property
    def way(self) -> int:
        """How many classes each task tells apart; 0 for regression. Every class has examples in the support set."""
        return 0 if self.support_y.is_floating_point() else int(self.support_y.max()) + 1

    def to(self, device: torch.device) -> "Episodes":
        """The same tasks on another device."""
        return Episodes(*(getattr(self, field.name).to(device) for field in fields(self)))

    def pick(self, tasks: Tensor) -> "Episodes":
        """Some of the tasks, by their numbers."""
        return Episodes(*(getattr(self, field.name)[tasks] for field in fields(self)))

    def chunks(self, size: int) -> Iterator["Episodes"]:
        """The tasks in groups of at most ``size``."""
        columns = [getattr(self, field.name).split(size) for field in fields(self)]
        return (Episodes(*parts) for parts in zip(*columns, strict=True))


class Sampler(Protocol):
    """Draws tasks of one part (training, validation or test) of a source."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One name per class of the part; empty for regression."""
        ...

    def sample(self, tasks: int, generator: torch.Generator) -> Episodes:
        """``tasks`` new tasks; all randomness comes from ``generator``."""
        ...


def sample_distinct(population: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """``k`` distinct numbers below each entry of ``population``, in random order.

    Floyd's algorithm (Bentley and Floyd 1987, "A sample of brilliance"), run for all entries at once: k short steps, however large
    the populations are, where a random permutation of each would cost its whole size.

    Args:
        population: ``[...]`` int64, each at least ``k``.
        k: how many to draw.
        generator: source of randomness.

    Returns:
        ``[..., k]`` int64.

    Raises:
        ValueError: when a population is smaller than ``k``.
    """
    if population.numel() and int(population.min()) < k:
        raise ValueError(f"cannot draw {k} distinct items out of {int(population.min())}")
    chosen = torch.full((*population.shape, k), -1, dtype=torch.int64)
    uniform = torch.rand((*population.shape, k), generator=generator, dtype=torch.float64)
    for step in range(k):
        last = population - k + step
        candidate = (uniform[..., step] * (last + 1)).long()
        taken = (chosen == candidate.unsqueeze(-1)).any(-1)
        chosen[..., step] = torch.where(taken, last, candidate)
    # Floyd's sets are uniform, their order is not.
    order = torch.rand(chosen.shape, generator=generator).argsort(-1)
    return chosen.gather(-1, order)
