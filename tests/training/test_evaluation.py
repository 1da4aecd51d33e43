"""Scores on fixed tasks."""

import math

import pytest
import torch
from run_cases import digits, sines
from torch import Tensor

from maml_studio.algorithms import Algorithm, build_algorithm
from maml_studio.data import Episodes, Sampler, open_tasks
from maml_studio.models import build_for
from maml_studio.spec import Conv4, Experiment
from maml_studio.training.chunks import chunk_size
from maml_studio.training.evaluation import TaskScores, evaluate, mean_ci95, norm_mode, score_tasks, task_seed

EXPERIMENTS = {"digits": digits(), "sines": sines(), "one_vs_rest": digits(task__kind="one_vs_rest")}


def prepared(experiment: Experiment) -> tuple[Algorithm, Sampler]:
    return build_algorithm(experiment, build_for(experiment)), open_tasks(experiment.data).sampler("test", experiment.task)


def columns(scores: TaskScores) -> list[Tensor]:
    return [scores.support_loss, scores.query_loss, scores.accuracy]


def assert_same(one: TaskScores, other: TaskScores) -> None:
    for mine, theirs in zip(columns(one), columns(other), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5, equal_nan=True)


def test_mean_and_interval() -> None:
    mean, half = mean_ci95(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert mean == 2.5
    assert half == pytest.approx(1.96 * math.sqrt(5 / 3) / 2)
    assert mean_ci95(torch.tensor([3.0]))[0] == 3.0
    assert math.isnan(mean_ci95(torch.tensor([3.0]))[1])
    assert mean_ci95(torch.full((5,), 0.5)) == (0.5, 0.0)


def test_interval_holds_what_it_says() -> None:
    """Of many samples, about 95 in 100 have the true mean within the interval."""
    draws = torch.rand(2000, 50, generator=torch.Generator().manual_seed(0))
    inside = sum(abs(mean - 0.5) <= half for mean, half in map(mean_ci95, draws))
    assert 0.93 < inside / 2000 < 0.96


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_same_tasks_for_the_same_seed(name: str) -> None:
    experiment = EXPERIMENTS[name]
    algorithm, sampler = prepared(experiment)
    meta = algorithm.meta_parameters()

    def scored(seed: int, tasks: int = 7) -> TaskScores:
        torch.manual_seed(seed + 1000)
        scores = evaluate(algorithm, meta, sampler, experiment, tasks=tasks, steps=2, transductive=False, seed=seed)
        assert scores is not None
        return scores

    first = scored(3)
    assert first.query_loss.shape == (7, 3)
    assert all(torch.equal(one, two) for one, two in zip(columns(first)[:2], columns(scored(3))[:2], strict=True))
    assert not torch.equal(first.query_loss, scored(4).query_loss)


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("transductive", [True, False])
def test_chunks_do_not_change_scores(name: str, transductive: bool) -> None:
    experiment = EXPERIMENTS[name]
    algorithm, sampler = prepared(experiment)
    meta = algorithm.meta_parameters()
    episodes = sampler.sample(7, torch.Generator().manual_seed(0))
    whole = score_tasks(algorithm, meta, episodes, 2, transductive)
    for size in (1, 3):
        parts = [columns(score_tasks(algorithm, meta, chunk, 2, transductive)) for chunk in episodes.chunks(size)]
        assert_same(TaskScores(*(torch.cat(column) for column in zip(*parts, strict=True))), whole)


def test_the_first_tasks_are_the_same_however_many_there_are() -> None:
    experiment = EXPERIMENTS["sines"]
    algorithm, sampler = prepared(experiment)
    meta = algorithm.meta_parameters()
    many = chunk_size(experiment) + 3

    def scored(tasks: int) -> TaskScores:
        scores = evaluate(algorithm, meta, sampler, experiment, tasks=tasks, steps=1, transductive=True, seed=0)
        assert scores is not None
        return scores

    few = scored(5)
    assert_same(TaskScores(*(column[:5] for column in columns(scored(many)))), few)


def test_every_task_is_asked_about() -> None:
    experiment = EXPERIMENTS["digits"]
    algorithm, sampler = prepared(experiment)
    size = chunk_size(experiment)
    done: list[int] = []

    def may_go_on(tasks: int) -> bool:
        done.append(tasks)
        return len(done) < 4

    meta = algorithm.meta_parameters()
    options = {"steps": 1, "transductive": True, "seed": 0, "may_go_on": may_go_on}
    scores = evaluate(algorithm, meta, sampler, experiment, tasks=2 * size + 1, **options)
    assert scores is not None
    assert len(scores.accuracy) == 2 * size + 1
    assert done == [0, size, 2 * size]
    assert evaluate(algorithm, meta, sampler, experiment, tasks=2 * size + 1, **options) is None


def test_summary_at_every_inner_step() -> None:
    scores = TaskScores(
        torch.tensor([[1.0, 0.5], [3.0, 0.5]]), torch.tensor([[2.0, 1.0], [4.0, 1.0]]), torch.tensor([[0.0, 1.0], [1.0, 1.0]])
    )
    before, after = scores.summary()
    assert (before.step, before.query_loss, before.support_loss, before.accuracy) == (0, 3.0, 2.0, 0.5)
    assert before.query_loss_ci95 == pytest.approx(1.96)
    assert (after.step, after.query_loss, after.support_loss, after.accuracy, after.accuracy_ci95) == (1, 1.0, 0.5, 1.0, 0.0)
    unknown = TaskScores(scores.support_loss, scores.query_loss, torch.full((2, 2), torch.nan)).summary()
    assert all(score.accuracy is None and score.accuracy_ci95 is None for score in unknown)


def test_adaptation_is_what_is_scored() -> None:
    """The scores at step j are those of the weights after j steps, not of some other point."""
    experiment = EXPERIMENTS["digits"]
    algorithm, sampler = prepared(experiment)
    meta = algorithm.meta_parameters()
    episodes: Episodes = sampler.sample(3, torch.Generator().manual_seed(0))
    scores = score_tasks(algorithm, meta, episodes, 3, False)
    for step in range(4):
        params = algorithm.adapt(meta, episodes, step)[-1].params
        with torch.no_grad():
            loss = algorithm.learner.loss(algorithm.learner.query_outputs(params, episodes, False), episodes.query_y)
        torch.testing.assert_close(scores.query_loss[:, step], loss, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_at_least_one_task_at_a_time(name: str) -> None:
    experiment = EXPERIMENTS[name]
    largest = experiment.model_copy(update={"task": experiment.task.model_copy(update={"shot": 100, "query": 100})})
    assert chunk_size(experiment) >= chunk_size(largest) >= 1


def test_norm_modes_are_told_apart() -> None:
    modes = {
        (norm, transductive): norm_mode(digits().model_copy(update={"model": Conv4(norm=norm)}), transductive)
        for norm in ("batch", "group", "layer", "none")
        for transductive in (True, False)
    }
    assert modes["batch", True] != modes["batch", False]
    assert len(set(modes.values())) == 5
    assert all(modes[norm, True] == modes[norm, False] for norm in ("group", "layer", "none"))
    assert norm_mode(sines(), True) == modes["none", True]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_test_tasks_are_not_the_validation_tasks(name: str) -> None:
    """Sine waves have one endless supply for all parts: there only the seed tells them apart."""
    experiment = EXPERIMENTS[name]
    tasks = open_tasks(experiment.data)
    drawn = [
        tasks.sampler(part, experiment.task).sample(1, torch.Generator().manual_seed(task_seed(experiment.evaluation.seed, part)))
        for part in ("validation", "test")
    ]
    assert not torch.equal(drawn[0].support_x, drawn[1].support_x)
    assert task_seed(7, "train") == task_seed(7, "validation") == 7
