"""The ``report.json`` of a run folder, free of torch: scores task by task that were measured before and need not be again.

At its top it is the report that ``evaluate`` wrote about the run's own test tasks; under ``comparisons`` are the scores that were measured
to compare the run with others, on whatever tasks those were. A run's weights at an iteration are always the same (a run that goes on
does so bit for bit), so the iteration says whether a report is of the checkpoint that is there now.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import write_whole
from ..spec import Experiment, SpecError, parse

REPORT = "report.json"
COMPARISONS = "comparisons"
MOST_COMPARISONS = 8
"""So many measurements on other tasks are kept, the newest ones."""
MOST_BYTES = 64 << 20
TRAINED = "trained"


@dataclass(frozen=True)
class KeptScores:
    """Scores of a trained model that a report holds.

    Attributes:
        iteration: outer steps that the model was trained for.
        experiment: the settings under which it was tried.
        part: which part of the source the tasks come from.
        transductive: where a query's batch-norm statistics came from.
        norm_mode: the same in words that also name other norms.
        fingerprint: of the tasks; equal where the tasks are.
        by_step: every task's accuracy, or squared error, before the first inner step and after each: ``[points][tasks]``.
    """

    iteration: int
    experiment: Experiment
    part: str
    transductive: bool
    norm_mode: str
    fingerprint: str
    by_step: tuple[tuple[float, ...], ...]

    @property
    def tasks(self) -> int:
        """How many tasks were scored."""
        return len(self.by_step[0])


def kept_scores(folder: Path) -> list[KeptScores]:
    """What a run folder's report holds of the trained model; what can't be read there is passed over, it can be measured again."""
    raw = read_report(folder)
    found = []
    for report in [raw, *_comparisons(raw)]:
        results = report.get("results")
        for result in results if isinstance(results, list) else ():
            try:
                if result["start"] == TRAINED:
                    found.append(_kept(report, result))
            except (KeyError, TypeError, ValueError, SpecError):
                continue
    return found


def _kept(report: Mapping[str, Any], result: Mapping[str, Any]) -> KeptScores:
    by_step = tuple(tuple(math.nan if score is None else float(score) for score in scores) for scores in result["task_scores_by_step"])
    if not by_step or len({len(scores) for scores in by_step}) != 1 or not by_step[0]:
        raise ValueError
    return KeptScores(
        int(report["iteration"]),
        parse(report["experiment"]),
        str(report["part"]),
        bool(result["transductive"]),
        str(result["norm_mode"]),
        str(result["fingerprint"]),
        by_step,
    )


def save_own(report: Mapping[str, Any], folder: Path) -> None:
    """Write a report on the run's own test tasks; comparisons that were kept with the last one stay, if they are of the same checkpoint.

    Raises:
        OSError: when it can't be written.
    """
    kept = [one for one in _comparisons(read_report(folder)) if one.get("iteration") == report["iteration"]]
    _write({**report, COMPARISONS: kept} if kept else report, folder)


def add_comparison(report: Mapping[str, Any], folder: Path) -> None:
    """Keep another measurement beside the report on the run's own test tasks, in place of an older one under the same settings.

    Args:
        report: as :meth:`Report.to_json` gives it; what only says how the errors look is left out.
        folder: the run's.

    Raises:
        OSError: when it can't be written.
    """
    results = [
        {key: result[key] for key in ("start", "transductive", "norm_mode", "steps", "fingerprint", "task_scores_by_step")}
        for result in report["results"]
    ]
    new = {key: report[key] for key in ("metric", "tasks", "part", "seed", "framed", "iteration", "experiment")} | {"results": results}
    before = read_report(folder)
    # Only what is of this checkpoint is of use to anybody.
    others = [one for one in _comparisons(before) if one.get("iteration") == new["iteration"] and not _same_tasks(one, new)]
    _write({**before, COMPARISONS: [*others, new][-MOST_COMPARISONS:]}, folder)


def _same_tasks(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other[key] for key in ("part", "tasks", "experiment"))


def _comparisons(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    kept = raw.get(COMPARISONS)
    return [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []


def read_report(folder: Path) -> dict[str, Any]:
    """A run folder's report as it stands there; empty where there is none that can be read."""
    path = folder / REPORT
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        raw = json.loads(content) if len(content) <= MOST_BYTES else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _write(report: Mapping[str, Any], folder: Path) -> None:
    write_whole(folder / REPORT, to_text(report).encode())


def to_text(report: Mapping[str, Any]) -> str:
    """A report as JSON; numbers that JSON does not know become null."""
    from .events import plain

    return json.dumps(plain(dict(report)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
