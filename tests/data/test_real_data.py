"""The readers on real files, where somebody has them: MAML_STUDIO_TEST_DATA names a folder with MNIST's and Omniglot's originals."""

import gzip
import os
import struct
import zipfile
from pathlib import Path

import pytest
import torch

from maml_studio.data import open_tasks
from maml_studio.spec import Folder, Mnist, NWay

NAMES = {
    "images": "mnist_train-images-idx3-ubyte.gz",
    "labels": "mnist_train-labels-idx1-ubyte.gz",
    "omniglot": "omniglot_images_background.zip",
}


def original(name: str) -> Path:
    file = Path(os.environ.get("MAML_STUDIO_TEST_DATA", "")) / NAMES[name]
    if not file.is_file():
        pytest.skip(f"set MAML_STUDIO_TEST_DATA to a folder that holds {file.name}")
    return file


def test_mnist(home):
    """The training part stands in for both: 50,000 images as ``train``, the last 10,000 as ``t10k``."""
    images, labels = (gzip.decompress(original(name).read_bytes()) for name in ("images", "labels"))
    raw = home / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, first, last in (("train", 0, 50_000), ("t10k", 50_000, 60_000)):
        count = last - first
        pixels = images[16 + first * 784 : 16 + last * 784]
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 2051, count, 28, 28) + pixels)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, count) + labels[8 + first : 8 + last])
    tasks = open_tasks(Mnist(split="author"))
    assert [len(part.index) for part in (tasks.split.train, tasks.split.validation, tasks.split.test)] == [40_400, 9_600, 10_000]
    assert tasks.split.test.class_names == tuple("0123456789")
    episodes = tasks.sampler("test", NWay(way=10, shot=1, query=1)).sample(20, torch.Generator().manual_seed(0))
    # A one is the digit with the least ink, on average and by far.
    ink = [episodes.query_x[episodes.classes == digit].mean().item() for digit in range(10)]
    assert min(range(10), key=ink.__getitem__) == 1


def test_omniglot_as_a_folder_with_named_alphabets(tmp_path):
    with zipfile.ZipFile(original("omniglot")) as archive:
        archive.extractall(tmp_path / "omniglot")
    held_out = ("Greek", "Korean", "Latin", "Sanskrit", "Tifinagh")
    tasks = open_tasks(Folder(path=str(tmp_path / "omniglot"), split="alphabets", holdout=held_out, rotations=True))
    parts = [tasks.split.train, tasks.split.validation, tasks.split.test]
    alphabets = [{name.partition("/")[0] for name in part.class_names} for part in parts]
    assert alphabets[2] == set(held_out)
    assert [len(names) for names in alphabets] == [20, 5, 5]
    assert sum(len(part.class_names) for part in parts) == 4 * 964
    assert all(part.counts.unique().tolist() == [20] for part in parts)
    assert tasks.split.train.images.amax((1, 2)).float().mean() > 250
    assert tasks.split.train.images[:, 0].float().mean() < 5
