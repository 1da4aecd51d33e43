"""A training process that is killed again and again ends as if nothing had happened."""

import os
from pathlib import Path

import pytest
from killing import killable, survive

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")


def test_three_kills(tmp_path: Path) -> None:
    assert len(list(survive(tmp_path, killable(kills=3), kills=3, seed=0))) == 3


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_fifty_kills(tmp_path: Path) -> None:
    assert len(list(survive(tmp_path, killable(kills=50), kills=50, seed=1))) == 50
