"""The tutorial's loop on MNIST beside MAML on the same data.

    taskset -c 0 python tests/benchmarks/tutorial.py RUNS RESULT.json

Trains the presets ``mnist-tutorial-joint`` (ordinary training by gradient descent of rate 0.001, with a softmax before the
cross-entropy), ``mnist-tutorial-joint-no-softmax`` and, for as long, ``mnist-tutorial-maml``, the last one without its extra softmax too.
Writes how well the joint networks tell the ten digits apart after how many steps, and how all of them do on the same 600 few-shot tasks:
5 of the 10 digits, 1 image of each to learn from. There a joint network is fine-tuned, with the rate and the part that did best on
validation tasks. A run that was cut goes on. MNIST comes from where the app keeps its data, and is downloaded if it isn't there.
"""

import json
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from algorithms import calibrate, describe_machine, train

from maml_studio import api
from maml_studio.algorithms import build_algorithm
from maml_studio.data import Tasks, open_tasks
from maml_studio.files import write_whole
from maml_studio.models import build_for
from maml_studio.spec import Experiment, ImageSettings, load_preset, with_changes
from maml_studio.training.evaluation import evaluate, task_seed

JOINT = ("mnist-tutorial-joint", "mnist-tutorial-joint-no-softmax")
MAML = {"mnist-tutorial-maml": {}, "mnist-tutorial-maml-no-softmax": {"model.softmax": False}}
TASKS, VALIDATION_TASKS = 600, 100
TUTORIAL_REPORTS = 0.83
FINE_TUNING_STEPS = 10
RATES = (0.01, 0.1, 1.0)
FEW_SHOT = {"task.way": 5, "task.shot": 1, "task.query": 5, "evaluation.inner_steps": FINE_TUNING_STEPS}


def joint(name: str, runs: Path) -> dict[str, Any]:
    """Ordinary training, then fine-tuning on few-shot tasks."""
    experiment = load_preset(name)
    training = train(experiment, runs / name)
    trained = api.load(runs / name, "latest")
    whole = trained.report(with_changes(experiment, {"task.query": 15}), tasks=TASKS)
    assert whole is not None
    reached = [one["iteration"] for one in training["validation"] if one["mean"] >= TUTORIAL_REPORTS]
    found = {
        "images in a step": experiment.training.meta_batch * experiment.task.way * (experiment.task.shot + experiment.task.query),
        "training": training,
        "ten digits, test images": {one.start: figures(one.figures)[0] for one in whole.results},
        "validation accuracy of 0.83 reached by iteration": min(reached, default=None),
    }
    for known, title in ((False, "new head"), (True, "rows of the digits that it knows")):
        choices = {
            (adapts, rate): few_shot(trained, fine_tuned(experiment, adapts, rate), known, "validation")[-1]["mean"]
            for adapts in ("all", "head")
            for rate in RATES
        }
        adapts, rate = max(choices, key=lambda choice: choices[choice])
        found[f"few-shot, {title}"] = {
            "validation": [{"adapts": one, "rate": value, "accuracy": round(score, 4)} for (one, value), score in choices.items()],
            "adapts": adapts,
            "rate": rate,
            "test": few_shot(trained, fine_tuned(experiment, adapts, rate), known, "test"),
        }
    return found


def fine_tuned(experiment: Experiment, adapts: str, rate: float) -> Experiment:
    return with_changes(experiment, {**FEW_SHOT, "algorithm.adapts": adapts, "algorithm.inner_lr": rate})


def few_shot(trained: api.Trained, experiment: Experiment, known: bool, part: Any) -> list[dict[str, float]]:
    """Accuracy at every fine-tuning step.

    Args:
        trained: the joint network.
        experiment: the few-shot task, and how to fine-tune.
        known: whether it is told which of its ten digits the task's classes are; MAML is not.
        part: of the data.
    """
    algorithm = build_algorithm(experiment, build_for(trained.experiment))
    algorithm.known_classes = known
    scores = evaluate(
        algorithm,
        trained.meta,
        opened(experiment.data).sampler(part, experiment.task),
        experiment,
        tasks=TASKS if part == "test" else VALIDATION_TASKS,
        steps=experiment.evaluation.inner_steps,
        transductive=experiment.evaluation.transductive,
        seed=task_seed(experiment.evaluation.seed, part),
    )
    assert scores is not None
    return figures((one.step, one.accuracy or 0.0, one.accuracy_ci95 or 0.0) for one in scores.summary())


@cache
def opened(data: ImageSettings) -> Tasks:
    """MNIST, read once."""
    return open_tasks(data)


def figures(steps: Iterable[tuple[int, float, float]]) -> list[dict[str, float]]:
    """The mean over tasks and its 95% interval at every inner step."""
    return [{"step": step, "mean": round(mean, 4), "ci95": round(half, 4)} for step, mean, half in steps]


def maml(name: str, changes: dict[str, Any], runs: Path, minutes: float) -> dict[str, Any]:
    """MAML for as long as the joint network was trained, tried on the same test tasks."""
    experiment = with_changes(load_preset("mnist-tutorial-maml"), {"name": name, "data.split": "author", **changes})
    if not (runs / name).exists():
        experiment, _ = calibrate(experiment, minutes)
    training = train(experiment, runs / name)
    report = api.load(runs / name).report(tasks=TASKS)
    assert report is not None
    return {"training": training, "few-shot": {one.start: figures(one.figures) for one in report.results}}


def main() -> None:
    runs, result = Path(sys.argv[1]), Path(sys.argv[2])
    found: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": describe_machine(), "tasks": TASKS}
    for name in JOINT:
        found[name] = joint(name, runs)
        keep(found, result)
    training = found[JOINT[0]]["training"]
    minutes = (training["computing_seconds"] or training["seconds"]) / 60
    for name, changes in MAML.items():
        found[name] = maml(name, changes, runs, minutes)
        keep(found, result)


def keep(found: dict[str, Any], result: Path) -> None:
    write_whole(result, (json.dumps(found, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
