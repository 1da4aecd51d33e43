"""Which run does best on the same tasks, by how much, and which differences are more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..spec import Experiment
from .common import CommonTasks, may_have_seen
from .differences import Difference, differences
from .scores import RunScores
from .statistics import LEVEL, Paired, Values, holm, p_words, paired


@dataclass(frozen=True)
class Run:
    """A run to be compared: its folder, what it is called beside the others, its settings."""

    folder: Path
    name: str
    experiment: Experiment


@dataclass(frozen=True)
class Entry:
    """A line of the comparison: a run, or several seeds of the same settings.

    Attributes:
        name: of the run, or of the first of the seeds.
        runs: one, or one for each seed.
        scores: of each task, the mean over the seeds ``[tasks]``.
        mean: over the tasks.
        half: half width of its 95% interval over the tasks, 1.96 σ/√n.
        spread: standard deviation over the seeds; None for a single run.
        before: mean before the first inner step; None where there are no inner steps.
        steps: inner steps done.
        norm_mode: where a query's norm statistics came from.
        iterations: outer steps that the models were trained for.
    """

    name: str
    runs: tuple[Run, ...]
    scores: Values
    mean: float
    half: float
    spread: float | None
    before: float | None
    steps: int
    norm_mode: str
    iterations: tuple[int, ...]


@dataclass(frozen=True)
class Pair:
    """The difference between two entries, the first minus the second, as numbers of places in :attr:`Comparison.entries`."""

    first: int
    second: int
    difference: Paired
    p: float
    """After Holm's correction for all pairs."""

    @property
    def significant(self) -> bool:
        """Whether it is more than chance, at 5% over all pairs."""
        return self.p < LEVEL


@dataclass(frozen=True)
class Comparison:
    """Runs on the same tasks.

    Attributes:
        common: the tasks.
        entries: the best first.
        pairs: all of them, the better entry first.
        differing: what differs in the settings of the entries, in their order.
        left_out: runs that could not be tried, and why.
        notes: what else has to be known to read the figures.
    """

    common: CommonTasks
    entries: tuple[Entry, ...]
    pairs: tuple[Pair, ...]
    differing: tuple[Difference, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """``accuracy``, or ``mse`` for regression."""
        return "mse" if self.common.regression else "accuracy"

    def pair(self, one: int, other: int) -> Pair | None:
        """The pair of two entries by their places; None of one with itself."""
        return next((pair for pair in self.pairs if {pair.first, pair.second} == {one, other}), None)

    def sentence(self, pair: Pair) -> str:
        """A pair in plain words."""
        better, worse = self.entries[pair.first].name, self.entries[pair.second].name
        size = self.difference(pair.difference)
        after = f"{p_words(pair.p)} after Holm for {len(self.pairs)} pairs" if len(self.pairs) > 1 else p_words(pair.p)
        over = f"paired over {pair.difference.tasks:,} tasks, {after}"
        if not pair.significant:
            return f"{better} and {worse}: no difference shown ({size}, {over})"
        what = "has a smaller error than" if self.common.regression else "is better than"
        return f"{better} {what} {worse} by {size}, {over}"

    def difference(self, difference: Paired, *, unit: bool = True) -> str:
        """A difference with its interval, counted so that more is better for the first of the two."""
        if self.common.regression:
            return f"{abs(difference.mean):.3g} ± {difference.half:.2g}"
        return f"{100 * abs(difference.mean):.1f} ± {100 * difference.half:.1f}" + (" points" if unit else "")

    def figure(self, entry: Entry) -> str:
        """An entry's score with its interval."""
        if self.common.regression:
            return f"{entry.mean:.3g} ± {entry.half:.2g}"
        return f"{100 * entry.mean:.1f} ± {100 * entry.half:.1f} %"

    def spread(self, entry: Entry) -> str:
        """How far the seeds of an entry lie apart; empty for a single run."""
        if entry.spread is None:
            return ""
        size = f"{entry.spread:.2g}" if self.common.regression else f"{100 * entry.spread:.1f}"
        return f"{len(entry.runs)} seeds, σ {size}"

    def verdict(self, place: int) -> str:
        """What there is to say of an entry next to the best one."""
        if place == 0:
            return "best" if len(self.entries) > 1 else ""
        pair = self.pair(0, place)
        assert pair is not None
        if not pair.significant:
            return "not told apart from the best"
        return "larger error than the best" if self.common.regression else "worse than the best"

    def p_of(self, place: int) -> str:
        """The corrected p-value of an entry's difference from the best one; empty for the best itself."""
        pair = self.pair(0, place)
        return "" if pair is None else p_words(pair.p).removeprefix("p ").removeprefix("= ")

    @property
    def summary(self) -> str:
        """The tasks and how they are compared."""
        what = "squared error" if self.common.regression else "accuracy"
        words = f"{self.common.about}: mean {what} ± 95%"
        if len(self.entries) > 1:
            words += f"; differences paired over the same tasks, randomisation test{', Holm' if len(self.pairs) > 1 else ''}"
        return words


def settings_key(experiment: Experiment) -> Experiment:
    """Equal for runs that differ in their seed and name only."""
    return experiment.model_copy(update={"seed": 0, "name": "-"})


def grouped(runs: Sequence[Run], *, by_seed: bool) -> list[tuple[Run, ...]]:
    """Each run by itself; or, when asked for, those of the same settings but for the seed together."""
    if not by_seed:
        return [(run,) for run in runs]
    groups: dict[Experiment, list[Run]] = {}
    for run in runs:
        groups.setdefault(settings_key(run.experiment), []).append(run)
    return [tuple(group) for group in groups.values()]


def make_comparison(
    common: CommonTasks,
    runs: Sequence[Run],
    scores: Mapping[Path, RunScores],
    left_out: Mapping[str, str] | None = None,
    *,
    by_seed: bool = False,
) -> Comparison:
    """Compare runs by what they scored on the common tasks.

    Args:
        common: the tasks.
        runs: in the user's order; those without scores are passed over.
        scores: by the runs' folders.
        left_out: why some runs have no scores, by their names.
        by_seed: take runs of the same settings but for the seed together. The intervals and tests are then those of the mean over these
            very seeds, not of seeds in general; the spread beside them says how much seeds matter.
    """
    there = [run for run in runs if run.folder in scores]
    entries = [_entry(group, [scores[run.folder] for run in group]) for group in grouped(there, by_seed=by_seed)]
    entries.sort(key=lambda entry: entry.mean, reverse=not common.regression)
    pairs = [
        (first, second, paired(entries[first].scores, entries[second].scores, _unit(common, entries[first], entries[second])))
        for first in range(len(entries))
        for second in range(first + 1, len(entries))
    ]
    adjusted = holm([difference.p for *_, difference in pairs])
    notes = [f"{run.name}: {scores[run.folder].note}" for run in there if scores[run.folder].note]
    seen = [run.name for run in there if may_have_seen(common, run.experiment)]
    if seen:
        notes.append(
            f"{', '.join(seen)} may have trained on some of this: the same data, divided otherwise; other data would be new to all of them"
        )
    modes = dict.fromkeys(entry.norm_mode for entry in entries)
    if "transductive" in modes and len(modes) > 1:
        notes.append(f"Norm modes are mixed ({', '.join(modes)}): transductive ones look at all queries of a task at once")
    return Comparison(
        common,
        tuple(entries),
        tuple(Pair(first, second, difference, p) for (first, second, difference), p in zip(pairs, adjusted, strict=True)),
        tuple(differences([entry.runs[0].experiment for entry in entries])),
        dict(left_out or {}),
        tuple(notes),
    )


def _entry(group: tuple[Run, ...], found: list[RunScores]) -> Entry:
    tasks = np.mean([one.last for one in found], axis=0)
    means = np.array([one.last.mean() for one in found])
    return Entry(
        name=group[0].name if len(group) == 1 else f"{group[0].name} (+{len(group) - 1})",
        runs=group,
        scores=tasks,
        mean=float(tasks.mean()),
        half=float(1.96 * tasks.std(ddof=1) / np.sqrt(len(tasks))),
        spread=float(means.std(ddof=1)) if len(group) > 1 else None,
        before=float(np.mean([one.by_step[0].mean() for one in found])) if found[0].steps else None,
        steps=found[0].steps,
        norm_mode=found[0].norm_mode,
        iterations=tuple(one.iteration for one in found),
    )


def _unit(common: CommonTasks, first: Entry, second: Entry) -> float:
    return common.unit / float(np.lcm(len(first.runs), len(second.runs)))


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Plain values."""
    common = comparison.common
    return {
        "metric": comparison.metric,
        "tasks": common.tasks,
        "part": common.part,
        "data": common.data.model_dump(mode="json"),
        "task": common.task.model_dump(mode="json"),
        "seed": common.seed,
        "entries": [
            {
                "name": entry.name,
                "runs": [str(run.folder) for run in entry.runs],
                "mean": entry.mean,
                "ci95": entry.half,
                "spread": entry.spread,
                "before": entry.before,
                "steps": entry.steps,
                "norm_mode": entry.norm_mode,
                "iterations": list(entry.iterations),
                "verdict": comparison.verdict(place),
            }
            for place, entry in enumerate(comparison.entries)
        ],
        "pairs": [
            {
                "first": comparison.entries[pair.first].name,
                "second": comparison.entries[pair.second].name,
                "difference": pair.difference.mean,
                "ci95": pair.difference.half,
                "p": pair.difference.p,
                "p_holm": pair.p,
                "significant": pair.significant,
            }
            for pair in comparison.pairs
        ],
        "differing": [{"field": one.field, "title": one.title, "values": list(one.values)} for one in comparison.differing],
        "left_out": dict(comparison.left_out),
        "notes": list(comparison.notes),
    }
