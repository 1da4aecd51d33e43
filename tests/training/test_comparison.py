"""Several conditions on the same tasks."""

from dataclasses import fields
from typing import Any

import pytest
import torch
from run_cases import digits, sines

from maml_studio.algorithms import Algorithm, build_algorithm
from maml_studio.data import Episodes, Sampler, open_tasks
from maml_studio.models import build_for
from maml_studio.spec import Conv4, Experiment
from maml_studio.training.chunks import chunk_size, usable_cores
from maml_studio.training.comparison import RANDOM, TRAINED, WORST, Comparison, Condition, compare, conditions_of
from maml_studio.training.evaluation import draw_tasks, evaluate

EXPERIMENTS = {
    "digits": digits(),
    "sines": sines(),
    "one_vs_rest": digits(task__kind="one_vs_rest"),
    "on several cores": digits(model__width=32, training__meta_batch=12),
}


def prepared(experiment: Experiment) -> tuple[Algorithm, Sampler]:
    return build_algorithm(experiment, build_for(experiment)), open_tasks(experiment.data).sampler("test", experiment.task)


def compared(experiment: Experiment, tasks: int = 12, *, seed: int = 3, **options: Any) -> Comparison | None:
    algorithm, sampler = prepared(experiment)
    trained = algorithm.meta_parameters()
    other = {name: value.detach() * 1.5 for name, value in trained.items()}
    conditions = conditions_of(experiment, both_modes=True, random_start=True)
    return compare(
        algorithm, {TRAINED: trained, RANDOM: other}, sampler, experiment, conditions, tasks=tasks, steps=2, seed=seed, **options
    )


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_condition_scores_as_it_would_alone(name: str) -> None:
    experiment = EXPERIMENTS[name]
    algorithm, sampler = prepared(experiment)
    comparison = compared(experiment)
    assert comparison is not None
    assert [outcome.condition for outcome in comparison.outcomes] == list(conditions_of(experiment, both_modes=True, random_start=True))
    for outcome in comparison.outcomes:
        meta = algorithm.meta_parameters()
        if outcome.condition.start == RANDOM:
            meta = {key: value.detach() * 1.5 for key, value in meta.items()}
        transductive = outcome.condition.transductive
        alone = evaluate(algorithm, meta, sampler, experiment, tasks=12, steps=2, transductive=transductive, seed=3)
        assert alone is not None
        torch.testing.assert_close(outcome.scores.query_loss, alone.query_loss)
        torch.testing.assert_close(outcome.scores.accuracy, alone.accuracy, equal_nan=True)
        torch.testing.assert_close(outcome.scores.answers, alone.answers)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_accuracy_is_the_share_of_right_answers(name: str) -> None:
    comparison = compared(EXPERIMENTS[name])
    assert comparison is not None
    for outcome in comparison.outcomes:
        answers = outcome.scores.answers
        assert answers is not None
        if name == "sines":
            torch.testing.assert_close((answers - comparison.query_y[:, None]).square().mean((2, 3)), outcome.scores.query_loss)
        else:
            torch.testing.assert_close((answers == comparison.query_y[:, None]).float().mean(2), outcome.scores.accuracy)


@pytest.mark.parametrize(
    ("norm", "transductive", "expected"),
    [("batch", False, [False, True]), ("batch", True, [True, False]), ("layer", True, [True]), ("none", False, [False])],
)
def test_norm_modes_where_they_differ(norm: str, transductive: bool, expected: list[bool]) -> None:
    experiment = digits(evaluation__transductive=transductive).model_copy(update={"model": Conv4(norm=norm, width=4)})
    both = [Condition(start, mode) for start in (TRAINED, RANDOM) for mode in expected]
    assert list(conditions_of(experiment, both_modes=True, random_start=True)) == both
    assert conditions_of(experiment, both_modes=False, random_start=False) == (Condition(TRAINED, transductive),)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_worst_tasks_are_kept_whole(name: str) -> None:
    """Of more than one chunk of tasks; drawn again from the seed they are the same."""
    experiment = EXPERIMENTS[name]
    tasks = chunk_size(experiment) + 5
    comparison = compared(experiment, tasks)
    assert comparison is not None
    _, sampler = prepared(experiment)
    everything = draw_tasks(sampler, tasks, torch.Generator().manual_seed(3))
    for outcome in comparison.outcomes:
        accuracy, loss = outcome.scores.accuracy[:, -1].nan_to_num(0), outcome.scores.query_loss[:, -1]
        order = sorted(range(tasks), key=lambda task: (accuracy[task].item(), -loss[task].item(), task))
        assert [kept.number for kept in outcome.worst] == order[:WORST]
        for kept in outcome.worst:
            for field in fields(Episodes):
                column = getattr(kept.episodes, field.name)
                torch.testing.assert_close(column[0], getattr(everything, field.name)[kept.number])
                assert column.untyped_storage().nbytes() == column.numel() * column.element_size()
            assert outcome.scores.answers is not None
            assert torch.equal(kept.answers, outcome.scores.answers[kept.number])


def test_it_is_asked_before_every_pass_and_gives_up_at_once() -> None:
    experiment = EXPERIMENTS["digits"]
    tasks = chunk_size(experiment) + 1
    asked: list[int] = []

    def may_go_on(done: int) -> bool:
        asked.append(done)
        return len(asked) < stop

    stop = 10_000
    assert compared(experiment, tasks, may_go_on=may_go_on) is not None
    assert sorted(set(asked)) == [0, tasks - 1]
    # Two starts, each with a pass of the support set for every step, and of the queries for each mode and point.
    assert len(asked) >= 2 * (1 + 2 * (3 + 2 * 3))
    for stop in (1, 2, 7):
        asked.clear()
        assert compared(experiment, tasks, may_go_on=may_go_on) is None
        assert len(asked) == stop


def test_several_threads_give_up_together() -> None:
    """Within the chunks under way, whichever of them asks."""
    asked: list[int] = []

    def may_go_on(done: int) -> bool:
        asked.append(done)
        return len(asked) < 5

    assert compared(EXPERIMENTS["on several cores"], 24, may_go_on=may_go_on) is None
    assert len(asked) < 5 + usable_cores() + 1


def test_nothing_is_left_on_the_network_after_giving_up() -> None:
    experiment = EXPERIMENTS["digits"]
    algorithm, sampler = prepared(experiment)
    conditions = (Condition(TRAINED, False),)
    options: dict[str, Any] = {"tasks": 2, "steps": 1, "seed": 0}
    starts = {TRAINED: algorithm.meta_parameters()}
    answers = iter([True, True, False])
    assert compare(algorithm, starts, sampler, experiment, conditions, may_go_on=lambda done: next(answers), **options) is None
    assert compare(algorithm, starts, sampler, experiment, conditions, **options) is not None


def test_a_loss_that_is_no_number_is_the_worst() -> None:
    """Exploding rates bring some tasks to infinity and beyond; among those that are left the order is as ever."""
    experiment = sines(algorithm__inner_lr=0.1)
    algorithm, sampler = prepared(experiment)
    starts = {TRAINED: {name: value.detach() * 1.5 for name, value in algorithm.meta_parameters().items()}}
    comparison = compare(algorithm, starts, sampler, experiment, (Condition(TRAINED, False),), tasks=20, steps=12, seed=0)
    assert comparison is not None
    (outcome,) = comparison.outcomes
    losses = outcome.scores.query_loss[:, -1]
    lost = [task for task in range(20) if not losses[task].isfinite()]
    assert 0 < len(lost) < WORST
    left = sorted(set(range(20)) - set(lost), key=lambda task: -losses[task].item())
    assert [kept.number for kept in outcome.worst] == (lost + left)[:WORST]
