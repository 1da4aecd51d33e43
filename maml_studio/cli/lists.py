"""The verbs that list what there is: ``presets``, ``runs``, ``data``. None of them imports torch."""

from typing import Any

from rich.table import Table

from ..paths import data_dir, runs_dir
from ..spec import TABLES, load_preset, outputs, preset_names
from ..training.run_index import RunSummary, list_runs
from .output import Json, Output

_MNIST_FILES = tuple(f"raw/{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
_DOWNLOADS: dict[str, tuple[str, tuple[str, ...]]] = {
    "omniglot": ("omniglot-py", ("images_background", "images_evaluation")),
    "mnist": ("MNIST", _MNIST_FILES),
    "fashion_mnist": ("FashionMNIST", _MNIST_FILES),
    "kmnist": ("KMNIST", _MNIST_FILES),
    "emnist": ("EMNIST", tuple(f"raw/emnist-balanced-{p}-{k}-ubyte" for p in ("train", "test") for k in ("images-idx3", "labels-idx1"))),
}
"""Sources that are fetched: their folder, and what is in it when nothing is missing."""


def presets(json_file: Json = "") -> None:
    """List the built-in experiments."""
    output = Output(json_file)
    rows = []
    table = Table("name", "data", "task", "network", "algorithm", box=None)
    for name in preset_names():
        experiment = load_preset(name)
        task = experiment.task
        what = f"{task.shot} points" if experiment.regression else f"{outputs(task)}-way {task.shot}-shot"
        algorithm, source, model = experiment.algorithm.name, experiment.data.source, experiment.model.name
        table.add_row(name, source, what, model, algorithm)
        rows.append({"name": name, "data": source, "task": task.kind, "model": model, "algorithm": algorithm})
    output.console.print(table)
    output.result({"presets": rows})


def runs(json_file: Json = "") -> None:
    """List the runs, the newest first."""
    output = Output(json_file)
    found = list_runs(runs_dir())
    table = Table("name", "algorithm", "data", "task", "status", "iterations", "best", "tags", box=None)
    for run in found:
        star = "* " if run.starred else ""
        title = "" if run.title == run.experiment else f" ({run.title})"
        done = f"{run.iteration} of {run.iterations}" if run.iterations else str(run.iteration)
        best = f"{run.best.text()} {run.best.conditions()}" if run.best else ""
        table.add_row(f"{star}{run.folder.name}{title}", run.algorithm, run.source, run.task, run.status, done, best, ", ".join(run.tags))
    output.console.print(table if found else f"There are no runs in {runs_dir()}")
    for run in found:
        if run.problem:
            output.console.print(run.problem)
    output.result({"folder": runs_dir(), "runs": [_row(run) for run in found]})


def _row(run: RunSummary) -> dict[str, Any]:
    row = run.to_json()
    # The keys that this list had first, and that programs read.
    return {"name": run.folder.name, "path": run.folder, **row, "iterations": run.iteration, "iterations_wanted": run.iterations}


def data(json_file: Json = "") -> None:
    """List the sources of tasks."""
    output = Output(json_file)
    table = Table("source", "what", "needs", box=None)
    rows = []
    for name, settings in TABLES["data"].items():
        needs = _needs(name)
        table.add_row(name, settings.title, needs)
        rows.append({"source": name, "title": settings.title, "needs": needs})
    output.console.print(table)
    output.console.print(f"Downloads go to {data_dir()}")
    output.result({"folder": data_dir(), "sources": rows})


def _needs(source: str) -> str:
    if source == "folder":
        return "data.path, a folder with one sub-folder of images per class"
    if source == "drawn":
        return "data.path, a file *.drawn.json that the Draw page saved, or a folder of them"
    if source not in _DOWNLOADS:
        return "nothing, built in"
    folder, parts = _DOWNLOADS[source]
    present = all((data_dir() / folder / part).exists() for part in parts)
    return "nothing, downloaded already" if present else "a download when it is first used"
