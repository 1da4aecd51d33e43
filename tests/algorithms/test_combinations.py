"""Every algorithm with every kind of task and every network: either one outer step on real tasks, or one sentence."""

from functools import cache
from typing import Any

import pytest
import torch

from maml_studio.algorithms import ALGORITHMS, build_algorithm
from maml_studio.data import Sampler, open_tasks
from maml_studio.models import allow, build_for
from maml_studio.spec import TABLES, Experiment, SpecError, parse

TASKS: dict[str, dict[str, Any]] = {
    "n_way": {"data": {"source": "digits"}, "task": {"kind": "n_way", "way": 3, "query": 2}},
    "one_vs_rest": {"data": {"source": "digits"}, "task": {"kind": "one_vs_rest", "shot": 2, "query": 2}},
    "regression": {"data": {"source": "sinusoid"}, "task": {"kind": "regression", "shot": 4, "query": 3}},
}
MODELS: dict[str, dict[str, Any]] = {
    "conv4": {"name": "conv4", "width": 4},
    "conv4 with context": {"name": "conv4", "width": 4, "context": 3},
    "tutorial_cnn": {"name": "tutorial_cnn"},
    "mlp": {"name": "mlp", "hidden": [5]},
    "mlp with context": {"name": "mlp", "hidden": [5], "context": 2},
    "recurrent": {"name": "recurrent", "hidden": 5},
    "module": {"name": "module", "path": "own_module:Own"},
}
IMAGES_ONLY = ("conv4", "tutorial_cnn", "recurrent")
WITH_CLASSES = {"proto_maml": "Proto-MAML", "unicorn_maml": "Unicorn-MAML", "protonet": "ProtoNet"}


def refusal(algorithm: str, task: str, model: str) -> str:
    """Why they do not go together; empty if they do."""
    kind, _, context = model.partition(" with ")
    if task == "regression" and kind in IMAGES_ONLY:
        return f"model.name should be mlp: {kind} needs images, and sinusoid has none"
    if task == "regression" and algorithm in WITH_CLASSES:
        return f"algorithm.name should be another: {WITH_CLASSES[algorithm]} needs classes, and a function to fit has none"
    if algorithm == "cavia" and not context:
        if kind in ("conv4", "mlp"):
            return "model.context should be 1 or more (try 100): CAVIA adapts a context input and nothing else"
        return f"model.name should be conv4 or mlp: CAVIA adapts a context input and nothing else, and {kind} has none"
    if algorithm == "joint" and task == "one_vs_rest":
        return "task.kind should be n_way: Joint training tells all training classes apart at once"
    return ""


def raw(algorithm: str, task: str, model: str) -> dict[str, Any]:
    return {**TASKS[task], "model": MODELS[model], "algorithm": {"name": algorithm}, "training": {"device": "cpu"}}


CELLS = [(algorithm, task, model) for algorithm in ALGORITHMS for task in TASKS for model in MODELS]


@cache
def sampler(task: str) -> tuple[Sampler, int]:
    experiment = parse(raw("maml", task, "mlp"))
    found = open_tasks(experiment.data).sampler("train", experiment.task)
    return found, len(found.class_names)


@pytest.mark.parametrize(("algorithm", "task", "model"), [cell for cell in CELLS if not refusal(*cell)])
def test_one_outer_step(algorithm: str, task: str, model: str) -> None:
    """On tasks as training draws them; everything that is learned stays finite, and something moves."""
    allow("own_module")
    experiment = parse(raw(algorithm, task, model))
    built = build_algorithm(experiment, build_for(experiment))
    tasks, classes = sampler(task)
    meta = built.meta_parameters(classes)
    before = {name: value.detach().clone() for name, value in meta.items()}
    episodes = tasks.sample(2, torch.Generator().manual_seed(0))
    outer = built.outer_gradient(meta, episodes, transductive=True)
    assert list(outer.gradient) == list(meta)
    for name, value in meta.items():
        value.grad = outer.gradient[name]
    torch.optim.Adam(list(meta.values())).step()
    assert all(torch.isfinite(value).all() for value in meta.values())
    assert any(not torch.equal(value, before[name]) for name, value in meta.items())
    assert torch.isfinite(outer.query_loss).all()
    assert outer.query_accuracy.isnan().all() == (task == "regression")
    end = built.adapt(meta, episodes, 2)[-1].params
    for transductive in (True, False):
        with torch.no_grad():
            outputs = built.learner.query_outputs(end, episodes, transductive)
        assert outputs.shape == (*episodes.query_y.shape[:2], {"n_way": 3, "one_vs_rest": 2, "regression": 1}[task])


@pytest.mark.parametrize(("algorithm", "task", "model"), [cell for cell in CELLS if refusal(*cell)])
def test_one_sentence(algorithm: str, task: str, model: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(raw(algorithm, task, model))
    assert str(caught.value) == refusal(algorithm, task, model)


def test_the_table_is_whole() -> None:
    assert {model["name"] for model in MODELS.values()} == set(TABLES["model"])
    assert set(TASKS) == set(TABLES["task"])
    assert set(ALGORITHMS) == set(TABLES["algorithm"])
    assert parse(raw("maml", "n_way", "mlp")) != Experiment()


def test_a_body_of_nothing_does_not_move() -> None:
    """BOIL on a linear classifier has nothing to adapt, and says so by not adapting."""
    experiment = parse({**raw("boil", "n_way", "mlp"), "model": {"name": "mlp", "hidden": []}})
    built = build_algorithm(experiment, build_for(experiment))
    meta, episodes = built.meta_parameters(), sampler("n_way")[0].sample(2, torch.Generator().manual_seed(0))
    path = built.adapt(meta, episodes, 2)
    assert all(torch.equal(value, path[0].params[name]) for point in path for name, value in point.params.items())
    assert built.outer_gradient(meta, episodes, transductive=True).gradient["head.weight"].abs().max() > 0
