"""Weights as ``.safetensors`` with the names that plain PyTorch gives them, and a model card beside them."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from ..api import Adapted, Trained
from ..files import write_whole
from ..models import build_for
from ..models.layers import BatchNorm2d
from .card import model_card, public_toml

SUFFIX = ".safetensors"


class ExportError(ValueError):
    """An export that can't be written; one sentence."""


def export_safetensors(
    model: Trained | Adapted, path: str | Path, *, step: int | None = None, overwrite: bool = False
) -> tuple[Path, Path]:
    """Write the trained initialisation, or an adapted model, and its card.

    Args:
        model: what to write.
        path: the file, which ends in ``.safetensors``; the card has its name with ``.md``.
        step: for an adapted model, the inner step whose weights are wanted; the last one if None.
        overwrite: replace files that are there already.

    Returns:
        The weights and the card.

    Raises:
        ExportError: when the name is another, a file is there already, or it can't be written.
        InputError: when there is no such step.
    """
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ExportError(f"{path}: should end in {SUFFIX}")
    card = path.with_suffix(".md")
    for file in (path, card):
        if file.exists() and not overwrite:
            raise ExportError(f"{file}: is there already; choose another name, or ask to overwrite it")
    # All made before anything is written.
    weights = save(state(model, step), _metadata(model, step))
    text = model_card(model, path.name, step)
    for file, content in ((path, weights), (card, text.encode())):
        try:
            write_whole(file, content)
        except OSError as error:
            raise ExportError(f"{file}: can't be written: {error.strerror or error}") from None
    return path, card


def state(model: Trained | Adapted, step: int | None = None) -> dict[str, Tensor]:
    """The model as a ``state_dict`` of ordinary PyTorch layers.

    An ordinary batch norm also has running statistics: for an adapted model those of its support set, which makes ``eval()`` give what
    ``Adapted.predict`` gives; for the initialisation, which adapts in ``train()`` where they are not read, the neutral 0 and 1.
    """
    if isinstance(model, Adapted):
        experiment, params = model.trained.experiment, model.parameters(step)
    else:
        experiment, params = model.experiment, model.meta
    network = build_for(experiment)
    network.load_state_dict({name: params[name] for name in network.state_dict()})
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    x = model.support_images if isinstance(model, Adapted) else None
    with torch.no_grad():
        for name, layer in network.named_children():
            if isinstance(layer, BatchNorm2d):
                var, mean = torch.ones_like(layer.weight), torch.zeros_like(layer.bias)
                if x is not None:
                    # The biased variance, as it normalised the support set; PyTorch itself would keep the unbiased one.
                    var, mean = torch.var_mean(x, (0, 2, 3), correction=0)
                tensors |= {f"{name}.running_mean": mean, f"{name}.running_var": var}
                tensors[f"{name}.num_batches_tracked"] = torch.tensor(0)
            if x is not None:
                x = layer(x)
    return tensors


def _metadata(model: Trained | Adapted, step: int | None) -> dict[str, str]:
    trained = model.trained if isinstance(model, Adapted) else model
    values = {
        "format": "pt",
        "made_with": "MAML Studio",
        "kind": "adapted" if isinstance(model, Adapted) else "initialisation",
        "experiment": public_toml(trained.experiment),
        "iteration": str(trained.iteration),
        "measured": json.dumps(asdict(trained.scores) if trained.scores else None),
    }
    if isinstance(model, Adapted):
        values |= {"classes": json.dumps(model.classes), "inner_steps": str(model.steps if step is None else step)}
    return values
