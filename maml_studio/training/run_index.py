"""What runs there are: one line of facts for each run folder, quickly, for thousands of them.

Of a run's ``metrics.jsonl`` only the end is read, however long it is, and what was read is remembered in the cache by the size and time of
the run's files. Neither torch nor Qt is imported.
"""

import contextlib
import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import filelock

from ..files import write_whole
from ..paths import cache_dir
from ..spec import TABLES
from ..spec.errors import plain_text
from .run_about import ABOUT, About, AboutError, read_about
from .run_end import METRICS, STATUSES, BestScore, RunEnd, Status
from .run_lock import LOCK, held_elsewhere
from .run_settings import number, read_settings, task_words, text

__all__ = ["EXPERIMENT", "METRICS", "STATUSES", "BestScore", "RunIndex", "RunSummary", "Status", "in_use", "list_runs", "summarise"]

EXPERIMENT = "experiment.toml"
_VERSION = 1
_DATED = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d{6})-", re.ASCII)


@dataclass(frozen=True)
class RunSummary:
    """One run at a glance.

    Attributes:
        folder: where it is.
        title: what the user calls it, else the experiment's name.
        experiment: the experiment's name.
        algorithm, algorithm_title: key and title of the algorithm.
        source, source_title: key and title of the data source.
        task: in words, such as ``5-way 1-shot`` or ``10 points``.
        created: when its folder was made.
        status: ``training`` where another program or this one trains it now, ``cut off`` where its end is missing.
        message: why it finished or failed; empty otherwise.
        iteration, iterations: outer steps done, and asked for.
        seconds: trained and validated so far, pauses left out.
        best: its best validation; None before the first one.
        starred, tags, notes: the user's own, see :class:`About`.
        problem: what of it can't be read, in a sentence; empty where all is well.
    """

    folder: Path
    title: str
    experiment: str
    algorithm: str
    algorithm_title: str
    source: str
    source_title: str
    task: str
    created: datetime
    status: Status
    message: str
    iteration: int
    iterations: int
    seconds: float
    best: BestScore | None
    starred: bool = False
    tags: tuple[str, ...] = ()
    notes: str = ""
    problem: str = ""

    def with_about(self, about: About) -> "RunSummary":
        """The same run with other words about it."""
        return replace(self, title=about.title or self.experiment, starred=about.starred, tags=about.tags, notes=about.notes)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a file or another program."""
        best = dict(vars(self.best)) if self.best else None
        # Not asdict, which copies deeply: half the time of a first listing.
        return vars(self) | {"folder": str(self.folder), "created": self.created.isoformat(), "tags": list(self.tags), "best": best}


def in_use(folder: Path) -> bool:
    """Whether a program trains this run at the moment, this one included.

    Asking takes the lock for an instant; whoever wants it should wait a second before giving up.
    """
    path = folder / LOCK
    if not path.is_file():
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of folders on other machines that know a weaker lock only
            with filelock.FileLock(path, timeout=0):
                return held_elsewhere(folder)
    except filelock.Timeout:
        return True
    except (OSError, NotImplementedError):
        return held_elsewhere(folder)


def summarise(folder: Path) -> RunSummary | None:
    """One run's facts; None when the folder is no run. Broken files inside are told in ``problem``."""
    signature = _signature(str(folder))
    return None if signature is None else _now(_read(folder))


def list_runs(root: Path) -> list[RunSummary]:
    """All runs in a folder, the newest first; folders that are no run are passed over."""
    return RunIndex(root).refresh()


class RunIndex:
    """The runs of one folder, read again only where their files changed.

    Args:
        root: the folder that holds the run folders; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._file = cache_dir() / "run-index" / f"{hashlib.sha256(str(root.absolute()).encode()).hexdigest()[:16]}.json"
        self._known: dict[str, tuple[_Signature, RunSummary]] | None = None

    def refresh(self) -> list[RunSummary]:
        """All runs, the newest first."""
        before = self._remembered() if self._known is None else self._known
        first = self._known is None
        known: dict[str, tuple[_Signature, RunSummary]] = {}
        news = False
        for name, path in self._folders():
            signature = _signature(path)
            if signature is None:
                continue
            old = before.get(name)
            if old and old[0] == signature:
                known[name] = old
                continue
            known[name] = (signature, _read(self.root / name))
            # A run that trains changes at every look: it is written down at the first one, or when it has ended.
            news = news or first or known[name][1].status != "cut off"
        if news or before.keys() != known.keys():
            self._remember(known)
        self._known = known
        runs = [_now(summary) for _, summary in known.values()]
        return sorted(runs, key=lambda run: (run.created, run.folder.name), reverse=True)

    def _folders(self) -> Iterator[tuple[str, str]]:
        with contextlib.suppress(OSError), os.scandir(self.root) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    yield entry.name, entry.path

    def _remembered(self) -> "dict[str, tuple[_Signature, RunSummary]]":
        try:
            raw = json.loads(self._file.read_bytes())
            if raw["version"] != _VERSION:
                return {}
            return {name: (_tupled(signature), _from_json(self.root / name, values)) for name, (signature, values) in raw["runs"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}  # it is only a cache

    def _remember(self, known: "dict[str, tuple[_Signature, RunSummary]]") -> None:
        raw = {"version": _VERSION, "runs": {name: [signature, summary.to_json()] for name, (signature, summary) in known.items()}}
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._file, json.dumps(raw).encode("utf-8", "replace"))


_Signature = tuple[tuple[int, int], ...]
"""Time and size of each of a run's files; (0, 0) where there is none."""


def _signature(folder: str) -> _Signature | None:
    found = []
    for name in (EXPERIMENT, METRICS, ABOUT):
        try:
            status = os.stat(f"{folder}/{name}")  # noqa: PTH116 - Path.stat takes twice as long, for thousands of files
        except OSError:
            if name == EXPERIMENT:
                return None
            found.append((0, 0))
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


def _tupled(signature: list[list[int]]) -> _Signature:
    return tuple((time, size) for time, size in signature)


def _from_json(folder: Path, raw: dict[str, Any]) -> RunSummary:
    values = {field.name: raw[field.name] for field in fields(RunSummary)}
    best = BestScore(**raw["best"]) if raw["best"] else None
    created = datetime.fromisoformat(raw["created"])
    return RunSummary(**values | {"folder": folder, "created": created, "best": best, "tags": tuple(raw["tags"])})


def _now(summary: RunSummary) -> RunSummary:
    """A run without an end is cut off, unless somebody trains it at this moment."""
    return replace(summary, status="training") if summary.status == "cut off" and in_use(summary.folder) else summary


def _read(folder: Path) -> RunSummary:
    settings, problem = read_settings(folder / EXPERIMENT)
    name = text(settings, "name") or plain_text(folder.name)
    algorithm, source = text(settings, "algorithm", "name"), text(settings, "data", "source")
    end = RunEnd.of(folder)
    summary = RunSummary(
        folder=folder,
        title=name,
        experiment=name,
        algorithm=algorithm,
        algorithm_title=_title("algorithm", algorithm),
        source=source,
        source_title=_title("data", source),
        task=task_words(settings),
        created=_created(folder),
        status=end.status,
        message=end.message,
        iteration=end.iteration,
        iterations=number(settings, "training", "iterations"),
        seconds=end.seconds,
        best=end.best,
        problem=problem,
    )
    try:
        return summary.with_about(read_about(folder))
    except AboutError as error:
        return replace(summary, problem=problem or str(error))


def _title(table: str, key: str) -> str:
    return TABLES[table][key].title if key in TABLES[table] else key


def _created(folder: Path) -> datetime:
    if found := _DATED.match(folder.name):
        with contextlib.suppress(ValueError, OverflowError):
            # strptime takes many times as long, for thousands of runs.
            return datetime.fromisoformat(f"{found[1]}T{found[2]}").astimezone()
    try:
        return datetime.fromtimestamp((folder / EXPERIMENT).stat().st_mtime).astimezone()
    except (OSError, ValueError, OverflowError):
        return datetime.fromtimestamp(0).astimezone()
