"""MAML and FOMAML once more, one task after the other in ordinary PyTorch; shares no code with the engine."""

from collections import OrderedDict
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from maml_studio.data import Episodes
from maml_studio.spec import Conv4, Mlp, Model, TutorialCnn

Weights = dict[str, Tensor]


class KeepingNorm(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` in training mode that can keep one batch's statistics for the next."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=False)
        self.keep = False
        self.kept: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.keep:
            self.kept = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), unbiased=False, keepdim=True)
        if self.kept is None or self.keep:
            return super().forward(x)
        mean, var = self.kept
        return (x - mean) / (var + self.eps).sqrt() * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


def plain_network(settings: Model, outputs: int) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    match settings:
        case Conv4(width=width):
            for i in range(1, 5):
                strided = settings.downsample == "stride"
                layers[f"conv{i}"] = nn.Conv2d(1 if i == 1 else width, width, 3, stride=2 if strided else 1, padding=1)
                if settings.norm == "batch":
                    layers[f"norm{i}"] = KeepingNorm(width)
                elif settings.norm == "group":
                    layers[f"norm{i}"] = nn.GroupNorm(6, width)
                elif settings.norm == "layer":
                    layers[f"norm{i}"] = nn.GroupNorm(1, width)
                layers[f"relu{i}"] = nn.ReLU()
                if not strided:
                    layers[f"pool{i}"] = nn.MaxPool2d(2)
            layers |= OrderedDict(mean=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), head=nn.Linear(width, outputs))
        case TutorialCnn():
            layers |= OrderedDict(
                conv1=nn.Conv2d(1, 32, 3),
                relu1=nn.ReLU(),
                pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(32, 64, 3),
                relu2=nn.ReLU(),
                pool2=nn.MaxPool2d(2),
                flatten=nn.Flatten(),
                linear=nn.Linear(1600, 128),
                relu3=nn.ReLU(),
                head=nn.Linear(128, outputs),
            )
            if settings.softmax:
                layers["softmax"] = nn.Softmax(1)
        case Mlp():
            layers["flatten"] = nn.Flatten()
            sizes = [1 if outputs == 1 else 784, *settings.hidden]
            for i in range(1, len(sizes)):
                layers[f"linear{i}"] = nn.Linear(sizes[i - 1], sizes[i])
                layers[f"act{i}"] = {"relu": nn.ReLU(), "tanh": nn.Tanh()}[settings.activation]
            layers["head"] = nn.Linear(sizes[-1], outputs)
    return nn.Sequential(layers).double()


def query_outputs(network: nn.Module, weights: Weights, support: Tensor, query: Tensor, transductive: bool) -> Tensor:
    """One task's outputs on its queries; otherwise than transductive, the support set goes through first and leaves its statistics."""
    norms = [] if transductive else [layer for layer in network.modules() if isinstance(layer, KeepingNorm)]
    if norms:
        for norm in norms:
            norm.keep = True
        functional_call(network, weights, (support,))
        for norm in norms:
            norm.keep = False
    outputs = functional_call(network, weights, (query,))
    for norm in norms:
        norm.kept = None
    return outputs


@dataclass
class PlainTask:
    """What one task gave."""

    gradient: Weights
    path: list[Weights]
    support_losses: list[Tensor]
    query_loss: Tensor


def loss_of(outputs: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(outputs, y) if y.is_floating_point() else F.cross_entropy(outputs, y)


def one_task(
    network: nn.Module, meta: Weights, episodes: Episodes, task: int, *, rate: float, steps: int, transductive: bool, second_order: bool
) -> PlainTask:
    support_x, support_y = episodes.support_x[task], episodes.support_y[task]
    theta = {name: value.detach().clone().requires_grad_() for name, value in meta.items()}
    phi, path, support_losses = theta, [theta], []
    for _ in range(steps):
        loss = loss_of(functional_call(network, phi, (support_x,)), support_y)
        support_losses.append(loss.detach())
        gradient = torch.autograd.grad(loss, tuple(phi.values()), create_graph=second_order)
        phi = {name: value - rate * step for (name, value), step in zip(phi.items(), gradient, strict=True)}
        if not second_order:
            phi = {name: value.detach().requires_grad_() for name, value in phi.items()}
        path.append(phi)
    support_losses.append(loss_of(functional_call(network, phi, (support_x,)), support_y).detach())
    outputs = query_outputs(network, phi, support_x, episodes.query_x[task], transductive)
    query_loss = loss_of(outputs, episodes.query_y[task])
    wanted = theta if second_order else phi
    gradient = torch.autograd.grad(query_loss, tuple(wanted.values()))
    return PlainTask(dict(zip(meta, gradient, strict=True)), path, support_losses, query_loss.detach())


def plain_loop(network: nn.Module, meta: Weights, episodes: Episodes, **options: object) -> tuple[Weights, list[PlainTask]]:
    """The mean gradient over the tasks, and what each task gave."""
    tasks = [one_task(network, meta, episodes, task, **options) for task in range(len(episodes))]  # type: ignore[arg-type]
    return {name: torch.stack([task.gradient[name] for task in tasks]).mean(0) for name in meta}, tasks
