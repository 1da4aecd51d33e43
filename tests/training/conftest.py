"""The digits are read and placed once for all runs of these tests."""

from collections.abc import Iterator

import pytest

from maml_studio.data import SOURCES, silent
from maml_studio.data.digits import load_digit_bank
from maml_studio.spec import Digits


@pytest.fixture(scope="session", autouse=True)
def _digits_read_once() -> Iterator[None]:
    bank = load_digit_bank(Digits(), silent)
    SOURCES["digits"] = lambda settings, progress: bank
    yield
    SOURCES["digits"] = load_digit_bank
