"""What runs take in memory against what `training/memory.py` estimates, each in a process of its own (Linux).

    python tests/benchmarks/memory.py [words of a row's name ...] [--out FILE.json]

A row is two outer steps of one chunk of tasks, or of one task for each core, with a validation before and after. Measured is the largest
resident size (VmHWM) less that after the imports. Every row is taken with the outer gradient through all steps at once, and one step at a
time.
"""

import argparse
import datetime
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

NETWORKS: dict[str, dict[str, Any]] = {
    "conv4 stride": {"model.width": 64},
    "conv4 max-pool": {"model.width": 64, "model.downsample": "max_pool"},
    "tutorial cnn": {"model.name": "tutorial_cnn"},
    "mlp": {"model.name": "mlp", "model.hidden": [256, 128, 64, 64]},
    "gru": {"model.name": "recurrent"},
}
ROWS: dict[str, dict[str, Any]] = {
    f"{name}, {steps} steps": values | {"algorithm.inner_steps": steps, "task.query": 15, "evaluation.inner_steps": min(steps, 5)}
    for name, values in NETWORKS.items()
    for steps in (1, 5, 20, 50)
}
ROWS |= {
    f"{name}, {way}-way {shot}-shot, {query} queries": NETWORKS[name]
    | {"algorithm.inner_steps": 5, "task.way": way, "task.shot": shot, "task.query": query}
    for name in ("conv4 stride", "conv4 max-pool")
    for way, shot, query in ((5, 5, 15), (10, 1, 5), (5, 20, 1))
}
ROWS |= {
    f"conv4 max-pool, {name}": NETWORKS["conv4 max-pool"] | {"algorithm": name, "task.query": 15}
    for name in (
        "fomaml",
        "reptile",
        "imaml",
        "meta_sgd",
        "anil",
        "boil",
        "proto_maml",
        "unicorn_maml",
        "mamlpp",
        "protonet",
        "joint",
        "cavia",
    )
}
ROWS |= {
    "sinusoid": {"preset": "sinusoid-maml"},
    "1000 steps when tried": {"model.width": 16, "evaluation.inner_steps": 1000, "evaluation.tasks": 16},
    "large meta-batch": {"model.width": 4, "training.meta_batch": 2000, "task.query": 15},
    "conv4 max-pool, one task, 1 step": NETWORKS["conv4 max-pool"] | {"task.query": 15, "training.meta_batch": 1},
}


def measure(changes: dict[str, Any]) -> dict[str, Any]:
    """One row, in this process."""
    from maml_studio.spec import load_preset, parse, with_changes
    from maml_studio.spec.editing import with_selection
    from maml_studio.training.chunks import chunk_size, usable_cores
    from maml_studio.training.memory import estimate
    from maml_studio.training.trainer import run

    experiment = load_preset(changes.pop("preset", "digits-maml"))
    experiment = with_changes(experiment, {"training.device": "cpu", "training.iterations": 2, "evaluation.every": 1_000_000})
    if algorithm := changes.pop("algorithm", None):
        experiment = parse(with_selection(experiment.model_dump(), "algorithm", algorithm))
    chunk = chunk_size(with_changes(experiment, changes))
    usual = {"training.meta_batch": max(chunk, usable_cores()), "evaluation.tasks": max(2, min(chunk, 4))}
    experiment = with_changes(experiment, usual | changes)
    estimated, before = estimate(experiment).total, _status("VmRSS")
    for _ in run(experiment):
        pass
    grown = _status("VmHWM") - before
    return {"chunk": chunk, "measured_MB": round(grown / 1e6), "estimated_MB": round(estimated / 1e6), "ratio": round(estimated / grown, 2)}


def _status(key: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.row:
        print(json.dumps(measure(json.loads(arguments.row))))
        return
    rows = []
    for name, changes in ROWS.items():
        if not all(word in name for word in arguments.words):
            continue
        for memory in ("unrolled", "flat"):
            words = [sys.executable, __file__, "--row", json.dumps(changes | {"training.memory": memory})]
            shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout
            rows.append({"row": name, "memory": memory, **json.loads(shown.splitlines()[-1])})
            print(rows[-1], flush=True)
    machine = f"{platform.system()}, {platform.machine()}, {psutil.cpu_count()} cores, Python {platform.python_version()}"
    if arguments.out:
        date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
        arguments.out.write_text(json.dumps({"date": date, "machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
