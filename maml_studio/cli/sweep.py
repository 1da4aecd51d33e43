"""The verb ``sweep``: a search for good settings, every trial an ordinary run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from ..paths import data_dir, runs_dir
from ..training.norm_words import norm_words
from .output import AllowModules, CommandError, Json, Output, percent
from .train import experiment_of, stopped_by_signals

if TYPE_CHECKING:
    from ..sweeps.search import Search, Trial


def sweep(
    space: Annotated[Path, typer.Argument(metavar="SPACE.toml", help="The search space: experiment, trials, [space] field = limits.")],
    allow_modules: AllowModules = None,
    json_file: Json = "",
) -> int:
    """Search for good settings with Optuna; every trial is a run, tagged with the sweep's name.

    SIGINT (Ctrl+C) and SIGTERM end it with the run's state saved; the same command goes on.
    """
    del allow_modules  # its callback did it
    output = Output(json_file)
    from ..sweeps.space import load_plan

    plan = load_plan(space, experiment_of)
    from ..sweeps.search import Search, require_optuna

    require_optuna()
    with Search(plan, data_dir() / "sweeps" / plan.sweep.name, runs_dir()) as search:
        with stopped_by_signals(search):
            _drive(search, output)
        trials, best = search.trials(), search.best()
        _table(search, trials, output)
        output.result(
            {
                "sweep": plan.sweep.name,
                "folder": search.folder,
                "status": "stopped" if len(trials) < plan.sweep.trials else "finished",
                "metric": plan.metric,
                "direction": plan.direction,
                "best": best and vars(best),
                "trials": [vars(trial) for trial in trials],
            }
        )
    if best is None and len(trials) == plan.sweep.trials:
        raise CommandError(f"{plan.sweep.name}: no trial finished; the last one: {trials[-1].message}", 1)
    return 0


def _drive(search: "Search", output: Output) -> None:
    from ..sweeps.search import Begun, Trial
    from .progress import Reporter

    reporter: Reporter | None = None
    try:
        for event in search.events():
            match event:
                case Begun():
                    output.console.print(f"Trial {event.number} of {search.plan.sweep.trials}: {event.folder}")
                    reporter = Reporter(event.experiment, output.console)
                    reporter.__enter__()
                case Trial():
                    if reporter:
                        reporter.__exit__(None, None, None)
                    output.console.print(f"Trial {event.number} {event.state}: {_score(search, event)} ({event.message})")
                case _ if reporter:
                    reporter.see(event)
    finally:
        if reporter:
            reporter.__exit__(None, None, None)


def _table(search: "Search", trials: "list[Trial]", output: Output) -> None:
    table = Table("trial", "state", *search.plan.axes, search.plan.metric, "run", box=None)
    best = search.best()
    for trial in sorted(trials, key=lambda trial: trial != best):
        values: list[Any] = [trial.values.get(field) for field in search.plan.axes]
        shown = [f"{value:.4g}" if type(value) is float else str(value) for value in values]
        table.add_row(str(trial.number), trial.state, *shown, _score(search, trial), Path(trial.folder).name)
    output.console.print(table)
    left = search.plan.sweep.trials - len(trials)
    output.console.print(f"{left} trials left; the same command goes on" if left else f"Tag of the runs: {search.plan.sweep.name}")


def _score(search: "Search", trial: "Trial") -> str:
    if trial.score is None:
        return "no validation"
    value = percent(trial.score, trial.ci95) if search.plan.metric == "accuracy" else f"{trial.score:.3g} ± {trial.ci95 or 0:.2g}"
    return f"{value} ({trial.tasks} validation tasks, {norm_words(trial.norm_mode)})"
