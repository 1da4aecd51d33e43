"""Write an export and its card, each whole or not at all."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save

from ..api import Adapted, Trained
from ..files import write_whole
from .card import input_text, model_card, public_toml
from .formats import FORMATS, ExportError, refusal
from .graph import onnx_bytes, pt2_bytes
from .weights import adapted_weights, initialisation, prototypes


def export_model(
    model: Trained | Adapted,
    path: str | Path,
    file_format: str = "safetensors",
    *,
    step: int | None = None,
    softmax: bool = True,
    overwrite: bool = False,
) -> tuple[Path, Path]:
    """Write the trained initialisation, or an adapted model, and its card.

    Args:
        model: what to write.
        path: the file, with the format's ending; the card beside it ends in ``.md``.
        file_format: one of :data:`~maml_studio.export.FORMATS`.
        step: for an adapted model, the inner step whose weights are wanted; the last one if None, for prototypes the first.
        softmax: let a graph (onnx, pt2) end in a softmax, so that it gives probabilities.
        overwrite: replace files that are there already.

    Returns:
        The file and the card.

    Raises:
        ExportError: when the format does not hold such a model, the name has another ending, a file is there already, or
            it can't be written.
        InputError: when there is no such step.
    """
    if file_format not in FORMATS:
        raise ExportError(f"format should be one of {', '.join(FORMATS)}, not {file_format!r}")
    if reason := refusal(file_format, model.trained.experiment.algorithm if isinstance(model, Adapted) else None):
        raise ExportError(reason)
    path, kind = Path(path), FORMATS[file_format]
    if path.suffix != kind.suffix:
        raise ExportError(f"{path}: should end in {kind.suffix}")
    card = path.with_suffix(kind.card_suffix)
    for file in (path, card):
        if file.exists() and not overwrite:
            raise ExportError(f"{file}: is there already; choose another name, or ask to overwrite it")
    if file_format == "prototypes" and step is None:
        step = 0
    # All made before anything is written.
    content = _content(model, file_format, step, softmax)
    text = model_card(model, path.name, step, file_format, softmax=softmax)
    for file, data in ((path, content), (card, text.encode())):
        try:
            write_whole(file, data)
        except OSError as error:
            raise ExportError(f"{file}: can't be written: {error.strerror or error}") from None
    return path, card


def _content(model: Trained | Adapted, file_format: str, step: int | None, softmax: bool) -> bytes:
    about = _about(model, file_format, step)
    weights_about = {"format": "pt"} | about  # what readers of safetensors look for
    if isinstance(model, Trained):
        return save(initialisation(model), weights_about)
    if file_format == "onnx":
        return onnx_bytes(model, about, step, softmax=softmax)
    if file_format == "pt2":
        return pt2_bytes(model, about, step, softmax=softmax)
    return save(prototypes(model, step) if file_format == "prototypes" else adapted_weights(model, step), weights_about)


def _about(model: Trained | Adapted, file_format: str, step: int | None) -> dict[str, str]:
    trained = model.trained if isinstance(model, Adapted) else model
    kind = "initialisation" if isinstance(model, Trained) else "prototypes" if file_format == "prototypes" else "adapted"
    values = {
        "made_with": "MAML Studio",
        "kind": kind,
        "input": input_text(trained),
        "experiment": public_toml(trained.experiment),
        "iteration": str(trained.iteration),
        "measured": json.dumps(asdict(trained.scores) if trained.scores else None),
    }
    if isinstance(model, Adapted):
        values |= {"classes": json.dumps(model.classes), "inner_steps": str(model.steps if step is None else step)}
    return values
