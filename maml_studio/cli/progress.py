"""How a run in the terminal says how far it is: a bar, or plain lines now and then where nobody watches."""

import sys
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from ..spec import Experiment
from ..training.events import Diverged, Event, Failed, Finished, Held, Loading, OuterStep, Resumed, Started, StepScore, Stopped, Validation
from ..training.norm_words import norm_words
from .output import percent

SECONDS_BETWEEN_LINES = 15.0


class Reporter:
    """Sees a run's events and tells of them."""

    def __init__(self, experiment: Experiment, console: Console) -> None:
        self.last: Event | None = None
        self._experiment, self._console = experiment, console
        self._began, self._first, self._total = time.monotonic(), 0, experiment.training.iterations
        self._step: OuterStep | None = None
        self._tasks = 0
        self._validation: Validation | None = None
        self._best: Validation | None = None
        self._last_line = 0.0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._row = self._bar.add_task("Starting", total=self._total, numbers="")

    def __enter__(self) -> "Reporter":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.stop()

    def loading(self, message: str, share: float) -> None:
        """Say how far the data is."""
        if share >= 0:
            message = f"{message} {100 * share:.0f} %"
        self._bar.update(self._row, description=message)
        if share >= 0 and time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
            self._line(message)

    def see(self, event: Event) -> None:
        """Take note of an event."""
        self.last = event
        match event:
            case Loading():
                self.loading(event.message, event.share)
            case Held():
                self._bar.update(self._row, description="Waiting")
                print(f"{event.message} (Ctrl+C ends the run).", file=sys.stderr, flush=True)
            case Resumed():
                self._bar.update(self._row, description="Training")
                print("Training goes on; nothing was lost.", file=sys.stderr, flush=True)
            case Started():
                self._began, self._first = time.monotonic(), event.iteration
                self._console.print(
                    f"{self._experiment.name}: {event.iterations} iterations on {event.device}, {event.parameters:,} parameters, "
                    + norm_words(event.norm_mode)
                    + (f", going on after iteration {event.iteration}" if event.iteration else "")
                )
                if event.note:
                    self._console.print(event.note)
                self._bar.update(self._row, description="Training", completed=event.iteration)
            case OuterStep():
                self._step = event
                self._tasks += event.tasks
                self._bar.update(self._row, completed=event.iteration, numbers=self._numbers())
                if time.monotonic() - self._last_line > SECONDS_BETWEEN_LINES:
                    self._line()
            case Validation():
                self._validation = event
                if event.best:
                    self._best = event
                self._bar.update(self._row, numbers=self._numbers())
                self._line()

    def report(self, folder: Path) -> None:
        """Say how it ended."""
        spent = timedelta(seconds=round(time.monotonic() - self._began))
        match self.last:
            case Finished():
                self._console.print(f"Finished after {spent}: {self.last.reason}.")
            case Stopped():
                self._console.print(f"Stopped after iteration {self.last.iteration} of {self._total}; 'maml-studio resume' goes on.")
            case Diverged() | Failed():
                self._console.print(f"Failed after iteration {self.last.iteration}.")
        if self._best:
            self._console.print(
                f"Best: {_result(self._best.scores)} at iteration {self._best.iteration} ({self._best.tasks} validation tasks, "
                f"{self._best.scores[-1].step} inner steps, {norm_words(self._best.norm_mode)})"
            )
        self._console.print(f"Run folder: {folder}")

    def _line(self, text: str = "") -> None:
        """A line where there is no bar; how training stands, unless told otherwise."""
        if not self._bar.disable:
            return
        self._last_line = time.monotonic()
        iteration = self._step.iteration if self._step else self._first
        self._console.print(text or f"{iteration}/{self._total}  {self._numbers()}")

    def _numbers(self) -> str:
        parts = []
        if self._step:
            parts.append(f"query loss {self._step.query_loss:.3g}")
            parts += [f"{name} {value:.2g}" for name, value in self._step.notes.items()]
        if self._validation:
            parts.append(_result(self._validation.scores))
        spent, done = time.monotonic() - self._began, self._step.iteration - self._first if self._step else 0
        if self._step and done:
            # From the clock on the wall, validation included: that is what the user waits for.
            left = timedelta(seconds=round(spent / done * (self._total - self._step.iteration)))
            parts += [f"{self._tasks / spent:.3g} tasks/s", f"{left} left"]
        return "  ".join(parts)


def _result(scores: tuple[StepScore, ...]) -> str:
    """Before and after adaptation."""
    before, after = scores[0], scores[-1]
    if before.accuracy is not None and after.accuracy is not None:
        return f"accuracy {100 * before.accuracy:.1f} → {percent(after.accuracy, after.accuracy_ci95)}"
    return f"squared error {before.query_loss:.3g} → {after.query_loss:.3g} ± {after.query_loss_ci95:.2g}"
