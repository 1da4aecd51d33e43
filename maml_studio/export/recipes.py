"""How each algorithm adapts, as lines of plain PyTorch for the model card: what it does differently, and nothing else.

The lines know ``net``, ``tensors`` (what the file holds), ``support`` and ``labels``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..algorithms.rates import RATE
from ..spec import Experiment
from .parts import Parts


@dataclass(frozen=True)
class Recipe:
    """One inner loop; as it stands here it is plain gradient descent on everything.

    Attributes:
        rate: the step size.
        moves: what the optimizer steps.
        optimizer: a class in ``torch.optim``.
        options: its further arguments.
        headless: whether the file has no head.
        load: lines before ``net`` takes over what is in ``tensors``.
        start: lines that make a task's starting point.
        loop: the head of the loop; ``{steps}`` stands for their number. Empty: nothing adapts.
        examples: inputs and labels of one step.
        pull: line at the beginning of a step, and what it adds to the loss.
        gradients: lines between gradient and step.
    """

    rate: float = 1.0
    moves: str = "net.parameters()"
    optimizer: str = "SGD"
    options: str = ""
    headless: bool = False
    load: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    loop: str = "for step in range({steps}):"
    examples: tuple[str, str] = ("support", "labels")
    pull: tuple[str, str] | None = None
    gradients: tuple[str, ...] = ()


_RATES = (f'rates = {{name: tensors.pop("{RATE}" + name) for name, _ in net.named_parameters()}}  # learned',)
_EACH = "for name, parameter in net.named_parameters():"
_WAYS = "ways = len(labels.unique())  # any number of classes"


def _descent(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    return Recipe(settings.inner_lr)


def _head_only(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    return Recipe(settings.inner_lr, f"{parts.head}.parameters()")


def _body_only(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    return Recipe(settings.inner_lr, f"[p for name, p in net.named_parameters() if not name.startswith({parts.head_prefix!r})]")


def _context_only(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    return Recipe(settings.inner_lr, f"[{', '.join(parts.context)}]")


def _rate_per_weight(experiment: Experiment, parts: Parts) -> Recipe:
    return Recipe(load=_RATES, gradients=(_EACH, "    parameter.grad *= rates[name][: len(parameter)]"))


def _rate_per_tensor_and_step(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    return Recipe(load=_RATES, gradients=(_EACH, f"    parameter.grad *= rates[name][min(step, {settings.inner_steps - 1})]"))


def _prototypes(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    start = (
        _WAYS,
        "with torch.no_grad():  # the class means are the head",
        "    features = embed(support)",
        "    means = torch.stack([features[labels == k].mean(0) for k in range(ways)])",
        f"{parts.head}.weight.data, {parts.head}.bias.data = 2 * means, -means.square().sum(1)",
    )
    return Recipe(getattr(settings, "inner_lr", 0.0), headless=True, start=start)


def _nothing_moves(experiment: Experiment, parts: Parts) -> Recipe:
    return Recipe(headless=True, start=_prototypes(experiment, parts).start, loop="")


def _one_row(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    weight, bias = f"{parts.head}.weight.data", f"{parts.head}.bias.data"
    return Recipe(settings.inner_lr, start=(_WAYS, f"{weight}, {bias} = {weight}.repeat(ways, 1), {bias}.repeat(ways)"))


def _new_head(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    moves = f"{parts.head}.parameters()" if settings.adapts == "head" else "net.parameters()"
    if experiment.regression:
        return Recipe(settings.inner_lr, moves)
    start = (
        _WAYS,
        f"{parts.head} = nn.Linear({parts.head}.in_features, ways)  # in place of the one for the training classes",
        f"nn.init.zeros_({parts.head}.weight)",
        f"nn.init.zeros_({parts.head}.bias)",
    )
    return Recipe(settings.inner_lr, moves, start=start)


def _minibatches(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    adam = settings.optimizer == "adam"
    start = (
        f"size, generator = min({settings.test_batch}, len(support)), torch.Generator().manual_seed(0)",
        "rounds = {steps} * size // len(support) + 1",
        "order = torch.cat([torch.randperm(len(support), generator=generator) for _ in range(rounds)])",
    )
    return Recipe(
        settings.inner_lr,
        optimizer="Adam" if adam else "SGD",
        options=", betas=(0.0, 0.999)" if adam else "",
        start=start,
        loop="for batch in order.split(size)[:{steps}]:",
        examples=("support[batch]", "labels[batch]"),
    )


def _near_the_start(experiment: Experiment, parts: Parts) -> Recipe:
    settings: Any = experiment.algorithm
    return Recipe(
        settings.inner_lr,
        start=("start = [p.detach().clone() for p in net.parameters()]",),
        pull=("pull = sum((p - s).square().sum() for p, s in zip(net.parameters(), start))", f" + {settings.lam / 2!r} * pull"),
        gradients=(
            f"if torch.cat([p.grad.flatten() for p in net.parameters()]).norm() <= {settings.tolerance!r}:",
            "    break",
        ),
    )


RECIPES: dict[str, Callable[[Experiment, Parts], Recipe]] = {
    "maml": _descent,
    "fomaml": _descent,
    "reptile": _minibatches,
    "imaml": _near_the_start,
    "meta_sgd": _rate_per_weight,
    "anil": _head_only,
    "boil": _body_only,
    "proto_maml": _prototypes,
    "unicorn_maml": _one_row,
    "mamlpp": _rate_per_tensor_and_step,
    "cavia": _context_only,
    "protonet": _nothing_moves,
    "joint": _new_head,
}
"""From an experiment and its network's parts to the recipe, by the algorithm's name."""
