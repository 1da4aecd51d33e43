"""The reader of a user's words about a run takes a file or refuses it in a sentence; it never fails in another way, and never hangs."""

from pathlib import Path

import pytest
from about_files import FILES, check
from hypothesis import given
from mutations import LONG, QUICK, cases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("about")


@cases(QUICK)
@given(content=FILES)
def test_words(folder: Path, content: bytes) -> None:
    check(folder, content)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(LONG)
@given(content=FILES)
def test_many_words(folder: Path, content: bytes) -> None:
    check(folder, content)
