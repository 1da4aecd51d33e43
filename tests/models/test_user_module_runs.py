"""A module of the user's own from the experiment file to the answer, on the command line."""

import json
from pathlib import Path

import pytest

from maml_studio.cli import main

NETWORK = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, shape, outputs, width=6):
        super().__init__(nn.Conv2d(shape[0], width, 3, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Linear(width * 81, outputs))
"""

EXPERIMENT = """
name = "own"
[model]
name = "module"
path = "{module}:Net"
has_batch_norm = true
arguments = {{width = 8}}
[training]
iterations = 2
meta_batch = 2
checkpoint_every = 1
[evaluation]
tasks = 4
every = 2
"""


def write(folder: Path, module: str) -> Path:
    (folder / f"{module}.py").write_text(NETWORK)
    file = folder / "own.toml"
    file.write_text(EXPERIMENT.format(module=module))
    return file


def test_from_file_to_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The module lies in the current folder, as a user's would."""
    file, run, module = write(tmp_path, "net_of_mine"), tmp_path / "run", "net_of_mine"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", __import__("sys").path[:])
    assert main(["train", str(file), "--run-dir", str(run), "--allow-module", module]) == 0
    assert main(["resume", str(run), "--allow-module", module]) == 0
    capsys.readouterr()
    assert main(["evaluate", str(run), "--tasks", "4", "--allow-module", module, "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == 4


def test_refused_without_permission(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, run = write(tmp_path, "net_of_a_stranger"), tmp_path / "run"
    assert main(["train", str(file), "--run-dir", str(run)]) == 2
    assert "--allow-module net_of_a_stranger" in capsys.readouterr().err
    assert not run.exists()


def test_no_modules_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(write(tmp_path, "net")), "--allow-module", "../net"]) == 2
    assert "should read package.module, not '../net'" in capsys.readouterr().err
