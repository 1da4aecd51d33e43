"""How runs do on the same tasks: read from their reports where it was measured before, else measured now."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from ..spec import Experiment
from ..training.report_file import KeptScores, add_comparison, kept_scores
from .common import CommonTasks, refusal

Values = npt.NDArray[np.float64]
Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class RunScores:
    """What one run scored on the common tasks.

    Attributes:
        folder: the run's.
        iteration: outer steps that its model was trained for.
        norm_mode: where a query's norm statistics came from.
        by_step: ``[points, tasks]`` accuracies (0 to 1) or squared errors, before the first inner step and after each.
        fingerprint: of the tasks.
        kept: whether it was measured earlier.
        note: what the user should know, such as why it could not be kept; empty: nothing.
    """

    folder: Path
    iteration: int
    norm_mode: str
    by_step: Values
    fingerprint: str
    kept: bool
    note: str = ""

    @property
    def last(self) -> Values:
        """Scores after the last inner step ``[tasks]``."""
        scores: Values = self.by_step[-1]
        return scores

    @property
    def steps(self) -> int:
        """Inner steps done."""
        return len(self.by_step) - 1


class MeasureError(ValueError):
    """A run that can't be tried on the tasks; one sentence, without the run's name."""


def kept_run(folder: Path, experiment: Experiment, common: CommonTasks) -> RunScores | None:
    """What was measured earlier of the checkpoint that is there now, on these very tasks; None where nothing was.

    Args:
        folder: the run's.
        experiment: its settings.
        common: the tasks.

    Raises:
        SpecError: when the run can't be tried on them.
    """
    iteration = checkpoint_iteration(folder)
    wanted = common.applied(experiment)
    for kept in kept_scores(folder) if iteration is not None else ():
        if kept.iteration == iteration and kept.part == common.part and kept.tasks == common.tasks and _same(kept, wanted):
            return RunScores(folder, iteration, kept.norm_mode, np.array(kept.by_step), kept.fingerprint, kept=True)
    return None


def _same(kept: KeptScores, wanted: Experiment) -> bool:
    """Whether scores were taken under settings; how it was trained and what it is called make no difference to them."""
    mode = not wanted.model.batch_norm or kept.transductive == wanted.evaluation.transductive
    tables = ("data", "task", "model", "algorithm")
    steps = all(getattr(kept.experiment.evaluation, key) == getattr(wanted.evaluation, key) for key in ("seed", "inner_steps"))
    return mode and steps and all(getattr(kept.experiment, table) == getattr(wanted, table) for table in tables)


def checkpoint_iteration(folder: Path) -> int | None:
    """Outer steps that the run's model was trained for, the best one or the latest where there is no best one; None without any."""
    path = next((file for kind in ("best", "latest") if (file := folder / "checkpoints" / f"{kind}.safetensors").is_file()), None)
    if path is None:
        return None
    try:
        with safe_open(str(path), framework="np") as file:
            iteration = json.loads((file.metadata() or {})["maml_studio"])["iteration"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError):
        return None  # loading it will say what is wrong
    return iteration if isinstance(iteration, int) else None


def measure_run(
    folder: Path,
    experiment: Experiment,
    common: CommonTasks,
    *,
    again: bool = False,
    tell: Tell = lambda message, share: None,
    may_go_on: Callable[[], bool] = lambda: True,
) -> RunScores | None:
    """A run's scores on the common tasks; what is measured is kept in the run's ``report.json``.

    Args:
        folder: the run's.
        experiment: its settings.
        common: the tasks.
        again: measure it whatever was measured earlier.
        tell: told how far it is, with a share from 0 to 1, or -1 where nobody knows.
        may_go_on: asked now and then; False gives up.

    Returns:
        The scores, or None when it was given up.

    Raises:
        MeasureError: when the run can't be tried on these tasks, or what it says there is no number.
    """
    if not folder.is_dir():
        raise MeasureError("is no longer there")
    if why := refusal(common, experiment):
        raise MeasureError(why)
    try:
        kept = None if again else kept_run(folder, experiment, common)
        scores = kept or _measure(folder, common, tell, may_go_on)
    except OSError as error:
        raise MeasureError(f"can't be read: {error.filename or folder}: {error.strerror or error}") from None
    except MeasureError:
        raise
    except ValueError as error:
        # The package's own errors are sentences for people; any other is a defect, and its traceback is wanted.
        if not type(error).__module__.startswith("maml_studio."):
            raise
        raise MeasureError(f"can't be tried on them: {error}") from None
    if scores is not None and (strange := int((~np.isfinite(scores.last)).sum())):
        raise MeasureError(f"gives no number in {strange:,} of {common.tasks:,} tasks")
    return scores


def _measure(folder: Path, common: CommonTasks, tell: Tell, may_go_on: Callable[[], bool]) -> RunScores | None:
    from ..api import load
    from ..data import Cancelled

    def loading(message: str, share: float) -> None:
        if not may_go_on():
            raise Cancelled
        tell(message, share)

    def measuring(done: int) -> bool:
        tell(f"{done:,} of {common.tasks:,} tasks", done / common.tasks)
        return may_go_on()

    tell("Loading the model", -1)
    trained = load(folder)
    try:
        report = trained.report(
            common.applied(trained.experiment),
            tasks=common.tasks,
            part=common.part,
            both_modes=False,
            random_start=False,
            progress=loading,
            may_go_on=measuring,
        )
    except Cancelled:
        return None
    if report is None:
        return None
    note = ""
    try:
        add_comparison(report.to_json(), folder)
    except OSError as error:
        note = f"its folder can't keep the scores ({error.strerror or error})"
    result = report.results[0]
    return RunScores(folder, report.iteration, result.norm_mode, np.array(result.by_step), result.fingerprint, kept=False, note=note)
