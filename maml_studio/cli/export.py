"""The verb ``export``."""

from pathlib import Path
from typing import Annotated

import typer

from ..export import FORMATS, refusal
from .evaluate import AsIs, Ink, Polarity, Steps, adapt_to_folder
from .output import AllowModules, CommandError, Json, Model, Output, find_run

_NAMES = f"{', '.join(list(FORMATS)[:-1])} or {list(FORMATS)[-1]}"


def export(
    model: Model,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The file, with its format's ending; a model card is put beside it.")],
    file_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help=f"{_NAMES}.")] = "safetensors",
    support: Annotated[str, typer.Option("--support", metavar="DIR", help="Adapt to these examples first: one sub-folder per class.")] = "",
    steps: Steps = None,
    as_is: AsIs = False,
    polarity: Polarity = Ink.auto,
    softmax: Annotated[bool, typer.Option(help="Whether onnx and pt2 give probabilities, or the network's outputs as they are.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    allow_modules: AllowModules = None,
    json_file: Json = "",
) -> None:
    """Write a model for other programs.

    safetensors holds weights for PyTorch: the trained initialisation, or with --support the model adapted to a folder of examples. onnx
    and pt2 hold the whole adapted model, without any need of its code; prototypes the embedding and the class means. A model card beside
    each says what it is, and has the lines that use it.
    """
    del allow_modules  # its callback did it
    output = Output(json_file)
    if file_format not in FORMATS:
        raise CommandError(f"--format should be {_NAMES}, not {file_format!r}")
    kind = FORMATS[file_format]
    if not support and (reason := refusal(file_format, None)):
        raise CommandError(f"--support is missing: {reason}")
    if not support and steps is not None:
        raise CommandError("--steps needs --support: an initialisation is written before any step")
    if not softmax and not kind.graph:
        raise CommandError(f"--no-softmax is for onnx and pt2: {file_format} holds weights, and no softmax")
    from ..api import Adapted, Trained, load
    from ..export import export_model

    if kind.prototypes and steps is None:
        steps = 0
    what: Trained | Adapted = adapt_to_folder(model, Path(support), steps, as_is, polarity)[0] if support else load(find_run(model))
    step = what.steps if isinstance(what, Adapted) else None
    file, card = export_model(what, out, file_format, step=step, softmax=softmax, overwrite=overwrite)
    output.console.print(f"{kind.title}: {file}\nModel card: {card}")
    # "weights" is what "file" was called when there was one format only.
    output.result({"format": file_format, "file": file, "weights": file, "card": card})
