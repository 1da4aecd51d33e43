"""The verb ``compare``."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from ..files import write_whole
from ..spec import Experiment, SpecError, load, with_assignments
from ..spec.errors import Problem
from .evaluate import Part
from .output import AllowModules, CommandError, Json, Output, Sets, find_run

if TYPE_CHECKING:
    from ..compare.common import CommonTasks
    from ..compare.result import Comparison, Run

_TABLES = ("data.", "task.")
_FIELDS = ("evaluation.inner_steps", "evaluation.transductive", "evaluation.seed")


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN …", help="Run folders, or their names.")],
    tasks: Annotated[int, typer.Option("--tasks", metavar="N", min=2, help="How many tasks, the same ones for every run.")] = 600,
    like: Annotated[str, typer.Option("--like", metavar="RUN", help="Try all runs on the tasks of this one, where theirs differ.")] = "",
    assignments: Sets = None,
    part: Annotated[Part, typer.Option("--part", help="Which part of the data.")] = Part.test,
    by_seed: Annotated[bool, typer.Option("--group-seeds", help="Take runs that differ in their seed only together.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Measure anew what the run folders have kept.")] = False,
    csv_file: Annotated[str, typer.Option("--csv", metavar="FILE", help="Write the table as comma-separated values.")] = "",
    markdown_file: Annotated[str, typer.Option("--markdown", metavar="FILE", help="Write the table and the pairs as Markdown.")] = "",
    allow_modules: AllowModules = None,
    json_file: Json = "",
) -> None:
    """Compare runs on the same test tasks.

    Says which run does best and which differences are more than chance: paired over the tasks, corrected for the number of pairs. Scores
    are kept in the run folders, so that a second look is instant. Other tasks are chosen with --like RUN and --set data.*, task.*.
    """
    del allow_modules  # its callback did it
    output = Output(json_file)
    for option, file in (("--csv", csv_file), ("--markdown", markdown_file)):
        if file and not Path(file).resolve().parent.is_dir():
            raise CommandError(f"{option} {file}: its folder does not exist")
    from ..compare.result import to_json
    from ..compare.tables import to_csv, to_markdown

    chosen = _open(runs)
    common = _common_tasks(chosen, tasks, like, assignments or [], part)
    comparison = _measure(chosen, common, output, by_seed=by_seed, again=again)
    _print(comparison, output)
    for file, text in ((csv_file, to_csv), (markdown_file, to_markdown)):
        if file:
            write_whole(Path(file), text(comparison).encode())
    output.result(to_json(comparison))
    if not comparison.entries:
        raise CommandError("none of the runs could be tried on these tasks", 1)


def _open(words: list[str]) -> "list[Run]":
    from ..compare.result import Run

    folders = list(dict.fromkeys(find_run(word).resolve() for word in words))
    if len(folders) < 2:
        raise CommandError("compare needs at least two different runs")
    found = []
    for folder in folders:
        if not (folder / "experiment.toml").is_file():
            raise CommandError(f"{folder}: is no run folder, it has no experiment.toml")
        found.append(Run(folder, folder.name, load(folder / "experiment.toml")))
    return found


def _common_tasks(runs: "list[Run]", tasks: int, like: str, assignments: list[str], part: Part) -> "CommonTasks":
    from ..compare.common import CommonTasks, obstacles, shared_tasks

    experiments = {run.name: run.experiment for run in runs}
    common = shared_tasks(list(experiments.values()), tasks)
    if like:
        base: Experiment = load(find_run(like) / "experiment.toml")
    elif common is None and not assignments:
        why = "; ".join(obstacles(experiments))
        raise CommandError(
            f"these runs were made for different tasks: {why}. --like {runs[0].name} tries all of them on the tasks of that one, "
            "--set task.shot=1 and so on others"
        )
    else:
        base = next((run.experiment for run in runs if run.experiment.model.batch_norm), runs[0].experiment)
    changed = _checked(base, assignments)
    steps = changed.evaluation.inner_steps if any(word.startswith("evaluation.inner_steps") for word in assignments) else None
    return replace(CommonTasks.of(changed, tasks, part.value), inner_steps=steps)


def _checked(base: Experiment, assignments: list[str]) -> Experiment:
    for field in (word.partition("=")[0].strip() for word in assignments):
        if not field.startswith(_TABLES) and field not in _FIELDS:
            usable = ", ".join([f"{table}*" for table in _TABLES] + list(_FIELDS))
            raise SpecError([Problem(field, f"is no setting of the tasks that runs are compared on; those are {usable}")])
    return with_assignments(base, assignments)


def _measure(runs: "list[Run]", common: "CommonTasks", output: Output, *, by_seed: bool, again: bool) -> "Comparison":
    from ..compare.measure import measure_all

    with Progress(
        TextColumn("{task.description}"), BarColumn(), console=output.console, transient=True, disable=not output.console.is_terminal
    ) as bar:
        row = bar.add_task("", total=1.0)

        def tell(message: str, share: float) -> None:
            bar.update(row, description=message, completed=max(share, 0))

        comparison = measure_all(runs, common, by_seed=by_seed, again=again, tell=tell)
    assert comparison is not None
    return comparison


def _print(comparison: "Comparison", output: Output) -> None:
    console = output.console
    console.print(f"{comparison.summary}.")
    figure = "squared error" if comparison.common.regression else "accuracy"
    table = Table("run", figure, "behind the best", "p", "", "inner steps", "norm mode", "iterations", box=None)
    for place, entry in enumerate(comparison.entries):
        pair = comparison.pair(0, place)
        spread = comparison.spread(entry)
        table.add_row(
            entry.name,
            comparison.figure(entry) + (f" ({spread})" if spread else ""),
            "" if pair is None else comparison.difference(pair.difference, unit=False),
            comparison.p_of(place),
            comparison.verdict(place),
            str(entry.steps),
            entry.norm_mode,
            " ".join(f"{count:,}" for count in dict.fromkeys(entry.iterations)),
        )
    console.print(table)
    for pair in comparison.pairs:
        console.print(f"{comparison.sentence(pair)}.")
    for name, why in comparison.left_out.items():
        console.print(f"{name} is left out: it {why}.")
    for note in comparison.notes:
        console.print(f"{note}.")
