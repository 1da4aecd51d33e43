"""The verbs ``evaluate`` and ``adapt``."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ..spec import Experiment, SpecError, outputs, parse_assignment, with_assignments
from ..spec.errors import Problem
from .output import CommandError, Json, Model, Output, Sets, find_run, percent

if TYPE_CHECKING:
    from ..api import Adapted
    from ..training.evaluation import TaskScores

_USED_TABLES = ("data.", "task.", "algorithm.")
_USED_FIELDS = ("evaluation.inner_steps", "evaluation.transductive", "evaluation.seed", "training.device")


class Part(StrEnum):
    """A part of a source that was kept from training."""

    test = "test"
    validation = "validation"


class Ink(StrEnum):
    """Whether the ink is darker or lighter than the paper."""

    auto = "auto"
    dark_on_light = "dark_on_light"
    light_on_dark = "light_on_dark"


Steps = Annotated[int | None, typer.Option("--steps", metavar="N", help="Inner steps; else as in the experiment's evaluation.")]
Support = Annotated[str, typer.Option("--support", metavar="DIR", help="Examples: a folder with one sub-folder of images per class.")]
AsIs = Annotated[bool, typer.Option("--as-is", help="Take each image as it is, instead of placing its ink as in the training images.")]
Polarity = Annotated[Ink, typer.Option("--polarity", help="Whether the ink is darker than the paper.")]


def evaluate(
    model: Model,
    assignments: Sets = None,
    tasks: Annotated[int, typer.Option("--tasks", metavar="N", min=2, help="How many tasks.")] = 600,
    part: Annotated[Part, typer.Option("--part", help="Which part of the data.")] = Part.test,
    json_file: Json = "",
) -> None:
    """Measure a model on new tasks.

    They come from the part of the data that was kept for testing, and are scored before the first inner step and after each.
    """
    output = Output(json_file)
    _refuse_unused(assignments or [])
    from ..api import load
    from ..training.evaluation import norm_mode
    from ..training.machine import prepare_thread

    prepare_thread()
    trained = load(find_run(model))
    experiment = with_assignments(trained.experiment, assignments or [])
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=output.console,
        transient=True,
        disable=not output.console.is_terminal,
    ) as bar:
        row = bar.add_task("Loading the data", total=tasks)

        def loading(message: str, share: float) -> None:
            bar.update(row, description=f"{message} {100 * share:.0f} %" if share >= 0 else message)

        def evaluating(done: int) -> bool:
            bar.update(row, description="Evaluating", completed=done)
            return True

        scores = trained.evaluate(experiment, tasks=tasks, part=part.value, progress=loading, may_go_on=evaluating)
    assert scores is not None
    result = _evaluation(experiment, scores, tasks, part)
    result |= {"norm_mode": norm_mode(experiment, experiment.evaluation.transductive), "iteration": trained.iteration}
    regression = experiment.regression
    table = Table("inner steps", "mean squared error ± 95%" if regression else "accuracy ± 95%", box=None)
    for step in result["steps"]:
        figure = f"{step['mean']:.4g} ± {step['ci95']:.2g}" if regression else percent(step["mean"], step["ci95"])
        table.add_row(str(step["step"]), figure)
    about = f"{result['shot']} points" if regression else f"{result['way']}-way {result['shot']}-shot"
    output.console.print(
        f"{tasks} {part} tasks of {experiment.data.source}, {about}, norm: {result['norm_mode']}, trained for "
        f"{trained.iteration} iterations"
    )
    output.console.print(table)
    output.result(result)


def adapt(
    model: Model,
    support: Support,
    query: Annotated[str, typer.Option("--query", metavar="DIR", help="Images to ask about: a folder, flat or with sub-folders.")],
    steps: Steps = None,
    as_is: AsIs = False,
    polarity: Polarity = Ink.auto,
    json_file: Json = "",
) -> None:
    """Teach a model your own classes.

    It learns from a few images of each class, as many classes as it was trained to tell apart, and names others. To a model of one class
    against the rest, the second folder by name is the class.
    """
    output = Output(json_file)
    files = _query_files(Path(query))
    adapted, ink = adapt_to_folder(model, Path(support), steps, as_is, polarity)
    from ..api import read_images

    frame = None if as_is else adapted.trained.frame
    prediction = adapted.predict(read_images(files, polarity=ink.value, frame=frame))
    best = prediction.probabilities.max(1).tolist()
    rows = [
        {"file": str(file), "label": label, "probability": probability}
        for file, label, probability in zip(files, prediction.labels, best, strict=True)
    ]
    table = Table("file", "class", "probability", box=None)
    for file, label, probability in zip(files, prediction.labels, best, strict=True):
        table.add_row(str(file), label, f"{probability:.2f}")
    first, last = adapted.support_losses[0], adapted.support_losses[-1]
    output.console.print(f"Adapted to {len(adapted.support_images)} images in {adapted.steps} steps: support loss {first:.3g} → {last:.3g}")
    output.console.print(table)
    output.result({"classes": adapted.classes, "predictions": rows, "steps": adapted.steps, "support_losses": adapted.support_losses})


def adapt_to_folder(model: str, support: Path, steps: int | None, as_is: bool, polarity: Ink) -> "tuple[Adapted, Ink]":
    """The model adapted to a folder of class folders, and whether its ink is dark on light.

    Raises:
        CommandError: for a model that tells no classes apart.
        ValueError: ours, when the model or the images can't be used.
    """
    from ..api import load, read_images
    from ..data.folder_tree import find_classes
    from ..data.images import is_dark_on_light
    from ..data.progress import silent
    from ..training.machine import prepare_thread

    prepare_thread()
    trained = load(find_run(model))
    if trained.experiment.regression:
        raise CommandError(f"{model}: this model fits functions ({trained.experiment.data.source}) and tells no classes apart")
    if not support.is_dir():
        raise CommandError(f"--support {support}: should be a folder with one sub-folder of images per class")
    classes = find_classes(support.resolve(), silent)
    files = [file for one in classes for file in one.files]
    if polarity is Ink.auto:
        # The examples decide for the queries too, so that one query's answer does not depend on the others.
        polarity = Ink.dark_on_light if is_dark_on_light(files, silent) else Ink.light_on_dark
    images = read_images(files, polarity=polarity.value, frame=None if as_is else trained.frame)
    return trained.adapt(images, [one.name for one in classes for _ in one.files], steps), polarity


def _query_files(query: Path) -> list[Path]:
    """The images in a folder, however deep; or one image."""
    from ..data.images import SUFFIXES

    if query.is_file():
        return [query]
    if not query.is_dir():
        raise CommandError(f"--query {query}: there is no such folder")
    files = sorted(file for file in query.rglob("*") if file.is_file() and not file.name.startswith("."))
    if not files:
        raise CommandError(f"--query {query}: holds no images")
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            raise CommandError(f"--query {query}: {file} is no image; move it elsewhere")
    return files


def _refuse_unused(assignments: list[str]) -> None:
    for field, _ in map(parse_assignment, assignments):
        if not field.startswith(_USED_TABLES) and field not in _USED_FIELDS:
            usable = ", ".join([f"{table}*" for table in _USED_TABLES] + list(_USED_FIELDS))
            raise SpecError([Problem(field, f"makes no difference to a trained model; evaluate uses {usable}")])


def _evaluation(experiment: Experiment, scores: "TaskScores", tasks: int, part: Part) -> dict[str, Any]:
    regression = experiment.regression
    steps = [
        {"step": score.step, "mean": score.query_loss, "ci95": score.query_loss_ci95}
        if regression
        else {"step": score.step, "mean": score.accuracy, "ci95": score.accuracy_ci95}
        for score in scores.summary()
    ]
    return {
        "metric": "mse" if regression else "accuracy",
        "tasks": tasks,
        "way": None if regression else outputs(experiment.task),
        "shot": experiment.task.shot,
        "transductive": experiment.evaluation.transductive,
        "steps": steps,
        "part": part.value,
        "source": experiment.data.source,
    }
