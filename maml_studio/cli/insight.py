"""The verb ``insight``."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from .output import AllowModules, Json, Model, Output, find_run

Tasks = Annotated[int, typer.Option("--tasks", metavar="N", min=2, max=100_000, help="How many tasks the means are over.")]
Steps = Annotated[int | None, typer.Option("--steps", metavar="N", min=1, max=200, help="Inner steps; else as in its evaluation.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", min=0, max=2**31 - 1, help="Draws the tasks; else its evaluation's.")]
One = Annotated[int, typer.Option("--task", metavar="N", min=1, max=1000, help="Which task is shown where one stands for all.")]

if TYPE_CHECKING:
    from ..insight.layers import LayerInsight
    from ..insight.start import StartInsight


def insight(
    model: Model,
    tasks: Tasks = 100,
    steps: Steps = None,
    seed: Seed = None,
    task: One = 1,
    allow_modules: AllowModules = None,
    json_file: Json = "",
) -> None:
    """Look into a model: what its inner loop does.

    How far each layer moves and what its features keep, what the trained start has that a random one lacks, the losses round one task's
    inner path, and for a function its course at every inner step. On new tasks of the source that it was trained on.
    """
    del allow_modules  # its callback did it
    output = Output(json_file)
    from ..api import load
    from ..insight import QUESTIONS, look_at, see_all
    from ..insight.layers import LayerInsight
    from ..insight.start import StartInsight
    from ..training.machine import prepare_thread

    prepare_thread()
    console = output.console
    with Progress(TextColumn("{task.description}"), BarColumn(), console=console, transient=True, disable=not console.is_terminal) as bar:
        row = bar.add_task("Loading the data", total=1.0)

        def tell(message: str, share: float) -> None:
            bar.update(row, description=message, completed=max(0.0, share))

        subject = look_at(load(find_run(model)), steps=steps, seed=seed, progress=tell)
        report = see_all(subject, tasks=tasks, task=task - 1, progress=tell)
    console.print(f"{report.model}: {report.about}, weights of iteration {report.iteration}")
    for question, answer in report.answers.items():
        console.print(f"\n{QUESTIONS[question]}")
        console.print(answer.paragraph)
        if isinstance(answer, LayerInsight):
            _print_layers(answer, console)
        elif isinstance(answer, StartInsight):
            _print_starts(answer, console)
    output.result(report.to_json())


def _print_layers(found: "LayerInsight", console: Console) -> None:
    from ..insight import words

    table = Table("layer", "relative change", "features, CKA", "random start, CKA", box=None)
    for layer in found.layers:
        change = words.interval(layer.relative[-1].mean, layer.relative[-1].ci95) if layer.relative else "from zero"
        alike = [words.fixed(one.mean, one.ci95) if one else "–" for one in (layer.cka, layer.yardstick)]
        table.add_row(layer.name, change, *alike)
    if found.embedding and found.embedding_yardstick:
        pair = (words.fixed(one.mean, one.ci95) for one in (found.embedding, found.embedding_yardstick))
        table.add_row("embedding", "–", *pair)
    console.print(table)


def _print_starts(found: "StartInsight", console: Console) -> None:
    from ..insight import words

    starts = (found.trained, found.random)
    columns = []
    for what in ("accuracy", "query_loss"):
        for start in starts:
            estimates = getattr(start, what)
            if estimates is not None:
                written = words.percent if what == "accuracy" else words.interval
                columns.append((f"{what.replace('_', ' ')}, {start.name}", [written(one.mean, one.ci95) for one in estimates]))
    table = Table("inner steps", *(head for head, _ in columns), box=None)
    for step in range(found.steps + 1):
        table.add_row(str(step), *(cells[step] for _, cells in columns))
    console.print(table)
