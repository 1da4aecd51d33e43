"""Exports against the package itself, and the card's lines in a Python that does not have it."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn

import maml_studio
from maml_studio.api import Adapted, InputError, Trained
from maml_studio.export import ExportError, export_safetensors
from maml_studio.export.card import model_card, public_toml
from maml_studio.models import build_for, plain_source
from maml_studio.spec import TABLES, Experiment, from_toml, parse
from maml_studio.training.checkpoint import Checkpoint

SINES = {"data": {"source": "sinusoid"}, "task": {"kind": "regression", "shot": 4}, "model": {"name": "mlp", "hidden": [8, 6]}}
MODELS = {
    "stride": {"model": {"name": "conv4", "width": 4}},
    "pool": {"model": {"name": "conv4", "width": 4, "downsample": "max_pool"}, "task": {"way": 3, "kind": "n_way", "shot": 2}},
    "group": {"model": {"name": "conv4", "width": 4, "norm": "group"}},
    "tutorial": {"model": {"name": "tutorial_cnn", "softmax": True}, "task": {"kind": "one_vs_rest"}},
    "mlp": {"model": {"name": "mlp", "hidden": [16], "activation": "tanh"}},
    "sines": SINES,
}
NAMES = ["star", "o'\"x\\", "`tick```", "two\nlines", "ጸ😀"]


def experiment_of(name: str) -> Experiment:
    return parse({"name": name, **MODELS[name], "evaluation": {"inner_steps": 2}})


def adapted_model(trained: Trained) -> Adapted:
    generator = np.random.default_rng(0)
    if trained.experiment.regression:
        x = generator.random((4, 1), dtype=np.float32)
        return trained.adapt(x, np.sin(x))
    labels = NAMES[: trained.way] * 2
    return trained.adapt(generator.random((len(labels), 28, 28), dtype=np.float32), labels)


def measured(experiment: Experiment) -> Trained:
    """A model with one validation, as training leaves it."""
    known = not experiment.regression
    steps = [
        {"step": step, "query_loss": 1.5, "query_loss_ci95": 0.25, "support_loss": 1.0}
        | {"accuracy": 0.2 + step / 2 if known else None, "accuracy_ci95": 0.031 if known else None}
        for step in range(2)
    ]
    scores = {"iteration": 40, "tasks": 123, "norm_mode": "transductive", "steps": steps}
    meta = {name: value.detach() for name, value in build_for(experiment).named_parameters()}
    return Trained(Checkpoint(experiment, 40, meta, progress={"scores": scores}), "here")


@pytest.mark.parametrize("step", [0, 1, None])
@pytest.mark.parametrize("name", MODELS)
def test_plain_pytorch_gives_the_same_outputs(tmp_path: Path, name: str, step: int | None) -> None:
    adapted = adapted_model(maml_studio.random_start(experiment_of(name)))
    weights, _ = export_safetensors(adapted, tmp_path / "model.safetensors", step=step)
    namespace: dict[str, object] = {}
    exec("from collections import OrderedDict\nfrom torch import nn\n" + plain_source(adapted.trained.experiment), namespace)
    net = namespace["net"]
    assert isinstance(net, nn.Sequential)
    net.load_state_dict(load_file(weights))
    net.eval()
    x = torch.rand(7, *adapted.support_images.shape[1:], generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        np.testing.assert_allclose(net(x).numpy(), adapted.predict(x, step).values, rtol=0, atol=1e-6)


@dataclass(frozen=True)
class CardRun:
    """What the lines of a card made, in a Python without this package."""

    model: Trained | Adapted
    tensors: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def card_runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CardRun]:
    """Every model exported both ways, and all cards' lines run, each by itself, in one other Python."""
    folder = tmp_path_factory.mktemp("cards")
    models: dict[str, Trained | Adapted] = {}
    for name in MODELS:
        trained = maml_studio.random_start(experiment_of(name))
        models |= {f"{name}-start": trained, f"{name}-adapted": adapted_model(trained)}
    for name, model in models.items():
        _, card = export_safetensors(model, folder / f"{name}.safetensors")
        lines = re.search(r"^(`{3,})python\n(.*?)^\1$", card.read_text(encoding="utf-8"), re.S | re.M)
        assert lines
        (folder / f"{name}.py").write_text(lines[2], encoding="utf-8")
    program = (
        "import sys; sys.modules['maml_studio'] = None\n"
        "import torch; from pathlib import Path; from safetensors.torch import save_file\n"
        "for file in Path().glob('*.py'):\n"
        "    names = {}; torch.manual_seed(0); exec(file.read_text(encoding='utf-8'), names)\n"
        "    found = {n: v.detach().clone() for n, v in names.items() if torch.is_tensor(v)}\n"
        "    save_file(found, file.with_suffix('.out'))\n"
    )
    subprocess.run([sys.executable, "-I", "-X", "utf8", "-c", program], cwd=folder, check=True, capture_output=True)
    return {name: CardRun(model, load_file(folder / f"{name}.out")) for name, model in models.items()}


@pytest.mark.parametrize("name", MODELS)
def test_the_cards_lines_predict_as_the_adapted_model(card_runs: dict[str, CardRun], name: str) -> None:
    run = card_runs[f"{name}-adapted"]
    assert isinstance(run.model, Adapted)
    prediction = run.model.predict(run.tensors["queries"])
    found, expected = ("values", prediction.values) if name == "sines" else ("probabilities", prediction.probabilities)
    np.testing.assert_allclose(run.tensors[found].numpy(), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_the_cards_lines_adapt_the_initialisation_as_we_do(card_runs: dict[str, CardRun], name: str) -> None:
    run = card_runs[f"{name}-start"]
    assert isinstance(run.model, Trained)
    adapted = run.model.adapt(run.tensors["support"], run.tensors["labels"])
    prediction = adapted.predict(run.tensors["queries"])
    found, expected = ("values", prediction.values) if name == "sines" else ("probabilities", prediction.probabilities)
    np.testing.assert_allclose(run.tensors[found].numpy(), expected, rtol=0, atol=1e-5)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    adapted = adapted_model(measured(experiment_of("stride")))
    weights, card = export_safetensors(adapted, tmp_path / "star.safetensors", step=1)
    assert card == tmp_path / "star.md"
    with safe_open(weights, framework="pt") as file:
        about = file.metadata()
    assert about["format"] == "pt"
    assert about["kind"] == "adapted"
    assert json.loads(about["classes"]) == NAMES
    assert about["inner_steps"] == "1"
    assert from_toml(about["experiment"]) == adapted.trained.experiment
    assert json.loads(about["measured"])["tasks"] == 123


def test_a_card_tells_what_was_measured() -> None:
    text = model_card(measured(experiment_of("stride")), "x.safetensors")
    assert "| 1 | 70.0 ± 3.1 % |" in text
    assert "123 validation tasks" in text
    assert "transductive" in text
    error = model_card(measured(experiment_of("sines")), "x.safetensors")
    assert "| 1 | 1.5 ± 0.25 |" in error
    assert "mean squared error ± 95%" in error


def test_a_card_without_a_measurement_says_so() -> None:
    text = model_card(maml_studio.random_start(experiment_of("stride")), "x.safetensors")
    assert "Not measured." in text
    assert "%" not in text


def test_class_names_cannot_break_the_card() -> None:
    text = model_card(adapted_model(maml_studio.random_start(experiment_of("stride"))), "x.safetensors")
    assert "`two lines`" in text
    assert "```` `tick``` ````" in text
    assert text.startswith("---\nlibrary_name: pytorch\n")


@pytest.mark.parametrize("source", TABLES["data"])
def test_every_source_is_attributed(source: str) -> None:
    task = {"kind": "regression"} if source == "sinusoid" else {"kind": "n_way"}
    experiment = parse({"data": {"source": source}, "task": task, "model": {"name": "mlp", "hidden": [4]}})
    section = model_card(maml_studio.random_start(experiment), "x.safetensors").rpartition("## Data\n\n")[2]
    assert len(section) > 20
    assert "Not known" not in section


def test_a_card_does_not_tell_where_the_author_keeps_files() -> None:
    experiment = parse({"data": {"source": "folder", "path": str(Path("home", "somebody", "stars"))}})
    assert "somebody" not in public_toml(experiment)
    assert 'path = "stars"' in public_toml(experiment)
    assert "somebody" not in model_card(maml_studio.random_start(experiment), "x.safetensors")


@pytest.mark.parametrize("there", ["model.safetensors", "model.md"])
def test_a_file_that_is_there_is_replaced_only_when_asked(tmp_path: Path, there: str) -> None:
    trained = maml_studio.random_start(experiment_of("mlp"))
    (tmp_path / there).write_text("precious")
    with pytest.raises(ExportError, match=f"{there}: is there already"):
        export_safetensors(trained, tmp_path / "model.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"
    export_safetensors(trained, tmp_path / "model.safetensors", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.md", "model.safetensors"]
    assert load_file(tmp_path / "model.safetensors").keys() == trained.meta.keys()


def test_a_bad_name_or_step_gets_a_sentence(tmp_path: Path) -> None:
    trained = maml_studio.random_start(experiment_of("mlp"))
    with pytest.raises(ExportError, match=r"should end in \.safetensors"):
        export_safetensors(trained, tmp_path / "model.pt")
    with pytest.raises(ExportError, match="can't be written: No such file"):
        export_safetensors(trained, tmp_path / "nowhere" / "model.safetensors")
    with pytest.raises(InputError, match="step should be a whole number from 0 to 2"):
        export_safetensors(adapted_model(trained), tmp_path / "model.safetensors", step=3)
    assert not list(tmp_path.iterdir())
