"""What an outer gradient is held against, so that wrong ones can be held against it too."""

from collections import OrderedDict
from collections.abc import Callable

import torch
from algorithm_cases import NETWORKS, POOL, WAY, assert_same_gradient, is_regression, meta_of, random_tasks
from plain_algorithms import plain_loop, shares
from plain_loop import plain_network
from torch import nn

from maml_studio.algorithms import Algorithm, Learner, OuterGradient, Params
from maml_studio.data import Episodes
from maml_studio.models import Network, build_model
from maml_studio.models.layers import BatchNorm2d, Conv2d, Film, Linear
from maml_studio.spec import Mlp


def check_plain(name: str, algorithm: Algorithm, network: str, *, transductive: bool, iteration: int = 0) -> OuterGradient:
    """Gradient, path and losses are those of the plain loop of the algorithm called ``name``."""
    episodes = random_tasks(network, tasks=2)
    meta = meta_of(algorithm)
    outer = algorithm.outer_gradient(meta, episodes, transductive=transductive, iteration=iteration)

    plain = plain_network(NETWORKS[network], 1 if is_regression(network) else WAY)
    names = dict(zip(algorithm.learner.names, (name for name, _ in plain.named_parameters()), strict=True))

    def plain_name(key: str) -> str:
        rate = "inner_rate." if key.startswith("inner_rate.") else ""
        return rate + names.get(key.removeprefix(rate), key.removeprefix(rate))

    soft = algorithm.learner.objective_name == "soft_accuracy"
    theta = {plain_name(key): value for key, value in meta.items()}
    gradient, tasks = plain_loop(
        name, algorithm.settings, plain, theta, episodes, transductive=transductive, iteration=iteration, soft=soft
    )
    assert_same_gradient(outer.gradient, {key: gradient[plain_name(key)] for key in meta}, 1e-10)
    if not tasks:
        return outer
    torch.testing.assert_close(outer.query_loss, torch.stack([task.query_loss for task in tasks]), rtol=1e-10, atol=0)
    assert len(outer.path) == len(tasks[0].path)
    for step, point in enumerate(outer.path):
        losses = torch.stack([task.support_losses[step] for task in tasks])
        torch.testing.assert_close(point.support_loss, losses, rtol=1e-10, atol=0)
        for key in tasks[0].path[step]:
            mine = next(own for own in point.params if plain_name(own) == key)
            expected = torch.stack([task.path[step][key] for task in tasks])
            torch.testing.assert_close(point.params[mine], expected, rtol=1e-10, atol=1e-12)
    return outer


TINY = ("regression", "classes", "norm")


def tiny(kind: str, *, context: int = 0, objective: str = "loss") -> tuple[Learner, Episodes]:
    """A smooth network of a few dozen weights and tasks for it, the classes in disorder."""
    generator = torch.Generator().manual_seed(0)
    if kind == "regression":
        network = build_model(Mlp(hidden=(3,), activation="tanh", context=context), (1,), 1, 0).double()
        return Learner(network, "mse"), random_tasks("sinusoid-tanh")
    if kind == "classes":
        network, shape = build_model(Mlp(hidden=(3,), activation="tanh", context=context), (2,), WAY, 0).double(), (2,)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.random.manual_seed(0)
            layers: OrderedDict[str, nn.Module] = OrderedDict(conv=Conv2d(1, 2, 3, 2), norm=BatchNorm2d(2))
            if context:
                layers["film"] = Film(context, 2)
            layers |= OrderedDict(tanh=nn.Tanh(), mean=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), head=Linear(2, WAY))
        network, shape = Network(layers).double(), (1, 5, 5)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    x = torch.randn(3, 6, *shape, generator=generator, dtype=torch.float64)
    y = torch.stack([torch.tensor([0, 1, 2] * 2)[torch.randperm(6, generator=generator)] for _ in range(3)])
    classes = torch.stack([torch.randperm(POOL, generator=generator)[:WAY] for _ in range(3)])
    return Learner(network, "cross_entropy", objective=objective), Episodes(x, y, x.flip(1) + 0.3, y.roll(1, 1), classes)


def check_finite_differences(algorithm: Algorithm, episodes: Episodes, *, transductive: bool = True, iteration: int = 0) -> None:
    """Every element of the whole meta-loss's gradient, with respect to everything that is learned."""
    learner, meta = algorithm.learner, meta_of(algorithm)
    gradient = algorithm.outer_gradient(meta, episodes, transductive=transductive, iteration=iteration).gradient
    steps = getattr(algorithm.settings, "inner_steps", 0)
    weights = shares(getattr(algorithm.settings, "multi_step", 0), iteration, steps)

    def meta_loss() -> float:
        total = 0.0
        for point, weight in zip(algorithm.adapt(meta, episodes, steps), weights, strict=True):
            if weight:
                with torch.no_grad():
                    outputs = learner.query_outputs(point.params, episodes, transductive)
                total += weight * learner.objective(outputs, episodes.query_y).mean().item()
        return total

    assert_same_gradient(gradient, differences(meta_loss, meta), 1e-7)


def differences(function: Callable[[], float], meta: Params, epsilon: float = 1e-5) -> Params:
    """Central differences of ``function()`` for every element of ``meta``."""
    slopes = {name: torch.zeros_like(value) for name, value in meta.items()}
    for name, value in meta.items():
        flat, slope = value.detach().view(-1), slopes[name].view(-1)
        for element in range(flat.numel()):
            kept = flat[element].item()
            flat[element] = kept + epsilon
            above = function()
            flat[element] = kept - epsilon
            slope[element] = (above - function()) / (2 * epsilon)
            flat[element] = kept
    return slopes
