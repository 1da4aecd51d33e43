"""The queue is read or refused in a sentence, and left as it is then; it never fails in another way, and never hangs."""

from pathlib import Path

import pytest
from hypothesis import given
from mutations import LONG, QUICK, cases
from queue_files import FILES, check


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("queue")


@cases(QUICK)
@given(content=FILES)
def test_queues(folder: Path, content: bytes) -> None:
    check(folder, content)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(LONG)
@given(content=FILES)
def test_many_queues(folder: Path, content: bytes) -> None:
    check(folder, content)
