"""Cyclic garbage goes in the window's thread, and nowhere else."""

import gc
import threading

import pytest

from maml_studio.gui.collector import Collector


class Knot:
    """Garbage that only the collector finds; notes in which thread it went."""

    def __init__(self, went: list[threading.Thread]) -> None:
        self.itself, self.went = self, went

    def __del__(self) -> None:
        self.went.append(threading.current_thread())


@pytest.fixture
def collector(qapp):
    gc.collect()
    one = Collector(qapp)
    yield one
    one.end()
    one.deleteLater()


def test_a_worker_never_collects(qtbot, collector):
    went: list[threading.Thread] = []

    def work() -> None:
        Knot(went)
        [[] for _ in range(100_000)]
        for _ in range(100_000):
            Knot([])
        assert not went

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert not went
    qtbot.waitUntil(lambda: bool(went))
    assert went == [threading.main_thread()]


def test_it_looks_no_further_than_is_due(collector):
    collector._timer.stop()
    gc.collect()
    assert collector.look() is None
    kept = [[] for _ in range(2 * gc.get_threshold()[0])]
    assert collector.look() == 0
    assert collector.look() is None
    assert kept


def test_it_gives_the_collecting_back(qapp):
    one = Collector(qapp)
    assert not gc.isenabled()
    one.end()
    assert gc.isenabled()
    one.deleteLater()
