"""Exports used where nothing is installed but what their cards ask for: PyTorch and safetensors, or ONNX Runtime alone."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch
from export_cases import adapted_model, experiment_of, trained_model
from safetensors.torch import load_file
from test_cards_run import lines_of

from maml_studio.algorithms import build_algorithm
from maml_studio.api import Adapted, Trained
from maml_studio.data import Episodes
from maml_studio.export import export_model
from maml_studio.models import build_for

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import random, {seeded}
{seeded}.{seed}(0)
names = {{}}
exec(open(sys.argv[2], encoding="utf-8").read(), names)
{keep}
present = [name for name in ("maml_studio", "pydantic", "sklearn", "torchvision", "PySide6", {absent}) if name in sys.modules]
assert not present, present
"""
TORCH = PROGRAM.format(
    seeded="torch",
    seed="manual_seed",
    absent='"onnx"',
    keep="from safetensors.torch import save_file\n"
    "with torch.no_grad():\n"
    "    names['alone'] = names['net'](names['queries'][:1])\n"
    "save_file({n: v.detach().clone() for n, v in names.items() if isinstance(v, torch.Tensor)}, sys.argv[3])",
)
ONNX = PROGRAM.format(
    seeded="numpy.random",
    seed="seed",
    absent='"torch", "safetensors", "onnx"',
    keep="numpy.savez(sys.argv[3], **{n: v for n, v in names.items() if isinstance(v, numpy.ndarray)})",
)


def environment(folder: Path, *wanted: str) -> Path:
    """A folder of packages with these and what they need, and nothing else."""
    folder.mkdir()
    waiting, done = list(wanted), set()
    while waiting:
        name = re.split(r"[^\w.-]", waiting.pop())[0].lower().replace("_", "-")
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # for another system, or an accelerator that is not here
        if name in done:
            continue
        done.add(name)
        waiting += [need for need in distribution.requires or () if "extra ==" not in need]
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            target = folder / top
            if not target.exists():
                target.symlink_to(Path(str(distribution.locate_file(top))), target_is_directory=True)
    return folder


@pytest.fixture(scope="module")
def torch_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("environments") / "torch", "torch", "safetensors", "numpy")


@pytest.fixture(scope="module")
def onnx_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environment(tmp_path_factory.mktemp("environments") / "onnx", "onnxruntime", "numpy")


def run_card(program: str, packages: Path, card: Path, out: Path) -> str:
    """Run a card's lines beside its file, and give what they print."""
    script = card.with_suffix(".py")
    script.write_text(lines_of(card), encoding="utf-8")
    words = [sys.executable, "-I", "-S", "-X", "utf8", "-c", program, str(packages), str(script), str(out)]
    done = subprocess.run(words, cwd=card.parent, capture_output=True, text=True, encoding="utf-8")
    assert not done.returncode, done.stderr
    return done.stdout


def check(adapted: Adapted, queries: np.ndarray, found: np.ndarray, said: str, step: int | None = None) -> None:
    prediction = adapted.predict(queries, step)
    np.testing.assert_allclose(found, prediction.probabilities, rtol=0, atol=1e-5)
    np.testing.assert_allclose(adapted.predict(queries[:1], step).probabilities, found[:1], rtol=0, atol=1e-5)
    assert said.strip() == str(list(prediction.labels))


@pytest.mark.parametrize("file_format", ["safetensors", "pt2", "prototypes"])
def test_with_torch_and_safetensors_alone(tmp_path: Path, torch_only: Path, file_format: str) -> None:
    adapted = adapted_model(trained_model(experiment_of("protonet-batch" if file_format == "prototypes" else "maml-batch")))
    suffix = "pt2" if file_format == "pt2" else "safetensors"
    step = 0 if file_format == "prototypes" else None
    _, card = export_model(adapted, tmp_path / f"model.{suffix}", file_format)
    said = run_card(TORCH, torch_only, card, tmp_path / "out.safetensors")
    found = load_file(tmp_path / "out.safetensors")
    check(adapted, found["queries"].numpy(), found["probabilities"].numpy(), said, step)
    if file_format != "prototypes":  # whose net has no head
        alone = found["alone"] if file_format == "pt2" else found["alone"].softmax(-1)
        torch.testing.assert_close(alone, found["probabilities"][:1], rtol=0, atol=1e-6)


def test_the_initialisation_adapts_with_torch_and_safetensors_alone(tmp_path: Path, torch_only: Path) -> None:
    trained = trained_model(experiment_of("maml-batch"))
    _, card = export_model(trained, tmp_path / "model.safetensors")
    run_card(TORCH, torch_only, card, tmp_path / "out.safetensors")
    found = load_file(tmp_path / "out.safetensors")
    expected = trained.adapt(found["support"], found["labels"]).predict(found["queries"])
    np.testing.assert_allclose(found["probabilities"].numpy(), expected.probabilities, rtol=0, atol=1e-5)


def test_with_onnx_runtime_alone(tmp_path: Path, onnx_only: Path) -> None:
    adapted = adapted_model(trained_model(experiment_of("maml-batch")))
    _, card = export_model(adapted, tmp_path / "model.onnx", "onnx")
    said = run_card(ONNX, onnx_only, card, tmp_path / "out.npz")
    found = np.load(tmp_path / "out.npz")
    check(adapted, found["queries"], found["probabilities"], said)


@pytest.mark.parametrize("name", ["stride", "group", "sines"])
def test_the_lines_for_higher_give_our_meta_gradient(tmp_path: Path, name: str) -> None:
    """The card's outer loop with the library ``higher``, where it is installed (extra ``bench``), against the engine."""
    pytest.importorskip("higher")
    experiment = experiment_of(name)
    trained = trained_model(experiment)
    _, card = export_model(trained, tmp_path / "model.safetensors")
    names = meta_gradient(trained, card)
    episodes = Episodes(
        names["support"][None],
        names["labels"][None],
        names["queries"][None],
        names["query_labels"][None],
        torch.zeros(1, trained.way).long(),
    )
    steps = experiment.evaluation.inner_steps
    algorithm = build_algorithm(
        experiment.model_copy(update={"algorithm": experiment.algorithm.model_copy(update={"inner_steps": steps})}), build_for(experiment)
    )
    meta = {key: value.clone().requires_grad_() for key, value in trained.meta.items()}
    ours = algorithm.outer_gradient(meta, episodes, transductive=True).gradient
    theirs = {key: value.grad for key, value in names["net"].named_parameters()}
    assert theirs.keys() == ours.keys()
    largest = max(float(value.abs().max()) for value in ours.values())
    for key, value in ours.items():
        torch.testing.assert_close(theirs[key], value, rtol=1e-4, atol=1e-5 * largest)


def meta_gradient(trained: Trained, card: Path) -> dict[str, object]:
    """The names after the card's outer loop: its network is made by the card, its examples are ours."""
    text = card.read_text(encoding="utf-8")
    usage, loop = (found[2] for found in re.finditer(r"^(`{3,})python\n(.*?)^\1$", text, re.S | re.M))
    loading = usage.partition("queries = ")[0].replace("load_file('", f"load_file('{card.parent}/")
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(loading, names)
    regression = trained.experiment.regression
    names["queries"] = torch.rand_like(names["support"])  # type: ignore[call-overload]
    names["query_labels"] = torch.rand_like(names["labels"]) if regression else names["labels"].flip(0)  # type: ignore[attr-defined,call-overload]
    exec("import torch.nn.functional as F\n" + loop, names)
    return names
