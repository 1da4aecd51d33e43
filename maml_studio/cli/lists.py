"""The verbs that list what there is: ``presets``, ``runs``, ``data``. None of them imports torch, but ``runs``."""

from pathlib import Path
from typing import Any

from rich.table import Table

from ..paths import data_dir, runs_dir
from ..spec import TABLES, load_preset, outputs, preset_names
from .output import Json, Output, percent

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
    folders = sorted((path for path in _folders(runs_dir()) if (path / "experiment.toml").is_file()), reverse=True)
    rows = [_run(path) for path in folders]
    table = Table("name", "status", "iterations", "best", box=None)
    for row in rows:
        table.add_row(row["name"], row["status"], str(row["iterations"]), _best_text(row["best"]))
    output.console.print(table if rows else f"There are no runs in {runs_dir()}")
    output.result({"folder": runs_dir(), "runs": rows})


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


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.is_dir()] if root.is_dir() else []


def _run(path: Path) -> dict[str, Any]:
    from ..training.events import Failed, Finished, Stopped, Validation
    from ..training.run_folder import RunFolder

    status, iterations, best = "unfinished", 0, None
    for event in RunFolder(path).events():
        iterations = getattr(event, "iteration", iterations)
        status = {Finished: "finished", Stopped: "stopped", Failed: "failed"}.get(type(event), "unfinished")
        if isinstance(event, Validation) and event.best:
            best = event
    row: dict[str, Any] = {"name": path.name, "path": path, "status": status, "iterations": iterations, "best": None}
    if best:
        score = best.scores[-1]
        regression = score.accuracy is None
        row["best"] = {
            "metric": "mse" if regression else "accuracy",
            "mean": score.query_loss if regression else score.accuracy,
            "ci95": score.query_loss_ci95 if regression else score.accuracy_ci95,
            "tasks": best.tasks,
            "step": score.step,
            "norm_mode": best.norm_mode,
            "iteration": best.iteration,
        }
    return row


def _best_text(best: dict[str, Any] | None) -> str:
    if best is None:
        return ""
    figure = percent(best["mean"], best["ci95"]) if best["metric"] == "accuracy" else f"{best['mean']:.3g} ± {best['ci95'] or 0:.2g} (mse)"
    return f"{figure} at {best['iteration']} ({best['tasks']} tasks, {best['step']} steps, {best['norm_mode']})"
