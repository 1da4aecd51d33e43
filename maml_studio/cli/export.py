"""The verb ``export``."""

from pathlib import Path
from typing import Annotated

import typer

from .evaluate import AsIs, Ink, Polarity, Steps, adapt_to_folder
from .output import CommandError, Json, Model, Output, find_run

FORMATS = ("safetensors",)


def export(
    model: Model,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The file, which ends in .safetensors; a model card gets its name.")],
    file_format: Annotated[str, typer.Option("--format", metavar="FORMAT", help="safetensors.")] = "safetensors",
    support: Annotated[str, typer.Option("--support", metavar="DIR", help="Adapt to these examples first: one sub-folder per class.")] = "",
    steps: Steps = None,
    as_is: AsIs = False,
    polarity: Polarity = Ink.auto,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there already.")] = False,
    json_file: Json = "",
) -> None:
    """Write weights for plain PyTorch.

    The trained initialisation, or the model adapted to a folder of examples; a model card beside it says how to load it.
    """
    output = Output(json_file)
    if file_format not in FORMATS:
        raise CommandError(f"--format should be {' or '.join(FORMATS)}, not {file_format!r}: there is no other format yet")
    from ..api import Adapted, Trained, load
    from ..export import export_safetensors

    what: Trained | Adapted = adapt_to_folder(model, Path(support), steps, as_is, polarity)[0] if support else load(find_run(model))
    weights, card = export_safetensors(what, out, overwrite=overwrite)
    output.console.print(f"Weights: {weights}\nModel card: {card}")
    output.result({"format": file_format, "weights": weights, "card": card})
