"""What a model card says about scores: the evaluation of the run where there is one, else its last validation; never without conditions."""

import json
from collections.abc import Sequence

from ..api import Adapted, Trained
from ..spec import Experiment, NWay
from ..training.events import StepScore
from ..training.norm_words import norm_words
from ..training.report_summary import ReportSummary

_NORM_MODES = {
    "transductive": "each batch of queries normalised by its own statistics (transductive)",
    "support": "queries normalised by the statistics of the support set",
}


def model_index(trained: Trained) -> list[str]:
    """What the card says under Measured, at the last inner step, with its conditions."""
    experiment = trained.experiment
    tested, scores = trained.tested, trained.scores
    if tested is not None:
        split, tasks = tested.part, tested.tasks
        found = [(one.norm_mode, one.steps[-1]) for one in tested.results if one.start == "trained"]
    elif scores is not None:
        split, tasks = "validation", scores.tasks
        found = [(scores.norm_mode, _figures(scores.steps)[-1])]
    else:
        return []
    metrics = [_metric(experiment, tasks, norm_mode, *figures) for norm_mode, figures in found]
    task = {"type": "tabular-regression" if experiment.regression else "image-classification", "name": task_words(experiment)}
    dataset = {"type": experiment.data.source, "name": experiment.data.title, "split": split}
    return [
        "model-index:",
        f"- name: {_json(experiment.name)}",
        "  results:",
        f"  - task: {_json(task)}",
        f"    dataset: {_json(dataset)}",
        f"    metrics: {_json(metrics)}",
    ]


def _metric(experiment: Experiment, tasks: int, norm_mode: str, step: int, mean: float, half: float) -> dict[str, object]:
    """A mean with all that it hangs on."""
    kind = "mean squared error" if experiment.regression else "accuracy"
    return {
        "type": "mse" if experiment.regression else "accuracy",
        "value": round(mean, 4),
        "name": f"{kind} after {step} inner steps, {norm_words(norm_mode)}",
        "args": {"inner_steps": step, "norm_mode": norm_mode, "tasks": tasks, "ci95": round(half, 4)},
    }


def _figures(steps: Sequence[StepScore]) -> list[tuple[int, float, float]]:
    """Number, mean that counts, and half width of its 95% interval, for every inner step."""
    return [
        (one.step, one.query_loss, one.query_loss_ci95)
        if one.accuracy is None or one.accuracy_ci95 is None
        else (one.step, one.accuracy, one.accuracy_ci95)
        for one in steps
    ]


def measured(model: Trained | Adapted) -> str:
    """The section about scores: under which conditions, and a table with a row for every inner step."""
    trained = model.trained if isinstance(model, Adapted) else model
    scores, tested, experiment = trained.scores, trained.tested, trained.experiment
    what = "mean squared error" if experiment.regression else "accuracy"
    if tested is not None:
        about = _tested(tested, experiment)
        columns = {f"{one.start}, {one.norm_mode}": list(one.steps) for one in tested.results}
        modes = {one.norm_mode for one in tested.results}
    elif scores is not None:
        about = (
            f"{scores.tasks} validation tasks ({task_words(experiment)}) of {experiment.data.title} after {scores.iteration} "
            f"outer iterations; {_NORM_MODES.get(scores.norm_mode, f'norm: {scores.norm_mode}')}. "
            "Such tasks also choose a run's best checkpoint, so expect a little less on test tasks."
        )
        columns, modes = {what: _figures(scores.steps)}, {scores.norm_mode}
    else:
        return "Not measured."
    if isinstance(model, Adapted):
        about = "How the initialisation does on new tasks; this very task was not measured. " + about
    if modes == {"transductive"}:
        about += " The lines under Use take the support set's statistics instead, and may score differently."
    rows = [f"| {steps[0][0]} | {' | '.join(_cell(experiment, *one) for one in steps)} |" for steps in zip(*columns.values(), strict=True)]
    return "\n".join(
        [about, "", f"| inner steps | {' | '.join(f'{name} ± 95%' for name in columns)} |", "|---" * (len(columns) + 1) + "|", *rows]
    )


def _tested(tested: ReportSummary, experiment: Experiment) -> str:
    """What was asked, of what, and how its norm was used."""
    split = getattr(experiment.data, "split", "")
    data = experiment.data.title + (f" (split: {split})" if split else "")
    modes = [mode for mode in dict.fromkeys(one.norm_mode for one in tested.results) if mode in _NORM_MODES]
    norms = "; ".join(f"{mode}: {_NORM_MODES[mode]}" for mode in modes) or "the norm looks at one example at a time"
    what = "Mean squared error" if experiment.regression else "Accuracy"
    queries = f"{experiment.task.query} to ask about{'' if experiment.regression else ' of each'}"
    return (
        f"{what} on {tested.tasks} {tested.part} tasks ({task_words(experiment)}, {queries}) of {data}, drawn by task seed {tested.seed}; "
        f"the model after {tested.iteration} outer iterations. Columns: {norms}."
    )


def _cell(experiment: Experiment, step: int, mean: float, half: float) -> str:
    return f"{mean:.4g} ± {half:.2g}" if experiment.regression else f"{100 * mean:.1f} ± {100 * half:.1f} %"


def task_words(experiment: Experiment) -> str:
    """What a task asks for, in words."""
    task = experiment.task
    if isinstance(task, NWay):
        return f"{task.way} classes from {task.shot} example{'s' if task.shot > 1 else ''} of each"
    if experiment.regression:
        return f"a function from {task.shot} points"
    return f"to tell one class from the rest, from {task.shot} example{'s' if task.shot > 1 else ''} of each"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
