"""Checkpoints: all that a run needs to go on, in one safetensors file with the rest as JSON in its header. No pickle."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from ..files import write_whole
from ..spec import Experiment, SpecError, parse
from ..spec.errors import one_line, plain_text

FORMAT = 1
HEADER = "maml_studio"
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
"""How torch.save's files begin, the older ones as any pickle does."""


class CheckpointError(ValueError):
    """A checkpoint that can't be used: one sentence with the file and the reason."""

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after ``iteration`` outer steps.

    Attributes:
        experiment: the settings it was trained with.
        iteration: outer steps done.
        meta: the meta-parameters by name.
        optimizer: the optimizer's tensors, by ``"<parameter>/<slot>"``.
        generator: state of the generator that draws the training tasks.
        progress: plain values that the trainer needs to go on (best score so far and the like), and the last validation.
        frame: where the training images have their ink, for drawings (see ``strokes.Frame``); None without images.
    """

    experiment: Experiment
    iteration: int
    meta: dict[str, Tensor]
    optimizer: dict[str, Tensor] = field(default_factory=dict)
    generator: Tensor | None = None
    progress: dict[str, Any] = field(default_factory=dict)
    frame: dict[str, Any] | None = None


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        OSError: when it can't be written.
    """
    tensors = {f"meta/{name}": value.detach().cpu().contiguous() for name, value in checkpoint.meta.items()}
    tensors |= {f"optimizer/{name}": value.detach().cpu().contiguous() for name, value in checkpoint.optimizer.items()}
    if checkpoint.generator is not None:
        tensors["generator"] = checkpoint.generator
    header = {
        "format": FORMAT,
        "iteration": checkpoint.iteration,
        "experiment": checkpoint.experiment.model_dump(mode="json"),
        "progress": checkpoint.progress,
        "frame": checkpoint.frame,
    }
    write_whole(path, save(tensors, {HEADER: json.dumps(header)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: when it is none of ours, cut short, of a newer version, or holds numbers that are no numbers.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    _refuse_other_files(path)
    try:
        with safe_open(str(path), framework="pt") as file:
            if HEADER not in (file.metadata() or {}):
                raise CheckpointError(f"{path}: is a safetensors file, but not a checkpoint of MAML Studio")
        # From one piece of memory, in which header and tensors belong together while training replaces the file; and get_tensor of
        # safetensors 0.8.0 leaves a number behind for every tensor, which a window that looks at each new checkpoint would feel.
        content = path.read_bytes()
        tensors = load(content)
        raw = _read_header(_metadata(content)[HEADER], path)
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: is cut short or no safetensors file ({plain_text(str(error))})") from None
    meta = {name.removeprefix("meta/"): value for name, value in tensors.items() if name.startswith("meta/")}
    for name, value in meta.items():
        if not value.is_floating_point() or not bool(torch.isfinite(value.float()).all()):  # 8-bit numbers can't be looked at as they are
            raise CheckpointError(f"{path}: {plain_text(name)} holds values that are no numbers")
    try:
        experiment = parse(raw["experiment"])
    except SpecError as error:
        raise CheckpointError(f"{path}: its settings can't be used: {error}") from None
    return Checkpoint(
        experiment,
        raw["iteration"],
        meta,
        {name.removeprefix("optimizer/"): value for name, value in tensors.items() if name.startswith("optimizer/")},
        tensors.get("generator"),
        raw["progress"],
        raw["frame"],
    )


def _refuse_other_files(path: Path) -> None:
    """Name what is told in the first bytes already, better than the reader of safetensors can."""
    try:
        with path.open("rb") as file:
            begin = file.read(16)
    except OSError as error:
        raise CheckpointError(f"{path}: can't be read: {error.strerror or error}") from None
    # A safetensors file begins with the length of its header, and the header with a brace.
    if begin.startswith(_PICKLES) and begin[8:9] != b"{":
        raise CheckpointError(f"{path}: is a pickle, as torch.save writes it, and those are never read; it should be a safetensors file")


def _metadata(content: bytes) -> dict[str, str]:
    """The words in the header of a safetensors file that was found to be one."""
    length = int.from_bytes(content[:8], "little")
    found: dict[str, str] = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return found


def _read_header(text: str, path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(text)
        version = raw["format"]
        if isinstance(version, int) and version > FORMAT:
            raise CheckpointError(
                f"{path}: was written by a newer version of MAML Studio (format {plain_text(str(version))}, this one reads {FORMAT})"
            )
        if version != FORMAT:
            raise CheckpointError(f"{path}: has an unknown format {plain_text(repr(version))}")
        shapes_right = (
            isinstance(raw["experiment"], dict)
            and isinstance(raw["iteration"], int)
            and raw["iteration"] >= 0
            and isinstance(raw["progress"], dict)
            and isinstance(raw["frame"], dict | None)
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: its header can't be read") from None
    if not shapes_right:
        raise CheckpointError(f"{path}: its header can't be read")
    result: dict[str, Any] = raw
    return result


def check_shapes(checkpoint: Checkpoint, expected: dict[str, Tensor], origin: str) -> None:
    """Refuse weights of another network.

    Raises:
        CheckpointError: naming the first parameter that is missing, unknown, or of another shape or type.
    """
    for name, value in expected.items():
        found = checkpoint.meta.get(name)
        if found is None:
            raise CheckpointError(f"{origin}: has no weights for {name}")
        if found.shape != value.shape:
            raise CheckpointError(
                f"{origin}: {name} has shape {plain_text(str(list(found.shape)))}, and the network's is {list(value.shape)}"
            )
        if found.dtype != value.dtype:
            raise CheckpointError(f"{origin}: {name} holds numbers of type {_kind(found)}, and the network's are {_kind(value)}")
    for name in checkpoint.meta:
        if name not in expected:
            raise CheckpointError(f"{origin}: has weights {plain_text(name)}, which the network does not have")


def _kind(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
