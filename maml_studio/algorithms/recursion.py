"""The outer gradient of an unrolled inner loop, with memory that does not grow with its steps.

Differentiating through the loop keeps the graph of every step. The same gradient comes out of a recursion from the last step to the
first (the adjoint of φ_{j+1} = φ_j − α_j ⊙ g_s(φ_j); for one rate it is MAML's product [∏_j (I − α H(φ_j))] ∇L_query(φ_k), written from
the right):

    v_k = w_k ∇L_query(φ_k),    v_j = v_{j+1} − ∂g_s(φ_j)ᵀ (α_j ⊙ v_{j+1}) + w_j ∇L_query(φ_j),    ∂α_j = −g_s(φ_j) ⊙ v_{j+1}.

Each step needs one Hessian-vector product and its graph alone, which is freed before the next. The price is that the support gradient is
computed twice.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..data import Episodes
from .base import Algorithm, OuterGradient, detached, fitted
from .learner import Params


def applies(algorithm: Algorithm) -> bool:
    """Whether the algorithm differentiates through an unrolled loop, which the recursion can stand in for."""
    return algorithm.order == 2 and type(algorithm).outer_gradient is Algorithm.outer_gradient and type(algorithm).adapt is Algorithm.adapt


def outer_gradient_of(algorithm: Algorithm, *, flat: bool) -> Callable[..., OuterGradient]:
    """The algorithm's own outer gradient, or the same one in flat memory where there is an inner loop to go back through."""
    return partial(recursive_gradient, algorithm) if flat and applies(algorithm) else algorithm.outer_gradient


def recursive_gradient(algorithm: Algorithm, meta: Params, episodes: Episodes, *, transductive: bool, iteration: int = 0) -> OuterGradient:
    """What :meth:`Algorithm.outer_gradient` gives, step by step from the end where it goes through the steps' own gradients.

    A loop of first order keeps no graph of its steps, and is left as it is.

    Args:
        algorithm: whose loop is unrolled.
        meta: the meta-parameters.
        episodes: the tasks.
        transductive: whether queries are normalised by their own statistics.
        iteration: outer steps done before.
    """
    if algorithm.order_at(iteration) < 2:
        return algorithm.outer_gradient(meta, episodes, transductive=transductive, iteration=iteration)
    learner, steps = algorithm.learner, algorithm.settings.inner_steps
    path = algorithm.adapt(meta, episodes, steps)
    weights = algorithm.step_weights(iteration, steps)
    total = {name: torch.zeros_like(value) for name, value in meta.items()}
    adjoint: Params = {name: torch.zeros_like(value) for name, value in path[-1].params.items()}
    for step in range(steps, -1, -1):
        here = detached(path[step].params)
        if step < steps:
            _step_back(algorithm, meta, episodes, step, here, adjoint, total)
        if weights[step]:
            outputs = learner.query_outputs(here, episodes, transductive)
            objective = weights[step] * learner.objective(outputs, episodes.query_y).mean()
            _add(adjoint, torch.autograd.grad(objective, list(here.values()), allow_unused=True))
            if step == steps:
                last = outputs.detach()
    start = algorithm.start(meta, episodes)
    moved = [name for name, value in start.items() if value.requires_grad and value.grad_fn is not None]
    _add(total, torch.autograd.grad([start[n] for n in moved], list(meta.values()), [adjoint[n] for n in moved], allow_unused=True))
    return algorithm.report(total, path, last, episodes)


def _step_back(algorithm: Algorithm, meta: Params, episodes: Episodes, step: int, here: Params, adjoint: Params, total: Params) -> None:
    """From ∂/∂φ_{step+1} to ∂/∂φ_step, and the learned rates' share."""
    learner = algorithm.learner
    moving = [name for name in here if algorithm.inner_rate(meta, name, step) is not None]
    rates = {name: fitted(algorithm.inner_rate(meta, name, step), here[name]) for name in moving}
    if not moving:
        return
    loss = learner.loss(learner.outputs(here, episodes.support_x), episodes.support_y)
    gradients = torch.autograd.grad(loss.sum(), [here[name] for name in moving], create_graph=True)
    learned = [rate for rate in rates.values() if isinstance(rate, Tensor) and rate.requires_grad]
    if learned:
        moves = [(rates[n] * g.detach() * -adjoint[n]).sum() for n, g in zip(moving, gradients, strict=True)]
        _add(total, torch.autograd.grad(torch.stack(moves).sum(), list(meta.values()), allow_unused=True))
    with torch.no_grad():
        pulled = [-(rates[name] * adjoint[name]) for name in moving]
    linked = [(g, p) for g, p in zip(gradients, pulled, strict=True) if g.requires_grad]
    if linked:
        outputs, vectors = zip(*linked, strict=True)
        _add(adjoint, torch.autograd.grad(outputs, list(here.values()), vectors, allow_unused=True))


def _add(total: Params, parts: tuple[Tensor | None, ...]) -> None:
    for name, part in zip(total, parts, strict=True):
        if part is not None:
            total[name] = total[name] + part
