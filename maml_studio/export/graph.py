"""The adapted model as a graph that needs none of its code: ONNX, or a program of torch.export."""

import json
from io import BytesIO

import torch
from torch import Tensor, nn

from ..api import Adapted, ends_in_softmax
from ..models import input_shape
from .formats import ExportError
from .frozen import freeze
from .snippet import INPUT, output_name

OPSET = 20
ABOUT = "about.json"
"""Name of the JSON object, in a ``.pt2`` file, that holds what ONNX has in its metadata."""

_EXAMPLES = 2  # 0 and 1 would be taken as sizes for good


class _Classifier(nn.Module):
    """A network, and the softmax behind it if wanted."""

    def __init__(self, network: nn.Module, softmax: bool) -> None:
        super().__init__()
        self.network, self.softmax = network, softmax

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.network(images)
        return out.softmax(-1) if self.softmax else out


def program(adapted: Adapted, step: int | None = None, *, softmax: bool = True) -> torch.export.ExportedProgram:
    """The adapted model as a graph of PyTorch's operators, for any number of examples.

    Raises:
        InputError: when there is no such step.
        ExportError: when PyTorch can't follow what the network does.
    """
    experiment = adapted.trained.experiment
    softmax = softmax and not experiment.regression and not ends_in_softmax(experiment)
    examples = torch.zeros(_EXAMPLES, *input_shape(experiment))
    network = _Classifier(freeze(adapted, step), softmax).eval()
    try:
        # Strict, which reads the code itself: a len(x) in it would otherwise count as a number for good.
        graph = torch.export.export(network, (examples,), dynamic_shapes=({0: torch.export.Dim("batch")},), strict=True)
    except Exception as error:  # of many kinds, and only for a module of the user's own
        raise ExportError(f"This network can't be written as a graph: {_first_line(error)}") from error
    graph.example_inputs = None
    for node in graph.graph.nodes:
        # Where on this machine the network's code lies is nobody's business.
        for note in ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node"):
            node.meta.pop(note, None)
    return graph


def pt2_bytes(adapted: Adapted, about: dict[str, str], step: int | None = None, *, softmax: bool = True) -> bytes:
    """The content of a ``.pt2`` file."""
    file = BytesIO()
    torch.export.save(program(adapted, step, softmax=softmax), file, extra_files={ABOUT: json.dumps(about)})
    return file.getvalue()


def onnx_bytes(adapted: Adapted, about: dict[str, str], step: int | None = None, *, softmax: bool = True) -> bytes:
    """The content of an ``.onnx`` file, with ``about`` in its metadata."""
    experiment = adapted.trained.experiment
    try:
        exported = torch.onnx.export(
            program(adapted, step, softmax=softmax),
            opset_version=OPSET,
            input_names=[INPUT[experiment.regression]],
            output_names=[output_name(experiment, softmax)],
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        raise ExportError(f"This network can't be written as ONNX: {_first_line(error)}") from error
    assert exported is not None
    model = exported.model_proto
    graph = model.graph
    del graph.value_info[:]
    # Notes of the exporter, among them places on this machine.
    for noted in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del noted.metadata_props[:]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    for name, value in about.items():
        model.metadata_props.add(key=name, value=value)
    model.producer_name = "MAML Studio"
    content: bytes = model.SerializeToString()
    return content


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
