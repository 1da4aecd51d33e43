"""Tasks per second of one run in one process and shared by two, and what one all-reduce between them takes.

    python tests/benchmarks/scaling.py [--repeats 3] [--out FILE.json]

Conv4-64 on the built-in digits, 5-way 1-shot, meta-batch 32, second order: once with the Omniglot recipe's task (1 query, 1 inner step),
once with a heavy one (10 queries, 5 inner steps). The ways to run it take turns, so that a machine that is busy is so for all of them; each
row says the load before it. Times are the run's own (``OuterStep.seconds``), without the first steps.
"""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import torch

from maml_studio.bench.machine import describe_machine
from maml_studio.spec import load_preset, to_toml, with_changes

FIRST = 4
"""Steps that are not counted: caches and allocators warm up."""
WAYS = {"1 process, 1 thread": (1, 1), "2 processes, 1 thread each": (2, 1), "1 process, 2 threads": (1, 2)}
WORKLOADS: dict[str, dict[str, Any]] = {
    "omniglot recipe": {"task.query": 1, "algorithm.inner_steps": 1, "training.iterations": 60},
    "heavy": {"task.query": 10, "algorithm.inner_steps": 5, "training.iterations": 12},
}
ALL_REDUCE = """
import time, statistics, torch, torch.distributed as dist
torch.set_num_threads(1)
dist.init_process_group("gloo")
values, times = torch.zeros({count}), []
for _ in range(60):
    dist.barrier()
    begin = time.perf_counter()
    dist.all_reduce(values)
    times.append(time.perf_counter() - begin)
if dist.get_rank() == 0:
    print(statistics.median(times[10:]))
dist.destroy_process_group()
"""


def torchrun(size: int) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(size)]


def measure(workload: dict[str, Any], size: int, threads: int, folder: Path) -> dict[str, Any]:
    """One run; its tasks per second after the first steps."""
    changes = {
        "data.source": "digits",
        "data.split": "images",
        "training.checkpoint_every": 10_000,
        "evaluation.every": 10_000,
        "evaluation.tasks": 2,
    }
    experiment = with_changes(load_preset("omniglot-5w1s-maml"), changes | workload)
    file, run = folder / "experiment.toml", folder / "run"
    file.write_text(to_toml(experiment))
    load = psutil.getloadavg()[0]
    start = [sys.executable] if size == 1 else torchrun(size)
    words = [*start, "-m", "maml_studio", "train", str(file), "--run-dir", str(run)]
    subprocess.run(words, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    steps = [line for line in lines if line["event"] == "OuterStep"][FIRST:]
    seconds = steps[-1]["seconds"] - steps[0]["seconds"]
    return {"tasks_per_s": round(sum(step["tasks"] for step in steps[1:]) / seconds, 2), "load_before": round(load, 1)}


def all_reduce(parameters: int) -> float:
    """Seconds for one sum of that many float32 over two processes of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "all_reduce.py"
        file.write_text(ALL_REDUCE.format(count=parameters))
        done = subprocess.run(
            [*torchrun(2), str(file)], check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    return float(done.stdout)


def main() -> None:
    """Measure and print; write the result where asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the outer steps, for a machine that has little time")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    parameters = 112_261  # Conv4-64 with a head of 5 rows
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {name: {way: [] for way in WAYS} for name in WORKLOADS}
    result = {
        "date": datetime.date.today().isoformat(),
        "machine": describe_machine(torch.device("cpu")),
        "parameters": parameters,
        "bytes_per_gradient": 4 * parameters,
        "all_reduce_2_processes_ms": round(1000 * all_reduce(parameters), 2),
    }
    for _ in range(arguments.repeats):
        for name, workload in WORKLOADS.items():
            for way, (size, threads) in WAYS.items():
                with tempfile.TemporaryDirectory() as folder:
                    shorter = workload | {"training.iterations": max(FIRST + 3, int(arguments.share * workload["training.iterations"]))}
                    found = measure(shorter, size, threads, Path(folder))
                rows[name][way].append(found)
                print(f"{name}, {way}: {found['tasks_per_s']} tasks/s at load {found['load_before']}", flush=True)
    summary = {}
    for name, ways in rows.items():
        speeds = {way: [one["tasks_per_s"] for one in found] for way, found in ways.items()}
        middle = {way: statistics.median(found) for way, found in speeds.items()}
        one = middle["1 process, 1 thread"]
        summary[name] = {way: {"tasks_per_s": value, "times_one_process": round(value / one, 2)} for way, value in middle.items()}
    result |= {"summary": summary, "runs": rows}
    print(json.dumps(result["summary"], indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
