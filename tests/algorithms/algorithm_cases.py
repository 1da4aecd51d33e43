"""Every network in float64, with random tasks for it."""

import torch
from torch import Tensor

from maml_studio.algorithms import Algorithm, Learner, Params
from maml_studio.data import Episodes
from maml_studio.models import Network, build_model
from maml_studio.spec import Conv4, Mlp, Model, TutorialCnn

WAY, SHOT, QUERY = 3, 2, 2

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
    "sinusoid-relu": Mlp(hidden=(7, 5)),
    "sinusoid-tanh": Mlp(hidden=(7, 5), activation="tanh"),
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
        labels.expand(tasks, -1),
    )


def with_algorithm(kind: type[Algorithm], settings: type, learner: Learner, steps: int, rate: float = 0.1) -> Algorithm:
    return kind(settings(inner_lr=rate, inner_steps=steps), learner)


def assert_same_gradient(actual: Params, expected: Params, tolerance: float) -> None:
    """Equal to ``tolerance`` times the largest entry."""
    assert list(actual) == list(expected)
    largest = max(value.abs().max() for value in expected.values())
    assert largest > 0
    for name, value in expected.items():
        assert actual[name].shape == value.shape
        error = (actual[name] - value).abs().max() / largest
        assert error <= tolerance, f"{name} is off by {error:.1e} of the largest entry"
