"""Spoiled checkpoints: their bytes, the table of tensors before them, and our own header inside it."""

import json
import struct
import tempfile
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from mutations import Refused, read, spoiled_bytes, spoiled_trees

from maml_studio.api import Trained
from maml_studio.models import build_for
from maml_studio.spec import parse
from maml_studio.training.checkpoint import HEADER, Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from maml_studio.training.outer_state import OuterState

EXPERIMENT = parse(
    {
        "name": "sines",
        "data": {"source": "sinusoid"},
        "task": {"kind": "regression", "shot": 5, "query": 5},
        "model": {"name": "mlp", "hidden": [4]},
        "algorithm": {"name": "maml", "inner_lr": 0.01},
    }
)


def whole() -> bytes:
    """A checkpoint as training writes it."""
    meta = dict(build_for(EXPERIMENT).named_parameters())
    slots = {f"{name}/{slot}": torch.zeros_like(value) for name, value in meta.items() for slot in ("exp_avg", "exp_avg_sq")}
    slots |= {f"{name}/step": torch.tensor(3.0) for name in meta}
    step = {"step": 0, "query_loss": 1.0, "query_loss_ci95": 0.1, "support_loss": 1.0, "accuracy": None, "accuracy_ci95": None}
    scores = {"iteration": 2, "tasks": 5, "norm_mode": "no norm", "steps": [step]}
    progress = {"seconds": 1.5, "first_loss": 2.0, "exploded": 0, "best": -0.5, "stale": 0, "scores": scores, "flat": 0}
    frame = {"size": 28, "box": 20.0, "centre": "mass", "width": 2.2}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "latest.safetensors"
        save_checkpoint(path, Checkpoint(EXPERIMENT, 3, meta, slots, torch.Generator().get_state(), progress, frame))
        return path.read_bytes()


WHOLE = whole()
LENGTH = struct.unpack("<Q", WHOLE[:8])[0]
TABLE, BODY = json.loads(WHOLE[8 : 8 + LENGTH]), WHOLE[8 + LENGTH :]
OURS = json.loads(TABLE["__metadata__"][HEADER])


def _file(table: Any, length: int | None = None) -> bytes:
    try:
        text = json.dumps(table).encode()
    except (RecursionError, ValueError):
        text = b"[" * 100_000
    return struct.pack("<Q", len(text) if length is None else length) + text + BODY


def with_header(ours: Any) -> bytes:
    """The same tensors under another header of ours."""
    try:
        text = json.dumps(ours)
    except (RecursionError, ValueError):
        text = "[" * 100_000
    return _file(TABLE | {"__metadata__": {HEADER: text}})


def _with(**changes: Any) -> bytes:
    return with_header(OURS | changes)


FILES = st.one_of(
    spoiled_bytes(WHOLE),
    spoiled_bytes(WHOLE[8 : 8 + LENGTH]).map(lambda text: struct.pack("<Q", len(text)) + text + BODY),
    spoiled_bytes(json.dumps(OURS).encode()).map(lambda text: _file(TABLE | {"__metadata__": {HEADER: text.decode("utf-8", "replace")}})),
    st.integers(0, 2**64 - 1).map(lambda length: _file(TABLE, length)),
    spoiled_trees(TABLE).map(_file),
    spoiled_trees(OURS).map(with_header),
    spoiled_trees(OURS["experiment"]).map(lambda tree: _with(experiment=tree)),
    spoiled_trees(OURS["progress"]).map(lambda tree: _with(progress=tree)),
    spoiled_trees(OURS["frame"]).map(lambda tree: _with(frame=tree)),
    spoiled_bytes(BODY).map(lambda body: WHOLE[: 8 + LENGTH] + (body + BODY)[: len(BODY)]),
)


def load(path: Path) -> Trained:
    """A checkpoint, the model that it is of, and a run of the same settings that goes on from it."""
    checkpoint = load_checkpoint(path)
    trained = Trained(checkpoint, str(path))
    if checkpoint.experiment == EXPERIMENT:
        state = OuterState(EXPERIMENT, {name: value.clone().requires_grad_() for name, value in trained.meta.items()})
        try:
            state.restore(checkpoint)
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        for value in state.meta.values():
            value.grad = torch.zeros_like(value)
        state.optimizer.step()
        state.progress["seconds"] += 0.1
    return trained


def check(folder: Path, content: bytes) -> Trained | Refused:
    """A model, or a refusal."""
    found: Trained | Refused = read(load, folder / "latest.safetensors", content, CheckpointError)
    return found
