"""The lines of plain PyTorch that load an exported model and use it. A test runs them where this package is not installed."""

from ..api import Adapted, Trained, ends_in_softmax
from ..models import input_shape, plain_source
from ..spec import Experiment, outputs

QUERIES = 7


def usage(model: Trained | Adapted, file_name: str) -> str:
    """Python source that defines ``net``, loads ``file_name``, and ends with the predictions for some queries."""
    if isinstance(model, Adapted):
        return "\n".join(_adapted(model, file_name))
    return "\n".join(_initialisation(model, file_name))


def _loading(experiment: Experiment, file_name: str, *imports: str) -> list[str]:
    return [
        "from collections import OrderedDict",
        "import torch",
        *imports,
        "from safetensors.torch import load_file",
        "from torch import nn",
        "",
        plain_source(experiment),
        f"net.load_state_dict(load_file({file_name!r}))",
        "",
    ]


def _adapted(model: Adapted, file_name: str) -> list[str]:
    experiment = model.trained.experiment
    lines = [*_loading(experiment, file_name), "net.eval()", _inputs("queries", QUERIES, experiment), "with torch.no_grad():"]
    if experiment.regression:
        return [*lines, "    values = net(queries)", "print(values)"]
    return [
        *lines,
        f"    probabilities = net(queries){_softmax(experiment)}",
        f"classes = {list(model.classes)!r}",
        "print([classes[i] for i in probabilities.argmax(-1)])",
    ]


def _initialisation(model: Trained, file_name: str) -> list[str]:
    experiment = model.experiment
    regression = experiment.regression
    size = experiment.task.shot * (1 if regression else outputs(experiment.task))
    labels = f"torch.rand({size}, 1)" if regression else f"torch.arange({outputs(experiment.task)})"
    if not regression and experiment.task.shot > 1:
        labels += f".repeat_interleave({experiment.task.shot})"
    loss = "mse_loss" if regression else "cross_entropy"
    return [
        *_loading(experiment, file_name, "import torch.nn.functional as F"),
        _inputs("support", size, experiment),
        f"labels = {labels}",
        _inputs("queries", QUERIES, experiment),
        f"optimizer = torch.optim.SGD(net.parameters(), lr={experiment.algorithm.inner_lr!r})",
        f"for step in range({experiment.evaluation.inner_steps}):",
        "    optimizer.zero_grad()",
        f"    F.{loss}(net(support), labels).backward()",
        "    optimizer.step()",
        "with torch.no_grad():",
        *(f"    {line}" for line in _query(experiment)),
        "print(values)" if regression else "print(probabilities.argmax(-1))",
    ]


def _query(experiment: Experiment) -> list[str]:
    result = "values = {}" if experiment.regression else f"probabilities = {{}}{_softmax(experiment)}"
    if not experiment.model.batch_norm:
        return [result.format("net(queries)")]
    return [
        "s, q = support, queries",
        "for layer in net:  # batch norm: the statistics of the support set serve the queries too",
        "    if isinstance(layer, nn.BatchNorm2d):",
        "        var, mean = torch.var_mean(s, (0, 2, 3), correction=0)",
        "        q = F.batch_norm(q, mean, var, layer.weight, layer.bias)",
        "    else:",
        "        q = layer(q)",
        "    s = layer(s)",
        result.format("q"),
    ]


def _inputs(name: str, count: int, experiment: Experiment) -> str:
    shape = input_shape(experiment)
    sizes = ", ".join(str(size) for size in shape)
    note = f"float32 [n, {sizes}]" + ("" if experiment.regression else ", ink = 1 on 0")
    return f"{name} = torch.rand({count}, {sizes})  # yours: {note}"


def _softmax(experiment: Experiment) -> str:
    return "" if ends_in_softmax(experiment) else ".softmax(-1)"
