"""The model card: what the model is, how it was trained, what it scored, how to use it. Markdown, as model hubs read it."""

import re
from pathlib import Path

from ..api import Adapted, Trained
from ..models import input_shape
from ..spec import Experiment, Folder, ImageSettings, NWay, to_toml
from .attribution import ATTRIBUTION
from .snippet import usage

_NORM_MODES = {
    "transductive": "each batch of queries normalised by its own statistics (transductive)",
    "support": "queries normalised by the statistics of the support set",
}


def model_card(model: Trained | Adapted, file_name: str, step: int | None = None) -> str:
    """The card of an exported model.

    Args:
        model: what is exported.
        file_name: name of the file with the weights, which lies beside the card.
        step: for an adapted model, the inner step whose weights they are; the last one if None.
    """
    trained = model.trained if isinstance(model, Adapted) else model
    experiment = trained.experiment
    sections = [_front_matter(experiment), _what(model, step)]
    sections += ["## Use", _fenced(usage(model, file_name), "python")]
    sections += ["## Input", _input(trained)]
    sections += [f"## Measured {'error' if experiment.regression else 'accuracy'}", _measured(trained)]
    sections += ["## Training", _training(trained), _fenced(public_toml(experiment), "toml")]
    sections += ["## Data", ATTRIBUTION.get(experiment.data.source, "Not known.")]
    return "\n\n".join(sections) + "\n"


def public_toml(experiment: Experiment) -> str:
    """All settings as TOML, but for the way to a folder on the author's machine, of which the name alone is kept."""
    if isinstance(experiment.data, Folder):
        folder = experiment.data.model_copy(update={"path": Path(experiment.data.path).name})
        experiment = experiment.model_copy(update={"data": folder})
    return to_toml(experiment).strip()


def _front_matter(experiment: Experiment) -> str:
    tags = ["meta-learning", "few-shot", experiment.algorithm.name, experiment.model.name, experiment.data.source]
    task = [] if experiment.regression else ["pipeline_tag: image-classification"]
    return "\n".join(["---", "library_name: pytorch", *task, "tags:", *(f"- {tag}" for tag in tags), "---"])


def _what(model: Trained | Adapted, step: int | None) -> str:
    trained = model.trained if isinstance(model, Adapted) else model
    experiment = trained.experiment
    network = f"{experiment.model.title}, meta-trained with {experiment.algorithm.title} on {experiment.data.title}"
    if isinstance(model, Trained):
        sentences = [
            f"{network}: an initialisation from which a few gradient steps learn {_task(experiment)}.",
            "It is a starting point and has to be adapted before it predicts.",
        ]
        if experiment.model.batch_norm:
            sentences.append("Keep it in `train()`: its batch norm has no statistics of its own.")
        return f"# {_text(experiment.name)}, the initialisation\n\n" + " ".join(sentences)
    steps = model.steps if step is None else step
    examples = f"{len(model.support_images)} {'points' if experiment.regression else 'images'}"
    sentences = [f"{network}, then adapted to {examples} in {steps} inner steps (support loss {model.support_losses[steps]:.4g})."]
    if model.classes:
        sentences.append("It tells these classes apart, in the order of its outputs: " + ", ".join(map(_code, model.classes)) + ".")
    if experiment.model.batch_norm:
        sentences.append("The support set's statistics are frozen into its batch norm: use it in `eval()`.")
    return f"# {_text(experiment.name)}, adapted\n\n" + " ".join(sentences)


def _task(experiment: Experiment) -> str:
    task = experiment.task
    if isinstance(task, NWay):
        return f"{task.way} classes from {task.shot} example{'s' if task.shot > 1 else ''} of each"
    if experiment.regression:
        return f"a function from {task.shot} points"
    return f"to tell one class from the rest, from {task.shot} example{'s' if task.shot > 1 else ''} of each"


def _input(trained: Trained) -> str:
    experiment = trained.experiment
    sizes = ", ".join(str(size) for size in input_shape(experiment))
    if experiment.regression:
        return f"float32 `[n, {sizes}]`, points of the function's argument."
    text = (
        f"float32 `[n, {sizes}]` in [0, 1], ink = 1 on 0. To prepare an image: take its shades of grey, 0 to 255, make it 28x28 with "
        "antialiasing, and divide by 255; where the ink is darker than the paper, subtract the result from 1."
    )
    if trained.frame is None or not isinstance(experiment.data, ImageSettings):
        return text
    frame = trained.frame
    middle = "its centre of mass" if frame.centre == "mass" else "the middle of its bounding box"
    return (
        f"{text} In the training images the ink's longer side measures {frame.box:.0f} of the {frame.size} pixels on average, {middle} is "
        f"in the middle, and lines are {frame.width:.1f} pixels wide: images of the same kind work best."
    )


def _measured(trained: Trained) -> str:
    scores = trained.scores
    if scores is None:
        return "Not measured."
    regression = trained.experiment.regression
    head = ["inner steps", "mean squared error ± 95%" if regression else "accuracy ± 95%"]
    rows = []
    for score in scores.steps:
        if score.accuracy is None or score.accuracy_ci95 is None:
            rows.append(f"| {score.step} | {score.query_loss:.4g} ± {score.query_loss_ci95:.2g} |")
        else:
            rows.append(f"| {score.step} | {100 * score.accuracy:.1f} ± {100 * score.accuracy_ci95:.1f} % |")
    about = (
        f"{scores.tasks} validation tasks ({_task(trained.experiment)}) after {scores.iteration} outer iterations; "
        f"{_NORM_MODES.get(scores.norm_mode, scores.norm_mode)}. "
        "Such tasks also choose a run's best checkpoint, so expect a little less on test tasks."
    )
    if scores.norm_mode == "transductive":
        about += " The lines under Use take the support set's statistics instead, and may score differently."
    return "\n".join([about, "", f"| {head[0]} | {head[1]} |", "|---|---|", *rows])


def _training(trained: Trained) -> str:
    experiment = trained.experiment
    return (
        f"Outer iterations: {trained.iteration}, of {experiment.training.meta_batch} tasks each. Inner steps: "
        f"{experiment.algorithm.inner_steps}, of rate {experiment.algorithm.inner_lr:g}. All settings, as MAML Studio reads them:"
    )


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _code(text: str) -> str:
    fence = "`" * (_longest_run(text) + 1)
    text = " ".join(text.split())
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def _text(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
