"""iMAML: the outer gradient from the solution of the inner problem alone, not from the way there.

Rajeswaran, Finn, Kakade and Levine 2019, "Meta-learning with implicit gradients", 1909.04630, algorithms 1 and 2.

Inner problem:   φ* = argmin L_support(φ) + (λ/2) ‖φ − θ‖², here by gradient descent until its gradient is small.
Outer gradient:  x with (I + H(φ*)/λ) x = ∇L_query(φ*), where H is the Hessian of the support loss; by conjugate gradients, which need
                 only products of H with a vector.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from ..data import Episodes
from .base import Algorithm, InnerStep, Order, OuterGradient, detached
from .learner import Params


class Imaml(Algorithm):
    """Implicit MAML with gradient descent inside."""

    def adapt(self, meta: Params, episodes: Episodes, steps: int, *, order: Order = 0) -> list[InnerStep]:
        """Descend on the regularised support loss until every task's gradient is below the tolerance; see :meth:`Algorithm.adapt`."""
        settings = self.settings
        with torch.no_grad():
            start = params = self.start(meta, episodes)
        path = []
        for _ in range(steps):
            loss, slope = self._slope(params, episodes)
            path.append(InnerStep(params, loss))
            slope = {name: value + settings.lam * (params[name] - start[name]) for name, value in slope.items()}
            # A task that is solved stays where it is, so that it does not matter which others share its chunk.
            open_tasks = norms(slope) > settings.tolerance
            if not bool(open_tasks.any()):
                # As long as if it had gone on, so that all chunks of tasks have a point at every step.
                return path + path[-1:] * (steps + 1 - len(path))
            params = {
                name: value - settings.inner_lr * torch.where(_along(open_tasks, value), slope[name], 0) for name, value in params.items()
            }
        loss, _ = self._slope(params, episodes)
        return [*path, InnerStep(params, loss)]

    def _slope(self, params: Params, episodes: Episodes) -> tuple[Tensor, Params]:
        here = detached(params)
        with torch.enable_grad():
            loss = self.learner.loss(self.learner.outputs(here, episodes.support_x), episodes.support_y)
            gradients = torch.autograd.grad(loss.sum(), list(here.values()))
        return loss.detach(), dict(zip(here, gradients, strict=True))

    def outer_gradient(self, meta: Params, episodes: Episodes, *, transductive: bool, iteration: int = 0) -> OuterGradient:
        """Solve (I + H/λ) x = ∇L_query for every task; the mean of x."""
        settings = self.settings
        path = self.adapt(meta, episodes, settings.inner_steps)
        solution = detached(path[-1].params)
        outputs = self.learner.query_outputs(solution, episodes, transductive)
        query = torch.autograd.grad(self.learner.objective(outputs, episodes.query_y).sum(), list(solution.values()))
        support = self.learner.loss(self.learner.outputs(solution, episodes.support_x), episodes.support_y)
        slope = torch.autograd.grad(support.sum(), list(solution.values()), create_graph=True)

        def matrix(vector: Tensor) -> Tensor:
            parts = _parted(vector, slope)
            product = torch.autograd.grad(slope, list(solution.values()), parts, retain_graph=True)
            image: Tensor = (1 + settings.damping) * vector + _joined(product) / settings.lam
            return image

        solved, residual = conjugate_gradients(matrix, _joined(query), settings.cg_steps)
        with torch.no_grad():
            start = path[0].params
            pulled = {n: g + settings.lam * (value - start[n]) for (n, value), g in zip(solution.items(), slope, strict=True)}
            inner = norms(pulled).mean().item()
        gradient = self._mean_at_start(meta, episodes, dict(zip(solution, _parted(solved, query), strict=True)))
        return self.report(gradient, path, outputs, episodes, {"CG residual": residual.mean().item(), "inner gradient": inner})


def conjugate_gradients(matrix: Callable[[Tensor], Tensor], right: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Solve a symmetric positive definite system of each task (Hestenes and Stiefel 1952).

    Where a system turns out not to be positive definite, as I + H/λ may with batch norm and a small λ, that task takes the best of the
    iterates so far and of the right-hand side itself, in the spirit of Steihaug 1983.

    Args:
        matrix: multiplies ``[tasks, n]`` by the matrix of each task.
        right: right-hand sides, ``[tasks, n]``.
        steps: at most n are of use.

    Returns:
        The solution ``[tasks, n]`` and the norm of what is left, relative to the right-hand side's, ``[tasks]``.
    """
    solution, residual = torch.zeros_like(right), right
    direction, square = residual, residual.square().sum(-1, keepdim=True)
    tiny = torch.finfo(right.dtype).tiny
    going = torch.ones_like(square, dtype=torch.bool)
    best, best_residual = right, right
    for step in range(steps):
        image = matrix(direction)
        curvature = (direction * image).sum(-1, keepdim=True)
        if step == 0:
            # The right-hand side itself, which is first-order MAML's gradient, is the least that a bad system should come to.
            best_residual = right - image
        # Solved exactly, or a direction in which the matrix bends the other way: there the method has no more to say.
        bent = going & (curvature < -tiny)
        going = going & (curvature > tiny)
        solution, residual = torch.where(bent, best, solution), torch.where(bent, best_residual, residual)
        rate = torch.where(going, square / curvature.clamp_min(tiny), 0)
        solution, residual = solution + rate * direction, residual - rate * image
        before, square = square, residual.square().sum(-1, keepdim=True)
        better = square < best_residual.square().sum(-1, keepdim=True)
        best, best_residual = torch.where(better, solution, best), torch.where(better, residual, best_residual)
        direction = residual + torch.where(before > tiny, square / before.clamp_min(tiny), 0) * direction
    left, whole = (torch.linalg.vector_norm(vector, dim=-1) for vector in (residual, right))
    return solution, torch.where(whole > 0, left / whole.clamp_min(tiny), 0)


def norms(params: Params) -> Tensor:
    """Euclidean norm over all of a task's parameters, ``[tasks]``."""
    norm: Tensor = torch.linalg.vector_norm(_joined(params.values()), dim=-1)
    return norm


def _joined(parts: Iterable[Tensor]) -> Tensor:
    """Every task's numbers in one row, ``[tasks, n]``."""
    return torch.cat([part.flatten(1) for part in parts], 1)


def _parted(rows: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Rows ``[tasks, n]`` as tensors of the given shapes."""
    return [part.view_as(shape) for part, shape in zip(torch.split(rows, [one[0].numel() for one in like], 1), like, strict=True)]


def _along(tasks: Tensor, value: Tensor) -> Tensor:
    return tasks.view(-1, *[1] * (value.dim() - 1))
