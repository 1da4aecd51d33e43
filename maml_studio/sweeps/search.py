"""The search itself: Optuna chooses the settings, every trial is trained into a run folder of its own.

Optuna (Akiba and others 2019, "Optuna: a next-generation hyperparameter optimization framework", 1907.10902) keeps what was tried in a
journal of JSON lines in the sweep's folder, which its own tools read too. A sweep that was broken off goes on: a trial under way is
taken up where its run is, and what is tried next depends on the seed and on what was tried, not on where it was broken off.
"""

import contextlib
import importlib.util
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import filelock

from ..spec import Experiment, SpecError
from ..training.control import Control
from ..training.events import Diverged, Event, Failed, Started, Stopped, Validation
from ..training.memory import check_memory
from ..training.naming import new_run_path
from ..training.run_about import About, AboutError, read_about, write_about
from ..training.run_folder import RunFolder
from ..training.trainer import run
from .space import Plan, Range

State = Literal["finished", "pruned", "failed"]
JOURNAL, LOCK = "journal.log", "sweep.lock"
SETTINGS, OUTCOME = "settings", "outcome"
SEEDS = 2**32


class SweepError(ValueError):
    """A sweep that can't be begun or gone on with; one sentence."""


@dataclass(frozen=True)
class Begun:
    """A trial begins, or goes on."""

    number: int
    experiment: Experiment
    folder: Path


@dataclass(frozen=True)
class Trial:
    """A trial that is over.

    Attributes:
        number: from 1.
        values: what it tried, by field.
        state: ``pruned`` too where its numbers ran away, which the sampler then keeps away from.
        score: its best value of the sweep's metric so far; None where it had no validation after training.
        ci95: half width of the score's 95% interval over the validation tasks.
        tasks, norm_mode: of these validations.
        folder: its run; empty where it could not begin.
        message: why it ended.
    """

    number: int
    values: dict[str, Any]
    state: State
    score: float | None = None
    ci95: float | None = None
    tasks: int = 0
    norm_mode: str = ""
    folder: str = ""
    message: str = ""


def require_optuna() -> None:
    """Find out whether anything can be searched.

    Raises:
        SweepError: when not, with what to install.
    """
    if importlib.util.find_spec("optuna") is None:
        raise SweepError("a sweep needs the package optuna: pip install 'maml-studio[optuna]'")


class Search:
    """A sweep on its way; one program at a time has it.

    Args:
        plan: what to try.
        folder: the sweep's own folder, made where it is missing.
        runs: where the runs go.
    """

    def __init__(self, plan: Plan, folder: Path, runs: Path) -> None:
        """Take up the sweep, or begin it.

        Raises:
            SweepError: without Optuna, when another program has it, or the folder holds another sweep.
            OSError: when the folder can't be written.
        """
        require_optuna()
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self.plan, self.folder, self._runs = optuna, plan, folder, runs
        self._control, self._stopped = Control(), False
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = filelock.FileLock(folder / LOCK, timeout=0)
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise SweepError(f"{folder}: another program works on this sweep already") from None
        try:
            self._study = self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> Any:
        from optuna.storages import journal as backend

        optuna = self._optuna
        file = str(self.folder / JOURNAL)
        lock = backend.JournalFileOpenLock(file) if sys.platform == "win32" else backend.JournalFileSymlinkLock(file)
        name = self.plan.sweep.name
        try:
            storage = optuna.storages.JournalStorage(backend.JournalFileBackend(file, lock_obj=lock))
            study = optuna.create_study(storage=storage, study_name=name, direction=self.plan.direction, load_if_exists=True)
        except (ValueError, KeyError, optuna.exceptions.OptunaError):
            raise SweepError(f"{file}: can't be read; a sweep of another name begins afresh") from None
        settings = json.loads(json.dumps(self.plan.fingerprint()))
        before = study.user_attrs.get(SETTINGS)
        if before is None:
            study.set_user_attr(SETTINGS, settings)
        elif before != settings:
            changed = ", ".join(key for key in settings if settings[key] != before.get(key))
            raise SweepError(f"{name} was begun with another {changed}; give this sweep another name, or put that back")
        return study

    def __enter__(self) -> "Search":
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another program go on."""
        self._lock.release()

    def trials(self) -> list[Trial]:
        """Those that are over, in the order of their numbers."""
        return [Trial(**one.user_attrs[OUTCOME]) for one in self._study.get_trials(deepcopy=False) if OUTCOME in one.user_attrs]

    def best(self) -> Trial | None:
        """The finished trial with the best score."""
        scored = [trial for trial in self.trials() if trial.state == "finished" and trial.score is not None]
        sign = -1 if self.plan.direction == "minimize" else 1
        return max(scored, key=lambda trial: sign * (trial.score or 0.0), default=None)

    def stop(self) -> None:
        """End the run under way, its state saved, and the sweep with it."""
        self._stopped = True
        self._control.stop()

    @property
    def stopped(self) -> bool:
        """Whether the end was asked for."""
        return self._stopped

    def events(self) -> Iterator[Begun | Event | Trial]:
        """Train what is left.

        Yields:
            For each trial Begun, its run's events, and the Trial that came out.

        Raises:
            SweepError: when a run fails before it begins, as the next one would too.
            OSError: when the sweep's folder can't be written.
        """
        while (number := len(self.trials()) + 1) <= self.plan.sweep.trials and not self._stopped:
            yield from self._train(number)

    def _train(self, number: int) -> Iterator[Begun | Event | Trial]:
        trial = self._ask(number)
        values = {field: self._suggest(trial, field) for field in self.plan.axes}
        try:
            experiment = self.plan.trial(number, values)
            check_memory(experiment)
        except SpecError as error:
            yield self._tell(trial, Trial(number, values, "failed", message=str(error)))
            return
        path = Path(trial.user_attrs.get("run") or new_run_path(self._runs, experiment.name))
        trial.set_user_attr("run", str(path))  # before it is there, so that no run is left which nobody knows
        if not path.exists():
            RunFolder.create(path, experiment)
            write_about(path, About(title=_title(experiment.name, values), tags=(self.plan.sweep.name,)))
        yield Begun(number, experiment, path)
        folder = RunFolder.open(path)
        folder.lock("maml-studio sweep")
        checkpoint = folder.resume_point()
        self._control = Control()
        if self._stopped:  # meanwhile
            self._control.stop()
        watch = _Watch(self.plan, trial)
        # What a run that goes on has behind it was judged already, but by a trial that was cut off.
        for event in folder.events():
            watch.see(event)
        if watch.pruned:
            folder.close()
            watch.last = Stopped(checkpoint.iteration if checkpoint else 0)
        else:
            for event in run(experiment, folder=folder, control=self._control, checkpoint=checkpoint):
                if watch.see(event):
                    self._control.stop()
                yield event
        if isinstance(watch.last, Failed) and not watch.began:
            raise SweepError(watch.last.message)
        if not isinstance(watch.last, Stopped) or watch.pruned:
            yield self._tell(trial, watch.outcome(number, values, path))

    def _ask(self, number: int) -> Any:
        """The next trial: one that was cut off, with its settings and its run, or a new one."""
        study, states = self._study, self._optuna.trial.TrialState
        waiting = {one.user_attrs.get("run") for one in study.get_trials(states=(states.WAITING,))}
        for old in study.get_trials(states=(states.RUNNING,)):
            if OUTCOME in old.user_attrs:
                self._settle(old.number, Trial(**old.user_attrs[OUTCOME]))
                continue
            if "run" in old.user_attrs and old.user_attrs["run"] not in waiting:
                study.enqueue_trial(old.params, user_attrs={"run": old.user_attrs["run"]})
            study.tell(old.number, state=states.FAIL)
        samplers, sweep = self._optuna.samplers, self.plan.sweep
        # A seed for each trial: one for all would begin again with the first trial's draws where the sweep goes on.
        seed = (sweep.seed * 1_000_003 + number) % SEEDS
        study.sampler = samplers.TPESampler(seed=seed) if sweep.sampler == "tpe" else samplers.RandomSampler(seed=seed)
        pruners = self._optuna.pruners
        study.pruner = pruners.MedianPruner() if sweep.pruner == "median" else pruners.NopPruner()
        return study.ask()

    def _suggest(self, trial: Any, field: str) -> Any:
        axis = self.plan.axes[field]
        if not isinstance(axis, Range):
            # As text: Optuna knows no lists, such as a network's widths.
            return json.loads(trial.suggest_categorical(field, [json.dumps(choice) for choice in axis]))
        if field in self.plan.whole:
            return trial.suggest_int(field, int(axis.low), int(axis.high), log=axis.log)
        return trial.suggest_float(field, axis.low, axis.high, log=axis.log)

    def _tell(self, trial: Any, outcome: Trial) -> Trial:
        if outcome.state == "pruned" and outcome.folder:
            with contextlib.suppress(AboutError, OSError):  # the user's own words, which may be anything
                about = read_about(Path(outcome.folder))
                write_about(Path(outcome.folder), replace(about, tags=(*about.tags, "pruned")))
        trial.set_user_attr(OUTCOME, vars(outcome))
        self._settle(trial.number, outcome)
        return outcome

    def _settle(self, number: int, outcome: Trial) -> None:
        states = self._optuna.trial.TrialState
        if outcome.state == "finished" and outcome.score is not None:
            self._study.tell(number, outcome.score)
        else:
            self._study.tell(number, state=states.PRUNED if outcome.state == "pruned" else states.FAIL)


class _Watch:
    """Sees a trial's events, and tells Optuna what its validations scored."""

    def __init__(self, plan: Plan, trial: Any) -> None:
        self._metric, self._trial = plan.metric, trial
        self._best: Validation | None = None
        self._diverged = False
        self.began, self.pruned = False, False
        self.last: Event | None = None

    def see(self, event: Event) -> bool:
        """Take note of an event; whether the run should end here."""
        self.last = event
        self.began = self.began or isinstance(event, Started)
        self._diverged = self._diverged or isinstance(event, Diverged)
        if isinstance(event, Validation) and event.iteration:  # the random start says nothing about the settings
            self._best = event if event.best else self._best
            score = getattr(event.scores[-1], self._metric)
            if math.isfinite(score):
                self._trial.report(score, event.iteration)
                self.pruned = self._trial.should_prune()
                return self.pruned
        return False

    def outcome(self, number: int, values: dict[str, Any], folder: Path) -> Trial:
        """What came out of it."""
        bad = self.pruned and isinstance(self.last, Stopped)
        state: State = "pruned" if bad or self._diverged else "failed" if isinstance(self.last, Failed) else "finished"
        iteration = getattr(self.last, "iteration", 0)
        message = f"pruned after iteration {iteration}" if bad else getattr(self.last, "message", "") or getattr(self.last, "reason", "")
        if self._best is None and state == "finished":
            return Trial(number, values, "pruned", folder=str(folder), message="no validation of it was a number")
        if self._best is None:
            return Trial(number, values, state, folder=str(folder), message=message)
        score = self._best.scores[-1]
        return Trial(
            number,
            values,
            state,
            getattr(score, self._metric),
            getattr(score, f"{self._metric}_ci95"),
            self._best.tasks,
            self._best.norm_mode,
            str(folder),
            message,
        )


def _title(name: str, values: dict[str, Any]) -> str:
    parts = [
        f"{field.rpartition('.')[2]}={value:.3g}" if type(value) is float else f"{field.rpartition('.')[2]}={value}"
        for field, value in values.items()
    ]
    return " ".join([name, *parts])
