"""ONNX and ``.pt2`` files against the package, run by ONNX Runtime, and by a Python that does not have the package."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from export_cases import NAMES, NETWORKS, OWN, adapted_model, experiment_of, queries, trained_model, ways_to_try
from safetensors.torch import load_file, save_file

from maml_studio.algorithms import ALGORITHMS
from maml_studio.api import Adapted
from maml_studio.export import export_model
from maml_studio.export.graph import ABOUT, OPSET
from maml_studio.spec import from_toml

# One graph takes a second or more. Every network, and every algorithm with batch norm; a program, which is a step on the way to ONNX,
# of every network, and of the algorithms with more classes than they were trained with.
PROGRAMS = [*NETWORKS, "unicorn_maml-batch", "protonet-batch"]
CASES = [*NETWORKS, *OWN, *(f"{name}-batch" for name in ALGORITHMS)]


def adapted_case(name: str) -> Adapted:
    return adapted_model(trained_model(experiment_of(name)), ways_to_try(name)[-1])


def outputs_of(file: Path, x: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(file)
    (given,) = session.get_inputs()
    (found,) = session.run(None, {given.name: x.numpy()})
    return np.asarray(found)


@pytest.mark.parametrize("name", CASES)
def test_onnx_runtime_gives_the_same_outputs(tmp_path: Path, name: str) -> None:
    adapted = adapted_case(name)
    file, _ = export_model(adapted, tmp_path / "model.onnx", "onnx")
    x = queries(adapted)
    prediction = adapted.predict(x)
    expected = prediction.probabilities if prediction.labels else prediction.values
    seven = outputs_of(file, x)
    np.testing.assert_allclose(seven, expected, rtol=0, atol=1e-5)
    # One query's answer is the same alone and among seven.
    np.testing.assert_allclose(outputs_of(file, x[:1]), seven[:1], rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def program_outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Adapted, dict[str, torch.Tensor], str]]:
    """All ``.pt2`` files, each run in a Python that does not have the package on seven queries, and on the first alone."""
    folder = tmp_path_factory.mktemp("programs")
    models = {name: adapted_case(name) for name in PROGRAMS}
    for name, adapted in models.items():
        export_model(adapted, folder / f"{name}.pt2", "pt2")
        save_file({"x": queries(adapted)}, folder / f"{name}.in")
    program = (
        "import sys; sys.modules['maml_studio'] = None\n"
        "import torch; from pathlib import Path; from safetensors.torch import load_file, save_file\n"
        "for file in Path().glob('*.pt2'):\n"
        f"    about = {{{ABOUT!r}: ''}}; net = torch.export.load(file, extra_files=about).module()\n"
        "    x = load_file(file.with_suffix('.in'))['x']\n"
        "    save_file({'seven': net(x).detach(), 'one': net(x[:1]).detach()}, file.with_suffix('.out'))\n"
        f"    file.with_suffix('.json').write_text(about[{ABOUT!r}], encoding='utf-8')\n"
    )
    done = subprocess.run([sys.executable, "-I", "-X", "utf8", "-c", program], cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert not done.returncode, done.stderr
    texts = {name: (folder / f"{name}.json").read_text(encoding="utf-8") for name in models}
    return {name: (adapted, load_file(folder / f"{name}.out"), texts[name]) for name, adapted in models.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_the_same_outputs_without_the_package(
    program_outputs: dict[str, tuple[Adapted, dict[str, torch.Tensor], str]], name: str
) -> None:
    adapted, found, about = program_outputs[name]
    prediction = adapted.predict(queries(adapted))
    expected = prediction.probabilities if prediction.labels else prediction.values
    np.testing.assert_allclose(found["seven"].numpy(), expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found["one"].numpy(), found["seven"][:1].numpy(), rtol=0, atol=1e-6)
    assert tuple(json.loads(json.loads(about)["classes"])) == adapted.classes


@pytest.mark.parametrize(("softmax", "output"), [(True, "probabilities"), (False, "logits")])
def test_the_softmax_is_an_option(tmp_path: Path, softmax: bool, output: str) -> None:
    adapted = adapted_case("mlp")
    x = queries(adapted)
    prediction = adapted.predict(x)
    expected = prediction.probabilities if softmax else prediction.values
    file, card = export_model(adapted, tmp_path / "model.onnx", "onnx", softmax=softmax)
    assert onnx.load(file).graph.output[0].name == output
    assert f"({output},) = session.run" in card.read_text(encoding="utf-8")
    np.testing.assert_allclose(outputs_of(file, x), expected, rtol=0, atol=1e-5)
    program, _ = export_model(adapted, tmp_path / "program.pt2", "pt2", softmax=softmax)
    with torch.no_grad():
        np.testing.assert_allclose(torch.export.load(program).module()(x).numpy(), expected, rtol=0, atol=1e-5)


def test_a_network_that_ends_in_a_softmax_gets_no_second_one(tmp_path: Path) -> None:
    adapted = adapted_case("tutorial")
    file, _ = export_model(adapted, tmp_path / "model.onnx", "onnx", softmax=False)
    model = onnx.load(file)
    assert model.graph.output[0].name == "probabilities"
    assert [node.op_type for node in model.graph.node].count("Softmax") == 1


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    adapted = adapted_case("stride")
    model = onnx.load(export_model(adapted, tmp_path / "star.onnx", "onnx", step=1)[0])
    onnx.checker.check_model(model, full_check=True)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["made_with"] == "MAML Studio"
    assert json.loads(about["classes"]) == NAMES[:2]
    assert about["inner_steps"] == "1"
    assert "ink = 1 on 0" in about["input"]
    assert from_toml(about["experiment"]) == adapted.trained.experiment
    assert [entry.version for entry in model.opset_import if not entry.domain] == [OPSET]
    (given,) = model.graph.input
    assert given.name == "images"
    assert [size.dim_value or size.dim_param for size in given.type.tensor_type.shape.dim] == ["batch", 1, 28, 28]


@pytest.mark.parametrize("file_format", ["onnx", "pt2"])
def test_a_graph_does_not_tell_where_it_was_made(tmp_path: Path, file_format: str) -> None:
    file, _ = export_model(adapted_case("stride"), tmp_path / f"model.{file_format}", file_format)
    content = file.read_bytes()
    for place in (Path(torch.__file__).parent, Path(__file__).parents[2]):
        assert str(place).encode() not in content


def test_every_graph_keeps_what_a_step_made(tmp_path: Path) -> None:
    adapted = adapted_case("stride")
    x = queries(adapted)
    found = [outputs_of(export_model(adapted, tmp_path / f"{step}.onnx", "onnx", step=step)[0], x) for step in (0, 2)]
    for step, values in zip((0, 2), found, strict=True):
        np.testing.assert_allclose(values, adapted.predict(x, step).probabilities, rtol=0, atol=1e-5)
    assert abs(found[1] - found[0]).max() > 1e-3
