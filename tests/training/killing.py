"""Kills a training process with SIGKILL at moments drawn from a seed, resumes it, and so on until it has finished.

``python tests/training/killing.py --kills 50 --out FILE.json`` does it from the command line, over one algorithm or all.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import torch
from run_cases import assert_same_runs, checked, digits, sines, suited

from maml_studio.algorithms import ALGORITHMS
from maml_studio.spec import TABLES, Experiment, to_toml, with_changes
from maml_studio.training.events import Finished
from maml_studio.training.run_folder import METRICS, RunFolder
from maml_studio.training.trainer import run as train

SOON = 120.0
"""Seconds after which a process that should have done something is lost."""
SLOWEST_S = 0.03
"""Most seconds between the sight of a line and the kill: a few steps, with their checkpoints."""


def killable(algorithm: str = "maml", kills: int = 3) -> Experiment:
    """A tiny run that spends much of its time on writing checkpoints, and is long enough for so many kills."""
    # A wide network has little to compute and much to write.
    base = digits() if TABLES["algorithm"][algorithm].needs_classes else sines(model__hidden=[256, 256])  # type: ignore[attr-defined]
    changes = {
        "training.iterations": 8 + 4 * kills,
        "training.checkpoint_every": 1,
        "training.schedule": "cosine",
        "training.patience": 100_000,
        "evaluation.every": 3,
        "evaluation.tasks": 2,
    }
    return with_changes(suited(base, algorithm), changes)


def start(*words: str) -> "subprocess.Popen[bytes]":
    # On the mounted source, also where the package is not installed.
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-m", "maml_studio", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    )


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def kill_at_random(process: "subprocess.Popen[bytes]", run: Path, chance: random.Random) -> str:
    """Kill a training process: at the start (a fifth), or a moment after it has written some lines; where, or empty if it was too late."""
    metrics = run / METRICS
    began, before = time.monotonic(), count_lines(metrics)
    if chance.random() < 0.2:
        moment, wanted = chance.uniform(0.0, 3.0), 1 << 60
    else:
        moment, wanted = SOON, before + chance.randint(1, 12)
    while process.poll() is None and time.monotonic() - began < moment and count_lines(metrics) < wanted:
        time.sleep(0.001)
    if wanted < 1 << 60:
        time.sleep(chance.uniform(0.0, SLOWEST_S))
    if process.poll() is not None:
        return ""
    process.kill()
    process.wait()
    return where(run, before)


def where(run: Path, before: int) -> str:
    """What a kill left behind."""
    metrics = run / METRICS
    if any(run.parent.glob(f".{run.name}.*.part")) or not run.exists():
        return "before its folder was made"
    if list(run.glob("**/.*.part")):
        return "while a file was written"
    content = metrics.read_bytes() if metrics.exists() else b""
    if count_lines(metrics) <= before:
        return "before anything new was written down"
    if not content.endswith(b"\n"):
        return "while a line was written"
    last = json.loads(content.splitlines()[-1])
    checkpoint = RunFolder.open(run).checkpoint_path("latest")
    saved = RunFolder.open(run).load_checkpoint("latest").iteration if checkpoint.exists() else None
    if saved == last["iteration"] and last["event"] != "Checkpointed":
        return "between a checkpoint and its line"
    return f"after the line of {last['event']}"


def survive(folder: Path, experiment: Experiment, kills: int, seed: int) -> Iterator[str]:
    """Train with so many kills and without any; what each kill met. Both runs must end in the same bits.

    Raises:
        AssertionError: when they don't, or a process complains.
    """
    file, whole, run = folder / "experiment.toml", folder / "whole", folder / "killed"
    file.write_text(to_toml(experiment), encoding="utf-8")
    checked(train(experiment, folder=RunFolder.create(whole, experiment)))
    chance, done = random.Random(seed), 0
    words = ["train", str(file), "--run-dir", str(run)]
    while not run.exists() or not isinstance(last_event(run), Finished):
        process = start(*words)
        if done < kills:
            met = kill_at_random(process, run, chance)
            done += bool(met)
            if met:
                yield met
        _, errors = process.communicate(timeout=SOON)
        if process.returncode != -9:
            assert (process.returncode, errors) == (0, b""), errors.decode()
        words = ["resume", str(run)] if run.exists() else words
    assert done == kills, f"the run was over after {done} kills"
    assert_same_runs(whole, run)


def last_event(run: Path) -> object:
    *_, last = [None, *RunFolder.open(run).events()]
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--algorithm", default="maml", choices=[*ALGORITHMS, "all"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    names = list(ALGORITHMS) if options.algorithm == "all" else [options.algorithm]
    rows = []
    for number, name in enumerate(names):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            met = Counter(survive(Path(folder), killable(name, options.kills), options.kills, options.seed + number))
        row: dict[str, Any] = {
            "algorithm": name,
            "iterations": killable(name, options.kills).training.iterations,
            "kills": met.total(),
            "met": dict(met.most_common()),
            "same bits as without a kill": True,
            "seconds": round(time.monotonic() - began, 1),
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = platform.python_version()
    machine = f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, torch {torch.__version__.split('+')[0]}, Python {python}"
    result = {"date": date.today().isoformat(), "machine": machine, "seed": options.seed, "runs": rows}
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
