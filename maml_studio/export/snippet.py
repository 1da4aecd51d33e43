"""The lines of Python that use an export where this package is not installed. A test runs them there."""

from ..api import Adapted, Trained, ends_in_softmax
from ..models import input_shape, plain_source
from ..spec import Experiment, outputs
from .recipes import RECIPES, Recipe
from .weights import PROTOTYPES, head_rows, initialisation, parts

QUERIES = 7
INPUT = {False: "images", True: "points"}
"""Name of a graph's input, for regression or not."""


def usage(model: Trained | Adapted, file_name: str, file_format: str = "safetensors", *, softmax: bool = True) -> str:
    """Python source that loads ``file_name`` and ends with the predictions for some queries."""
    if isinstance(model, Trained):
        lines = _initialisation(model, file_name)
    elif file_format == "onnx":
        lines = _onnx(model, file_name, softmax)
    elif file_format == "pt2":
        lines = _program(model, file_name, softmax)
    elif file_format == "prototypes":
        lines = _prototypes(model, file_name)
    else:
        lines = _adapted(model, file_name)
    return "\n".join(lines)


def _loading(experiment: Experiment, file_name: str, rows: int | None, *lines: str, functional: bool = False) -> list[str]:
    return [
        "from collections import OrderedDict",
        "import torch",
        *(["import torch.nn.functional as F"] if functional else []),
        "from safetensors.torch import load_file",
        "from torch import nn",
        "",
        plain_source(experiment, rows),
        f"tensors = load_file({file_name!r})",
        *lines,
        "",
    ]


def _adapted(model: Adapted, file_name: str) -> list[str]:
    experiment = model.trained.experiment
    return [
        *_loading(experiment, file_name, len(model.classes) or None, "net.load_state_dict(tensors)", "net.eval()"),
        _inputs("queries", QUERIES, experiment),
        "with torch.no_grad():",
        f"    {_result(experiment, 'net(queries)')}",
        *_answer(model, "probabilities"),
    ]


def _prototypes(model: Adapted, file_name: str) -> list[str]:
    experiment, own = model.trained.experiment, parts(model.trained)
    load = [f'prototypes = tensors.pop("{PROTOTYPES}")  # [classes, features]', *own.embed, own.load_body, "net.eval()"]
    return [
        *_loading(experiment, file_name, len(model.classes), *load),
        _inputs("queries", QUERIES, experiment),
        "with torch.no_grad():  # the nearest prototype",
        "    distances = (embed(queries)[:, None] - prototypes).square().sum(-1)",
        "probabilities = (-distances).softmax(-1)",
        *_answer(model, "probabilities"),
        "# One more class is one more row:",
        "# prototypes = torch.cat([prototypes, embed(images).mean(0, keepdim=True)])",
    ]


def _onnx(model: Adapted, file_name: str, softmax: bool) -> list[str]:
    experiment = model.trained.experiment
    name, sizes = output_name(experiment, softmax), ", ".join(map(str, input_shape(experiment)))
    return [
        "import numpy as np",
        "import onnxruntime",
        "",
        f"session = onnxruntime.InferenceSession({file_name!r})",
        f"queries = np.random.rand({QUERIES}, {sizes}).astype(np.float32)  # yours: {_described(experiment)}",
        f'({name},) = session.run(None, {{"{INPUT[experiment.regression]}": queries}})',
        *_answer(model, name),
    ]


def _program(model: Adapted, file_name: str, softmax: bool) -> list[str]:
    experiment = model.trained.experiment
    name = output_name(experiment, softmax)
    return [
        "import torch",
        "",
        f"net = torch.export.load({file_name!r}).module()",
        _inputs("queries", QUERIES, experiment),
        "with torch.no_grad():",
        f"    {name} = net(queries)",
        *_answer(model, name),
    ]


def _initialisation(model: Trained, file_name: str) -> list[str]:
    experiment, own = model.experiment, parts(model)
    recipe = RECIPES[experiment.algorithm.name](experiment, own)
    take_over = [*own.embed, own.load_body] if recipe.headless else ["net.load_state_dict(tensors)"]
    rows = head_rows(initialisation(model), own.head_prefix)
    regression = experiment.regression
    ways = outputs(experiment.task)
    size = experiment.task.shot * (1 if regression else ways)
    labels = f"torch.rand({size}, 1)" if regression else f"torch.arange({ways})"
    if not regression and experiment.task.shot > 1:
        labels += f".repeat_interleave({experiment.task.shot})"
    return [
        *_loading(experiment, file_name, rows, *recipe.load, *take_over, functional=bool(recipe.loop)),
        _inputs("support", size, experiment),
        f"labels = {labels}",
        _inputs("queries", QUERIES, experiment),
        "",
        *own.before,
        *_inner_loop(experiment, recipe),
        "with torch.no_grad():",
        *(f"    {line}" for line in own.freeze),
        f"    {_result(experiment, 'net(queries)')}",
        "print(values)" if regression else "print(probabilities.argmax(-1))",
    ]


def higher_loop(model: Trained) -> str:
    """Lines that put the network of :func:`usage` into an outer loop of ``higher``; empty where the inner loop is not plain descent."""
    experiment = model.experiment
    recipe = RECIPES[experiment.algorithm.name](experiment, parts(model))
    if recipe != Recipe(recipe.rate):
        return ""
    loss = "F.mse_loss" if experiment.regression else "F.cross_entropy"
    return "\n".join(
        [
            "import higher",
            f"optimizer = torch.optim.SGD(net.parameters(), lr={recipe.rate!r})",
            "with higher.innerloop_ctx(net, optimizer, copy_initial_weights=False) as (adapted, inner):",
            f"    for step in range({experiment.evaluation.inner_steps}):",
            f"        inner.step({loss}(adapted(support), labels))",
            f"    {loss}(adapted(queries), query_labels).backward()  # the meta-gradient, in net's .grad",
        ]
    )


def _inner_loop(experiment: Experiment, recipe: Recipe) -> list[str]:
    steps = str(experiment.evaluation.inner_steps)
    start = [line.replace("{steps}", steps) for line in recipe.start]
    if not recipe.loop:
        return start
    x, y = recipe.examples
    pull, penalty = recipe.pull or ("", "")
    loss = f"F.{'mse_loss' if experiment.regression else 'cross_entropy'}(net({x}), {y}){penalty}"
    body = [
        "optimizer.zero_grad()",
        *([pull] if pull else []),
        f"({loss}).backward()" if penalty else f"{loss}.backward()",
        *recipe.gradients,
        "optimizer.step()",
    ]
    return [
        *start,
        f"optimizer = torch.optim.{recipe.optimizer}({recipe.moves}, lr={recipe.rate!r}{recipe.options})",
        recipe.loop.replace("{steps}", steps),
        *(f"    {line}" for line in body),
    ]


def output_name(experiment: Experiment, softmax: bool) -> str:
    """What a graph gives: ``values`` of a function, ``probabilities``, or ``logits`` (the network's outputs as they are)."""
    if experiment.regression:
        return "values"
    return "probabilities" if softmax or ends_in_softmax(experiment) else "logits"


def _described(experiment: Experiment) -> str:
    sizes = ", ".join(str(size) for size in input_shape(experiment))
    return f"float32 [n, {sizes}]" + ("" if experiment.regression else ", ink = 1 on 0")


def _inputs(name: str, count: int, experiment: Experiment) -> str:
    sizes = ", ".join(str(size) for size in input_shape(experiment))
    return f"{name} = torch.rand({count}, {sizes})  # yours: {_described(experiment)}"


def _result(experiment: Experiment, expression: str) -> str:
    if experiment.regression:
        return f"values = {expression}"
    return f"probabilities = {expression}{'' if ends_in_softmax(experiment) else '.softmax(-1)'}"


def _answer(model: Adapted, name: str) -> list[str]:
    if not model.classes:
        return ["print(values)"]
    return [f"classes = {list(model.classes)!r}", f"print([classes[i] for i in {name}.argmax(-1)])"]
