"""The verb ``job``: an experiment with the scripts that train it on a cluster."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ..job import SLURM, Job, write_job
from ..spec import with_assignments
from ..spec.errors import problems_of
from .output import CommandError, Json, Output, Sets
from .train import experiment_of


def _option(field: str) -> Any:
    """The option of one of the job's settings, with its own words and default."""
    info = Job.model_fields[field]
    return typer.Option(info.default, f"--{field}", help=info.description)


def job(
    experiment: Annotated[str, typer.Argument(metavar="PRESET|FILE.toml", help="A preset's name or an experiment file.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write, best on the disk that the cluster shares.")],
    assignments: Sets = None,
    nodes: int = _option("nodes"),
    processes: int = _option("processes"),
    gpus: bool = _option("gpus"),
    threads: int = _option("threads"),
    time: str = _option("time"),
    run: str = _option("run"),
    home: str = _option("home"),
    setup: str = _option("setup"),
    partition: str = _option("partition"),
    account: str = _option("account"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    json_file: Json = "",
) -> None:
    """Write a job for a cluster.

    The folder gets the experiment, a script for Slurm and one for machines without it. Submitting it again goes on with a run that was
    stopped.
    """
    output = Output(json_file)
    values: dict[str, Any] = {
        "nodes": nodes,
        "processes": processes,
        "gpus": gpus,
        "threads": threads,
        "time": time,
        "run": run,
        "home": home,
        "setup": setup,
        "partition": partition,
        "account": account,
    }
    settings = with_assignments(experiment_of(experiment), assignments or [])
    try:
        wanted = Job(**values)
    except ValidationError as error:
        first = problems_of(error)[0]
        raise CommandError(f"--{first.field} {first.message}") from None
    files = write_job(out, wanted, settings, overwrite=overwrite)
    output.console.print(f"Job: {out}\nOn the cluster, in that folder: sbatch {SLURM}")
    output.result({"folder": out, "files": files, "processes": wanted.size})
