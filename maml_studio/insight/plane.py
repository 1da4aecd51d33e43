"""The support and the query loss on a plane in the space of the weights, with one task's inner path on it.

The plane goes through three points: θ, where the task starts; φ, the weights after the last inner step; and the inner step in between that
lies farthest from the line through both. Where there is none that leaves the line, it is spanned by the direction in which the query loss
falls fastest at φ. Axes are orthonormal (Gram-Schmidt) in plain Euclidean length over all weights, nothing rescaled: the first points from
θ to φ. Planes through three points of weights: Garipov and others 2018, 1802.10026; Goodfellow, Vinyals and Saxe 2015, 1412.6544.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..algorithms import Algorithm, InnerStep, Params
from ..data import Episodes, silent
from ..data.progress import Progress
from ..training.norm_words import norm_words
from . import words
from .subject import Subject, Unanswered, finite

POINTS = 29
"""Grid points along each side."""
MARGIN = 0.45
"""Room round the path, as a share of the distance from θ to φ."""
ASPECT = 1.5
"""Width of the picture to its height: one unit is as long in both directions."""
ROUNDING = 1e-9
"""A direction of which no more than this share is left beside another is that other one."""
SIDE_BY_SIDE = 16
"""Grid points that walk through the network at once."""
STRAIGHT = 0.02
"""An inner step nearer than this to the line from θ to φ, as a share of their distance, spans no plane."""

Grid = npt.NDArray[np.float64]


class Plane:
    """A plane of weights: where its points lie, and what the losses are there.

    Args:
        algorithm: whose network it is.
        episodes: one task.
        transductive: where a query's batch-norm statistics come from.
        origin: one task's weights, stacked with a tasks axis of one: coordinates (0, 0).
        along: weights that lie on the first axis.
        third: weights that lie on the plane too.

    Raises:
        ValueError: when the three lie on one line.
    """

    def __init__(self, algorithm: Algorithm, episodes: Episodes, transductive: bool, origin: Params, along: Params, third: Params) -> None:
        self._algorithm, self._episodes, self._transductive, self._like = algorithm, episodes, transductive, origin
        self._origin = joined(origin)
        first, second = joined(along) - self._origin, joined(third) - self._origin
        length = torch.linalg.vector_norm(first)
        if not length > 0:
            raise ValueError("A plane needs three points that differ")
        one = first / length
        whole = torch.linalg.vector_norm(second)
        second = second - (second @ one) * one
        across = torch.linalg.vector_norm(second)
        if not across > ROUNDING * whole:
            raise ValueError("A plane needs three points that are not on one line")
        # Once more: what rounding left of the first axis in the second.
        second = second / across
        second = second - (second @ one) * one
        self.axes = torch.stack([one, second / torch.linalg.vector_norm(second)])

    def coordinates(self, params: Params) -> tuple[float, float, float]:
        """Where weights lie: along, across, and how far off the plane."""
        away = joined(params) - self._origin
        place = self.axes @ away
        off = torch.linalg.vector_norm(away - place @ self.axes)
        return place[0].item(), place[1].item(), off.item()

    def weights(self, points: Tensor) -> Params:
        """The weights at some points ``[points, 2]``, stacked over the points."""
        flat = self._origin + points.double() @ self.axes
        sizes = [value[0].numel() for value in self._like.values()]
        parts = zip(self._like.items(), torch.split(flat, sizes, 1), strict=True)
        return {name: part.view(-1, *value.shape[1:]).to(value) for (name, value), part in parts}

    def losses(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Support and query loss at some points ``[points, 2]``: ``[points]`` each."""
        return task_losses(self._algorithm, self.weights(points), self._episodes, self._transductive)


@dataclass(frozen=True)
class PathPoint:
    """The weights after an inner step: where they lie on the plane, how far off it, and the losses there."""

    step: int
    x: float
    y: float
    off: float
    support: float
    query: float


@dataclass(frozen=True)
class PlaneInsight:
    """One task's losses on the plane.

    Attributes:
        x: ``[columns]`` positions along θ → φ, in units of the weights.
        y: ``[rows]`` positions across.
        support: ``[rows, columns]``.
        query: ``[rows, columns]``.
        path: the inner loop, from θ to φ; positions are projections, losses are those of the weights themselves.
        third: which third point spans the plane, in words.
        task: the task's number, the first being 0.
        algorithm: the algorithm's title.
        metric: ``cross-entropy`` or ``squared error``.
        norm: what normalises a query.
    """

    answered: ClassVar[bool] = True
    x: Grid
    y: Grid
    support: Grid
    query: Grid
    path: tuple[PathPoint, ...]
    third: str
    task: int
    algorithm: str
    metric: str
    norm: str

    def lowest(self, losses: Grid) -> tuple[float, float, float]:
        """Where on the grid a loss is least, and how small."""
        row, column = np.unravel_index(int(np.nanargmin(np.where(np.isfinite(losses), losses, np.inf))), losses.shape)
        return float(self.x[column]), float(self.y[row]), float(losses[row, column])

    @property
    def paragraph(self) -> str:
        """What one sees."""
        start, end = self.path[0], self.path[-1]
        steps, distance = len(self.path) - 1, math.hypot(end.x - start.x, end.y - start.y)
        text = (
            f"Task {self.task + 1}: {words.count(steps, 'inner step')} of {self.algorithm} {'lead' if steps > 1 else 'leads'} "
            f"{words.number(distance)} away from θ, and the support loss from {words.loss(start.support)} to {words.loss(end.support)}, "
            f"the query loss from {words.loss(start.query)} to {words.loss(end.query)} ({self.metric}, {norm_words(self.norm)})."
        )
        if steps > 1 and start.query > end.query:
            text += f" The first step alone does {words.share((start.query - self.path[1].query) / (start.query - end.query))} of that."
        x, y, least = self.lowest(self.query)
        if least >= 0.95 * end.query:
            text += " φ lies where the query loss is lowest on this plane: the support set points to the right place."
        else:
            away = math.hypot(x - end.x, y - end.y)
            text += (
                f" The plane's lowest query loss, {words.loss(least)}, lies {words.share(away / distance)} of the way's length from φ: "
                "that is what the support set does not tell."
            )
        off = max(point.off for point in self.path)
        seen = f"at most {words.share(off / distance)} of it off the plane" if off > 0.01 * distance else "on the plane throughout"
        return f"{text} The plane goes through θ, φ and {self.third}; the path lies {seen}."

    def to_json(self) -> dict[str, Any]:
        """All figures, and the paragraph."""
        return {
            "task": self.task,
            "metric": self.metric,
            "norm_mode": self.norm,
            "third_point": self.third,
            "path": [
                {"step": p.step, "x": p.x, "y": p.y, "off_plane": p.off, "support_loss": finite(p.support), "query_loss": finite(p.query)}
                for p in self.path
            ],
            "x": self.x.tolist(),
            "y": self.y.tolist(),
            "support_loss": [[finite(value) for value in row] for row in self.support.tolist()],
            "query_loss": [[finite(value) for value in row] for row in self.query.tolist()],
            "paragraph": self.paragraph,
        }


def see_plane(subject: Subject, task: int = 0, progress: Progress = silent, points: int = POINTS) -> PlaneInsight | Unanswered:
    """The losses round one task's inner path.

    Args:
        subject: the model.
        task: the task's number, the first being 0.
        progress: may raise :class:`~maml_studio.data.Cancelled`.
        points: grid points along each side.
    """
    algorithm, title = subject.algorithm, subject.experiment.algorithm.title
    episodes = subject.one(task)
    progress("Plane: the inner loop", -1)
    path = algorithm.adapt(subject.meta, episodes, subject.steps)
    if len(path) < 2:
        return Unanswered(f"{title} has no inner loop: there is no path through the weights, and no plane to draw it on.")
    start, end = joined(path[0].params), joined(path[-1].params)
    if not torch.isfinite(end).all():
        return Unanswered(
            f"The weights are no longer numbers after {words.count(len(path) - 1, 'inner step')}: there is no plane to draw.", always=False
        )
    if torch.equal(start, end):
        return Unanswered(f"Task {task + 1}: the weights are where they were after the inner loop: there is no path to draw.", always=False)
    third, name = _third_point(algorithm, path, episodes, subject.transductive)
    if third is None:
        return Unanswered(
            f"Task {task + 1}: the path is straight and the query loss is flat at its end: nothing spans a plane.", always=False
        )
    plane = Plane(algorithm, episodes, subject.transductive, path[0].params, path[-1].params, third)
    marks = _path_points(plane, path, algorithm, episodes, subject.transductive)
    x, y = _ranges(marks, points)
    grid = torch.tensor([[column, row] for row in y for column in x], dtype=torch.float64)
    support, query = [], []
    for chunk in _counted(torch.split(grid, SIDE_BY_SIDE), progress):
        one, other = plane.losses(chunk)
        support.append(one)
        query.append(other)
    metric = "squared error" if subject.experiment.regression else "cross-entropy"
    shape = (points, points)
    return PlaneInsight(
        x, y, torch.cat(support).view(shape).numpy(), torch.cat(query).view(shape).numpy(), marks, name, task, title, metric, subject.norm
    )


def _counted(chunks: tuple[Tensor, ...], progress: Progress) -> Iterator[Tensor]:
    for index, chunk in enumerate(chunks):
        progress(f"Plane: {index * SIDE_BY_SIDE:,} of {sum(map(len, chunks)):,} points", index / len(chunks))
        yield chunk


def _third_point(algorithm: Algorithm, path: list[InnerStep], episodes: Episodes, transductive: bool) -> tuple[Params | None, str]:
    """The point that spans the plane beside θ and φ, and what it is."""
    start, end = joined(path[0].params), joined(path[-1].params)
    length = torch.linalg.vector_norm(end - start)
    one = (end - start) / length
    aside = [torch.linalg.vector_norm((away := joined(point.params) - start) - (away @ one) * one).item() for point in path[1:-1]]
    if aside and max(aside) > STRAIGHT * length:
        step = 1 + int(np.argmax(aside))
        return path[step].params, f"the weights after inner step {step}"
    slope = loss_slope(algorithm, path[-1].params, episodes, transductive, query=True)
    # Only along weights that the inner loop moves: elsewhere it could not go.
    slope = {n: g if not torch.equal(path[0].params[n], path[-1].params[n]) else torch.zeros_like(g) for n, g in slope.items()}
    flat = joined(slope)
    flat = flat - (flat @ one) * one
    size = torch.linalg.vector_norm(flat)
    if not size > ROUNDING * torch.linalg.vector_norm(joined(slope)):
        return None, ""
    # Half as far from φ as θ is.
    scale = (0.5 * length / torch.linalg.vector_norm(joined(slope))).item()
    down = {name: value - scale * slope[name] for name, value in path[-1].params.items()}
    return down, "a point downhill from φ in the query loss"


def _path_points(
    plane: Plane, path: list[InnerStep], algorithm: Algorithm, episodes: Episodes, transductive: bool
) -> tuple[PathPoint, ...]:
    marks = []
    for step, point in enumerate(path):
        support, query = task_losses(algorithm, point.params, episodes, transductive)
        marks.append(PathPoint(step, *plane.coordinates(point.params), support.item(), query.item()))
    return tuple(marks)


def _ranges(path: tuple[PathPoint, ...], points: int) -> tuple[Grid, Grid]:
    margin = MARGIN * math.hypot(path[-1].x, path[-1].y)
    middle, half = [], []
    for values in ([point.x for point in path], [point.y for point in path]):
        middle.append((min(values) + max(values)) / 2)
        half.append((max(values) - min(values)) / 2 + margin)
    half = [max(half[0], ASPECT * half[1]), max(half[1], half[0] / ASPECT)]
    return np.linspace(middle[0] - half[0], middle[0] + half[0], points), np.linspace(middle[1] - half[1], middle[1] + half[1], points)


def joined(params: Params) -> Tensor:
    """One task's weights ``[1, ...]`` each as a row of float64 numbers, on the CPU."""
    return torch.cat([value.detach()[0].flatten().cpu().double() for value in params.values()])


def task_losses(algorithm: Algorithm, params: Params, episodes: Episodes, transductive: bool) -> tuple[Tensor, Tensor]:
    """Support and query loss of one task at several weights, in float64.

    Args:
        algorithm: whose network it is.
        params: stacked over the points, ``[points, ...]`` each.
        episodes: one task.
        transductive: where a query's batch-norm statistics come from.

    Returns:
        ``[points]`` each.
    """
    learner, points = algorithm.learner, len(next(iter(params.values())))
    params = {name: value.to(learner.device) for name, value in params.items()}
    same = episodes.pick(torch.zeros(points, dtype=torch.int64, device=episodes.support_x.device))
    with torch.no_grad():
        support = learner.loss(learner.outputs(params, same.support_x), same.support_y)
        query = learner.loss(learner.query_outputs(params, same, transductive), same.query_y)
    return support.cpu().double(), query.cpu().double()


def loss_slope(algorithm: Algorithm, params: Params, episodes: Episodes, transductive: bool, *, query: bool) -> Params:
    """The gradient of each task's support or query loss, ``[tasks, ...]`` each.

    Args:
        algorithm: whose network it is.
        params: where, stacked over the tasks.
        episodes: the tasks.
        transductive: where a query's batch-norm statistics come from.
        query: of the query loss rather than the support loss.
    """
    learner = algorithm.learner
    here = {name: value.detach().requires_grad_() for name, value in params.items()}
    with torch.enable_grad():
        if query:
            loss = learner.loss(learner.query_outputs(here, episodes, transductive), episodes.query_y)
        else:
            loss = learner.loss(learner.outputs(here, episodes.support_x), episodes.support_y)
        found = torch.autograd.grad(loss.sum(), list(here.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(here, found, strict=True))
