"""Models of every algorithm and network to export, with weights off their first values, as training leaves them."""

from typing import Any

import numpy as np
import torch

from maml_studio.algorithms import ALGORITHMS, build_algorithm
from maml_studio.api import Adapted, Trained, ends_in_softmax
from maml_studio.models import allow, build_for
from maml_studio.spec import TABLES, Experiment, parse
from maml_studio.training.checkpoint import Checkpoint

NAMES = ["star", "o'\"x\\", "`tick```", "two\nlines", "ጸ😀", "six", "seven"]
SINES: dict[str, Any] = {"data": {"source": "sinusoid"}, "task": {"kind": "regression", "shot": 4}}
NETWORKS: dict[str, dict[str, Any]] = {
    "stride": {"model": {"name": "conv4", "width": 4}},
    "pool": {"model": {"name": "conv4", "width": 4, "downsample": "max_pool"}, "task": {"way": 3, "kind": "n_way", "shot": 2}},
    "group": {"model": {"name": "conv4", "width": 4, "norm": "group"}},
    "tutorial": {"model": {"name": "tutorial_cnn", "softmax": True}, "task": {"kind": "one_vs_rest"}},
    "mlp": {"model": {"name": "mlp", "hidden": [16], "activation": "tanh"}},
    "gru": {"model": {"name": "recurrent", "hidden": 6}},
    "lstm": {"model": {"name": "recurrent", "cell": "lstm", "hidden": 6, "layers": 2, "norm": "none"}},
    "context": {"model": {"name": "mlp", "hidden": [16], "context": 3}},
    "film": {"model": {"name": "conv4", "width": 4, "context": 3}},
    "sines": {**SINES, "model": {"name": "mlp", "hidden": [8, 6]}},
}
allow("export_modules")
OWN: dict[str, dict[str, Any]] = {
    "own": {"model": {"name": "module", "path": "export_modules:Plain"}},
    "own-normed": {"model": {"name": "module", "path": "export_modules:Normed", "has_batch_norm": True}},
}
SHORT = {"evaluation": {"inner_steps": 2}}
# Where the defaults of an algorithm would show nothing after two steps, or hide what it does.
TRAITS: dict[str, dict[str, Any]] = {
    "reptile": {"inner_lr": 0.01, "test_batch": 4},
    "imaml": {"inner_steps": 2, "lam": 1.5, "tolerance": 0.01},
    "meta_sgd": {"rate_min": -0.1, "rate_max": 0.3},
    "mamlpp": {"inner_steps": 2},
    "cavia": {"inner_lr": 30.0},
    "joint": {"adapts": "head", "inner_lr": 0.3},
}


def _of_algorithm(name: str) -> dict[str, dict[str, Any]]:
    """The models of one algorithm, by name: with batch norm, without, and fitting functions where it does."""
    settings = TABLES["algorithm"][name]
    algorithm = {"algorithm": {"name": name, **TRAITS.get(name, {})}}
    context = {"context": 3} if settings.needs_context else {}
    conv = {"name": "conv4", "width": 4, **context}
    found = {
        f"{name}-batch": {"model": conv, "task": {"kind": "n_way", "shot": 2}, **algorithm},
        f"{name}-none": {"model": {**conv, "norm": "none"}, "task": {"kind": "n_way", "way": 4}, **algorithm},
    }
    if not settings.needs_classes:
        found[f"{name}-sines"] = {**SINES, "model": {"name": "mlp", "hidden": [8, 6], **context}, **algorithm}
    return found


MODELS: dict[str, dict[str, Any]] = {**NETWORKS, **OWN}
for _name, _own in OWN.items():
    MODELS[f"protonet-{_name}"] = {**_own, "algorithm": {"name": "protonet"}}
for _name in ALGORITHMS:
    MODELS |= _of_algorithm(_name)
PROTOTYPES = [name for name in MODELS if name.startswith("proto")]


def experiment_of(name: str) -> Experiment:
    return parse({"name": name, **SHORT, **MODELS[name]})


def trained_model(experiment: Experiment, progress: dict[str, Any] | None = None) -> Trained:
    """A model whose meta-parameters are all somewhere else than at their first values; seven training classes."""
    algorithm = build_algorithm(experiment, build_for(experiment))
    generator = torch.Generator().manual_seed(1)
    # Far enough that every layer says something; a softmax within the network would saturate.
    spread = 0.02 if ends_in_softmax(experiment) else 0.2
    meta = {}
    for name, value in algorithm.meta_parameters(7).items():
        meta[name] = value.detach() + spread * torch.randn(value.shape, generator=generator)
    return Trained(Checkpoint(experiment, 40, meta, progress=progress or {}), "here")


def adapted_model(trained: Trained, classes: int | None = None) -> Adapted:
    """Adapted to two examples per class, or four points."""
    generator = np.random.default_rng(0)
    if trained.experiment.regression:
        x = generator.random((4, 1), dtype=np.float32)
        return trained.adapt(x, np.sin(x))
    labels = NAMES[: classes or trained.way] * 2
    return trained.adapt(generator.random((len(labels), 28, 28), dtype=np.float32), labels)


def queries(adapted: Adapted, count: int = 7) -> torch.Tensor:
    return torch.rand(count, *adapted.support_images.shape[1:], generator=torch.Generator().manual_seed(3))


def ways_to_try(name: str) -> list[int | None]:
    """As many classes as in training, fewer, and more where the algorithm takes them."""
    if name.endswith("sines"):
        return [None]
    experiment = experiment_of(name)
    return [None, 2, *([7] if experiment.algorithm.any_way else [])]
