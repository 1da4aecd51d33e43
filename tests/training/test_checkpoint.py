"""Checkpoints: what goes in comes out, and everything else is refused in one sentence."""

import gc
import json
import math
import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from run_cases import digits
from safetensors.torch import load_file, save, save_file

from maml_studio.models import build_for
from maml_studio.training.checkpoint import FORMAT, HEADER, Checkpoint, CheckpointError, check_shapes, load_checkpoint, save_checkpoint

EXPERIMENT = digits()


def example() -> Checkpoint:
    meta = dict(build_for(EXPERIMENT).named_parameters())
    return Checkpoint(
        EXPERIMENT,
        17,
        meta,
        {"head.bias/step": torch.tensor(17.0), "head.bias/exp_avg": torch.arange(3.0)},
        torch.Generator().manual_seed(5).get_state(),
        {"seconds": 1.5, "best": None, "scores": {"steps": [{"accuracy": 0.5}]}, "name": "Größe"},
        {"centre": "mass"},
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "latest.safetensors"
    save_checkpoint(file, example())
    return file


def test_round_trip(path: Path) -> None:
    saved, loaded = example(), load_checkpoint(path)
    for field in ("experiment", "iteration", "progress", "frame"):
        assert getattr(loaded, field) == getattr(saved, field)
    for field in ("meta", "optimizer"):
        mine, theirs = getattr(loaded, field), getattr(saved, field)
        assert set(mine) == set(theirs)
        assert all(torch.equal(value, theirs[name]) and value.dtype == theirs[name].dtype for name, value in mine.items())
    assert saved.generator is not None
    assert loaded.generator is not None
    assert torch.equal(loaded.generator, saved.generator)
    assert not any(value.requires_grad for value in loaded.meta.values())


def test_with_nothing_but_weights(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "bare.safetensors", Checkpoint(EXPERIMENT, 0, example().meta))
    loaded = load_checkpoint(tmp_path / "bare.safetensors")
    assert (loaded.iteration, loaded.optimizer, loaded.generator, loaded.progress, loaded.frame) == (0, {}, None, {}, None)


def test_progress_that_is_no_number(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.safetensors", replace(example(), progress={"best": math.inf}))
    assert load_checkpoint(tmp_path / "a.safetensors").progress == {"best": math.inf}


def test_stacked_views_are_written_whole(tmp_path: Path) -> None:
    weight = torch.arange(6.0).view(2, 3)
    save_checkpoint(tmp_path / "a.safetensors", Checkpoint(EXPERIMENT, 0, {"w": weight.T, "v": weight[:, 1], "u": weight[0].expand(2, 3)}))
    loaded = load_checkpoint(tmp_path / "a.safetensors").meta
    assert torch.equal(loaded["w"], weight.T)
    assert torch.equal(loaded["v"], weight[:, 1])
    assert torch.equal(loaded["u"], weight[0].expand(2, 3))


def test_weights_open_in_other_tools(path: Path) -> None:
    tensors = load_file(path)
    assert torch.equal(tensors["meta/head.weight"], example().meta["head.weight"])


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """The same tensors under a changed header."""
    header = {"format": FORMAT, "iteration": 3, "experiment": EXPERIMENT.model_dump(mode="json"), "progress": {}, "frame": None}
    result = change(header)
    text = result if isinstance(result, str) else json.dumps(header)
    tensors = load_file(path)
    path.write_bytes(save(tensors, {HEADER: text}))


def with_tensor(path: Path, name: str, value: torch.Tensor) -> None:
    save_checkpoint(path, replace(example(), meta=example().meta | {name: value}))


class Trap:
    """Unpickled, it would leave a file behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("trapped"),)


BREAKAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (Path.unlink, "there is no such file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "there is no such file"),
    "empty": (lambda path: path.write_bytes(b""), "cut short or no safetensors file"),
    "cut in the weights": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "cut short or no safetensors file"),
    "cut in the header": (lambda path: path.write_bytes(path.read_bytes()[:100]), "cut short or no safetensors file"),
    "garbage": (lambda path: path.write_bytes(b"\xff" * 500), "cut short or no safetensors file"),
    "a pickle": (lambda path: path.write_bytes(pickle.dumps(Trap())), "is a pickle"),
    "a torch file": (lambda path: torch.save({"trap": 1}, path), "is a pickle"),
    "not ours": (lambda path: save_file({"head.weight": torch.zeros(3)}, path), "not a checkpoint of MAML Studio"),
    "newer": (lambda path: rewrite(path, lambda header: header.update(format=FORMAT + 1)), "newer version of MAML Studio"),
    "unknown format": (lambda path: rewrite(path, lambda header: header.update(format="1")), "unknown format '1'"),
    "no json": (lambda path: rewrite(path, lambda header: "{"), "header can't be read"),
    "a list": (lambda path: rewrite(path, lambda header: "[]"), "header can't be read"),
    "deep": (lambda path: rewrite(path, lambda header: "[" * 100_000), "header can't be read"),
    "no iteration": (lambda path: rewrite(path, lambda header: header.pop("iteration")), "header can't be read"),
    "iteration below zero": (lambda path: rewrite(path, lambda header: header.update(iteration=-1)), "header can't be read"),
    "iteration as text": (lambda path: rewrite(path, lambda header: header.update(iteration="3")), "header can't be read"),
    "progress a list": (lambda path: rewrite(path, lambda header: header.update(progress=[])), "header can't be read"),
    "wrong settings": (
        lambda path: rewrite(path, lambda header: header["experiment"]["task"].update(way=1)),
        "its settings can't be used: task.way should be 2 or more, not 1",
    ),
    "NaN": (lambda path: with_tensor(path, "head.bias", torch.tensor([1.0, math.nan, 0.0])), "head.bias holds values that are no numbers"),
    "infinite": (lambda path: with_tensor(path, "head.bias", torch.tensor([1.0, -math.inf])), "head.bias holds values that are no numbers"),
    "whole numbers": (lambda path: with_tensor(path, "head.bias", torch.tensor([1, 2])), "head.bias holds values that are no numbers"),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_refused(path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    damage, words = BREAKAGES[name]
    damage(path)
    with pytest.raises(CheckpointError) as refusal:
        load_checkpoint(path)
    sentence = str(refusal.value)
    assert sentence.startswith(f"{path}: ")
    assert words in sentence
    assert "\n" not in sentence
    assert not Path("trapped").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda meta: meta | {"head.bias": torch.zeros(4)}, "head.bias has shape [4], and the network's is [3]"),
        (
            lambda meta: meta | {"head.bias": meta["head.bias"].double()},
            "head.bias holds numbers of type float64, and the network's are float32",
        ),
        (lambda meta: {name: value for name, value in meta.items() if name != "conv2.weight"}, "has no weights for conv2.weight"),
        (lambda meta: meta | {"conv9.weight": torch.zeros(4)}, "has weights conv9.weight, which the network does not have"),
    ],
)
def test_weights_of_another_network(change: Callable[[dict[str, Any]], dict[str, Any]], words: str) -> None:
    expected = example().meta
    check_shapes(example(), expected, "run/latest.safetensors")
    with pytest.raises(CheckpointError) as refusal:
        check_shapes(replace(example(), meta=change(example().meta)), expected, "run/latest.safetensors")
    assert str(refusal.value) == f"run/latest.safetensors: {words}"


def test_looking_at_a_checkpoint_again_and_again_leaves_nothing_behind(path: Path) -> None:
    large = sum(value.nbytes > 256 for value in load_checkpoint(path).meta.values())
    assert large
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(100):
        load_checkpoint(path)
    gc.collect()
    assert sys.getallocatedblocks() - before < 50 * large
