"""Validation on the way: what is the best so far, and whether a wished-for end is reached."""

import math
from typing import Any

from ..spec import Experiment
from .evaluation import TaskScores, norm_mode
from .events import StepScore, Validation


def note(experiment: Experiment, progress: dict[str, Any], iteration: int, scores: TaskScores) -> Validation:
    """Take a validation's scores into the run's plain values (``best``, ``stale``, ``scores``), and report them."""
    settings = experiment.evaluation
    summary = scores.summary()
    mode = norm_mode(experiment, settings.transductive)
    # The random start is validated to be seen beside what follows; there is nothing in it worth keeping as the best.
    best = iteration > 0 and _note_best(experiment, progress, summary[-1])
    progress["scores"] = {
        "iteration": iteration,
        "tasks": settings.tasks,
        "norm_mode": mode,
        "steps": [vars(score) for score in summary],
    }
    return Validation(iteration, summary, settings.tasks, mode, best, progress["seconds"])


def is_due(experiment: Experiment, iteration: int) -> bool:
    """Whether validation tasks are tried after this iteration."""
    return iteration % experiment.evaluation.every == 0 or iteration >= experiment.training.iterations


def is_done(progress: dict[str, Any], iteration: int) -> bool:
    """Whether they were tried after this iteration already."""
    scores = progress["scores"]
    return scores is not None and bool(scores["iteration"] == iteration)


def reached(experiment: Experiment, progress: dict[str, Any]) -> str:
    """Why the run should end after its last validation; empty when it should not."""
    settings = experiment.training
    last = progress["scores"]["steps"][-1]
    if settings.stop_at > 0:
        if last["accuracy"] is not None and last["accuracy"] >= settings.stop_at:
            return f"validation accuracy reached {last['accuracy']:.4g}"
        if last["accuracy"] is None and last["query_loss"] <= settings.stop_at:
            return f"validation error reached {last['query_loss']:.4g}"
    if settings.patience and progress["stale"] >= settings.patience:
        return f"{settings.patience} validations without a better one"
    return ""


def _note_best(experiment: Experiment, progress: dict[str, Any], last: StepScore) -> bool:
    by_accuracy = experiment.evaluation.best_by == "score" and last.accuracy is not None
    score = last.accuracy if by_accuracy else -last.query_loss
    assert score is not None
    best = progress["best"]
    better = math.isfinite(score) and (best is None or score > best)
    progress["stale"] = 0 if better else progress["stale"] + 1
    if better:
        progress["best"] = score
    return better
