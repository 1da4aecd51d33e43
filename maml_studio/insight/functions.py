"""A regression task as the model sees it: its function before the first inner step and after each, beside the truth.

Finn, Abbeel and Levine 2017, 1703.03400, section 5.1 and figure 2: a model that was meta-trained on sine waves infers the wave where it has
seen no point. The points can be any: they are what the window lets one drag.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ..api import Trained
from ..data.sinusoid import X_LIMIT
from ..inputs import InputError
from . import words
from .subject import Subject, Unanswered, finite

GRID = 201
"""Points at which a function is drawn, and its error measured."""
FITS = 1e-4
"""A wave counts as the truth of a task when its points lie so near to it, as a share of their largest value."""
KNOWS = 0.25
"""A function continues its wave where there are no points if its error there is below this share of three others: what it was before the
first step, what the random start comes to, and what a flat line is off by, which is the variance of the truth."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FunctionTask:
    """A function to fit.

    Attributes:
        x: ``[points]`` where it is known.
        y: ``[points]`` what it is there.
        truth: amplitude and phase of the wave y = A sin(x − p) behind it; None where there is no such wave.
        number: the task's number, the first being 0; None for points that somebody moved.
    """

    x: Values
    y: Values
    truth: tuple[float, float] | None
    number: int | None

    def true_values(self, x: Values) -> Values | None:
        """The truth at some positions."""
        if self.truth is None:
            return None
        amplitude, phase = self.truth
        return np.asarray(amplitude * np.sin(x - phase))

    def with_points(self, x: Values, y: Values) -> "FunctionTask":
        """The same truth with other points."""
        return FunctionTask(x, y, self.truth, None)


@dataclass(frozen=True)
class FunctionInsight:
    """The function at every inner step.

    Attributes:
        task: the points, and the truth.
        x: ``[grid]`` positions from −5 to 5.
        values: ``[steps + 1, grid]`` the function before the first inner step and after each.
        random: ``[grid]`` that of the random start after the last inner step.
        support: ``[steps + 1]`` squared error on the points.
        error: ``[steps + 1]`` squared error to the truth over the whole range; None without a truth.
        random_error: the random start's after the last step; None likewise.
        outside: ``[steps + 1]`` squared error to the truth beyond the outermost points; None without a truth or room there.
        outside_random: the random start's there, after the last step; None likewise.
        outside_flat: the best flat line's there, which is the variance of the truth; None likewise.
        algorithm: the algorithm's title.
    """

    answered: ClassVar[bool] = True
    task: FunctionTask
    x: Values
    values: Values
    random: Values
    support: Values
    error: Values | None
    random_error: float | None
    outside: Values | None
    outside_random: float | None
    outside_flat: float | None
    algorithm: str

    @property
    def paragraph(self) -> str:
        """What one sees."""
        steps = len(self.support) - 1
        which = "The points as you moved them" if self.task.number is None else f"Task {self.task.number + 1}"
        if not steps:
            return f"{which}: {self.algorithm} has no inner loop here, so that the function stays as it is."
        on_points = f"on the points themselves the squared error goes from {words.loss(self.support[0])} to {words.loss(self.support[-1])}"
        after = words.count(steps, "inner step")
        if self.error is None:
            return f"{which}: in {after} of {self.algorithm} {on_points}."
        first = f", after the first inner step of {self.algorithm} by {words.loss(self.error[1])}" if steps > 1 else ""
        text = (
            f"{which}: before adaptation the function is off by a squared error of {words.loss(self.error[0])} over the whole range"
            f"{first}, after {after} by {words.loss(self.error[-1])}; {on_points}."
        )
        if self.random_error is not None:
            leave = "leave" if steps > 1 else "leaves"
            text += f" From the random start the same {words.count(steps, 'step')} {leave} {words.loss(self.random_error)}."
        return text + self._beyond()

    def _beyond(self) -> str:
        if self.outside is None or self.outside_random is None or self.outside_flat is None:
            return ""
        first, last = self.outside[0], self.outside[-1]
        if last < KNOWS * min(first, self.outside_random, self.outside_flat):
            verdict = "it continues the wave where nothing tells it to, which it can only have from its training"
        elif last < first:
            verdict = "the points help there, but it does not continue their wave"
        else:
            verdict = "the points tell it nothing there"
        return (
            f" Where it has seen no point, beyond the outermost ones, it is off by {words.loss(last)} (before adaptation "
            f"{words.loss(first)}, the random start {words.loss(self.outside_random)}, "
            f"a flat line at best {words.loss(self.outside_flat)}): {verdict}."
        )

    def to_json(self) -> dict[str, Any]:
        """All figures, and the paragraph."""
        return {
            "task": self.task.number,
            "amplitude_and_phase": list(self.task.truth) if self.task.truth else None,
            "support_x": self.task.x.tolist(),
            "support_y": self.task.y.tolist(),
            "x": self.x.tolist(),
            "values": [[finite(value) for value in row] for row in self.values.tolist()],
            "random_start_values": [finite(value) for value in self.random.tolist()],
            "support_error": [finite(value) for value in self.support.tolist()],
            "error": [finite(value) for value in self.error.tolist()] if self.error is not None else None,
            "random_start_error": self.random_error,
            "error_outside_points": [finite(value) for value in self.outside.tolist()] if self.outside is not None else None,
            "random_start_error_outside_points": self.outside_random,
            "flat_line_error_outside_points": self.outside_flat,
            "paragraph": self.paragraph,
        }


def task_of(subject: Subject, number: int = 0) -> FunctionTask | Unanswered:
    """The points of a task, and the wave behind them.

    Args:
        subject: the model.
        number: the task's number, the first being 0.
    """
    if not subject.experiment.regression:
        return Unanswered("This model tells classes apart; a function can be drawn for one that fits functions, such as sinusoid-maml.")
    one = subject.one(number)
    x, y, more_x, more_y = (part.cpu().double().flatten().numpy() for part in (one.support_x, one.support_y, one.query_x, one.query_y))
    return FunctionTask(x, y, wave_through(np.concatenate([x, more_x]), np.concatenate([y, more_y])), number)


def wave_through(x: Values, y: Values) -> tuple[float, float] | None:
    """Amplitude and phase of the wave y = A sin(x − p) through some points; None where they lie on none.

    A sin(x − p) = (A cos p) sin x − (A sin p) cos x, which is linear in its two coefficients.

    Args:
        x: ``[points]``.
        y: ``[points]``.
    """
    basis = np.column_stack([np.sin(x), -np.cos(x)])
    (one, other), *_ = np.linalg.lstsq(basis, y, rcond=None)
    if np.abs(basis @ np.array([one, other]) - y).max() > FITS * max(1.0, np.abs(y).max()):
        return None
    return float(np.hypot(one, other)), float(np.arctan2(other, one))


def see_function(trained: Trained, random: Trained, task: FunctionTask, steps: int) -> FunctionInsight | Unanswered:
    """Adapt to the points, and draw the function at every inner step.

    Args:
        trained: the model.
        random: its random start.
        task: the points.
        steps: inner steps.
    """
    x = np.linspace(-X_LIMIT, X_LIMIT, GRID)
    points, grid = task.x[:, None].astype(np.float32), x[:, None].astype(np.float32)
    try:
        adapted, other = (one.adapt(points, task.y.astype(np.float32), steps) for one in (trained, random))
    except InputError as error:
        # The inner loop leaves all bounds, from the one start or the other.
        return Unanswered(f"{error}.", always=False)
    values = np.stack([adapted.predict(grid, step).values[:, 0] for step in range(adapted.steps + 1)]).astype(np.float64)
    on_points = np.stack([adapted.predict(points, step).values[:, 0] for step in range(adapted.steps + 1)]).astype(np.float64)
    unrelated = other.predict(grid).values[:, 0].astype(np.float64)
    truth = task.true_values(x)
    beyond = (x < task.x.min()) | (x > task.x.max())
    there = truth[beyond] if truth is not None and beyond.sum() >= GRID // 10 else None
    return FunctionInsight(
        task,
        x,
        values,
        unrelated,
        np.square(on_points - task.y).mean(1),
        None if truth is None else np.square(values - truth).mean(1),
        None if truth is None else float(np.square(unrelated - truth).mean()),
        None if there is None else np.square(values[:, beyond] - there).mean(1),
        None if there is None else float(np.square(unrelated[beyond] - there).mean()),
        None if there is None else float(there.var()),
        trained.experiment.algorithm.title,
    )
