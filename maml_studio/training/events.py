"""What a run reports: frozen records of plain numbers, one line each in ``metrics.jsonl``."""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar


@dataclass(frozen=True)
class Event:
    """Something that happened in a run."""


@dataclass(frozen=True)
class Loading(Event):
    """Data on its way; ``share`` is 0 to 1, or -1 where nobody knows. Never stored."""

    message: str
    share: float


@dataclass(frozen=True)
class Held(Event):
    """Something can't be written, and training waits until it can, as a sentence says. Never stored."""

    iteration: int
    message: str


@dataclass(frozen=True)
class Resumed(Event):
    """What held the run is mended, and nothing was lost. Never stored."""

    iteration: int


@dataclass(frozen=True)
class Started(Event):
    """Training begins (or goes on) after ``iteration`` outer steps."""

    iteration: int
    iterations: int
    device: str
    parameters: int
    norm_mode: str
    note: str = ""


@dataclass(frozen=True)
class OuterStep(Event):
    """One step of the outer loop, its numbers averaged over the meta-batch.

    Attributes:
        iteration: outer steps done, this one included.
        query_loss: at the adapted weights φ_k.
        query_accuracy: at φ_k; None for regression.
        support_losses: at φ_0 to φ_k.
        query_losses: at φ_0 to φ_k where they were traced, else empty (a forward pass each).
        accuracy_before: query accuracy at φ_0 where traced, else None.
        gradient_norm: of the outer gradient, before clipping.
        outer_lr: the step size used.
        tasks: tasks in the meta-batch.
        seconds: time spent training and validating so far, pauses left out.
        notes: what else an algorithm has to show, such as a residual.
    """

    iteration: int
    query_loss: float
    query_accuracy: float | None
    support_losses: tuple[float, ...]
    query_losses: tuple[float, ...]
    accuracy_before: float | None
    gradient_norm: float
    outer_lr: float
    tasks: int
    seconds: float
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StepScore:
    """The query set after ``step`` inner steps: means over tasks with the half width of their 95% interval (1.96 σ/√n)."""

    step: int
    query_loss: float
    query_loss_ci95: float
    support_loss: float
    accuracy: float | None
    accuracy_ci95: float | None


@dataclass(frozen=True)
class Validation(Event):
    """Validation tasks tried at every inner step."""

    iteration: int
    scores: tuple[StepScore, ...]
    tasks: int
    norm_mode: str
    best: bool
    seconds: float


@dataclass(frozen=True)
class Checkpointed(Event):
    """A checkpoint was written."""

    iteration: int
    kind: str


@dataclass(frozen=True)
class Diverged(Event):
    """The loss became NaN or exploded; the last good checkpoint is kept. A Failed event follows."""

    iteration: int
    message: str


@dataclass(frozen=True)
class Finished(Event):
    """All iterations done, or a wished-for end reached, as ``reason`` says."""

    iteration: int
    reason: str


@dataclass(frozen=True)
class Stopped(Event):
    """Ended on request, its state saved."""

    iteration: int


@dataclass(frozen=True)
class Failed(Event):
    """Ended by something wrong, in one sentence."""

    iteration: int
    message: str


TERMINAL = (Finished, Stopped, Failed)
"""Exactly one of these ends every run."""

PASSING = (Loading, Held, Resumed)
"""These are for whoever watches, and never stored."""

Record = TypeVar("Record")

_KINDS = {kind.__name__: kind for kind in (Started, OuterStep, Validation, Checkpointed, Diverged, *TERMINAL)}


def to_line(event: Event) -> str:
    """The event as one line of JSON; numbers that JSON does not know become null."""
    return json.dumps({"event": type(event).__name__, **plain(asdict(event))}, ensure_ascii=False, allow_nan=False)


def from_line(line: str) -> Event | None:
    """The event of a line; None for a kind that this version does not know, a line cut short, or values of another kind.

    Null where a number belongs comes back as NaN.
    """
    try:
        raw = json.loads(line)
        event: Event = _made(_KINDS[raw.pop("event")], raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return event


def _made(kind: type[Record], raw: dict[str, Any]) -> Record:
    """A record of values that are what they should be: files are handed on, and edited."""
    readers = _READERS[kind]
    return kind(**{name: readers[name](value) for name, value in raw.items()})


def _number(value: Any) -> float:
    if type(value) is float:
        return value if math.isfinite(value) else math.nan
    if value is None:
        return math.nan
    return float(_count(value))


def _number_or_none(value: Any) -> float | None:
    number = _number(value)
    return None if math.isnan(number) else number


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise ValueError
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError
    return value


def _words(value: Any) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(map(_number, _list(value)))


def _scores(value: Any) -> tuple[StepScore, ...]:
    if not _list(value):
        raise ValueError
    return tuple(_made(StepScore, score) for score in value)


def _notes(value: Any) -> dict[str, float]:
    return {name: _number(number) for name, number in value.items()}


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise TypeError
    return value


_MOST = 1 << 53
"""Counts up to here are numbers that a plot can show."""

_BY_TYPE: dict[Any, Callable[[Any], Any]] = {
    int: _count,
    float: _number,
    float | None: _number_or_none,
    bool: _truth,
    str: _words,
    tuple[float, ...]: _numbers,
    tuple[StepScore, ...]: _scores,
    dict[str, float]: _notes,
}
_READERS: dict[Any, dict[str, Callable[[Any], Any]]] = {
    kind: {field.name: _BY_TYPE[field.type] for field in fields(kind)} for kind in (*_KINDS.values(), StepScore)
}


def plain(value: Any) -> Any:
    """The value as JSON knows it: numbers that are none become null, tuples lists."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
