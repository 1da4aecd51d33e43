"""Every algorithm on every workload: trains, measures, and prints one table.

    taskset -c 0 python tests/benchmarks/algorithms.py RUNS --minutes 5 --omniglot FOLDER [--cells omniglot-5w1s digits/maml]
    python tests/benchmarks/algorithms.py --table

A cell is one algorithm on one workload (and one training seed). It is calibrated first: a few seconds of it are timed, and it gets as many
iterations as the given minutes allow, so that a schedule such as Reptile's ε ends where the time ends. The minutes are computing time, by
the processor's clock: what else a busy machine does lengthens the wait and not the training. Then it is trained in RUNS, where a run that
was cut goes on, and tried on 600 test tasks, at every inner step, in both norm modes, beside the random start. ``cell.json`` and
``experiment.toml`` in the results are what is left of it. A cell that is there already with as many minutes is passed over, so that the
same command goes on where it was ended. One thread per run lets two of them run side by side: hence ``taskset``.

Settings are chosen with ``--part validation --set FIELD=VALUE``: such trials use validation tasks, and leave everything in RUNS.
"""

import argparse
import json
import os
import platform
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from algorithms_table import PUBLISHED, print_table

from maml_studio import api
from maml_studio.algorithms import ALGORITHMS
from maml_studio.files import write_whole
from maml_studio.spec import Experiment, Folder, load_preset, to_toml, with_assignments, with_changes
from maml_studio.spec.experiment import TABLES
from maml_studio.training.control import Control
from maml_studio.training.events import Failed, Finished, OuterStep, Started, Validation
from maml_studio.training.report import Report
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

HERE = Path(__file__).parent
HOLDOUT = ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin")
SETTINGS = tomllib.loads((HERE / "algorithms.toml").read_text())
SEEDS = {"sinusoid": 1, "digits": 3, "omniglot-5w1s": 1, "omniglot-5w5s": 1}
"""Each workload, and how many training seeds it has."""
QUERIES = {"sinusoid": 10, "digits": 5, "omniglot-5w1s": 1, "omniglot-5w5s": 5}
"""Queries per class of the test tasks, whatever an algorithm was trained with, so that all are asked the same."""
TASKS = 600
VALIDATION_TASKS = 100
MOST_VALIDATIONS, VALIDATION_SHARE = 10, 0.1
"""So often at most training looks at validation tasks, and no more of the time than this share."""
IN_ITERATIONS = ("training.halve_every", "algorithm.multi_step", "algorithm.first_order_until")
"""Settings that are counted in iterations: they keep their share of the whole."""


def cells() -> Iterator[tuple[str, str, int]]:
    """Workload, algorithm and seed of every cell, in the order in which they are worth having."""
    for workload in ("omniglot-5w1s", "digits", "sinusoid", "omniglot-5w5s"):
        for seed in range(SEEDS[workload]):
            for algorithm in ALGORITHMS:
                if workload != "sinusoid" or not TABLES["algorithm"][algorithm].needs_classes:
                    yield workload, algorithm, seed


def cell_name(workload: str, algorithm: str, seed: int) -> str:
    return f"{workload}/{algorithm}" + (f"-{seed}" if SEEDS[workload] > 1 else "")


def settings_of(workload: str, algorithm: str, seed: int, omniglot: str) -> Experiment:
    """The cell's experiment before it is fitted to the time."""
    if workload.startswith("omniglot"):
        experiment = load_preset(f"omniglot-5w1s-{algorithm.replace('_', '-')}")
        data = {"data.source": "folder", "data.path": omniglot, "data.split": "alphabets", "data.holdout": HOLDOUT, "data.rotations": True}
    else:
        experiment, data = load_preset(f"{workload}-maml"), {"algorithm.name": algorithm}
    changes = SETTINGS.get(workload, {})
    changes = changes.get("all", {}) | changes.get(algorithm, {})
    return with_changes(experiment, {"name": f"{workload}-{algorithm}", "seed": seed, **data, **changes})


def calibrate(experiment: Experiment, minutes: float) -> tuple[Experiment, dict[str, float]]:
    """The experiment with as many iterations as the time allows; schedules end with it."""
    per_iteration, per_validation = measure(experiment)
    seconds = 60 * minutes
    validations = max(1, min(MOST_VALIDATIONS, int(VALIDATION_SHARE * seconds / per_validation)))
    iterations = max(validations, int((seconds - (validations + 1) * per_validation) / per_iteration))
    iterations -= iterations % validations
    changes: dict[str, Any] = {
        "training.iterations": iterations,
        "training.checkpoint_every": max(1, iterations // 10),
        "evaluation.every": iterations // validations,
        "evaluation.tasks": VALIDATION_TASKS,
    }
    for field in IN_ITERATIONS:
        table, key = field.split(".")
        if value := getattr(getattr(experiment, table), key, 0):
            changes[field] = max(1, round(value * iterations / experiment.training.iterations))
    found = {"seconds_per_iteration": round(per_iteration, 5), "seconds_per_validation": round(per_validation, 3)}
    return with_changes(experiment, changes), found


def measure(experiment: Experiment, at_least: float = 5.0) -> tuple[float, float]:
    """Seconds of computing that one iteration and one validation take, by the processor's clock: what else runs does not count."""
    endless = with_changes(
        experiment,
        {"training.iterations": 10_000_000, "evaluation.every": 10_000_000, "evaluation.tasks": VALIDATION_TASKS},
    )
    control, began, validation = Control(), 0.0, 0.0
    clocks: list[float] = []
    for event in run(endless, control=control):
        now = computing()
        if isinstance(event, Failed):
            raise SystemExit(f"{experiment.name}: {event.message}")
        if isinstance(event, Started):
            began = now
        if isinstance(event, Validation):
            validation = now - began
        if isinstance(event, OuterStep):
            clocks.append(now)
            # The first one warms up; every tenth takes longer, since it is traced.
            if len(clocks) % 10 == 1 and now - clocks[0] > at_least:
                control.stop()
    return (clocks[-1] - clocks[0]) / (len(clocks) - 1), validation


def computing() -> float:
    """The processor's seconds of this process, of one of its threads where there are several."""
    return time.process_time() / torch.get_num_threads()


def train(experiment: Experiment, path: Path) -> dict[str, Any]:
    """Train into a run folder, or go on where it was cut."""
    folder = RunFolder.open(path) if path.exists() else RunFolder.create(path, experiment)
    events = list(folder.events())
    began, fresh = computing(), not events
    if not (events and isinstance(events[-1], Finished)):
        for event in run(folder.experiment, folder=folder, checkpoint=folder.resume_point()):
            if isinstance(event, Failed):
                raise SystemExit(f"{path}: {event.message}")
    steps = [event for event in folder.events() if isinstance(event, OuterStep)]
    validations = [event for event in folder.events() if isinstance(event, Validation)]
    seconds = max(steps[-1].seconds, validations[-1].seconds)
    spent = computing() - began if fresh else seconds
    residuals = {name: round(value, 4) for name, value in steps[-1].notes.items()}
    return {
        "iterations": steps[-1].iteration,
        "seconds": round(seconds, 1),
        "computing_seconds": round(spent, 1) if fresh else None,
        "tasks_per_s": round(sum(step.tasks for step in steps) / spent, 2),
        "validation": [
            {"iteration": event.iteration, "seconds": round(event.seconds, 1), "mean": round(score(event), 4)} for event in validations
        ],
    } | ({"notes": residuals} if residuals else {})


def score(event: Validation) -> float:
    """Accuracy after the last inner step, or for regression the squared error."""
    last = event.scores[-1]
    return last.query_loss if last.accuracy is None else last.accuracy


def measure_cell(name: str, experiment: Experiment, words: argparse.Namespace, results: Path) -> None:
    """Calibrate, train, try; leave the cell behind."""
    done = read(results / name / "cell.json")
    if done and done["minutes"] >= words.minutes:
        return
    began = time.strftime("%H:%M")
    folder = words.runs / name / f"run-{words.minutes:g}min"
    calibration = folder.parent / f"{folder.name}.json"
    found = read(calibration)
    if not (found and folder.exists()):
        experiment, found = calibrate(experiment, words.minutes)
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_whole(calibration, json.dumps(found).encode())
    training = train(experiment, folder) | found
    trained = api.load(folder)
    workload = name.split("/")[0]
    report = trained.report(with_changes(trained.experiment, {"task.query": QUERIES[workload]}), tasks=words.tasks, part=words.part)
    assert report is not None
    cell = {"workload": workload, "minutes": words.minutes} | describe(report, trained.experiment, training)
    cell["published"] = PUBLISHED.get(workload, {}).get(cell["algorithm"])
    keep(cell, trained.experiment, results / name)
    ends = [(f"{one['start']} {one['norm_mode']}", one["steps"][-1]) for one in cell["results"]]
    lasts = ", ".join(f"{title} {last['mean']:.4f} ± {last['ci95']:.4f}" for title, last in ends)
    seconds = f"{training['seconds']:.0f} s ({training['computing_seconds']} computing)"
    print(f"{began} {name}: {training['iterations']} iterations, {seconds}; {lasts}", flush=True)


def describe(report: Report, experiment: Experiment, training: dict[str, Any]) -> dict[str, Any]:
    """What ``cell.json`` holds."""
    return {
        "algorithm": experiment.algorithm.name,
        "seed": experiment.seed,
        "metric": report.metric,
        "part": report.part,
        "tasks": report.tasks,
        "task_seed": report.seed,
        "queries_per_class": report.experiment.task.query,
        "results": [
            {
                "start": result.start,
                "transductive": result.transductive,
                "norm_mode": result.norm_mode,
                "steps": [{"step": step, "mean": round(mean, 5), "ci95": round(half, 5)} for step, mean, half in result.figures],
            }
            for result in report.results
        ],
        "training": training | {"best_iteration": report.iteration},
        "machine": describe_machine(),
        "date": time.strftime("%Y-%m-%d"),
    }


def keep(cell: dict[str, Any], experiment: Experiment, folder: Path) -> None:
    """Write a cell's two files. Of the data's folder only its name is kept: where it lies is nobody else's business."""
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(experiment.data, Folder):
        experiment = with_changes(experiment, {"data.path": Path(experiment.data.path).name})
    write_whole(folder / "experiment.toml", to_toml(experiment).encode())
    write_whole(folder / "cell.json", (json.dumps(cell, indent=1, ensure_ascii=False) + "\n").encode())


def describe_machine() -> dict[str, Any]:
    """What the times depend on."""
    return {
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def read(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.is_file() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="?", type=Path, help="where the runs go")
    parser.add_argument("--minutes", type=float, default=5, help="training time of a cell")
    parser.add_argument("--omniglot", default="", metavar="FOLDER", help="the background alphabets, one folder each")
    parser.add_argument("--cells", nargs="*", default=[], help="only cells whose name begins so")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "algorithms", help="where the cells go")
    parser.add_argument("--part", choices=("test", "validation"), default="test")
    parser.add_argument("--set", action="append", default=[], dest="changes", metavar="FIELD=VALUE", help="only with --part validation")
    parser.add_argument("--tasks", type=int, default=TASKS)
    parser.add_argument("--table", action="store_true", help="print the table of what is there")
    words = parser.parse_args()
    if words.table:
        print_table(words.results, list(SEEDS), list(ALGORITHMS))
        return
    if not words.runs:
        parser.error("name a folder for the runs, or ask for the --table")
    if words.changes and words.part == "test":
        parser.error("--set is for choosing settings, which is done with --part validation")
    trial = "".join(f",{change.partition('.')[2]}" for change in words.changes)
    results = words.results if words.part == "test" else words.runs
    for workload, algorithm, seed in cells():
        name = cell_name(workload, algorithm, seed)
        if words.cells and not any(name == word or name.startswith((word + "/", word + "-")) for word in words.cells):
            continue
        if workload.startswith("omniglot") and not words.omniglot:
            print(f"{name}: needs --omniglot FOLDER", file=sys.stderr)
            continue
        experiment = with_assignments(settings_of(workload, algorithm, seed, words.omniglot), words.changes)
        measure_cell(name + trial, experiment, words, results)


if __name__ == "__main__":
    main()
