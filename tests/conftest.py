"""Shared by all tests: where they run, where they write, and that they leave no thread behind."""

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator

import pytest

# Before anything imports Qt or torch.
os.environ["QT_QPA_PLATFORM"] = os.environ.get("MAML_STUDIO_TEST_PLATFORM", "offscreen")
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
os.environ.setdefault("OMP_NUM_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
# In the environment rather than a fixture: programs that a test starts shall write there too.
_home = tempfile.mkdtemp(prefix="maml-studio-tests-")
os.environ["MAML_STUDIO_HOME"] = _home


def pytest_unconfigure() -> None:
    shutil.rmtree(_home, ignore_errors=True)


# Where tqdm is installed, torch's exporter shows its progress with it, and tqdm keeps a thread for that until the program ends.
with contextlib.suppress(ImportError):
    import tqdm

    tqdm.tqdm.monitor_interval = 0


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test that leaves a Python thread running."""
    before = set(threading.enumerate())
    yield
    # A thread that Qt started and that ran Python shows as a dummy for ever; tests/gui looks after those.
    left = [t for t in threading.enumerate() if t not in before and not isinstance(t, threading._DummyThread)]
    for thread in left:
        thread.join(timeout=2)
    left = [t.name for t in left if t.is_alive()]
    assert not left, f"the test left threads running: {', '.join(left)}"
