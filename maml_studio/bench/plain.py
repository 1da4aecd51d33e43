"""The loop to be faster than: one task after the other in ordinary PyTorch, as anybody would write it.

It shares no code with the engine, so that the engine's gradient can be held against it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = dict[str, Tensor]
BLOCKS = 4


def conv4(weights: Weights, x: Tensor, pool: bool) -> Tensor:
    """Conv4 with batch norm on images ``[N, C, H, W]``; max-pooling, or stride 2 and a mean over the last map."""
    for i in range(1, BLOCKS + 1):
        x = F.conv2d(x, weights[f"conv{i}.weight"], weights[f"conv{i}.bias"], stride=1 if pool else 2, padding=1)
        x = F.relu(F.batch_norm(x, None, None, weights[f"norm{i}.weight"], weights[f"norm{i}.bias"], training=True))
        if pool:
            x = F.max_pool2d(x, 2)
    return F.linear(x.mean((2, 3)), weights["head.weight"], weights["head.bias"])


def tutorial_cnn(weights: Weights, x: Tensor) -> Tensor:
    """The tutorials' CNN on images ``[N, C, H, W]``."""
    for i in (1, 2):
        x = F.max_pool2d(F.relu(F.conv2d(x, weights[f"conv{i}.weight"], weights[f"conv{i}.bias"])), 2)
    x = F.relu(F.linear(x.flatten(1), weights["linear.weight"], weights["linear.bias"]))
    return F.linear(x, weights["head.weight"], weights["head.bias"])


def outputs(workload: str, weights: Weights, x: Tensor) -> Tensor:
    """Outputs of a workload's network."""
    return tutorial_cnn(weights, x) if workload == "tutorial-cnn" else conv4(weights, x, pool=workload == "conv4-pool")


def loop_gradient(
    workload: str, start: Weights, tasks: list[tuple[Tensor, Tensor, Tensor, Tensor]], inner_lr: float, inner_steps: int
) -> Weights:
    """MAML's gradient, the mean over the tasks, each of them unrolled and differentiated by itself.

    Args:
        workload: names the network.
        start: the initialisation.
        tasks: support images ``[N, C, H, W]`` and labels ``[N]``, query images and labels.
        inner_lr: step size of the inner loop.
        inner_steps: its steps.
    """
    theta = {name: value.detach().requires_grad_() for name, value in start.items()}
    total = {name: torch.zeros_like(value) for name, value in start.items()}
    for support_x, support_y, query_x, query_y in tasks:
        phi = theta
        for _ in range(inner_steps):
            loss = F.cross_entropy(outputs(workload, phi, support_x), support_y)
            gradient = torch.autograd.grad(loss, list(phi.values()), create_graph=True)
            phi = {name: value - inner_lr * slope for (name, value), slope in zip(phi.items(), gradient, strict=True)}
        loss = F.cross_entropy(outputs(workload, phi, query_x), query_y) / len(tasks)
        for name, slope in zip(theta, torch.autograd.grad(loss, list(theta.values())), strict=True):
            total[name] += slope
    return total
