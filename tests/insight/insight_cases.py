"""Small models of every algorithm, untrained or with weights of their own, ready to be looked into."""

from functools import cache
from typing import Any

import torch

import maml_studio
from maml_studio.algorithms import Algorithm, Learner, build_algorithm
from maml_studio.data import Episodes
from maml_studio.insight import Subject, look_at
from maml_studio.models import build_for
from maml_studio.spec import Experiment, load_preset, with_changes
from maml_studio.training.checkpoint import Checkpoint

SMALL = {"name": "small", "task.way": 3, "task.query": 2, "model.width": 4, "evaluation.inner_steps": 3}
CLASSIFIERS = {
    "maml": {},
    "fomaml": {},
    "reptile": {"algorithm.inner_lr": 0.01},
    "imaml": {},
    "meta_sgd": {},
    "anil": {},
    "boil": {},
    "proto_maml": {},
    "unicorn_maml": {},
    "mamlpp": {},
    "cavia": {"model.context": 5, "algorithm.inner_lr": 5.0},
    "protonet": {},
    "joint": {"algorithm.adapts": "head"},
}
"""Every algorithm, with what it needs."""


def experiment(algorithm: str = "maml", **changes: Any) -> Experiment:
    """The default preset, small, with an algorithm; further changes by field, with ``__`` for the dot."""
    extra = {name.replace("__", "."): value for name, value in changes.items()}
    return with_changes(load_preset("digits-maml"), SMALL | {"algorithm.name": algorithm} | CLASSIFIERS[algorithm] | extra)


def sines(**changes: Any) -> Experiment:
    """The sine preset, small."""
    extra = {name.replace("__", "."): value for name, value in changes.items()}
    base = {"name": "sines", "model.hidden": [8], "task.shot": 5, "evaluation.inner_steps": 4}
    return with_changes(load_preset("sinusoid-maml"), base | extra)


def trained(settings: Experiment) -> maml_studio.api.Trained:
    """A model that is as if trained: its weights are the random start's, moved."""
    algorithm = build_algorithm(settings, build_for(settings))
    classes = 10 if settings.algorithm.name == "joint" else 0
    generator = torch.Generator().manual_seed(5)
    meta = {
        name: (value + 0.1 * torch.randn(value.shape, generator=generator)).detach() if "inner_rate." not in name else value.detach()
        for name, value in algorithm.meta_parameters(classes).items()
    }
    return maml_studio.api.Trained(Checkpoint(settings, 7, meta), "small")


@cache
def subject(algorithm: str) -> Subject:
    """An algorithm's small model; ``sines`` for the one that fits functions."""
    return look_at(trained(sines() if algorithm == "sines" else experiment(algorithm)))


def in_double(settings: Experiment) -> tuple[Algorithm, dict[str, torch.Tensor]]:
    """An algorithm with its network in float64, and its meta-parameters."""
    network = build_for(settings).double()
    algorithm = build_algorithm(settings, network)
    assert isinstance(algorithm.learner, Learner)
    return algorithm, {name: value.detach() for name, value in algorithm.meta_parameters(10).items()}


def doubled(episodes: Episodes) -> Episodes:
    """Tasks in float64."""
    y = [part.double() if part.is_floating_point() else part for part in (episodes.support_y, episodes.query_y)]
    return Episodes(episodes.support_x.double(), y[0], episodes.query_x.double(), y[1], episodes.classes)
