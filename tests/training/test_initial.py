"""Training that starts from weights that there are already."""

from pathlib import Path

import pytest
import torch
from run_cases import digits, finish
from safetensors.torch import save_file

from maml_studio.training.checkpoint import CheckpointError
from maml_studio.training.events import Failed, Started
from maml_studio.training.initial import start_from
from maml_studio.training.run_folder import LATEST, RunFolder
from maml_studio.training.trainer import run


def test_a_run_goes_on_from_another_runs_weights(tmp_path: Path) -> None:
    finish(digits(training__iterations=2), tmp_path / "first")
    first = RunFolder.open(tmp_path / "first").load_checkpoint(LATEST)
    for path in (tmp_path / "first", tmp_path / "first" / "checkpoints" / "latest.safetensors"):
        events = finish(digits(training__start_from=str(path), training__iterations=1, training__outer_lr=1e-9))
        started = next(event for event in events if isinstance(event, Started))
        assert started.note == f"Starts from {len(first.meta)} of {len(first.meta)} weight tensors of {started.note.rsplit(' of ', 1)[1]}"
    meta = {name: torch.zeros_like(value, requires_grad=True) for name, value in first.meta.items()}
    start_from(meta, tmp_path / "first" / "checkpoints" / "latest.safetensors")
    assert all(torch.equal(meta[name], value) for name, value in first.meta.items())


def test_plain_weights_are_taken_where_name_and_shape_agree(tmp_path: Path) -> None:
    meta = {"body": torch.zeros(2, 3), "head": torch.zeros(5, 2), "other": torch.zeros(1)}
    save_file({"body": torch.ones(2, 3), "head": torch.ones(7, 2), "unknown": torch.ones(4)}, tmp_path / "plain.safetensors")
    said = start_from(meta, tmp_path / "plain.safetensors")
    assert said == "Starts from 1 of 3 weight tensors of plain.safetensors; head, other start at random."
    assert meta["body"].eq(1).all()
    assert meta["head"].eq(0).all()


@pytest.mark.parametrize("kind", [torch.float16, torch.float64, torch.float8_e4m3fn, torch.complex64, torch.int8])
def test_weights_of_any_precision_are_taken_and_nothing_else(tmp_path: Path, kind: torch.dtype) -> None:
    save_file({"body": torch.full((4,), 0.5).to(kind)}, tmp_path / "plain.safetensors")
    meta = {"body": torch.zeros(4)}
    if kind.is_floating_point:
        start_from(meta, tmp_path / "plain.safetensors")
        assert meta["body"].eq(0.5).all()
    else:
        with pytest.raises(CheckpointError, match="no weights in"):
            start_from(meta, tmp_path / "plain.safetensors")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.safetensors", None, "there is no file"),
        ("weights.pt", b"\x80\x02}q\x00.", "no safetensors file"),
        ("other.safetensors", {"x": torch.ones(1)}, "no weights in"),
        ("broken.safetensors", {"conv1.bias": torch.full((4,), torch.nan)}, "conv1.bias in .* holds values that are no numbers"),
    ],
)
def test_what_can_not_be_used_ends_the_run_in_a_sentence(tmp_path: Path, name: str, content: object, words: str) -> None:
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    elif isinstance(content, dict):
        save_file(content, tmp_path / name)
    with pytest.raises(CheckpointError, match=words):
        start_from({"conv1.bias": torch.zeros(4)}, tmp_path / name)
    last = list(run(digits(training__start_from=str(tmp_path / name))))[-1]
    assert isinstance(last, Failed)
    assert "training.start_from" in last.message
