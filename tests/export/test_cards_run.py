"""The lines of every card, run in a Python that does not have this package, against the package itself."""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from export_cases import MODELS, PROTOTYPES, adapted_model, experiment_of, trained_model, ways_to_try
from safetensors.torch import load_file

from maml_studio.algorithms import ALGORITHMS
from maml_studio.api import Adapted, Trained
from maml_studio.export import export_model
from maml_studio.export.recipes import RECIPES

PROGRAM = """
import sys
sys.modules["maml_studio"] = None
sys.path.append(sys.argv[1])  # where a user's own modules are
import numpy, torch, traceback
from pathlib import Path
from safetensors.torch import save_file
for file in Path().glob("*.py"):
    names = {}
    torch.manual_seed(0)
    numpy.random.seed(0)
    exec(compile(file.read_text(encoding="utf-8"), file.name, "exec"), names)
    arrays = {name: value for name, value in names.items() if isinstance(value, torch.Tensor | numpy.ndarray)}
    save_file({name: torch.as_tensor(value).detach().clone() for name, value in arrays.items()}, file.with_suffix(".out"))
"""


@dataclass(frozen=True)
class CardRun:
    """What the lines of a card made."""

    model: Trained | Adapted
    tensors: dict[str, torch.Tensor]


def lines_of(card: Path) -> str:
    found = re.search(r"^(`{3,})python\n(.*?)^\1$", card.read_text(encoding="utf-8"), re.S | re.M)
    assert found
    return found[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, CardRun]:
    """Every model exported as it starts, adapted to as many classes as it takes, and as prototypes; all cards' lines run."""
    folder = tmp_path_factory.mktemp("cards")
    models: dict[str, Trained | Adapted] = {}
    for name in MODELS:
        trained = trained_model(experiment_of(name))
        models |= {f"{name}-start": trained, f"{name}-adapted": adapted_model(trained, ways_to_try(name)[-1])}
    models |= {f"{name}-prototypes": models[f"{name}-adapted"] for name in PROTOTYPES}
    for name, model in models.items():
        file_format = "prototypes" if name.endswith("prototypes") else "safetensors"
        _, card = export_model(model, folder / f"{name}.safetensors", file_format)
        (folder / f"{name}.py").write_text(lines_of(card), encoding="utf-8")
    words = [sys.executable, "-I", "-X", "utf8", "-c", PROGRAM, str(Path(__file__).parent)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, encoding="utf-8")
    assert not done.returncode, done.stderr
    return {name: CardRun(model, load_file(folder / f"{name}.out")) for name, model in models.items()}


def assert_same(run: CardRun, adapted: Adapted, step: int | None = None) -> None:
    prediction = adapted.predict(run.tensors["queries"], step)
    found, expected = ("probabilities", prediction.probabilities) if prediction.labels else ("values", prediction.values)
    assert run.tensors[found].shape == expected.shape
    np.testing.assert_allclose(run.tensors[found].numpy(), expected, rtol=0, atol=1e-5)


def test_every_algorithm_has_a_recipe() -> None:
    assert list(RECIPES) == list(ALGORITHMS)


@pytest.mark.parametrize("name", MODELS)
def test_the_initialisation_adapts_as_ours_does(runs: dict[str, CardRun], name: str) -> None:
    run = runs[f"{name}-start"]
    assert isinstance(run.model, Trained)
    adapted = run.model.adapt(run.tensors["support"], run.tensors["labels"])
    assert_same(run, adapted)
    if adapted.steps:
        moved = abs(adapted.predict(run.tensors["queries"]).values - adapted.predict(run.tensors["queries"], 0).values).max()
        assert moved > 1e-3, "nothing adapted, so nothing was tested"


@pytest.mark.parametrize("name", MODELS)
def test_the_adapted_model_predicts_as_ours_does(runs: dict[str, CardRun], name: str) -> None:
    run = runs[f"{name}-adapted"]
    assert isinstance(run.model, Adapted)
    assert_same(run, run.model)


@pytest.mark.parametrize("name", PROTOTYPES)
def test_prototypes_predict_as_the_model_before_its_first_step(runs: dict[str, CardRun], name: str) -> None:
    run = runs[f"{name}-prototypes"]
    assert isinstance(run.model, Adapted)
    assert_same(run, run.model, 0)
