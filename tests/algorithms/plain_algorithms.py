"""Every algorithm once more, one task after the other in ordinary PyTorch; shares no code with the engine."""

import copy
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from plain_loop import Weights, query_outputs
from torch import Tensor, nn
from torch.func import functional_call

from maml_studio.data import Episodes

RATE = "inner_rate."


@dataclass
class PlainTask:
    """What one task gave."""

    gradient: Weights
    path: list[Weights]
    support_losses: list[Tensor]
    query_loss: Tensor


@dataclass
class Case:
    """One task, and how it is to be learned from."""

    name: str
    settings: Any
    network: nn.Module
    theta: Weights
    support: tuple[Tensor, Tensor]
    query: tuple[Tensor, Tensor]
    transductive: bool
    iteration: int
    soft: bool

    def support_loss(self, weights: Weights) -> Tensor:
        return loss_of(functional_call(self.network, weights, (self.support[0],)), self.support[1])

    def query_outputs(self, weights: Weights) -> Tensor:
        return query_outputs(self.network, weights, self.support[0], self.query[0], self.transductive)

    def objective(self, outputs: Tensor) -> Tensor:
        if not self.soft:
            return loss_of(outputs, self.query[1])
        return 1 - torch.stack([row.softmax(0)[label] for row, label in zip(outputs, self.query[1], strict=True)]).mean()


def loss_of(outputs: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(outputs, y) if y.is_floating_point() else F.cross_entropy(outputs, y)


def plain_loop(
    name: str,
    settings: Any,
    network: nn.Module,
    meta: Weights,
    episodes: Episodes,
    *,
    transductive: bool,
    iteration: int = 0,
    soft: bool = False,
) -> tuple[Weights, list[PlainTask]]:
    """The mean gradient over the tasks, and what each task gave."""
    if name == "joint":
        return joint(network, meta, episodes), []
    tasks = []
    for sx, sy, qx, qy in zip(episodes.support_x, episodes.support_y, episodes.query_x, episodes.query_y, strict=True):
        theta = {key: value.detach().clone().requires_grad_() for key, value in meta.items()}
        case = Case(name, settings, network, theta, (sx, sy), (qx, qy), transductive, iteration, soft)
        tasks.append({"reptile": reptile, "imaml": imaml, "protonet": protonet}.get(name, unrolled)(case))
    return {key: torch.stack([task.gradient[key] for task in tasks]).mean(0) for key in meta}, tasks


def unrolled(case: Case) -> PlainTask:
    """Everything that differentiates through gradient steps."""
    settings, steps = case.settings, case.settings.inner_steps
    second_order = case.name != "fomaml" and case.iteration >= settings.first_order_until
    phi = first_weights(case)
    path, support_losses = [phi], []
    for step in range(steps):
        # A head that was made of the body's features is a variable of its own from then on, hence the copies.
        here = {key: value.clone() for key, value in phi.items()}
        loss = case.support_loss(here)
        support_losses.append(loss.detach())
        names = [key for key in phi if moves(case.name, key)]
        slopes = torch.autograd.grad(loss, [here[key] for key in names], create_graph=second_order)
        slopes = slopes if second_order else tuple(slope.detach() for slope in slopes)
        phi = phi | {key: phi[key] - rate(case, key, step) * slope for key, slope in zip(names, slopes, strict=True)}
        path.append(phi)
    support_losses.append(case.support_loss(phi).detach())
    total = torch.zeros(())
    for weights, share in zip(path, shares(settings.multi_step, case.iteration, steps), strict=True):
        total = total + share * case.objective(case.query_outputs(weights))
    gradient = torch.autograd.grad(total, list(case.theta.values()), allow_unused=True, materialize_grads=True)
    query_loss = loss_of(case.query_outputs(phi), case.query[1]).detach()
    return PlainTask(dict(zip(case.theta, gradient, strict=True)), path, support_losses, query_loss)


def first_weights(case: Case) -> Weights:
    x, y = case.support
    phi = {key: value for key, value in case.theta.items() if not key.startswith(RATE)}
    if case.name == "cavia":
        contexts = {key: value for key, value in case.network.named_parameters() if key.endswith("context")}
        phi |= {key: torch.zeros(len(value), dtype=value.dtype, requires_grad=True) for key, value in contexts.items()}
    if case.name == "unicorn_maml":
        way = len(y.unique())
        phi |= {key: torch.cat([phi[key]] * way) for key in ("head.weight", "head.bias")}
    if case.name == "proto_maml":
        centres = class_centres(functional_call(body_of(case.network), phi, (x,)), y)
        phi |= {"head.weight": 2 * centres, "head.bias": -(centres**2).sum(1)}
    return phi


def moves(name: str, parameter: str) -> bool:
    in_head = parameter.startswith("head.")
    return {"anil": in_head, "boil": not in_head, "cavia": parameter.endswith("context")}.get(name, True)


def rate(case: Case, parameter: str, step: int) -> Any:
    if case.name == "meta_sgd":
        return case.theta[RATE + parameter]
    if case.name == "mamlpp":
        return case.theta[RATE + parameter][step]
    return case.settings.inner_lr


def shares(until: int, iteration: int, steps: int) -> list[float]:
    """How much the query loss after each number of steps counts."""
    if iteration >= until or steps == 0:
        return [0.0] * steps + [1.0]
    early = 1 / steps - iteration / (steps * until)
    early = early if early > 0.03 / steps else 0.03 / steps
    return [0.0, *[early] * (steps - 1), 1 - early * (steps - 1)]


def body_of(network: nn.Module) -> nn.Sequential:
    """The layers before the head; they are the very layers of the network."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for key, layer in network.named_children():
        if key == "head":
            break
        layers[key] = layer
    return nn.Sequential(layers)


def class_centres(features: Tensor, y: Tensor) -> Tensor:
    return torch.stack([features[y == label].mean(0) for label in y.unique()])


def protonet(case: Case) -> PlainTask:
    """Softmax over the negative squared distances."""
    x, y = case.support
    body = body_of(case.network)
    embedded = functional_call(body, case.theta, (x,))
    centres = class_centres(embedded, y)

    def logits(features: Tensor) -> Tensor:
        return -torch.stack([(features - centre).square().sum(1) for centre in centres], 1)

    outputs = logits(query_outputs(body, case.theta, x, case.query[0], case.transductive))
    gradient = torch.autograd.grad(case.objective(outputs), list(case.theta.values()))
    support_loss = F.cross_entropy(logits(embedded), y).detach()
    return PlainTask(dict(zip(case.theta, gradient, strict=True)), [case.theta], [support_loss], loss_of(outputs, case.query[1]).detach())


def imaml(case: Case) -> PlainTask:
    """All weights in one vector; textbook conjugate gradients, with products of the Hessian by torch.autograd.functional.

    A direction of negative curvature ends them with the best of the iterates and of the right-hand side.
    """
    settings = case.settings
    parameters = list(case.theta.values())
    start = nn.utils.parameters_to_vector(parameters).detach()

    def weights(vector: Tensor) -> Weights:
        parts = vector.split([one.numel() for one in parameters])
        return {key: part.view(one.shape) for (key, one), part in zip(case.theta.items(), parts, strict=True)}

    def support_loss(vector: Tensor) -> Tensor:
        return case.support_loss(weights(vector))

    def slope(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
        return torch.func.grad(function)(at)

    phi, points = start, [start]
    for _ in range(settings.inner_steps):
        pull = slope(support_loss, phi) + settings.lam * (phi - start)
        if pull.norm() > settings.tolerance:
            phi = phi - settings.inner_lr * pull
        points.append(phi)

    right = slope(lambda vector: case.objective(case.query_outputs(weights(vector))), phi)
    x, left = torch.zeros_like(right), right.clone()
    direction = left.clone()
    candidates: list[tuple[Tensor, Tensor]] = []
    for _ in range(settings.cg_steps):
        bent = torch.autograd.functional.hvp(support_loss, phi, direction)[1]
        image = (1 + settings.damping) * direction + bent / settings.lam
        candidates.append((x, left) if candidates else (right, right - image))
        if direction @ image <= 0:
            x = min(candidates, key=lambda one: one[1].norm().item())[0]
            break
        length = (left @ left) / (direction @ image)
        x = x + length * direction
        after = left - length * image
        direction = after + (after @ after) / (left @ left) * direction
        left = after
    query_loss = loss_of(case.query_outputs(weights(phi)), case.query[1])
    return PlainTask(weights(x), [weights(one) for one in points], [support_loss(one).detach() for one in points], query_loss.detach())


def reptile(case: Case) -> PlainTask:
    """PyTorch's own optimizers on a copy of the network."""
    settings, (x, y) = case.settings, case.support
    network = copy.deepcopy(case.network)
    network.load_state_dict(case.theta)
    if settings.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(network.parameters(), lr=settings.inner_lr, betas=(0.0, 0.999))
    else:
        optimizer = torch.optim.SGD(network.parameters(), lr=settings.inner_lr)
    generator = torch.Generator().manual_seed(case.iteration)
    rounds = settings.inner_steps * settings.batch // len(x) + 1
    order = torch.cat([torch.randperm(len(x), generator=generator) for _ in range(rounds)])

    def snapshot() -> Weights:
        return {key: value.detach().clone() for key, value in network.named_parameters()}

    path, support_losses = [snapshot()], []
    for step in range(settings.inner_steps):
        batch = order[step * settings.batch : (step + 1) * settings.batch] if settings.batch < len(x) else torch.arange(len(x))
        optimizer.zero_grad()
        loss = loss_of(network(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        support_losses.append(loss.detach())
        path.append(snapshot())
    support_losses.append(case.support_loss(path[-1]).detach())
    query_loss = loss_of(case.query_outputs(path[-1]), case.query[1]).detach()
    return PlainTask({key: path[0][key] - path[-1][key] for key in path[0]}, path, support_losses, query_loss)


def joint(network: nn.Module, meta: Weights, episodes: Episodes) -> Weights:
    """One batch of all examples, with the pool's own class numbers as labels."""
    theta = {key.replace("all_classes.", "head."): value.detach().clone().requires_grad_() for key, value in meta.items()}
    x, y = [], []
    for task in range(len(episodes)):
        for examples, labels in ((episodes.support_x, episodes.support_y), (episodes.query_x, episodes.query_y)):
            x.append(examples[task])
            y.append(labels[task] if labels.is_floating_point() else episodes.classes[task][labels[task]])
    loss = loss_of(functional_call(network, theta, (torch.cat(x),)), torch.cat(y))
    return dict(zip(meta, torch.autograd.grad(loss, list(theta.values())), strict=True))
