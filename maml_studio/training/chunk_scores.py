"""What one chunk of a meta-batch scored, and the mean over its chunks."""

import math
from dataclasses import dataclass

import torch

from ..algorithms import Learner, OuterGradient
from ..data import Episodes


@dataclass(frozen=True)
class ChunkScores:
    """Means over the tasks of one chunk; ``query_losses`` and ``accuracy_before`` only where they were traced."""

    tasks: int
    query_loss: float
    query_accuracy: float
    support_losses: tuple[float, ...]
    query_losses: tuple[float, ...]
    accuracy_before: float
    notes: dict[str, float]


def score_chunk(learner: Learner, outer: OuterGradient, chunk: Episodes, trace: bool, transductive: bool) -> ChunkScores:
    """Scores of the tasks that an outer gradient was made from.

    Args:
        learner: the network.
        outer: the gradient, with the inner loop that it went through.
        chunk: its tasks.
        trace: look at the queries along the inner loop too, a forward pass for each inner step.
        transductive: where a query's batch-norm statistics come from.
    """
    query_losses, before = [], math.nan
    if trace:
        with torch.no_grad():
            for step, point in enumerate(outer.path[:-1]):
                outputs = learner.query_outputs(point.params, chunk, transductive)
                query_losses.append(learner.loss(outputs, chunk.query_y).mean().item())
                if step == 0:
                    before = learner.accuracy(outputs, chunk.query_y).mean().item()
        query_losses.append(outer.query_loss.mean().item())
    return ChunkScores(
        len(chunk),
        outer.query_loss.mean().item(),
        outer.query_accuracy.mean().item(),
        tuple(point.support_loss.mean().item() for point in outer.path),
        tuple(query_losses),
        before,
        outer.notes,
    )


def mean_scores(parts: list[ChunkScores]) -> ChunkScores:
    """Means over all tasks of the chunks."""
    tasks = sum(part.tasks for part in parts)

    def average(values: list[float]) -> float:
        return sum(part.tasks * value for part, value in zip(parts, values, strict=True)) / tasks

    def columns(rows: list[tuple[float, ...]]) -> tuple[float, ...]:
        return tuple(average(list(column)) for column in zip(*rows, strict=True))

    return ChunkScores(
        tasks,
        average([part.query_loss for part in parts]),
        average([part.query_accuracy for part in parts]),
        columns([part.support_losses for part in parts]),
        columns([part.query_losses for part in parts]),
        average([part.accuracy_before for part in parts]),
        {name: average([part.notes[name] for part in parts]) for name in parts[0].notes},
    )
