"""The outer rate in the course of training."""

import pytest
from run_cases import sines

from maml_studio.training.schedule import outer_lr


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schedule": "constant"}, {0: 1.0, 5: 1.0, 9: 1.0}),
        ({"schedule": "linear"}, {0: 1.0, 5: 0.5, 9: 0.1}),
        ({"schedule": "linear", "outer_lr_end": 0.2}, {0: 1.0, 5: 0.6}),
        ({"schedule": "cosine"}, {0: 1.0, 5: 0.5}),
        ({"schedule": "cosine", "outer_lr_end": 0.5}, {0: 1.0, 5: 0.75}),
        ({"schedule": "halving", "halve_every": 2}, {0: 1.0, 1: 1.0, 2: 0.5, 5: 0.25}),
        ({"schedule": "halving", "halve_every": 2, "outer_lr_end": 0.3}, {2: 0.5, 5: 0.3}),
    ],
)
def test_schedules(changes: dict[str, object], expected: dict[int, float]) -> None:
    fields = {"outer_lr": 1.0, "iterations": 10} | changes
    experiment = sines(**{f"training__{name}": value for name, value in fields.items()})
    for iteration, rate in expected.items():
        assert outer_lr(experiment, iteration) == pytest.approx(rate)
