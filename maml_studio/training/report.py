"""What an evaluation found, as plain numbers: for the window, for the command line, for a file."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import Part
from ..files import write_whole
from ..spec import Experiment, outputs
from . import report_file
from .comparison import Comparison, KeptTask, Outcome
from .confusion import Confusion, count_confusion, label_names
from .evaluation import norm_mode
from .events import StepScore
from .report_file import REPORT

BINS = 20
MOST_LEVELS = 30
"""Where a task has no more queries than this, every accuracy that is possible gets a bar of its own."""
DIGITS = 6
SIGNIFICANT = 8
"""Digits of a task's score in the file: squared errors may be tiny."""


@dataclass(frozen=True)
class WorstTask:
    """One of the tasks that went worst.

    Attributes:
        number: which of the test tasks it is, the first being 0.
        score: its accuracy, or its squared error, after the last inner step.
        names: what the labels stand for; empty for regression.
        support_x, support_y, query_x, query_y: the task, as in :class:`Episodes` without the tasks axis.
        answers: after the last inner step: labels ``[queries]``, or values ``[queries, 1]``.
        path: score and answers before the first inner step and after each.
    """

    number: int
    score: float
    names: tuple[str, ...]
    support_x: npt.NDArray[np.float32]
    support_y: npt.NDArray[Any]
    query_x: npt.NDArray[np.float32]
    query_y: npt.NDArray[Any]
    answers: npt.NDArray[Any]
    path: tuple[tuple[float, npt.NDArray[Any]], ...] = ()

    def at(self, step: int) -> "WorstTask":
        """The same task as it stood after that many inner steps."""
        score, answers = self.path[step]
        return replace(self, score=score, answers=answers)

    def to_json(self) -> dict[str, Any]:
        """Which task, its classes, what was asked and answered; the pictures can be drawn again from the seed."""
        return {
            "task": self.number,
            "score": self.score,
            "classes": list(self.names),
            "true": self.query_y.reshape(-1).tolist(),
            "predicted": self.answers.reshape(-1).tolist(),
        }


@dataclass(frozen=True)
class Histogram:
    """How many tasks scored what: ``edges`` ``[bars + 1]`` and ``counts`` ``[bars]``."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """A condition's scores.

    Attributes:
        start: ``trained`` or ``random start``.
        transductive: where a query's batch-norm statistics came from.
        norm_mode: the same in words that also name other norms.
        steps: means over the tasks before the first inner step and after each.
        by_step: every task's accuracy, or squared error, before the first inner step and after each: ``[points][tasks]``.
        fingerprint: of the tasks; equal where the tasks are.
        histograms: of these, for every point.
        confusions: which classes were taken for which, for every point; empty for regression.
        worst: the tasks that went worst at the last point, the worst first.
    """

    start: str
    transductive: bool
    norm_mode: str
    steps: tuple[StepScore, ...]
    by_step: tuple[tuple[float, ...], ...]
    fingerprint: str
    histograms: tuple[Histogram, ...]
    confusions: tuple[Confusion, ...]
    worst: tuple[WorstTask, ...]

    @property
    def task_scores(self) -> tuple[float, ...]:
        """Every task's accuracy, or squared error, after the last inner step."""
        return self.by_step[-1]

    @property
    def histogram(self) -> Histogram:
        """Of the tasks' scores after the last inner step."""
        return self.histograms[-1]

    @property
    def confusion(self) -> Confusion | None:
        """Which classes were taken for which after the last inner step; None for regression."""
        return self.confusions[-1] if self.confusions else None

    @property
    def name(self) -> str:
        """Start and norm mode."""
        return f"{self.start}, {self.norm_mode}"

    @property
    def figures(self) -> tuple[tuple[int, float, float], ...]:
        """For every inner step the mean that counts and the half width of its 95% interval: accuracy, or squared error for regression."""
        return tuple(
            (score.step, score.query_loss, score.query_loss_ci95)
            if score.accuracy is None or score.accuracy_ci95 is None
            else (score.step, score.accuracy, score.accuracy_ci95)
            for score in self.steps
        )


@dataclass(frozen=True)
class Report:
    """An evaluation of one model on tasks fixed by a seed.

    Attributes:
        model: the trained experiment's name.
        iteration: outer steps that the model was trained for.
        experiment: the settings under which it was tried.
        trained_on: the source that it was trained on.
        part: which part of the source the tasks come from.
        tasks: how many.
        seed: draws the tasks.
        framed: whether the pictures' ink was placed as in the training images.
        results: the experiment's own norm mode first, then the other one if it differs, then the same for the random start.
    """

    model: str
    iteration: int
    experiment: Experiment
    trained_on: str
    part: Part
    tasks: int
    seed: int
    framed: bool
    results: tuple[Result, ...]

    @property
    def metric(self) -> str:
        """``accuracy``, or ``mse`` for regression."""
        return "mse" if self.experiment.regression else "accuracy"

    @property
    def about(self) -> str:
        """The tasks in a few words."""
        task = self.experiment.task
        kind = f"{task.shot} points" if task.regression else f"{outputs(task)}-way {task.shot}-shot, {task.query} queries"
        placed = ", ink placed as in training" if self.framed else ""
        data = self.experiment.data
        folder = Path(getattr(data, "path", "")).name
        part = "" if getattr(data, "split", "") == "all" else f"{self.part} "
        return f"{self.tasks:,} {part}tasks of {data.source}{f' {folder}' if folder else ''}, {kind}{placed}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; what the first result says stands at the top, too."""
        first, experiment = self.results[0], self.experiment
        return {
            "metric": self.metric,
            "tasks": self.tasks,
            "way": None if experiment.regression else outputs(experiment.task),
            "shot": experiment.task.shot,
            "query": experiment.task.query,
            "transductive": first.transductive,
            "steps": self._steps(first),
            "part": self.part,
            "source": experiment.data.source,
            "trained_on": self.trained_on,
            "framed": self.framed,
            "seed": self.seed,
            "norm_mode": first.norm_mode,
            "model": self.model,
            "iteration": self.iteration,
            "results": [self._result(result) for result in self.results],
            "experiment": experiment.model_dump(mode="json"),
        }

    def _steps(self, result: Result) -> list[dict[str, Any]]:
        return [{"step": step, "mean": mean, "ci95": half} for step, mean, half in result.figures]

    def _result(self, result: Result) -> dict[str, Any]:
        return {
            "start": result.start,
            "transductive": result.transductive,
            "norm_mode": result.norm_mode,
            "steps": self._steps(result),
            "task_scores": [_short(score) for score in result.task_scores],
            "task_scores_by_step": [[_short(score) for score in scores] for scores in result.by_step],
            "fingerprint": result.fingerprint,
            "histogram": vars(result.histogram),
            "confusion": result.confusion.to_json() if result.confusion else None,
            "worst": [task.to_json() for task in result.worst],
        }


def make_results(comparison: Comparison, experiment: Experiment, class_names: tuple[str, ...]) -> tuple[Result, ...]:
    """Every outcome as plain numbers.

    Args:
        comparison: what was measured.
        experiment: under which settings.
        class_names: one name per class of the source.
    """
    return tuple(_result(outcome, comparison, experiment, class_names) for outcome in comparison.outcomes)


def _result(outcome: Outcome, comparison: Comparison, experiment: Experiment, class_names: tuple[str, ...]) -> Result:
    scores, transductive = outcome.scores, outcome.condition.transductive
    by_step = (scores.query_loss if experiment.regression else scores.accuracy).double().numpy().T
    queries = None if experiment.regression else comparison.query_y.shape[1]
    confusions: tuple[Confusion, ...] = ()
    if not experiment.regression:
        assert scores.answers is not None
        classes, truth, answers = (tensor.numpy() for tensor in (comparison.classes, comparison.query_y, scores.answers))
        confusions = tuple(count_confusion(classes, truth, answers[:, point], class_names) for point in range(answers.shape[1]))
    return Result(
        outcome.condition.start,
        transductive,
        norm_mode(experiment, transductive),
        scores.summary(),
        tuple(tuple(one) for one in by_step.tolist()),
        _fingerprint(comparison),
        tuple(make_histogram(one, queries) for one in by_step),
        confusions,
        tuple(_worst(task, by_step[:, task.number], class_names) for task in outcome.worst),
    )


def _fingerprint(comparison: Comparison) -> str:
    """Names the tasks by the classes and answers that they ask for, so that scores on other tasks are not paired with these."""
    digest = hashlib.sha256()
    for tensor in (comparison.classes, comparison.query_y):
        digest.update(repr(tuple(tensor.shape)).encode() + tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _short(score: float) -> float:
    return float(f"{score:.{SIGNIFICANT}g}")


def _worst(task: KeptTask, scores: npt.NDArray[np.float64], class_names: tuple[str, ...]) -> WorstTask:
    one = task.episodes
    names = label_names(one.classes[0].numpy(), class_names) if one.classes.shape[1] else ()
    support_x, support_y, query_x, query_y = (tensor[0].numpy() for tensor in (one.support_x, one.support_y, one.query_x, one.query_y))
    path = tuple(zip(scores.tolist(), task.answers.numpy(), strict=True))
    return WorstTask(task.number, path[-1][0], names, support_x, support_y, query_x, query_y, path[-1][1], path)


def make_histogram(scores: npt.NDArray[np.float64], queries: int | None) -> Histogram:
    """Count tasks by their score.

    Args:
        scores: ``[tasks]``; those that are no numbers are in no bar.
        queries: of a task, where the scores are accuracies; None for squared errors.
    """
    known = scores[np.isfinite(scores)]
    if queries is not None and queries <= MOST_LEVELS:
        edges = (np.arange(queries + 2) - 0.5) / queries
    elif queries is not None:
        edges = np.linspace(0, 1, BINS + 1)
    else:
        edges = np.linspace(0, known.max() if len(known) and known.max() > 0 else 1.0, BINS + 1)
    counts, _ = np.histogram(known, edges)
    return Histogram(tuple(edges.round(DIGITS).tolist()), tuple(counts.tolist()))


def to_text(report: Report) -> str:
    """The report as JSON; numbers that JSON does not know become null."""
    return report_file.to_text(report.to_json())


def save_report(report: Report, path: Path) -> None:
    """Write the report as a JSON file, whole or not at all.

    Raises:
        OSError: when it can't be written.
    """
    write_whole(path, to_text(report).encode())


def save_beside_run(report: Report, trained: Experiment, model: Path) -> Path | None:
    """Keep the report in the run's folder, over the last one, if it is about the run's own test tasks.

    Scores that were measured to compare the run with others stay beside it, see :mod:`.report_file`.

    Args:
        report: of the run's model.
        trained: the settings that the run was trained with.
        model: what was evaluated, a run folder or something else.

    Returns:
        The file; None where the report is about something else.

    Raises:
        OSError: when it can't be written.
    """
    own = report.part == "test" and (report.experiment.data, report.experiment.task) == (trained.data, trained.task)
    if not (own and model.is_dir()):
        return None
    report_file.save_own(report.to_json(), model)
    return model / REPORT


__all__ = ["REPORT", "Histogram", "Report", "Result", "WorstTask", "make_histogram", "make_results", "save_beside_run", "save_report"]
