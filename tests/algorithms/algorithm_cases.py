"""Every network in float64, with random tasks for it."""

from typing import Any

import torch
from torch import Tensor

from maml_studio.algorithms import ALGORITHMS, Algorithm, Learner, Params
from maml_studio.data import Episodes
from maml_studio.models import Network, build_model
from maml_studio.spec import TABLES, Conv4, Mlp, Model, Recurrent, TutorialCnn

WAY, SHOT, QUERY = 3, 2, 2
POOL = 7
"""Classes that tasks are drawn from."""

# Group norm gets a width that its groups do not swallow: with one channel per group and one place it would be constant.
NETWORKS: dict[str, Model] = {
    f"conv4-{downsample}-{norm}": Conv4(width=12 if norm == "group" else 4, downsample=downsample, norm=norm)
    for downsample in ("stride", "max_pool")
    for norm in ("batch", "group", "layer", "none")
} | {
    "tutorial_cnn": TutorialCnn(),
    "tutorial_cnn-softmax": TutorialCnn(softmax=True),
    "mlp-relu": Mlp(hidden=(7, 5)),
    "mlp-tanh": Mlp(hidden=(7, 5), activation="tanh"),
    "conv4-places": Conv4(width=4, average=False),
    "conv4-context": Conv4(width=4, context=3),
    "mlp-context": Mlp(hidden=(7, 5), activation="tanh", context=2),
    "gru": Recurrent(hidden=6),
    "lstm-2": Recurrent(cell="lstm", hidden=5, layers=2, norm="none"),
    "sinusoid-relu": Mlp(hidden=(7, 5)),
    "sinusoid-tanh": Mlp(hidden=(7, 5), activation="tanh"),
    "sinusoid-context": Mlp(hidden=(7, 5), activation="tanh", context=2),
}
BATCH_NORM = [name for name, model in NETWORKS.items() if model.batch_norm]


def is_regression(name: str) -> bool:
    return name.startswith("sinusoid")


def build(name: str, seed: int = 0) -> Network:
    shape, outputs = ((1,), 1) if is_regression(name) else ((1, 28, 28), WAY)
    network = build_model(NETWORKS[name], shape, outputs, seed).double()
    # Norms start as the identity, where a mix-up of their weights would not show.
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return network


def learner(name: str, *, batched: bool | None = None) -> Learner:
    return Learner(build(name), "mse" if is_regression(name) else "cross_entropy", batched=batched)


def random_tasks(name: str, tasks: int = 3, seed: int = 1) -> Episodes:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    if is_regression(name):
        support, query = 4 * draw(tasks, 5, 1) - 2, 4 * draw(tasks, 4, 1) - 2
        phase = draw(tasks, 1, 1)
        return Episodes(support, (support - phase).sin(), query, (query - phase).sin(), torch.empty(tasks, 0, dtype=torch.int64))
    labels = torch.arange(WAY)
    return Episodes(
        draw(tasks, WAY * SHOT, 1, 28, 28),
        labels.repeat_interleave(SHOT).expand(tasks, -1),
        draw(tasks, WAY * QUERY, 1, 28, 28),
        labels.repeat_interleave(QUERY).expand(tasks, -1),
        torch.stack([torch.randperm(POOL, generator=generator)[:WAY] for _ in range(tasks)]),
    )


def with_algorithm(kind: type[Algorithm] | str, learner: Learner, *, settings: str = "", **values: Any) -> Algorithm:
    """An algorithm with those of the given settings that it has.

    Args:
        kind: the class, or its name.
        learner: the network.
        settings: name of the settings model, where ``kind`` is a class that is not in the table.
        values: settings; without any two inner steps of 0.1.
    """
    name = kind if isinstance(kind, str) else settings
    model = TABLES["algorithm"][name]
    wanted = {"inner_steps": 2, "inner_lr": 0.1, "rate_min": 0.05, "rate_max": 0.2, "batch": 4} | values
    chosen = model(**{key: value for key, value in wanted.items() if key in model.model_fields})
    return (ALGORITHMS[name] if isinstance(kind, str) else kind)(chosen, learner)


def meta_of(algorithm: Algorithm) -> Params:
    """Its meta-parameters; learned rates start all alike in some algorithms, where a mix-up would not show."""
    meta = algorithm.meta_parameters(POOL)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, value in meta.items():
            if name.startswith("inner_rate."):
                value *= 0.5 + torch.rand(value.shape, generator=generator, dtype=value.dtype)
    return meta


def learns(algorithm: str, network: str) -> bool:
    """Whether an algorithm goes with a network and its tasks."""
    settings = TABLES["algorithm"][algorithm]
    return not (settings.needs_classes and is_regression(network)) and (not settings.needs_context or network.endswith("context"))


def pairs(*networks: str) -> list[tuple[str, str]]:
    """Every algorithm with each of the networks that it goes with; CAVIA with those that offer a context, since it needs one."""
    return [(algorithm, network) for algorithm in ALGORITHMS for network in networks if learns(algorithm, network)]


def assert_same_gradient(actual: Params, expected: Params, tolerance: float) -> None:
    """Equal to ``tolerance`` times the largest entry."""
    assert list(actual) == list(expected)
    largest = max(value.abs().max() for value in expected.values())
    assert largest > 0
    for name, value in expected.items():
        assert actual[name].shape == value.shape
        error = (actual[name] - value).abs().max() / largest
        assert error <= tolerance, f"{name} is off by {error:.1e} of the largest entry"
