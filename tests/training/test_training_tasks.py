"""Meta-batches of one size, or of sizes that vary."""

import pytest
import torch
from run_cases import digits, suited

from maml_studio.data import DataError, Episodes, open_tasks
from maml_studio.spec import Experiment, with_changes
from maml_studio.training.events import OuterStep
from maml_studio.training.trainer import run
from maml_studio.training.training_tasks import TrainingTasks


def draw(experiment: Experiment, times: int, seed: int = 0) -> list[Episodes]:
    tasks, generator = TrainingTasks(open_tasks(experiment.data), experiment), torch.Generator().manual_seed(seed)
    return [tasks.draw(generator)[0] for _ in range(times)]


def sizes(episodes: Episodes) -> tuple[int, int]:
    return episodes.way, episodes.support_y.shape[1] // episodes.way


def test_the_tasks_own_size_draws_what_the_sampler_draws() -> None:
    experiment = digits()
    drawn = draw(experiment, 1)[0]
    plain = open_tasks(experiment.data).sampler("train", experiment.task).sample(4, torch.Generator().manual_seed(0))
    assert torch.equal(drawn.support_x, plain.support_x)


def test_ways_and_shots_vary_from_one_meta_batch_to_the_next() -> None:
    experiment = with_changes(suited(digits(), "unicorn_maml"), {"training.vary_way": 5, "training.vary_shot": 3})
    seen = {sizes(episodes) for episodes in draw(experiment, 60)}
    assert seen == {(way, shot) for way in (3, 4, 5) for shot in (1, 2, 3)}
    assert [sizes(one) for one in draw(experiment, 9)] == [sizes(one) for one in draw(experiment, 9)]


def test_an_algorithm_may_train_on_shots_of_its_own() -> None:
    assert sizes(draw(suited(digits(), "reptile"), 1)[0]) == (3, 10)


def test_the_largest_tasks_are_checked_before_training() -> None:
    experiment = with_changes(suited(digits(), "protonet"), {"training.vary_way": 11})
    with pytest.raises(DataError, match="there are that many classes"):
        TrainingTasks(open_tasks(experiment.data), experiment)


@pytest.mark.parametrize("algorithm", ["unicorn_maml", "proto_maml", "protonet"])
def test_training_over_varying_ways_and_shots(algorithm: str) -> None:
    experiment = with_changes(suited(digits(), algorithm), {"training.vary_way": 6, "training.vary_shot": 3})
    steps = [event for event in run(experiment) if isinstance(event, OuterStep)]
    assert len(steps) == experiment.training.iterations


def test_the_tail_is_the_tasks_that_adapt_worst() -> None:
    whole = next(event for event in run(digits(training__meta_batch=8)) if isinstance(event, OuterStep))
    tail = next(event for event in run(digits(training__meta_batch=8, training__tail=0.25)) if isinstance(event, OuterStep))
    assert tail.tasks == 2
    assert tail.query_loss > whole.query_loss
