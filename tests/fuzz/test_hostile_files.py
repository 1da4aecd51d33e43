"""Files made to hurt: each is refused in one line, quickly, and in little more memory than it takes to be read."""

import json
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import checkpoint_files
import pytest

from maml_studio.data.bank import DataError
from maml_studio.spec import SpecError, load, parse_assignment
from maml_studio.training.checkpoint import CheckpointError

EXPERIMENTS: dict[str, tuple[bytes, str]] = {
    "a key of 200,000 parts": (b"a." * 200_000 + b"b = 1", "fifty parts"),
    "a quoted key of many parts": (b"'a'." * 60 + b"b = 1", "fifty parts"),
    "deep lists": (b"a = " + b"[" * 100_000, "nested too deep"),
    "a number of 5,000 digits": (b"seed = " + b"9" * 5000, "thousands of digits"),
    "a hexadecimal number of 50,000 digits": (b"seed = 0x" + b"F" * 50_000, "seed should be 2147483647 or less"),
    "60,000 unknown fields": (b"".join(b"k%d = 1\n" % n for n in range(60_000)), "and 59,995 more"),
    "a line end in a key": (b'"\\nbad" = 1', "'\\nbad' is not a setting"),
    "a source of 100,000 letters": (b'[data]\nsource = "' + b"x" * 100_000 + b'"', "data.source should be one of"),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments(tmp_path: Path, name: str) -> None:
    content, words = EXPERIMENTS[name]
    path = tmp_path / "hostile.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load(path)
    sentence = str(caught.value)
    assert words in sentence
    assert sentence.startswith(f"{path}: ")
    assert sentence.isprintable()
    assert len(sentence) < 600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in this system's folders")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(SpecError, match="is no file"):
        load(tmp_path / "pipe.toml")


def test_an_assignment_with_a_huge_number_is_a_word() -> None:
    assert parse_assignment("seed=" + "9" * 5000) == ("seed", "9" * 5000)


def test_a_name_that_is_no_text_is_spelt_out() -> None:
    assert str(DataError("a\nb\udcff is no image")) == "a\\nb\\udcff is no image"
    assert str(CheckpointError("x\x1b[31m")) == "x\\x1b[31m"


def _table(**entries: object) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + bytes(64)


def _entry(shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


CHECKPOINTS: dict[str, Callable[[], bytes]] = {
    "a header of 2**63 bytes": lambda: struct.pack("<Q", 2**63) + b"{}",
    "a header of 90 MB that is not there": lambda: struct.pack("<Q", 90 << 20) + b"{}",
    "a tensor of 2**60 values": lambda: _table(w=_entry([2**30, 2**30], 0, 64)),
    "offsets past the end": lambda: _table(w=_entry([16], 0, 2**40)),
    "offsets that overlap": lambda: _table(v=_entry([16], 0, 64), w=_entry([16], 0, 64)),
    "offsets backwards": lambda: _table(w=_entry([16], 64, 0)),
    "a path as a name": lambda: _table(**{"../../etc/passwd": _entry([16], 0, 64)}),
    "settings of a network of 300 million weights": lambda: checkpoint_files.with_header(
        checkpoint_files.OURS | {"experiment": checkpoint_files.OURS["experiment"] | {"model": {"name": "mlp", "hidden": [4096] * 16}}}
    ),
    "a pickle": lambda: pickle.dumps({"weights": [1.0]}),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints(tmp_path: Path, name: str) -> None:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(CHECKPOINTS[name]())
    with pytest.raises(CheckpointError) as caught:
        checkpoint_files.load(path)
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
def test_all_of_them_in_a_program_that_may_take_64_MB_more(tmp_path: Path) -> None:
    for number, make in enumerate(CHECKPOINTS.values()):
        (tmp_path / f"{number}.safetensors").write_bytes(make())
    code = """
import resource, sys
from pathlib import Path
import maml_studio.api as api
from maml_studio.spec import Experiment
api.random_start(Experiment())
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (64 << 20),) * 2)
for path in sorted(Path(sys.argv[1]).glob("*.safetensors")):
    try:
        api.load(path)
    except api.CheckpointError:
        continue
    sys.exit(f"{path} was taken")
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
