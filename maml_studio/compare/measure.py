"""Try several runs on the same tasks, one after the other."""

from collections.abc import Callable, Sequence
from pathlib import Path

from .common import CommonTasks
from .result import Comparison, Run, make_comparison
from .scores import MeasureError, RunScores, Tell, measure_run


def measure_all(
    runs: Sequence[Run],
    common: CommonTasks,
    *,
    by_seed: bool = False,
    again: bool = False,
    tell: Tell = lambda message, share: None,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Comparison | None:
    """Compare runs; only what the run folders have not kept is measured.

    Args:
        runs: in the user's order.
        common: the tasks.
        by_seed: see :func:`.result.make_comparison`.
        again: measure everything anew.
        tell: told how far it is, with a share from 0 to 1 of all runs.
        may_go_on: asked now and then; False gives up.

    Returns:
        The comparison, in which runs that can't be tried are left out with a reason, or None when it was given up.
    """
    scores: dict[Path, RunScores] = {}
    left_out: dict[str, str] = {}

    def measure(places: Sequence[int], again: bool) -> bool:
        for done, place in enumerate(places):
            run = runs[place]

            def told(message: str, share: float, done: int = done, name: str = run.name) -> None:
                tell(f"{name}: {message[0].lower()}{message[1:]}", (done + max(share, 0)) / len(places))

            try:
                found = measure_run(run.folder, run.experiment, common, again=again, tell=told, may_go_on=may_go_on)
            except MeasureError as error:
                scores.pop(run.folder, None)
                left_out[run.name] = str(error)
                continue
            if found is None:
                return False
            scores[run.folder] = found
        return True

    if not measure(range(len(runs)), again):
        return None
    if len({one.fingerprint for one in scores.values()}) > 1:
        # The data changed since some of them were measured.
        old = [place for place, run in enumerate(runs) if run.folder in scores and scores[run.folder].kept]
        if not measure(old, True):
            return None
    tasks = [one.fingerprint for one in scores.values()]
    for run in runs:
        if run.folder in scores and scores[run.folder].fingerprint != tasks[0]:
            del scores[run.folder]
            left_out[run.name] = "was given other tasks than the first run, which is not as it should be; please report it"
    return make_comparison(common, runs, scores, left_out, by_seed=by_seed)
