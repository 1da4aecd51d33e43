"""The model card: what the model is, how it was trained, what it scored, how to use it. Markdown, as model hubs read it."""

import re
from pathlib import Path

from ..api import Adapted, Trained
from ..models import input_shape
from ..spec import Experiment, ImageSettings, to_toml
from .attribution import NOT_KNOWN, SOURCES, Source
from .measured import measured, model_index, task_words
from .snippet import higher_loop, usage


def model_card(
    model: Trained | Adapted, file_name: str, step: int | None = None, file_format: str = "safetensors", *, softmax: bool = True
) -> str:
    """The card of an exported model.

    Args:
        model: what is exported.
        file_name: name of the file, which lies beside the card.
        step: for an adapted model, the inner step whose weights they are; the last one if None.
        file_format: one of ``FORMATS``.
        softmax: whether a graph ends in a softmax.
    """
    trained = model.trained if isinstance(model, Adapted) else model
    experiment = trained.experiment
    sections = [_front_matter(model), _what(model, step, file_format)]
    sections += ["## Use", _fenced(usage(model, file_name, file_format, softmax=softmax), "python")]
    if isinstance(model, Trained) and (lines := higher_loop(model)):
        about = "To go on meta-learning from here, the same `net` in an outer loop of the library `higher` (tried with 0.2.1):"
        sections += ["## In a MAML loop", about, _fenced(lines, "python")]
    sections += ["## Input", input_text(trained)]
    sections += [f"## Measured {'error' if experiment.regression else 'accuracy'}", measured(model)]
    sections += ["## Training", _training(trained), _fenced(public_toml(experiment), "toml")]
    sections += ["## Data", _data(experiment)]
    return "\n\n".join(sections) + "\n"


def public_toml(experiment: Experiment) -> str:
    """All settings as TOML, but for the ways to files on the author's machine, of which the names alone are kept."""
    if path := getattr(experiment.data, "path", ""):
        data = experiment.data.model_copy(update={"path": Path(path).name})
        experiment = experiment.model_copy(update={"data": data})
    if start := experiment.training.start_from:
        training = experiment.training.model_copy(update={"start_from": Path(start).name})
        experiment = experiment.model_copy(update={"training": training})
    return to_toml(experiment).strip()


def _front_matter(model: Trained | Adapted) -> str:
    """YAML, as model hubs read it; every value written as JSON, which is YAML too."""
    trained = model.trained if isinstance(model, Adapted) else model
    experiment = trained.experiment
    tags = ["meta-learning", "few-shot", experiment.algorithm.name, experiment.model.name, experiment.data.source]
    lines = ["---", "library_name: pytorch"]
    if not experiment.regression:
        lines.append("pipeline_tag: image-classification")
    if licence := _source(experiment).licence:
        lines.append(f"license: {licence}")
    lines += ["tags:", *(f"- {tag}" for tag in tags), *model_index(trained), "---"]
    return "\n".join(lines)


def _source(experiment: Experiment) -> Source:
    return SOURCES.get(experiment.data.source, NOT_KNOWN)


def _data(experiment: Experiment) -> str:
    text = _source(experiment).about
    if _source(experiment).licence:
        text += " The licence above is the data's; that of the weights is for their author to choose within its terms."
    return text


def _what(model: Trained | Adapted, step: int | None, file_format: str) -> str:
    trained = model.trained if isinstance(model, Adapted) else model
    experiment = trained.experiment
    network = f"{experiment.model.title}, meta-trained with {experiment.algorithm.title} on {experiment.data.title}"
    name = _text(experiment.name)
    if isinstance(model, Trained):
        sentences = [f"{network}: an initialisation that learns {task_words(experiment)}."]
        sentences += ["It is a starting point and has to be adapted before it predicts.", *_about_ways(trained)]
        if experiment.model.batch_norm:
            sentences.append("Keep it in `train()` until it is adapted: its batch norm has no statistics of its own.")
        return f"# {name}, the initialisation\n\n" + " ".join(sentences)
    examples = f"{len(model.support_images)} {'points' if experiment.regression else 'images'}"
    steps = model.steps if step is None else step
    if file_format == "prototypes":
        sentences = [f"{network}: its embedding, and the mean of each class's embedded examples ({examples} in all)."]
        sentences.append("An input belongs to the class whose prototype is nearest; a new class is a new row, the others stay.")
    else:
        sentences = [f"{network}, then adapted to {examples} in {steps} inner steps (support loss {model.support_losses[steps]:.4g})."]
    if model.classes:
        sentences.append("It tells these classes apart, in their order: " + ", ".join(map(_code, model.classes)) + ".")
    if experiment.model.batch_norm:
        frozen = "The support set's statistics are frozen into its batch norm"
        sentences.append(f"{frozen}: use it in `eval()`." if file_format in ("safetensors", "prototypes") else f"{frozen}.")
    return f"# {name}, {'prototypes' if file_format == 'prototypes' else 'adapted'}\n\n" + " ".join(sentences)


def _about_ways(trained: Trained) -> list[str]:
    """How many classes a new task may have."""
    if trained.experiment.regression:
        return []
    if trained.most_classes is None:
        return ["A task may have any number of classes, with labels from 0 on."]
    text = f"A task may have up to {trained.most_classes} classes, with labels from 0 on"
    return [text + ("." if trained.most_classes == 2 else "; for fewer, keep as many of the head's first rows.")]


def input_text(trained: Trained) -> str:
    """What the network takes, and how to make it from an image."""
    experiment = trained.experiment
    sizes = ", ".join(str(size) for size in input_shape(experiment))
    if experiment.regression:
        return f"float32 `[n, {sizes}]`, points of the function's argument."
    if experiment.model.reads_strokes:
        return f"float32 `[n, {sizes}]`, drawings as the steps of a pen."
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


def _training(trained: Trained) -> str:
    experiment = trained.experiment
    return (
        f"Outer iterations: {trained.iteration}, of {experiment.training.meta_batch} tasks each. All settings, as MAML Studio reads them:"
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
