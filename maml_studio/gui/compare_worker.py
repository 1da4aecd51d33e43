"""The Compare page's threads: one reads curves and what was measured before, the other measures."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import Signal

from ..compare.common import TASKS, CommonTasks, obstacles, shared_tasks
from ..compare.curves import RunCurves, read_curves
from ..compare.differences import Difference, differences
from ..compare.measure import measure_all
from ..compare.result import Comparison, Run, make_comparison
from ..compare.scores import RunScores, kept_run
from ..spec import SpecError, load
from ..training.run_index import EXPERIMENT, METRICS
from .worker import LatestWorker

NOT_YET = "is not measured on these tasks yet"
GONE = "is no longer there"


@dataclass(frozen=True)
class LookRequest:
    """Runs to look at.

    Attributes:
        runs: folder and name of each, in the user's order.
        common: tasks that the user chose; None: the runs' own.
        tasks: how many of the runs' own.
        by_seed: take seeds of the same settings together.
    """

    runs: tuple[tuple[Path, str], ...]
    common: CommonTasks | None
    tasks: int = TASKS
    by_seed: bool = False


@dataclass(frozen=True)
class Look:
    """What there is to see of runs without measuring anything.

    Attributes:
        runs: those that can be read, with their settings.
        curves: by folder.
        differing: what differs in the settings.
        problems: why some can't be read, by their names.
        common: the tasks to compare on; None where the runs were made for different ones and nobody chose others.
        obstacles: why not.
        comparison: by what was measured before; None where no run was.
    """

    runs: tuple[Run, ...]
    curves: Mapping[Path, RunCurves]
    differing: tuple[Difference, ...]
    problems: Mapping[str, str]
    common: CommonTasks | None
    obstacles: tuple[str, ...]
    comparison: Comparison | None


class LookWorker(LatestWorker):
    """Answers a :class:`LookRequest` with a :class:`Look`; imports no torch."""

    def __init__(self, parent: object = None) -> None:
        super().__init__(parent)
        self._read: dict[Path, tuple[tuple[int, int], RunCurves]] = {}

    def work(self, request: LookRequest) -> Look | None:
        """Read the runs."""
        runs: list[Run] = []
        curves: dict[Path, RunCurves] = {}
        problems: dict[str, str] = {}
        for folder, name in request.runs:
            if self.outdated():
                return None
            try:
                run = Run(folder, name, load(folder / EXPERIMENT))
                curves[folder] = self._curves(folder)
            except SpecError as error:
                problems[name] = GONE if not folder.is_dir() else f"has settings that can't be used: {error.problems[0]}"
            except OSError as error:
                problems[name] = f"can't be read: {error.strerror or error}"
            else:
                runs.append(run)
        self._read = {folder: known for folder, known in self._read.items() if folder in curves}
        experiments = [run.experiment for run in runs]
        common = request.common or shared_tasks(experiments, request.tasks)
        why = () if common else tuple(obstacles({run.name: run.experiment for run in runs}))
        found = tuple(differences(experiments))
        comparison = self._kept(runs, common, problems, by_seed=request.by_seed) if common else None
        return Look(tuple(runs), curves, found, problems, common, why, comparison)

    def _curves(self, folder: Path) -> RunCurves:
        path = folder / METRICS
        try:
            status = path.stat()
            state = (status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            state = (0, 0)
        known = self._read.get(folder)
        if known is None or known[0] != state:
            self._read[folder] = known = (state, read_curves(folder))
        return known[1]

    def _kept(self, runs: Sequence[Run], common: CommonTasks, problems: Mapping[str, str], *, by_seed: bool) -> Comparison | None:
        scores: dict[Path, RunScores] = {}
        left_out = dict(problems)
        for run in runs:
            try:
                kept = kept_run(run.folder, run.experiment, common)
            except SpecError as error:
                left_out[run.name] = f"can't be tried on them: {error}"
                continue
            if kept is None:
                left_out[run.name] = NOT_YET
            else:
                scores[run.folder] = kept
        if len({one.fingerprint for one in scores.values()}) > 1:
            return None  # the data changed since: all have to be measured again
        return make_comparison(common, runs, scores, left_out, by_seed=by_seed) if scores else None


@dataclass(frozen=True)
class MeasureRequest:
    """Runs to try on the same tasks.

    Attributes:
        runs: with their settings.
        common: the tasks.
        by_seed: take seeds of the same settings together.
        cancelled: set when nobody waits any more.
    """

    runs: tuple[Run, ...]
    common: CommonTasks
    by_seed: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event, compare=False)


class MeasureWorker(LatestWorker):
    """Answers a :class:`MeasureRequest` with a :class:`Comparison`.

    Signals:
        progress: How far it is: a sentence and a share.
    """

    progress = Signal(str, float)

    def work(self, request: MeasureRequest) -> Comparison | None:
        """Measure what was not measured before."""
        from ..data.progress import throttled
        from ..training.machine import prepare_thread

        prepare_thread()
        return measure_all(
            request.runs,
            request.common,
            by_seed=request.by_seed,
            tell=throttled(self.progress.emit),
            may_go_on=lambda: not (request.cancelled.is_set() or self.outdated()),
        )
