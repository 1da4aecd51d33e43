"""Chunks follow the settings alone: bigger networks, more steps and more queries make them smaller."""

import pytest
import torch

from maml_studio.spec import load_preset, preset_names, with_changes
from maml_studio.training.chunks import ACTIVATIONS, MOST_TASKS, _activations, chunk_size

BASE = with_changes(load_preset("digits-maml"), {"task.query": 15, "algorithm.inner_steps": 5, "model.width": 64})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model.downsample", "max_pool"),
        ("model.width", 512),
        ("algorithm.inner_steps", 50),
        ("task.query", 100),
        ("task.shot", 50),
    ],
)
def test_more_work_makes_smaller_chunks(field: str, value: object) -> None:
    assert 1 <= chunk_size(with_changes(BASE, {field: value})) < chunk_size(BASE)


@pytest.mark.parametrize("name", preset_names())
def test_within_bounds_for_every_preset(name: str) -> None:
    assert 1 <= chunk_size(load_preset(name)) <= MOST_TASKS


def test_activations_are_those_of_the_layers() -> None:
    mlp = with_changes(load_preset("sinusoid-maml"), {"model.hidden": [40, 30]})
    # flatten 1, linear 40, relu 40, linear 30, relu 30, head 1
    assert _activations(mlp.model, (1,), 1) == 71


def test_counting_computes_nothing_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    huge = with_changes(BASE, {"model.width": 1024, "model.downsample": "max_pool"})
    assert chunk_size(huge) == 1
    assert ACTIVATIONS > 0
    assert torch.equal(before, torch.random.get_rng_state())
