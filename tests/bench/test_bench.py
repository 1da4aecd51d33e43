"""What `maml-studio bench` stands on: its loop, its turns, its limit; the networks narrowed, so that it takes a moment."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from maml_studio.bench import WORKLOADS, Workload, describe_machine, measure
from maml_studio.bench.contest import Contestant, best, in_turns
from maml_studio.bench.convolutions import Recorder, convolutions_of
from maml_studio.bench.measure import difference, engine, loop, row_of
from maml_studio.spec import with_changes

CPU = torch.device("cpu")


def small(name: str, **changes: object) -> Workload:
    workload = WORKLOADS[name]
    wanted = {"task.query": 2, "training.meta_batch": 3} | ({} if name == "tutorial-cnn" else {"model.width": 4})
    return replace(workload, experiment=with_changes(workload.experiment, wanted | changes))


@pytest.mark.parametrize("name", WORKLOADS)
def test_engine_and_loop_have_one_gradient(name: str) -> None:
    workload = small(name)
    right = loop(workload, torch.float64, CPU)()
    assert difference(engine(workload, torch.float64, CPU)(), right) < 1e-10


@pytest.mark.parametrize("change", [{"algorithm.inner_lr": 0.101}, {"algorithm.name": "fomaml"}, {"algorithm.inner_steps": 4}])
def test_another_gradient_shows(change: dict[str, object]) -> None:
    right = loop(small("conv4-stride"), torch.float64, CPU)()
    assert difference(engine(small("conv4-stride", **change), torch.float64, CPU)(), right) > 1e-6


def test_a_gradient_that_is_not_a_number_shows() -> None:
    ones, broken = torch.ones(2), torch.tensor([1.0, torch.nan])
    assert math.isnan(difference({"a": ones, "b": broken}, {"a": 2 * ones, "b": ones}))


def test_the_workloads_are_those_of_the_papers() -> None:
    shapes = {name: (one.experiment.task.query, one.inner_steps, one.tasks) for name, one in WORKLOADS.items()}
    assert shapes == {"omniglot-recipe": (1, 1, 32)} | dict.fromkeys(("conv4-pool", "conv4-stride", "tutorial-cnn"), (15, 5, 8))
    assert {(one.experiment.task.way, one.experiment.task.shot, one.experiment.algorithm.name) for one in WORKLOADS.values()} == {
        (5, 1, "maml")
    }


def test_turns() -> None:
    calls: list[tuple[str, int]] = []
    threads = torch.get_num_threads()
    contestants = [Contestant(name, lambda name=name: calls.append((name, torch.get_num_threads())), n) for name, n in (("a", 1), ("b", 2))]
    times = in_turns(contestants, seconds=0, rounds=4, device=CPU)
    assert "".join(name for name, _ in calls) == "ab" + "abba" * 2
    assert set(calls) == {("a", 1), ("b", 2)}
    assert {name: len(runs) for name, runs in times.items()} == {"a": 4, "b": 4}
    assert torch.get_num_threads() == threads


def test_threads_are_given_back_after_a_failure() -> None:
    def fail() -> None:
        raise RuntimeError("no")

    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="no"):
        in_turns([Contestant("a", fail, threads + 1)], seconds=0, rounds=2, device=CPU)
    assert torch.get_num_threads() == threads


def test_the_best_has_the_smallest_median() -> None:
    assert best({"a": [3, 1, 3], "b": [2, 2, 9], "c": [0, 0, 0]}, ["a", "b"]) == "b"


def test_convolutions_alone() -> None:
    layer, x = nn.Conv2d(2, 3, 3), torch.rand(4, 2, 8, 8)

    def twice() -> None:
        (slope,) = torch.autograd.grad(layer(x).square().sum(), [layer.weight], create_graph=True)
        torch.autograd.grad(slope.sum(), [layer.weight])

    with Recorder() as real:
        twice()
    replay = convolutions_of(twice)
    with Recorder() as again:
        replay()
    assert [function for function, _ in again.calls] == [function for function, _ in real.calls]
    assert len(real.calls) >= 4  # forward, its two ways back, and the way back of those
    assert again.arrays.keys() == real.arrays.keys()


def test_a_row() -> None:
    workload = small("conv4-pool")
    row = measure(workload, CPU, seconds=0, rounds=2)
    assert (row.workload, row.rounds) == ("conv4-pool", 2)
    assert row.gradient_error < 1e-10
    assert row.tasks_per_s > 0
    assert row.ratio_to_loop == pytest.approx(row.tasks_per_s / row.loop_tasks_per_s)
    assert row.share_of_limit == pytest.approx(row.ratio_to_loop / row.limit)
    assert row.to_json()["ratio_to_loop"] == row.ratio_to_loop


def test_what_times_say() -> None:
    times = {
        "engine": [1.0, 1.0, 7.0],
        "loop 1": [4.0, 4.0, 4.0],
        "loop 2": [3.0, 3.0, 9.0],
        "convolutions 1": [0.3, 0.3, 0.3],
        "convolutions 2": [0.4, 0.4, 0.1],
    }
    row = row_of(WORKLOADS["conv4-pool"], times, 1e-15, sampled=4)
    assert (row.tasks_per_s, row.ratio_to_loop, row.loop_threads, row.rounds) == (8, 3, 2, 3)
    assert (row.limit, row.share_of_limit) == (pytest.approx(5), pytest.approx(0.6))


def test_the_machine() -> None:
    machine = describe_machine(CPU)
    assert machine["device"] == "cpu"
    assert machine["torch"] == torch.__version__
    assert machine["cores"] >= 1
