"""How a run went, from the end of its ``metrics.jsonl``: only that is read, however long the file is."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError, safe_open

from .events import Event, Failed, Finished, OuterStep, Stopped, Validation, from_line

METRICS = "metrics.jsonl"
TAIL_BYTES = 1 << 15

Status = Literal["training", "stopped", "finished", "failed", "cut off"]
STATUSES: tuple[Status, ...] = ("training", "stopped", "finished", "failed", "cut off")


@dataclass(frozen=True)
class BestScore:
    """The best validation of a run, at its last inner step.

    Attributes:
        metric: ``accuracy`` (0 to 1) or ``mse``.
        mean: over the tasks.
        ci95: half width of its 95% interval.
        tasks: how many validation tasks.
        norm_mode: where the batch norm's statistics come from.
        step: inner steps done.
        iteration: outer steps done.
    """

    metric: Literal["accuracy", "mse"]
    mean: float
    ci95: float
    tasks: int
    norm_mode: str
    step: int
    iteration: int

    def text(self) -> str:
        """The score with its interval: ``93.1 ± 0.8 %``, or ``0.34 ± 0.03`` for a squared error."""
        if self.metric == "accuracy":
            return f"{100 * self.mean:.1f} ± {100 * self.ci95:.1f} %"
        return f"{self.mean:.3g} ± {self.ci95:.2g}"

    def conditions(self) -> str:
        """What the score was taken under: ``at 400 (600 tasks, support, 3 steps)``."""
        steps = f"{self.step} step{'' if self.step == 1 else 's'}"
        return f"at {self.iteration:,} ({self.tasks} validation tasks, {self.norm_mode}, {steps})"


@dataclass
class RunEnd:
    """What the end of ``metrics.jsonl`` tells.

    Attributes:
        status: ``cut off`` where the last event is no end; a run that trains at this moment has none either.
        message: why it finished or failed.
        iteration: outer steps done.
        seconds: trained and validated so far.
        best: the best validation.
    """

    status: Status = "cut off"
    message: str = ""
    iteration: int = 0
    seconds: float = 0.0
    best: BestScore | None = None

    @classmethod
    def of(cls, folder: Path) -> "RunEnd":
        """Read it, in a run folder; what can't be read tells nothing."""
        found = cls()
        last: Event | None = None
        timed = False
        for line in reversed(_tail(folder / METRICS)):
            # Only what is looked for is read: a line of a long inner loop holds hundreds of numbers.
            if last is not None and timed and not line.startswith('{"event": "Validation"'):
                continue
            event = from_line(line)
            if event is None:
                continue
            if last is None:
                last = event
                found._end_with(event)
            if not timed and isinstance(event, OuterStep | Validation):
                found.seconds, timed = _finite(event.seconds), True
            if isinstance(event, Validation) and event.best:
                found.best = _score(event)
                break
        found.best = found.best or _best_of_checkpoint(folder)
        return found

    def _end_with(self, event: Event) -> None:
        iteration = getattr(event, "iteration", 0)
        self.iteration = iteration if isinstance(iteration, int) else 0
        match event:
            case Finished():
                self.status, self.message = "finished", str(event.reason)
            case Stopped():
                self.status = "stopped"
            case Failed():
                self.status, self.message = "failed", str(event.message)


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            lines = file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    return lines[1:] if size > TAIL_BYTES else lines  # the first one is cut


def _score(validation: Validation) -> BestScore | None:
    if not validation.scores:
        return None
    raw = {"tasks": validation.tasks, "norm_mode": validation.norm_mode, "iteration": validation.iteration}
    return _best(raw, vars(validation.scores[-1]))


def _best_of_checkpoint(folder: Path) -> BestScore | None:
    """The best score where it was too long ago for the tail: the best checkpoint's header has it, and is short."""
    path = folder / "checkpoints" / "best.safetensors"
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="np") as file:
            header = json.loads((file.metadata() or {})["maml_studio"])
        scores = header["progress"]["scores"]
        return _best(scores, scores["steps"][-1])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def _best(validation: dict[str, Any], score: dict[str, Any]) -> BestScore | None:
    try:
        accuracy = score["accuracy"] is not None
        mean, ci95 = (score["accuracy"], score["accuracy_ci95"]) if accuracy else (score["query_loss"], score["query_loss_ci95"])
        return BestScore(
            metric="accuracy" if accuracy else "mse",
            mean=_finite(float(mean)),
            ci95=_finite(float(ci95 or 0)),
            tasks=int(validation["tasks"]),
            norm_mode=str(validation["norm_mode"]),
            step=int(score["step"]),
            iteration=int(validation["iteration"]),
        )
    except (TypeError, ValueError, OverflowError, KeyError):
        return None


def _finite(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < float("inf") else 0.0
