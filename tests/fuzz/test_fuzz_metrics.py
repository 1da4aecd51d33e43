"""Whoever reads the course of a run passes over what is broken in it; none fails, and none hangs."""

from pathlib import Path

import pytest
from hypothesis import given
from metrics_files import FILES, check
from mutations import LONG, QUICK, cases


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metrics")


@cases(QUICK)
@given(content=FILES)
def test_metrics(folder: Path, content: bytes) -> None:
    check(folder, content)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(LONG)
@given(content=FILES)
def test_many_metrics(folder: Path, content: bytes) -> None:
    check(folder, content)
