"""The verb ``queue``: experiments that are trained one after the other, the same queue as in the window."""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..paths import runs_dir
from ..spec import UserModule, with_assignments
from ..spec.grid import grid, parse_axes
from ..training.queue import Entry, Queue, queue_file
from .output import AllowModules, CommandError, Json, Output, Sets
from .train import experiment_of, resume

queue_app = typer.Typer(
    name="queue",
    help="Line up experiments, small grids too, and train them one after the other. Without a word: list them.",
    add_completion=False,
    rich_markup_mode=None,
)
Grids = Annotated[
    list[str] | None, typer.Option("--grid", metavar="FIELD=VALUE,...", help="Every combination of values, such as seed=0,1,2. Repeatable.")
]
Identities = Annotated[list[str], typer.Argument(metavar="ID...", help="As the list shows them.")]


@queue_app.callback(invoke_without_command=True)
def _start(context: typer.Context, json_file: Json = "") -> None:
    if context.invoked_subcommand is None:
        show(json_file)


@queue_app.command("list")
def show(json_file: Json = "") -> None:
    """List the queue."""
    output = Output(json_file)
    entries = _queue().entries()
    table = Table("id", "name", "state", "run", "", box=None)
    for entry in entries:
        table.add_row(entry.identity, entry.name, entry.state, Path(entry.folder).name, entry.message)
    output.console.print(table if entries else "The queue is empty; 'maml-studio queue add PRESET' fills it")
    output.result({"queue": [_row(entry) for entry in entries]})


@queue_app.command()
def add(
    experiment: Annotated[str, typer.Argument(metavar="PRESET|FILE.toml", help="A preset's name or an experiment file.")],
    assignments: Sets = None,
    grids: Grids = None,
    json_file: Json = "",
) -> None:
    """Add an experiment, or a grid of them, to the end of the queue."""
    output = Output(json_file)
    experiments = grid(with_assignments(experiment_of(experiment), assignments or []), parse_axes(grids or []))
    entries = _queue().add(experiments)
    for entry in entries:
        output.console.print(f"{entry.identity}  {entry.name}")
    output.console.print(f"{len(entries)} added; 'maml-studio queue run' or the window's Runs page trains them")
    output.result({"added": [_row(entry) for entry in entries]})


@queue_app.command()
def run(allow_modules: AllowModules = None, json_file: Json = "") -> int:
    """Train what waits, one after the other, to the end of the queue.

    A run that fails does not stop the rest. SIGINT (Ctrl+C) and SIGTERM save the run under way and end; the next time it goes on.
    """
    del allow_modules  # its callback did it
    output = Output(json_file)
    queue = _queue()
    queue.acquire()
    done: list[Entry] = []
    try:
        while entry := queue.begin(runs_dir()):
            output.console.print(f"{entry.name}: {_waiting(queue.entries())} more in the queue")
            with contextlib.redirect_stdout(sys.stderr if output.console.stderr else sys.stdout):  # the JSON stands there alone
                settled = _train(queue, entry)
            if settled is None or settled.state == "waiting":
                break  # stopped by whoever sits at the terminal
            done.append(settled)
    finally:
        queue.release()
    failed = [entry for entry in done if entry.state == "failed"]
    waiting = _waiting(queue.entries())
    output.console.print(f"{len(done) - len(failed)} finished, {len(failed)} failed, {waiting} waiting")
    output.result({"runs": [_row(entry) for entry in done], "waiting": waiting})
    if failed:
        raise CommandError("; ".join(f"{entry.name}: {entry.message}" for entry in failed), 1)
    return 0


@queue_app.command()
def remove(identities: Identities, json_file: Json = "") -> None:
    """Take experiments out of the queue; the folders of runs that began stay."""
    output = Output(json_file)
    queue = _queue()
    unknown = set(identities) - {entry.identity for entry in queue.entries()}
    if unknown:
        raise CommandError(f"{', '.join(sorted(unknown))}: not in the queue; 'maml-studio queue' lists it")
    gone = queue.remove(identities)
    if len(gone) < len(set(identities)):
        output.console.print("What trains now stays; stop it first")
    output.result({"removed": [_row(entry) for entry in gone]})


@queue_app.command()
def move(
    identity: Annotated[str, typer.Argument(metavar="ID", help="As the list shows it.")],
    steps: Annotated[int, typer.Argument(metavar="PLACES", help="How far down; up where negative, after --.")],
) -> None:
    """Move a waiting experiment up or down."""
    _queue().move(identity, steps)


@queue_app.command()
def clear(json_file: Json = "") -> None:
    """Forget what has finished or failed; the runs stay."""
    output = Output(json_file)
    queue = _queue()
    queue.clear_done()
    output.result({"queue": [_row(entry) for entry in queue.entries()]})


def _train(queue: Queue, entry: Entry) -> Entry | None:
    """Train one entry; whatever is wrong with it is noted and stops nothing else."""
    from ..training.run_folder import RunFolder

    folder = Path(entry.folder)
    try:
        if not (folder / "experiment.toml").is_file():
            settings = entry.settings()
            if isinstance(settings.model, UserModule):
                from ..models import build_for

                build_for(settings)  # before a folder is made for what can't run
            RunFolder.create(folder, settings)
        resume(entry.folder)
    except (CommandError, ValueError, OSError) as error:
        settled = queue.settle(entry.identity)
        # Where the run's own last word is no failure, it could not even begin.
        return settled if settled is not None and settled.state == "failed" else queue.settle(entry.identity, str(error))
    return queue.settle(entry.identity)


def _queue() -> Queue:
    return Queue(queue_file())


def _waiting(entries: Sequence[Entry]) -> int:
    return sum(entry.state == "waiting" for entry in entries)


def _row(entry: Entry) -> dict[str, Any]:
    return {"id": entry.identity, "name": entry.name, "state": entry.state, "run": entry.folder or None, "message": entry.message}
