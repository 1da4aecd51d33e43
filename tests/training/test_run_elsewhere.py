"""A run that another machine trains on a shared disk, whose lock can't be seen from here."""

import json
import os
import socket
import time

import pytest
from run_folders import step, write_run

from maml_studio.training.run_index import in_use, summarise
from maml_studio.training.run_lock import HOLDER, LOCK, SILENCE_S


@pytest.fixture
def folder(tmp_path):
    folder = write_run(tmp_path / "run", [step(1)])
    (folder / LOCK).touch()
    about = {"program": "maml-studio train", "process": 1, "host": "another", "since": "2026-01-01T00:00:00+00:00"}
    (folder / HOLDER).write_text(json.dumps(about))
    return folder


def test_it_is_in_use_as_long_as_it_writes(folder):
    assert in_use(folder)
    assert summarise(folder).status == "training"
    long_ago = time.time() - SILENCE_S - 1
    for file in folder.iterdir():
        if file.is_file():
            os.utime(file, (long_ago, long_ago))
    assert not in_use(folder)
    assert summarise(folder).status == "cut off"


@pytest.mark.parametrize("content", [None, b"{", b"{}", b"[]", b'"another"'])
def test_without_a_holder_from_elsewhere_the_lock_alone_counts(folder, content):
    file = folder / HOLDER
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert not in_use(folder)
    file.write_text(json.dumps({"host": socket.gethostname()}))
    assert not in_use(folder)
