"""The estimate needs no torch, follows the settings, refuses what can't fit, and decides how the outer gradient is made."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from run_cases import digits, finish, stop_after, suited, timeless

from maml_studio.models import build_for
from maml_studio.spec import TABLES, Experiment, SpecError, UserModule, load_preset, preset_names, with_changes
from maml_studio.spec.algorithm import Unrolled
from maml_studio.training.chunks import _activations
from maml_studio.training.control import Control
from maml_studio.training.memory import GB, check_memory, estimate, goes_flat, readable, refusal
from maml_studio.training.network_size import example_shape, network_size
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

BASE = with_changes(load_preset("digits-maml"), {"algorithm.inner_steps": 5, "task.query": 15})
NETWORKS = {
    "stride": {},
    "max-pool, layer norm, all places": {"model.downsample": "max_pool", "model.norm": "layer", "model.average": False},
    "group norm": {"model.norm": "group", "model.width": 36},
    "no norm, context": {"model.norm": "none", "model.context": 10},
    "tutorial": {"model.name": "tutorial_cnn", "model.softmax": True},
    "mlp": {"model.name": "mlp", "model.hidden": [64, 32, 16], "model.context": 3},
    "gru": {"model.name": "recurrent"},
    "lstm": {"model.name": "recurrent", "model.cell": "lstm", "model.layers": 2, "model.norm": "none"},
}


@pytest.mark.parametrize("changes", NETWORKS.values(), ids=list(NETWORKS))
def test_sizes_are_those_of_the_network(changes: dict[str, object]) -> None:
    experiment = with_changes(BASE, changes)
    size = network_size(experiment.model, example_shape(experiment), 5)
    assert size is not None
    with torch.device("meta"):
        network = build_for(experiment)
    numbers = {name: value.numel() for name, value in network.named_parameters()}
    assert size.parameters == sum(numbers.values())
    assert size.head == numbers["head.weight"] + numbers["head.bias"]
    assert size.kept == pytest.approx(_activations(experiment.model, example_shape(experiment), 5), rel=0.03)


def test_without_torch() -> None:
    words = (
        "from maml_studio.training.memory import estimate; from maml_studio.spec import Experiment; print(estimate(Experiment()).sentence)"
    )
    code = f"import sys; {words}; assert not {{'torch', 'PySide6'}} & set(sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.startswith("needs about ")
    assert shown.endswith(" MB\n")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model.width", 256),
        ("model.downsample", "max_pool"),
        ("task.way", 50),
        ("task.shot", 50),
        ("task.query", 100),
        ("algorithm.inner_steps", 200),
        ("evaluation.inner_steps", 1000),
        ("training.meta_batch", 4096),
        ("training.vary_shot", 50),
        ("data.source", "mnist"),
    ],
)
def test_more_of_anything_needs_more(field: str, value: object) -> None:
    one = with_changes(BASE, {"training.meta_batch": 1})  # several in a meta-batch would be fewer side by side
    assert estimate(with_changes(one, {field: value}), GB * 1000).total > estimate(one, GB * 1000).total


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_fits_into_a_small_machine(name: str) -> None:
    assert refusal(load_preset(name), 4 * GB) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model.width": 1024, "model.downsample": "max_pool", "algorithm.inner_steps": 1000}, "algorithm.inner_steps"),
        ({"model.name": "mlp", "model.hidden": [4096] * 16, "algorithm.inner_steps": 1}, "model.hidden"),
        ({"task.way": 100, "task.shot": 100, "task.query": 100, "training.meta_batch": 4096}, "training.meta_batch"),
        ({"evaluation.inner_steps": 1000, "model.width": 512}, "evaluation.inner_steps"),
        ({"data.source": "glyphs", "data.classes": 20_000, "data.instances": 200, "model.width": 4}, "data.classes"),
    ],
)
def test_absurd_sizes_are_refused_by_the_field_that_asks_for_most(changes: dict[str, object], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_memory(with_changes(BASE, changes), 2 * GB)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert problem.message.startswith("should be smaller")
    assert "this needs about" in problem.message
    assert problem.message.endswith("of memory, and this machine has 2.0 GB free")


def test_a_gpu_knows_for_itself() -> None:
    absurd = with_changes(BASE, {"model.name": "mlp", "model.hidden": [4096] * 16, "training.device": "cuda"})
    assert refusal(absurd, GB) is None


def test_a_module_of_ones_own_is_not_counted() -> None:
    experiment = BASE.model_copy(update={"model": UserModule(path="a.b:C")})
    assert estimate(experiment).sentence.startswith("needs at least ")


@pytest.mark.parametrize(
    ("size", "text"),
    [(4, "10 MB"), (314_000_000, "310 MB"), (4_249_000_000, "4.2 GB"), (35_400_000_000, "35 GB"), (2 * 10**12, "2,000 GB")],
)
def test_readable(size: int, text: str) -> None:
    assert readable(size) == text


def test_flat_where_all_steps_at_once_take_half_of_what_is_free() -> None:
    experiment = with_changes(BASE, {"algorithm.inner_steps": 50, "model.downsample": "max_pool"})
    unrolled = estimate(experiment, 1000 * GB).total
    assert not goes_flat(experiment, 2 * unrolled)
    assert goes_flat(experiment, 2 * unrolled - 1)
    assert estimate(experiment, unrolled).total < unrolled / 2
    for choice in ("flat", "unrolled"):
        assert goes_flat(with_changes(experiment, {"training.memory": choice}), unrolled) is (choice == "flat")
    assert not goes_flat(with_changes(experiment, {"algorithm.name": "fomaml"}), 1)


UNROLLED = [name for name, settings in TABLES["algorithm"].items() if issubclass(settings, Unrolled)]


@pytest.mark.parametrize("name", UNROLLED)
def test_a_run_in_flat_memory_is_the_same_but_for_rounding(tmp_path: Path, name: str) -> None:
    # Not Adam, which makes full steps of rounding where a gradient is zero.
    experiment = suited(digits(algorithm__inner_steps=3, training__iterations=4, training__optimizer="sgd", training__outer_lr=0.1), name)
    weights = {}
    for choice in ("unrolled", "flat"):
        finish(with_changes(experiment, {"training.memory": choice}), tmp_path / choice)
        checkpoint = RunFolder.open(tmp_path / choice).load_checkpoint("latest")
        assert checkpoint.progress["flat"] == int(choice == "flat")
        weights[choice] = checkpoint.meta
    for key, value in weights["unrolled"].items():
        torch.testing.assert_close(weights["flat"][key], value, rtol=1e-4, atol=1e-5)


def _left_off(experiment: Experiment, path: Path) -> RunFolder:
    folder, control = RunFolder.create(path, experiment), Control()
    stop_after(2, run(experiment, folder=folder, control=control), control)
    return RunFolder.open(path)


@pytest.mark.parametrize("choice", ["flat", "unrolled"])
def test_a_run_goes_on_as_it_began_whatever_is_free_then(tmp_path: Path, choice: str) -> None:
    chosen = digits(algorithm__inner_steps=3, training__memory=choice)
    whole = timeless(finish(chosen, tmp_path / "whole"))
    folder = _left_off(chosen, tmp_path / "left")
    # What is in the checkpoint counts, not what automatic would choose now.
    undecided = with_changes(chosen, {"training.memory": "auto"})
    rest = timeless(finish(undecided, checkpoint=folder.resume_point()))
    assert rest == whole[-len(rest) :]
    assert RunFolder.open(tmp_path / "whole").load_checkpoint("latest").progress["flat"] == int(choice == "flat")
