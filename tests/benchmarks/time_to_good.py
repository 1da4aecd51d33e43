"""How long it takes to a good model: Omniglot 5-way 1-shot, seconds of training until 90, 95 and 97 % of the same 600 test tasks.

    python tests/benchmarks/time_to_good.py OMNIGLOT [PRESET ...] [--minutes 30] [--out RESULT.json]

OMNIGLOT is a folder of the background alphabets, of which five are held out. Looking at the test tasks costs no time of training, and
chooses nothing: neither a setting nor a checkpoint. On all cores; the load of the machine is in the result.
"""

import argparse
import datetime
import json
import os
import time
from pathlib import Path
from typing import Any

import psutil
from algorithms import HOLDOUT, describe_machine

from maml_studio.data import open_tasks, silent
from maml_studio.files import write_whole
from maml_studio.spec import Experiment, load_preset, with_changes
from maml_studio.training.control import Control
from maml_studio.training.evaluation import evaluate, task_seed
from maml_studio.training.events import OuterStep
from maml_studio.training.guard import Guard
from maml_studio.training.machine import prepare_thread
from maml_studio.training.trainer import Trainer

GOALS = (0.90, 0.95, 0.97)
TASKS = 600
FIRST_LOOK, LATER = 10.0, 1.25
"""Seconds of training before the first look, and how much later each next one comes."""


def settings_of(preset: str, omniglot: str) -> Experiment:
    """The preset on held-out alphabets; its own validation is left out."""
    data = {"data.source": "folder", "data.path": omniglot, "data.split": "alphabets", "data.holdout": HOLDOUT, "data.rotations": True}
    return with_changes(load_preset(preset), {**data, "training.device": "cpu", "evaluation.every": 10**7, "evaluation.tasks": 2})


def measure(experiment: Experiment, seconds: float) -> dict[str, Any]:
    """Train, and look at the test tasks now and then."""
    control = Control()
    tasks = open_tasks(experiment.data, silent)
    trainer = Trainer(experiment, tasks, Guard(None, experiment, control, None), control)
    sampler = tasks.sampler("test", with_changes(experiment, {"task.query": 1}).task)
    looks: list[dict[str, Any]] = []
    due, computing, looked = FIRST_LOOK, time.process_time(), 0.0
    for event in trainer.events():
        if not isinstance(event, OuterStep) or (event.seconds < due and event.iteration < experiment.training.iterations):
            continue
        began = time.process_time()
        seed = task_seed(experiment.evaluation.seed, "test")
        steps = experiment.evaluation.inner_steps
        options: dict[str, Any] = {"tasks": TASKS, "steps": steps, "transductive": True, "seed": seed}
        scores = evaluate(trainer.algorithm, trainer.state.meta, sampler, experiment, workers=trainer.workers, **options)
        assert scores is not None
        last = scores.summary()[-1]
        looks.append(
            {
                "seconds": round(event.seconds, 1),
                "computing": round(began - computing - looked, 1),
                "iteration": event.iteration,
                "mean": round(last.accuracy or 0, 5),
                "ci95": round(last.accuracy_ci95 or 0, 5),
            }
        )
        looked += time.process_time() - began
        print(looks[-1], flush=True)
        due = event.seconds * LATER
        if looks[-1]["mean"] >= max(GOALS) or event.seconds > seconds:
            control.stop()
    reached = {f"{goal:.0%}": next((look["seconds"] for look in looks if look["mean"] >= goal), None) for goal in GOALS}
    return {"preset": experiment.name, "tasks": TASKS, "norm_mode": "transductive", "reached": reached, "looks": looks}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("omniglot")
    parser.add_argument("presets", nargs="*", default=["omniglot-5w1s-fast"])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--out", type=Path)
    words = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    prepare_thread()
    load = psutil.getloadavg()[0]
    rows = [measure(settings_of(preset, words.omniglot), 60 * words.minutes) for preset in words.presets]
    date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    result = {"date": date, "machine": describe_machine(), "load_before": load, "load_after": psutil.getloadavg()[0], "rows": rows}
    print(json.dumps([row["reached"] for row in rows]))
    if words.out:
        write_whole(words.out, (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
