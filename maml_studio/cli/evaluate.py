"""The verbs ``evaluate`` and ``adapt``."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from ..spec import SpecError, parse_assignment, with_assignments
from ..spec.errors import Problem
from ..training.norm_words import norm_words
from .output import AllowModules, CommandError, Json, Model, Output, Sets, find_run, percent
from .report import report_files, write_report

if TYPE_CHECKING:
    from ..api import Adapted
    from ..training.report import Report

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
    both_modes: Annotated[bool, typer.Option("--both-modes", help="Transductive and not, side by side; only batch norm differs.")] = False,
    random_start: Annotated[bool, typer.Option("--random-start", help="The untrained network on the same tasks, beside it.")] = False,
    as_is: AsIs = False,
    report: Annotated[str, typer.Option("--report", metavar="DIR|FILE", help="Write a report: .json, .png, or a folder for both.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace report files that are there already.")] = False,
    allow_modules: AllowModules = None,
    json_file: Json = "",
) -> None:
    """Measure a model on new tasks.

    They come from the part of the data that was kept for testing, and are scored before the first inner step and after each. Other data
    is tried with --set data.source and its other settings. A run folder keeps the report on its own test tasks as report.json.
    """
    del allow_modules  # its callback did it
    output = Output(json_file)
    files = report_files(report, overwrite=overwrite)
    _refuse_unused(assignments or [])
    from ..api import load
    from ..training.machine import prepare_thread
    from ..training.report import save_beside_run

    prepare_thread()
    path = find_run(model)
    trained = load(path)
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

        found = trained.report(
            experiment,
            tasks=tasks,
            part=part.value,
            both_modes=both_modes,
            random_start=random_start,
            as_is=as_is,
            progress=loading,
            may_go_on=evaluating,
        )
    assert found is not None
    _print_report(found, output.console, both_modes=both_modes)
    write_report(found, files)
    for file in files:
        output.console.print(f"Report: {file}")
    try:
        save_beside_run(found, trained.experiment, path)
    except OSError as error:
        # What was asked for is on the screen already.
        output.console.print(f"The run folder can't keep the report: {error.strerror or error}")
    output.result(found.to_json())


def _print_report(report: "Report", console: Console, *, both_modes: bool) -> None:
    """A line about the tasks, and a table with a column for each condition."""
    regression = report.experiment.regression
    console.print(f"{report.about}, {norm_words(report.results[0].norm_mode)}, weights of iteration {report.iteration}")
    if both_modes and len({result.transductive for result in report.results}) == 1:
        console.print("This network has no batch norm, so there is one norm mode only.")
    what = "mean squared error ± 95%" if regression else "accuracy ± 95%"
    several = len(report.results) > 1
    table = Table("inner steps", *([result.name for result in report.results] if several else [what]), box=None)
    if several:
        console.print(f"{what}:")
    for figures in zip(*(result.figures for result in report.results), strict=True):
        cells = [f"{mean:.4g} ± {half:.2g}" if regression else percent(mean, half) for _, mean, half in figures]
        table.add_row(str(figures[0][0]), *cells)
    console.print(table)


def adapt(
    model: Model,
    support: Support,
    query: Annotated[str, typer.Option("--query", metavar="DIR", help="Images to ask about: a folder, flat or with sub-folders.")],
    steps: Steps = None,
    as_is: AsIs = False,
    polarity: Polarity = Ink.auto,
    allow_modules: AllowModules = None,
    json_file: Json = "",
) -> None:
    """Teach a model your own classes.

    It learns from a few images of each class, as many classes as it was trained to tell apart, and names others. To a model of one class
    against the rest, the second folder by name is the class.
    """
    del allow_modules  # its callback did it
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
    if refusal := trained.refusal(len(classes)):
        raise CommandError(f"--support {support}: {refusal[0].lower()}{refusal[1:]}")
    files = [file for one in classes for file in one.files]
    if polarity is Ink.auto:
        # The examples decide for the queries too, so that one query's answer does not depend on the others.
        polarity = Ink.dark_on_light if is_dark_on_light(files, silent) else Ink.light_on_dark
    images = read_images(files, polarity=polarity.value, frame=None if as_is else trained.frame)
    return trained.adapt(images, [one.name for one in classes for _ in one.files], steps), polarity


def _query_files(query: Path) -> list[Path]:
    """The images in a folder, however deep; or one image."""
    from ..data.folder_tree import find_images

    if query.is_file():
        return [query]
    if not query.is_dir():
        raise CommandError(f"--query {query}: there is no such folder")
    return find_images(query)


def _refuse_unused(assignments: list[str]) -> None:
    for field, _ in map(parse_assignment, assignments):
        if not field.startswith(_USED_TABLES) and field not in _USED_FIELDS:
            usable = ", ".join([f"{table}*" for table in _USED_TABLES] + list(_USED_FIELDS))
            raise SpecError([Problem(field, f"makes no difference to a trained model; evaluate uses {usable}")])
