"""A network seen as a pure function of its parameters, for many tasks at once."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from ..data import Episodes
from ..models import Network
from ..models.layers import BatchNorm2d

Params = dict[str, Tensor]
"""Parameters by name; *stacked* ones carry a leading tasks axis."""

Loss = Literal["cross_entropy", "mse"]


class Learner:
    """Forward passes and losses of a network whose parameters are handed in; nothing is stored on the module.

    A :class:`~maml_studio.models.Network` runs all tasks in one grouped pass; any other module, or ``batched=False``, takes the plain
    loop over tasks, which is also what the fast path is tested against.
    """

    def __init__(self, module: nn.Module, loss: Loss, *, batched: bool | None = None) -> None:
        self.module = module
        self.loss_name: Loss = loss
        self.batched = isinstance(module, Network) if batched is None else batched
        self.needs_statistics = any(isinstance(layer, BatchNorm2d) for layer in module.modules())

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.module.parameters()).device

    def stack(self, params: Params, tasks: int) -> Params:
        """The same parameters for every task: a view, ``[tasks, ...]``."""
        return {name: value.expand(tasks, *value.shape) for name, value in params.items()}

    def outputs(self, params: Params, x: Tensor, statistics: int | None = None) -> Tensor:
        """Outputs of every task's network on its own examples.

        Args:
            params: stacked parameters, ``[tasks, ...]`` each.
            x: ``[tasks, N, ...]``.
            statistics: how many of the first examples give the batch norm's statistics; all of them if None.

        Returns:
            ``[tasks, N, outputs]``.
        """
        if self.batched:
            # All tasks side by side in the channels, see models/layers.py.
            folded = x.transpose(0, 1).flatten(1, 2)
            return self._call(params, folded, statistics)
        single = [{name: value[task] for name, value in params.items()} for task in range(len(x))]
        return torch.stack([self._call(own, task_x, statistics) for own, task_x in zip(single, x, strict=True)])

    def _call(self, params: Params, x: Tensor, statistics: int | None) -> Tensor:
        arguments = (x,) if statistics is None else (x, statistics)
        result: Tensor = functional_call(self.module, params, arguments)
        return result

    def query_outputs(self, params: Params, episodes: Episodes, transductive: bool) -> Tensor:
        """Outputs on the query set, ``[tasks, queries, outputs]``.

        Transductive batch norm takes its statistics from the queries themselves; otherwise they come from the support set passing
        through the same weights, so that a query's outputs do not depend on the other queries.
        """
        if transductive or not self.needs_statistics:
            return self.outputs(params, episodes.query_x)
        support = episodes.support_x.shape[1]
        both = torch.cat([episodes.support_x, episodes.query_x], 1)
        return self.outputs(params, both, statistics=support)[:, support:]

    def loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Mean loss of every task, ``[tasks]``: cross-entropy, or squared error."""
        if self.loss_name == "mse":
            return (outputs - y).square().flatten(1).mean(1)
        return F.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none").view(y.shape).mean(1)

    def accuracy(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Share of right answers of every task, ``[tasks]``; NaN for regression."""
        if self.loss_name == "mse":
            return torch.full((len(y),), torch.nan)
        return (outputs.argmax(-1) == y).float().mean(1)
