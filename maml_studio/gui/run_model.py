"""One run as the pages see it: curves, the inner loop, scores; fed with events, live or read back from ``metrics.jsonl``."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PySide6.QtCore import QObject, Signal

from ..training.events import (
    Checkpointed,
    Diverged,
    Event,
    Failed,
    Finished,
    Held,
    Loading,
    OuterStep,
    Resumed,
    Started,
    Stopped,
    Validation,
)

HISTORY = 20
"""How many earlier inner loops stay on screen behind the latest one."""

Status = Literal["empty", "loading", "training", "held", "finished", "stopped", "failed"]
"""``held``: something can't be written, and training waits until it can."""


class Column:
    """A growing row of numbers whose full array costs nothing to look at."""

    def __init__(self) -> None:
        self._values = np.empty(1024)
        self._length = 0

    def append(self, value: float | None) -> None:
        """Add a number; None becomes a gap."""
        if self._length == len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._values[self._length] = math.nan if value is None else value
        self._length += 1

    def array(self) -> np.ndarray:
        """All numbers so far, a view."""
        return self._values[: self._length]


@dataclass(frozen=True)
class InnerLoop:
    """Losses along one meta-batch's inner loop, step 0 to k."""

    iteration: int
    support: tuple[float, ...]
    query: tuple[float, ...]


class RunModel(QObject):
    """What is known of one run.

    Signals:
        changed: New events were taken in.
    """

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._forget()

    def _forget(self) -> None:
        self.status: Status = "empty"
        self._note = ""
        self.message = ""
        self.elsewhere = False
        self.iteration = 0
        self.iterations = 0
        self.norm_mode = ""
        self.last_step: OuterStep | None = None
        self.last_validation: Validation | None = None
        self.best_validation: Validation | None = None
        self.saved_at: int | None = None
        self.outer_x, self.outer_loss = Column(), Column()
        self.validation_x = Column()
        self.before, self.before_ci = Column(), Column()
        self.after, self.after_ci = Column(), Column()
        self.inner: deque[InnerLoop] = deque(maxlen=HISTORY + 1)
        self.validation_inner: deque[InnerLoop] = deque(maxlen=HISTORY + 1)
        self._speed: deque[tuple[float, int]] = deque(maxlen=200)
        self._last_speed: float | None = None

    @property
    def regression(self) -> bool:
        """Whether scores are squared errors instead of accuracies."""
        return self.last_validation is not None and self.last_validation.scores[-1].accuracy is None

    @property
    def running(self) -> bool:
        """Whether events are still to come."""
        return self.status in ("loading", "training", "held")

    def tasks_per_second(self) -> float | None:
        """Speed over the last seconds of training, pauses and validations left out."""
        if len(self._speed) >= 2:
            seconds = self._speed[-1][0] - self._speed[0][0]
            tasks = sum(tasks for _, tasks in list(self._speed)[1:])
            self._last_speed = tasks / seconds if seconds > 0 else self._last_speed
        return self._last_speed

    def seconds_left(self) -> float | None:
        """Time until the last iteration at the run's speed so far, validations included."""
        if self.last_step is None or not self.iteration:
            return None
        return (self.iterations - self.iteration) * self.last_step.seconds / self.iteration

    def set_loading(self) -> None:
        """Forget the last run; a new one is on its way."""
        self._forget()
        self.status, self.message = "loading", "Getting ready"
        self.changed.emit()

    def set_elsewhere(self, elsewhere: bool = True) -> None:
        """Say that another program trains this run (or no longer does): there is nothing to pause or stop here."""
        if elsewhere != self.elsewhere:
            self.elsewhere = elsewhere
            self.changed.emit()

    def end_replay(self) -> None:
        """All that is stored was taken in; a run without an end was cut off."""
        if self.running:
            self.status, self.message = "stopped", "This run was cut off"
        self.changed.emit()

    def take(self, events: Iterable[Event]) -> None:
        """Take in events."""
        for event in events:
            self._take(event)
        self.changed.emit()

    def _take(self, event: Event) -> None:
        match event:
            case Loading():
                self.status, self.message = "loading", event.message
            case Started():
                self.status, self.message = "training", event.note
                self._note = event.note
                self.iteration, self.iterations = event.iteration, event.iterations
                self.norm_mode = event.norm_mode
            case Held():
                self.status, self.message = "held", event.message
            case Resumed():
                self.status, self.message = "training", self._note
            case OuterStep():
                self._take_step(event)
            case Validation():
                self._take_validation(event)
            case Checkpointed():
                self.saved_at = event.iteration
            case Diverged():
                self.message = event.message
            case Finished():
                self.status, self.message = "finished", event.reason
            case Stopped():
                self.status, self.message = "stopped", ""
            case Failed():
                self.status, self.message = "failed", event.message

    def _take_step(self, event: OuterStep) -> None:
        self.status = "training"
        self.iteration, self.last_step = event.iteration, event
        self.outer_x.append(event.iteration)
        self.outer_loss.append(event.query_loss)
        self._speed.append((event.seconds, event.tasks))
        while len(self._speed) > 2 and event.seconds - self._speed[0][0] > 10:
            self._speed.popleft()
        if event.query_losses:
            self.inner.append(InnerLoop(event.iteration, event.support_losses, event.query_losses))

    def _take_validation(self, event: Validation) -> None:
        self.last_validation = event
        self._speed.clear()  # its time is no training time
        if event.best:
            self.best_validation = event
        first, last = event.scores[0], event.scores[-1]
        self.validation_x.append(event.iteration)
        accuracy = last.accuracy is not None
        self.before.append(first.accuracy if accuracy else first.query_loss)
        self.before_ci.append(first.accuracy_ci95 if accuracy else first.query_loss_ci95)
        self.after.append(last.accuracy if accuracy else last.query_loss)
        self.after_ci.append(last.accuracy_ci95 if accuracy else last.query_loss_ci95)
        self.validation_inner.append(
            InnerLoop(
                event.iteration,
                tuple(score.support_loss for score in event.scores),
                tuple(score.query_loss for score in event.scores),
            )
        )


def describe_score(validation: Validation) -> str:
    """A score that never stands alone: interval, iteration, tasks, norm mode and steps beside it."""
    last = validation.scores[-1]
    if last.accuracy is None:
        value = f"squared error {last.query_loss:.3g} ± {last.query_loss_ci95:.2g}"
    else:
        value = f"{100 * last.accuracy:.1f} ± {100 * (last.accuracy_ci95 or 0):.1f} %"
    steps = f"{last.step} inner step{'s' if last.step != 1 else ''}"
    return f"{value} at {validation.iteration:,} ({validation.tasks} validation tasks, {validation.norm_mode}, {steps})"
