"""`adapt` and `export` with files by other hands: one line that names the file or the word, exit code 2, nothing written."""

import io
import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from maml_studio.cli import main

TINY = ["task.way=3", "model.width=4", "training.meta_batch=2", "training.iterations=2", "evaluation.every=2", "evaluation.tasks=4"]
LINUX = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes as Linux has them")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    sets = [part for word in TINY for part in ("--set", word)]
    assert main(["train", "digits-maml", *sets, "--run-dir", str(folder)]) == 0
    return folder


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((20, 20), 255, np.uint8)
    pixels[9:11, 4:16] = 0
    Image.fromarray(pixels).save(path)


@pytest.fixture
def support(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        for number in range(2):
            picture(tmp_path / "support" / name / f"{number}.png")
    return tmp_path / "support"


@pytest.fixture
def query(tmp_path: Path) -> Path:
    picture(tmp_path / "query" / "0.png")
    return tmp_path / "query"


def refused(words: list[str], capsys: pytest.CaptureFixture[str], *expected: str) -> None:
    """The command is refused in one line on standard error that holds these words."""
    capsys.readouterr()
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert len(streams.err.splitlines()) == 1
    for words_of_it in expected:
        assert words_of_it in streams.err


def both(model: Path, support: Path, query: Path, out: Path) -> list[list[str]]:
    return [
        ["adapt", str(model), "--support", str(support), "--query", str(query)],
        ["export", str(model), "--support", str(support), "--out", str(out / "model.safetensors")],
    ]


def _header(content: bytes) -> tuple[dict[str, Any], bytes]:
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _file(header: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _ours(content: bytes, **changes: Any) -> bytes:
    header, body = _header(content)
    header["__metadata__"]["maml_studio"] = json.dumps(json.loads(header["__metadata__"]["maml_studio"]) | changes)
    return _file(header, body)


def _wrong_shape(content: bytes) -> bytes:
    header, body = _header(content)
    header["meta/conv1.weight"]["shape"].reverse()
    return _file(header, body)


def _torch_saved(content: bytes, *, zipped: bool) -> bytes:
    file = io.BytesIO()
    torch.save({"weights": torch.zeros(3)}, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


CHECKPOINTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut short": (lambda content: content[: len(content) // 2], "is cut short"),
    "empty": (lambda content: b"", "is cut short"),
    "a pickle": (lambda content: pickle.dumps({"weights": [1.0]}), "is a pickle"),
    "of torch.save": (lambda content: _torch_saved(content, zipped=True), "is a pickle"),
    "of torch.save of old": (lambda content: _torch_saved(content, zipped=False), "is a pickle"),
    "a huge header": (lambda content: struct.pack("<Q", 2**62) + content[8:], "header too large"),
    "a newer version": (lambda content: _ours(content, format=99), "newer version"),
    "another shape": (_wrong_shape, "conv1.weight has shape"),
    "no numbers": (lambda content: content[: -len(_header(content)[1])] + b"\xff" * len(_header(content)[1]), "no numbers"),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints(name: str, run: Path, support: Path, query: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, words = CHECKPOINTS[name]
    model = tmp_path / "bad.safetensors"
    model.write_bytes(make((run / "checkpoints" / "latest.safetensors").read_bytes()))
    (tmp_path / "out").mkdir()
    for command in both(model, support, query, tmp_path / "out"):
        refused(command, capsys, str(model), words)
    assert not list((tmp_path / "out").iterdir())


def _one_class(folder: Path) -> None:
    for name in ("b", "c"):
        shutil.rmtree(folder / name)


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "one class": (_one_class, "--support "),
    "four classes": (lambda folder: picture(folder / "d" / "0.png"), "at most 3 classes"),
    "an empty class": (lambda folder: (folder / "d").mkdir(), "d is empty"),
    "a broken image": (lambda folder: (folder / "b" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish"), "0.png is no image"),
    "an empty image": (lambda folder: (folder / "b" / "0.png").write_bytes(b""), "0.png is no image"),
    "a text": (lambda folder: (folder / "b" / "notes.txt").write_text("words"), "notes.txt is no image"),
    "a huge image": (lambda folder: Image.new("1", (20_000, 20_000)).save(folder / "b" / "2.png"), "2.png has too many pixels"),
    "images too deep": (lambda folder: picture(folder / "b" / "x" / "y" / "0.png"), "sub-folders"),
    "an image beside": (lambda folder: picture(folder / "0.png"), "lies beside"),
}
LINKED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a link elsewhere": (lambda folder: (folder / "b" / "2.png").symlink_to("/etc/hostname"), "2.png is a link"),
    "a link to itself": (lambda folder: (folder / "b" / "2.png").symlink_to("2.png"), "2.png can't be read"),
    "a link to nothing": (lambda folder: (folder / "b" / "2.png").symlink_to("none.png"), "2.png is neither"),
    "a link to a folder": (lambda folder: (folder / "d").symlink_to("a"), "d is a link"),
    "a pipe": (lambda folder: os.mkfifo(folder / "b" / "2.png"), "2.png is neither"),
    "a name with line ends": (lambda folder: (folder / "b" / "x\n\x1b[31m.txt").touch(), "x\\n\\x1b[31m.txt is no image"),
}


@pytest.mark.parametrize("name", [*FOLDERS, *(pytest.param(name, marks=LINUX) for name in LINKED)])
def test_support_folders(name: str, run: Path, support: Path, query: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, words = (FOLDERS | LINKED)[name]
    make(support)
    (tmp_path / "out").mkdir()
    for command in both(run, support, query, tmp_path / "out"):
        refused(command, capsys, str(support), words)
    assert not list((tmp_path / "out").iterdir())


QUERIES = {
    "a broken image": FOLDERS["a broken image"],
    "a text": FOLDERS["a text"],
}
QUERIES_LINKED = {name: LINKED[name] for name in ("a link elsewhere", "a link to nothing", "a pipe")}


@pytest.mark.parametrize("name", [*QUERIES, *(pytest.param(name, marks=LINUX) for name in QUERIES_LINKED)])
def test_nothing_among_the_queries_is_passed_over(
    name: str, run: Path, support: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, words = (QUERIES | QUERIES_LINKED)[name]
    shutil.copytree(support, tmp_path / "query")
    make(tmp_path / "query")
    refused(["adapt", str(run), "--support", str(support), "--query", str(tmp_path / "query")], capsys, str(tmp_path / "query"), words)


def test_queries_may_lie_deep(run: Path, support: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = tmp_path / "query"
    for _ in range(60):
        deep /= "deeper"
    picture(deep / "0.png")
    picture(tmp_path / "query" / "1.png")
    capsys.readouterr()
    assert main(["adapt", str(run), "--support", str(support), "--query", str(tmp_path / "query"), "--json", "-"]) == 0
    files = [row["file"] for row in json.loads(capsys.readouterr().out)["predictions"]]
    assert files == sorted([str(deep / "0.png"), str(tmp_path / "query" / "1.png")])
    (tmp_path / "empty").mkdir()
    refused(["adapt", str(run), "--support", str(support), "--query", str(tmp_path / "empty")], capsys, "holds no images")


def test_animated_and_odd_images_are_taken(
    run: Path, support: Path, query: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = [Image.new("L", (30, 30), shade) for shade in (255, 0, 128)]
    frames[0].save(support / "a" / "2.gif", save_all=True, append_images=frames[1:])
    Image.fromarray((np.eye(20) * 60_000).astype(np.uint16)).save(support / "b" / "2.png")
    Image.new("L", (1, 1), 255).save(support / "c" / "2.PNG")
    (tmp_path / "out").mkdir()
    for command in both(run, support, query, tmp_path / "out"):
        assert main(command) == 0
