"""What is timed: the outer gradient of one meta-batch, for the field's usual networks and tasks."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..data import Episodes
from ..models import build_for, input_shape
from ..spec import Experiment, NWay, with_changes

EMPTY = 0.8
"""Share of an image that is ground. Ties in the max-pooling come from it, as they do in drawings."""


@dataclass(frozen=True)
class Workload:
    """One meta-batch of exact second-order MAML.

    Attributes:
        name: as on the command line.
        about: the task in words.
        experiment: network, task, inner loop and meta-batch; its data source is not looked at.
    """

    name: str
    about: str
    experiment: Experiment

    @property
    def tasks(self) -> int:
        """Tasks of the meta-batch."""
        return self.experiment.training.meta_batch

    @property
    def inner_lr(self) -> float:
        """Step size of the inner loop."""
        rate: float = self.experiment.algorithm.inner_lr  # type: ignore[union-attr]
        return rate

    @property
    def inner_steps(self) -> int:
        """Steps of the inner loop."""
        steps: int = self.experiment.algorithm.inner_steps  # type: ignore[union-attr]
        return steps

    def start(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """The same weights for everybody, by the network's names; norms moved away from the identity, where a mix-up would not show."""
        generator = torch.Generator().manual_seed(1)
        values = {name: value.detach().double() for name, value in build_for(self.experiment).named_parameters()}
        return {n: (v + 0.05 * torch.randn(v.shape, generator=generator, dtype=torch.float64)).to(dtype) for n, v in values.items()}

    def episodes(self, dtype: torch.dtype, tasks: int | None = None) -> Episodes:
        """Random specks of ink, which take as long as any images; ``tasks`` of them, or a meta-batch."""
        task, count = self.experiment.task, tasks or self.tasks
        assert isinstance(task, NWay)
        generator = torch.Generator().manual_seed(2)
        labels = torch.arange(task.way)

        def draw(each: int) -> tuple[Tensor, Tensor]:
            ink = torch.rand(count, task.way * each, *input_shape(self.experiment), generator=generator, dtype=torch.float64)
            return ((ink - EMPTY) / (1 - EMPTY)).clamp(min=0).to(dtype), labels.repeat_interleave(each).repeat(count, 1)

        return Episodes(*draw(task.shot), *draw(task.query), labels.repeat(count, 1))


def _workload(name: str, about: str, changes: dict[str, Any]) -> Workload:
    return Workload(name, about, with_changes(Experiment(name=name), COMMON | changes))


COMMON = {
    "task.way": 5,
    "task.shot": 1,
    "task.query": 15,
    "algorithm.name": "maml",
    "algorithm.inner_steps": 5,
    "algorithm.inner_lr": 0.1,
    "training.meta_batch": 8,
    "training.transductive": True,
}
COMMON_WORDS = "5-way 1-shot, 15 queries per class, 5 inner steps, 8 tasks"
POOL, STRIDE = ({"model.name": "conv4", "model.downsample": kind} for kind in ("max_pool", "stride"))
RECIPE = {"task.query": 1, "algorithm.inner_steps": 1, "algorithm.inner_lr": 0.4, "training.meta_batch": 32}

WORKLOADS: dict[str, Workload] = {
    one.name: one
    for one in (
        _workload("conv4-pool", f"Conv4-64 with max-pooling, {COMMON_WORDS}", POOL),
        _workload("conv4-stride", f"Conv4-64 with stride 2, {COMMON_WORDS}", STRIDE),
        _workload("tutorial-cnn", f"the tutorials' CNN, {COMMON_WORDS}", {"model.name": "tutorial_cnn"}),
        _workload("omniglot-recipe", "Conv4-64 with stride 2, 5-way 1-shot, 1 query per class, 1 inner step, 32 tasks", STRIDE | RECIPE),
    )
}
"""Every workload by its name."""
