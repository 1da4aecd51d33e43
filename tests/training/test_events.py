"""Events as lines of JSON."""

import json
import math

import pytest

from maml_studio.training.events import (
    Checkpointed,
    Diverged,
    Event,
    Failed,
    Finished,
    OuterStep,
    Started,
    StepScore,
    Stopped,
    Validation,
    from_line,
    to_line,
)

NAN = math.nan
SCORES = (StepScore(0, 1.5, 0.1, 1.4, 0.2, 0.02), StepScore(1, 0.5, 0.05, 0.4, 0.9, 0.01))
EVENTS: list[Event] = [
    Started(0, 100, "cpu", 28933, "transductive"),
    OuterStep(3, 0.5, 0.8, (1.6, 0.2), (1.6, 0.5), 0.2, 2.5, 0.001, 16, 1.25),
    OuterStep(4, 0.5, None, (1.6, 0.2), (), None, 2.5, 0.001, 16, 1.25),
    Validation(3, SCORES, 100, "batch norm, statistics of the support set", True, 2.5),
    Validation(3, (StepScore(0, 1.5, 0.1, 1.4, None, None),), 600, "no norm", False, 2.5),
    Checkpointed(3, "best"),
    Diverged(7, 'Größer als α – „quoted“ "too"\nand a new line'),
    Finished(100, "all 100 iterations done"),
    Stopped(5),
    Failed(0, "There is no such folder"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_round_trip(event: Event) -> None:
    line = to_line(event)
    assert "\n" not in line
    assert from_line(line) == event
    assert from_line(line + "\n") == event
    assert json.loads(line)["event"] == type(event).__name__


@pytest.mark.parametrize("number", [NAN, math.inf, -math.inf])
def test_numbers_that_json_does_not_know(number: float) -> None:
    step = OuterStep(3, number, None, (1.0, number), (number,), None, number, 0.001, 16, 1.25)
    line = to_line(step)
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    back = from_line(line)
    assert isinstance(back, OuterStep)
    assert math.isnan(back.query_loss)
    assert math.isnan(back.gradient_norm)
    assert back.support_losses[0] == 1.0
    assert math.isnan(back.support_losses[1])
    assert math.isnan(back.query_losses[0])
    assert back.query_accuracy is None

    validation = from_line(to_line(Validation(3, (StepScore(0, number, number, number, None, None),), 2, "no norm", False, 2.5)))
    assert isinstance(validation, Validation)
    assert math.isnan(validation.scores[0].query_loss)
    assert math.isnan(validation.scores[0].query_loss_ci95)
    assert math.isnan(validation.scores[0].support_loss)
    assert validation.scores[0].accuracy is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "\n",
        "{",
        to_line(EVENTS[1])[:-20],
        "[1, 2]",
        "3",
        '"Started"',
        "null",
        "{}",
        '{"event": "Bred"}',
        '{"event": ["Started"]}',
        '{"event": "Stopped"}',
        '{"event": "Stopped", "iteration": 3, "mood": "good"}',
        '{"event": "Validation", "iteration": 3, "scores": 5, "tasks": 1, "norm_mode": "", "best": true, "seconds": 1}',
        '{"event": "Validation", "iteration": 3, "scores": [{"step": 1}], "tasks": 1, "norm_mode": "", "best": true, "seconds": 1}',
        "\ufffd\ufffd\x00",
        "[" * 100_000,
    ],
    ids=range(17),
)
def test_junk_is_passed_over(line: str) -> None:
    assert from_line(line) is None
