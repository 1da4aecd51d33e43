"""A network seen as a pure function of its parameters, for many tasks at once."""

import copy
import threading
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from ..data import Episodes
from ..models import Network, TaskBatchNorm, head_name, run_module
from ..models.layers import BatchNorm2d, Part

Params = dict[str, Tensor]
"""Parameters by name; *stacked* ones carry a leading tasks axis."""

Loss = Literal["cross_entropy", "mse"]
Objective = Literal["loss", "soft_accuracy"]


class Learner:
    """Forward passes and losses of a network whose parameters are handed in; nothing is stored on the module.

    A :class:`~maml_studio.models.Network` runs all tasks in one grouped pass; any other module, or ``batched=False``, takes the plain
    loop over tasks, which is also what the fast path is tested against.
    """

    def __init__(
        self, module: nn.Module, loss: Loss, *, objective: Objective = "loss", head: str = "", batched: bool | None = None
    ) -> None:
        self.module = module
        self._home, self._copies = threading.get_ident(), threading.local()
        self.loss_name: Loss = loss
        self.objective_name: Objective = objective
        self.batched = isinstance(module, Network) if batched is None else batched
        self.has_parts = isinstance(module, Network)
        """Whether body and head can run by themselves."""
        self.needs_statistics = any(isinstance(layer, BatchNorm2d | TaskBatchNorm) for layer in module.modules())
        self.ends_in_softmax = isinstance(module, Network) and isinstance(module[-1], nn.Softmax)
        self.names = tuple(name for name, _ in module.named_parameters())
        """Every parameter of the network."""
        self.head_name = head_name(module, head)
        """The last linear layer, or the one that the settings name; empty if there is none."""
        self.head = tuple(name for name in self.names if self.head_name and name.startswith(f"{self.head_name}."))
        """The head's parameters."""
        self.context = tuple(name for name in self.names if name.rpartition(".")[2] == "context")
        """Context vectors, where the network offers any."""

    @property
    def device(self) -> torch.device:
        """Where the parameters live."""
        return next(self.module.parameters()).device

    def _own(self) -> nn.Module:
        """The module for this thread: while a call lasts, the parameters that are handed in lie on the module."""
        if threading.get_ident() == self._home:
            return self.module
        if not hasattr(self._copies, "module"):
            self._copies.module = copy.deepcopy(self.module)
        module: nn.Module = self._copies.module
        return module

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
            return self._call(params, _folded(x), statistics)
        return torch.stack([self._call(own, task_x, statistics) for own, task_x in self._each(params, x)])

    def embed(self, params: Params, x: Tensor, statistics: int | None = None) -> Tensor:
        """What comes before the head: ``[tasks, N, features]``. The head's own parameters may be missing from ``params``."""
        if self.batched:
            embedding = self._call(params, _folded(x), statistics, part="body")
            # A linear layer has put the tasks in front already, a convolution leaves them in the channels.
            return embedding if embedding.dim() == 3 else embedding.reshape(len(embedding), len(x), -1).transpose(0, 1)
        if isinstance(self.module, Network):
            return torch.stack([self._call(own, task_x, statistics, part="body") for own, task_x in self._each(params, x)])
        return torch.stack([self._head_input(own, task_x, statistics) for own, task_x in self._each(params, x)])

    def embeddings(self, params: Params, episodes: Episodes, transductive: bool) -> tuple[Tensor, Tensor]:
        """Embeddings of the support and of the query set, ``[tasks, N, features]`` each, normalised as in :meth:`query_outputs`."""
        if transductive and self.needs_statistics:
            return self.embed(params, episodes.support_x), self.embed(params, episodes.query_x)
        support = episodes.support_x.shape[1]
        both = self.embed(params, torch.cat([episodes.support_x, episodes.query_x], 1), support if self.needs_statistics else None)
        return both[:, :support], both[:, support:]

    def head_outputs(self, params: Params, features: Tensor) -> Tensor:
        """Outputs of the head, and of what comes behind it, for an embedding ``[tasks, N, features]``; a Network's only."""
        if self.batched:
            return self._call(params, features, None, part="head")
        return torch.stack([self._call(own, task_x, None, part="head") for own, task_x in self._each(params, features)])

    def _each(self, params: Params, x: Tensor) -> list[tuple[Params, Tensor]]:
        return [({name: value[task] for name, value in params.items()}, x[task]) for task in range(len(x))]

    def _call(self, params: Params, x: Tensor, statistics: int | None, part: Part = "all") -> Tensor:
        if not self.has_parts:
            return run_module(self._own(), params, x, statistics)
        arguments: dict[str, Any] = {} if statistics is None else {"statistics": statistics}
        if part != "all":
            arguments["part"] = part
        result: Tensor = functional_call(self._own(), params, (x,), arguments)
        return result

    def _head_input(self, params: Params, x: Tensor, statistics: int | None) -> Tensor:
        """The embedding of a module of any kind: what its head is given."""
        given: list[Tensor] = []
        handle = self._own().get_submodule(self.head_name).register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
        try:
            self._call(params, x, statistics)
        finally:
            handle.remove()
        return given[-1]

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

    def objective(self, outputs: Tensor, y: Tensor) -> Tensor:
        """What the outer loop makes small, ``[tasks]``: the loss, or one minus the mean probability of the true class."""
        if self.objective_name == "loss":
            return self.loss(outputs, y)
        probabilities = outputs if self.ends_in_softmax else outputs.softmax(-1)
        return 1 - probabilities.gather(-1, y.unsqueeze(-1)).squeeze(-1).mean(1)

    def accuracy(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Share of right answers of every task, ``[tasks]``; NaN for regression."""
        if self.loss_name == "mse":
            return torch.full((len(y),), torch.nan)
        return (outputs.argmax(-1) == y).float().mean(1)


def _folded(x: Tensor) -> Tensor:
    """All tasks side by side in the channels, see models/layers.py."""
    return x.transpose(0, 1).flatten(1, 2)
