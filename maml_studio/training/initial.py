"""Start training from weights that there are already: a checkpoint of ours, or a plain state dict."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..algorithms import Params
from ..spec.errors import plain_text
from .checkpoint import HEADER, CheckpointError, load_checkpoint
from .run_folder import RunFolder


def start_from(meta: Params, path: Path) -> str:
    """Copy weights into the meta-parameters wherever name and shape agree.

    Args:
        meta: changed in place.
        path: a run folder, a checkpoint, or a safetensors file of plain weights.

    Returns:
        How much of it was taken, in a sentence.

    Raises:
        CheckpointError: when it can't be read, or nothing in it fits.
    """
    found = _weights(path)
    found = {name: value for name, value in found.items() if value.is_floating_point()}
    fitting = [name for name, value in meta.items() if name in found and found[name].shape == value.shape]
    if not fitting:
        raise CheckpointError(f"training.start_from: no weights in {path} agree with the network in name and shape")
    with torch.no_grad():
        for name in fitting:
            weights = found[name].to(meta[name])  # 8-bit numbers can't be looked at as they are
            if not bool(torch.isfinite(weights).all()):
                raise CheckpointError(f"training.start_from: {name} in {path} holds values that are no numbers")
            meta[name].copy_(weights)
    left = [name for name in meta if name not in fitting]
    rest = f"; {', '.join(left[:4])}{' and others' if len(left) > 4 else ''} start at random" if left else ""
    return f"Starts from {len(fitting)} of {len(meta)} weight tensors of {path.name}{rest}."


def _weights(path: Path) -> dict[str, Tensor]:
    if path.is_dir():
        path = RunFolder.open(path).best_or_latest()
    if not path.is_file():
        raise CheckpointError(f"training.start_from: there is no file or run folder {path}")
    try:
        with safe_open(str(path), framework="pt") as file:
            if HEADER not in (file.metadata() or {}):
                return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f"training.start_from: {path} is cut short or no safetensors file ({plain_text(str(error))})") from None
    return load_checkpoint(path).meta
