"""The two starts on the same tasks, and a function by inner step."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from insight_cases import CLASSIFIERS, doubled, experiment, in_double, sines, subject, trained

from maml_studio.insight import QUESTIONS, look_at, see_all
from maml_studio.insight.functions import see_function, task_of, wave_through
from maml_studio.insight.plane import joined
from maml_studio.insight.start import alignment, cosine, see_start
from maml_studio.insight.subject import Unanswered
from maml_studio.models import allow
from maml_studio.spec import load_preset, with_changes
from maml_studio.training.evaluation import draw_tasks, score_tasks, task_seed
from maml_studio.training.norm_words import norm_words

TASKS = 4


@pytest.mark.parametrize("algorithm", [*CLASSIFIERS, "sines"])
def test_every_algorithm_has_an_answer(algorithm: str) -> None:
    one = subject(algorithm)
    found = see_start(one, TASKS)
    json.dumps(found.to_json(), allow_nan=False)
    assert "nan" not in found.paragraph
    assert found.steps == (0 if algorithm == "protonet" else one.steps)
    assert (found.trained.accuracy is None) == (algorithm == "sines")
    assert (found.trained.alignment is None) == (algorithm == "protonet")
    assert ("takes no inner steps" in found.paragraph) == (algorithm == "protonet")


def test_both_starts_see_the_tasks_that_evaluation_sees() -> None:
    one = subject("maml")
    found = see_start(one, TASKS)
    episodes = draw_tasks(one.sampler, TASKS, torch.Generator().manual_seed(task_seed(one.seed, "test")))
    for start, meta in ((found.trained, one.meta), (found.random, one.random)):
        scores = score_tasks(one.algorithm, meta, episodes, one.steps, one.transductive)
        means = [estimate.mean for estimate in start.query_loss]
        assert means == pytest.approx(scores.query_loss.mean(0).tolist(), rel=1e-5)
    # Paired: the mean is the difference of the means, the interval its own.
    assert found.difference.mean == pytest.approx(found.trained.accuracy[-1].mean - found.random.accuracy[-1].mean, abs=1e-6)


def test_the_random_start_is_the_network_before_training() -> None:
    settings = experiment()
    one = look_at(trained(settings))
    fresh = in_double(settings)[1]
    for name, value in one.random.items():
        assert torch.equal(value, fresh[name].float())
        assert not torch.equal(value, one.meta[name])


def test_cosines() -> None:
    rows = torch.tensor([[1.0, 0], [1, 1], [0, 0]], dtype=torch.float64)
    found = cosine(rows, torch.tensor([[-2.0, 0], [1, 0], [1, 1]], dtype=torch.float64))
    assert found[:2].tolist() == pytest.approx([-1, 2**-0.5], abs=1e-15)
    assert found[2].isnan()


def test_equal_support_and_query_have_equal_gradients() -> None:
    one = subject("maml")
    algorithm, meta = in_double(experiment())
    episodes = doubled(one.one(0))
    same = replace(episodes, query_x=episodes.support_x, query_y=episodes.support_y)
    assert alignment(replace(one, algorithm=algorithm, transductive=True), meta, same).item() == pytest.approx(1, abs=1e-12)


def test_alignment_is_of_what_adapts_alone() -> None:
    settings = experiment("anil")
    algorithm, meta = in_double(settings)
    episodes = doubled(subject("anil").one(0))
    start = {name: value.clone().requires_grad_() for name, value in algorithm.start(meta, episodes).items()}
    learner = algorithm.learner
    heads = [start[name] for name in learner.head]
    losses = (
        learner.loss(learner.outputs(start, episodes.support_x), episodes.support_y),
        learner.loss(learner.query_outputs(start, episodes, False), episodes.query_y),
    )
    slopes = [joined(dict(enumerate(torch.autograd.grad(loss.sum(), heads)))) for loss in losses]
    expected = torch.nn.functional.cosine_similarity(*slopes, dim=0).item()
    found = alignment(replace(subject("anil"), algorithm=algorithm), meta, episodes)
    assert found.item() == pytest.approx(expected, abs=1e-12)


def test_more_queries_where_the_source_has_them() -> None:
    assert subject("maml").task.query == 15
    assert subject("maml").experiment.task.query == 2
    assert subject("sines").task.query == 50
    # Ten classes of 36 test images each: 30 shots leave too few for 15.
    assert look_at(trained(experiment(task__shot=30))).task.query == 2


def test_tasks_are_the_same_for_the_same_seed() -> None:
    one = subject("maml")
    chunks = list(one.episodes(10))
    assert [len(chunk) for chunk in chunks] == [8, 2]
    assert torch.equal(torch.cat([chunk.support_x for chunk in chunks])[9], one.one(9).support_x[0])
    assert not torch.equal(replace(one, seed=2).one(9).support_x, one.one(9).support_x)


@pytest.mark.parametrize(("amplitude", "phase"), [(0.1, 0.0), (2.5, 1.0), (5.0, 3.1)])
def test_a_wave_is_found_again(amplitude: float, phase: float) -> None:
    x = np.linspace(-4, 5, 7)
    assert wave_through(x, amplitude * np.sin(x - phase)) == pytest.approx((amplitude, phase), abs=1e-9)
    assert wave_through(x, np.sin(x) + np.linspace(0, 1, 7)) is None


def test_the_truth_of_a_task() -> None:
    task = task_of(subject("sines"), 2)
    assert task.number == 2
    amplitude, phase = task.truth
    assert 0.1 <= amplitude <= 5
    assert 0 <= phase <= np.pi
    assert np.abs(task.true_values(task.x) - task.y).max() < 1e-5


def test_a_function_at_every_step() -> None:
    one = subject("sines")
    task = task_of(one)
    found = see_function(one.trained, one.trained.untrained(), task, 3)
    assert found.values.shape == (4, len(found.x))
    adapted = one.trained.adapt(task.x[:, None], task.y, 3)
    assert np.allclose(found.support, adapted.support_losses, rtol=1e-4)
    for step in (0, 3):
        assert np.allclose(found.values[step], adapted.predict(found.x[:, None], step).values[:, 0], atol=1e-6)
    assert found.error[0] == pytest.approx(np.square(found.values[0] - task.true_values(found.x)).mean())
    assert found.paragraph.startswith("Task 1: before adaptation")
    json.dumps(found.to_json(), allow_nan=False)


def test_points_that_were_moved() -> None:
    one = subject("sines")
    task = task_of(one)
    x, y = task.x.copy(), task.y.copy()
    x[0], y[0] = -2.0, 4.0
    found = see_function(one.trained, one.trained.untrained(), task.with_points(x, y), 2)
    assert found.paragraph.startswith("The points as you moved them")
    assert found.task.truth == task.truth
    assert found.to_json()["task"] is None


@pytest.mark.parametrize("inside", [True, False])
def test_the_error_where_no_point_is(inside: bool) -> None:
    one = subject("sines")
    task = task_of(one)
    x = np.linspace(-5, 5, 5) if inside else np.linspace(0, 4, 5)
    found = see_function(one.trained, one.trained.untrained(), task.with_points(x, task.true_values(x)), 2)
    assert (found.outside is None) == inside
    assert ("beyond the outermost" in found.paragraph) != inside


def test_a_classifier_draws_no_function() -> None:
    assert isinstance(task_of(subject("maml")), Unanswered)


@pytest.mark.parametrize("algorithm", ["maml", "sines"])
def test_all_questions(algorithm: str) -> None:
    told = []
    report = see_all(subject(algorithm), tasks=3, found=lambda question, answer: told.append((question, answer.answered)))
    assert [question for question, _ in told] == list(QUESTIONS)
    assert dict(told)["function"] == (algorithm == "sines")
    value = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert value["iteration"] == 7
    assert list(value["answers"]) == list(QUESTIONS)


def test_settings_of_ones_own() -> None:
    one = look_at(trained(sines()), steps=2, seed=9)
    assert (one.steps, one.seed) == (2, 9)
    # A model whose evaluation takes no steps is looked at after one.
    assert look_at(trained(experiment(evaluation__inner_steps=0))).steps == 1


def test_steps_that_are_too_long_are_told() -> None:
    report = see_all(look_at(trained(sines(algorithm__inner_lr=100.0))), tasks=3)
    json.dumps(report.to_json(), allow_nan=False)
    words = {question: answer.paragraph for question, answer in report.answers.items()}
    assert "the weights are no numbers any more" in words["layers"]
    assert words["start"].startswith("The loss is no number any more after 4 inner steps")
    assert "there is no plane to draw" in words["plane"]
    assert "no longer a number after inner step" in words["function"]
    assert not any("nan" in one for one in words.values())


def test_a_rate_of_zero_moves_nothing() -> None:
    report = see_all(look_at(trained(experiment(algorithm__inner_lr=0.0))), tasks=2)
    assert "nothing moves" in report.answers["layers"].paragraph
    assert not report.answers["plane"].answered


def test_pen_moves_and_modules_of_ones_own(monkeypatch, tmp_path) -> None:
    strokes = with_changes(
        load_preset("digits-gru-maml"),
        {
            "data.source": "glyphs",
            "model.reads": "strokes",
            "data.classes": 20,
            "data.siblings": 1,
            "task.query": 2,
            "model.hidden": 6,
            "task.way": 3,
            "evaluation.inner_steps": 2,
        },
    )
    (tmp_path / "own_for_insight.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    allow("own_for_insight")
    changes = {"model.name": "module", "model.path": "own_for_insight:Own", "model.has_batch_norm": True, "task.way": 3}
    own = with_changes(load_preset("digits-maml"), changes | {"evaluation.inner_steps": 2})
    for settings, layers in ((strokes, ["gru1", "norm1", "head"]), (own, ["hidden", "norm", "answer"])):
        report = see_all(look_at(trained(settings)), tasks=2)
        assert [layer.name for layer in report.answers["layers"].layers] == layers
        assert all(layer.cka is not None for layer in report.answers["layers"].layers)
        assert report.answers["plane"].answered


OWN = """
from torch import nn

class Own(nn.Module):
    def __init__(self, input_shape, outputs):
        super().__init__()
        self.hidden, self.norm, self.answer = nn.Linear(784, 6), nn.BatchNorm1d(6), nn.Linear(6, outputs)

    def forward(self, x):
        return self.answer(self.norm(self.hidden(x.flatten(1))).tanh())
"""


@pytest.mark.parametrize(
    ("outside", "random", "flat", "words"),
    [
        ((9.0, 0.3), 8.0, 4.0, "it continues the wave"),
        ((90.0, 6.0), 8.0, 4.0, "it does not continue their wave"),  # a fifteenth of before, and worse than a flat line
        ((9.0, 0.3), 0.4, 4.0, "it does not continue their wave"),  # the random start does as well
        ((3.0, 6.0), 8.0, 4.0, "the points tell it nothing there"),
    ],
)
def test_whether_it_knows_waves_follows_from_the_number(outside: tuple[float, float], random: float, flat: float, words: str) -> None:
    one = subject("sines")
    found = see_function(one.trained, one.trained.untrained(), task_of(one), 1)
    found = replace(found, outside=np.array(outside), outside_random=random, outside_flat=flat)
    assert words in found.paragraph
    assert f"a flat line at best {flat:.3g}" in found.paragraph


@pytest.mark.parametrize(
    ("mode", "words"),
    [("support", "norm: support"), ("no norm", "no norm"), ("layer norm", "layer norm"), ("transductive", "norm: transductive")],
)
def test_a_norm_mode_is_told_once(mode: str, words: str) -> None:
    assert norm_words(mode) == words
