"""On a GPU, where there is one: the gradients of the CPU, and runs that can change places."""

from pathlib import Path

import pytest
import torch
from run_cases import digits, finish

from maml_studio import api
from maml_studio.algorithms import ALGORITHMS, build_algorithm
from maml_studio.bench import WORKLOADS, measure
from maml_studio.bench.measure import difference, engine, loop
from maml_studio.data import open_tasks
from maml_studio.models import build_for
from maml_studio.training.events import Finished, Started
from maml_studio.training.machine import resolve_device
from maml_studio.training.run_folder import LATEST, RunFolder

FOUND = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else ""
pytestmark = pytest.mark.skipif(not FOUND, reason="torch finds no GPU on this machine, neither CUDA nor Apple's")
DTYPE, TOLERANCE = (torch.float32, 1e-3) if FOUND == "mps" else (torch.float64, 1e-10)
"""Apple's GPUs have no float64."""


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_gradient_is_that_of_the_loop_on_the_cpu(name: str) -> None:
    workload, gpu = WORKLOADS[name], resolve_device(FOUND)
    found = {key: value.cpu() for key, value in engine(workload, DTYPE, gpu, 2)().items()}
    assert difference(found, loop(workload, DTYPE, torch.device("cpu"), 2)()) < TOLERANCE


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "cavia"])
def test_every_algorithm_has_the_gradient_that_it_has_on_the_cpu(name: str) -> None:
    experiment = digits(algorithm__name=name)
    episodes = open_tasks(experiment.data).sampler("train", experiment.task).sample(3, torch.Generator().manual_seed(0))
    gradients = []
    for place in ("cpu", FOUND):
        algorithm = build_algorithm(experiment, build_for(experiment).to(place, DTYPE))
        meta = {key: value.detach().to(place, DTYPE).requires_grad_() for key, value in algorithm.meta_parameters(10).items()}
        tasks = episodes.to(torch.device(place))
        tasks = type(tasks)(tasks.support_x.to(DTYPE), tasks.support_y, tasks.query_x.to(DTYPE), tasks.query_y, tasks.classes)
        gradient = algorithm.outer_gradient(meta, tasks, transductive=False).gradient
        gradients.append({key: value.cpu() for key, value in gradient.items()})
    assert difference(gradients[1], gradients[0]) < TOLERANCE


def test_a_run_on_the_gpu_goes_on_on_the_cpu(tmp_path: Path) -> None:
    seen = finish(digits(training__device="auto", training__iterations=3), tmp_path / "first")
    assert isinstance(seen[-1], Finished), seen[-1]
    assert next(event.device for event in seen if isinstance(event, Started)).startswith(FOUND)
    checkpoint = RunFolder.open(tmp_path / "first").load_checkpoint(LATEST)
    for place in ("cpu", FOUND):
        again = finish(digits(training__device=place, training__iterations=5), checkpoint=checkpoint)
        assert again[-1] == Finished(5, "all 5 iterations done")
    trained = api.load(tmp_path / "first")
    assert all(value.device.type == "cpu" for value in trained.meta.values())


def test_the_bench_runs_there() -> None:
    row = measure(WORKLOADS["omniglot-recipe"], resolve_device(FOUND), seconds=0, rounds=2)
    assert row.gradient_error < 1e-10
    assert row.tasks_per_s > 0
