"""The reader of experiment files takes a file or refuses it in a sentence; it never fails in another way, and never hangs."""

from pathlib import Path

import pytest
from hypothesis import given
from mutations import LONG, QUICK, cases
from toml_files import FILES, check


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toml")


@cases(QUICK)
@given(content=FILES)
def test_experiment_files(folder: Path, content: bytes) -> None:
    check(folder, content)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(LONG)
@given(content=FILES)
def test_many_experiment_files(folder: Path, content: bytes) -> None:
    check(folder, content)
