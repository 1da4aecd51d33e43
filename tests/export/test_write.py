"""Which files an export writes, what they say of themselves, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from export_cases import NAMES, adapted_model, experiment_of, trained_model
from safetensors import safe_open
from safetensors.torch import load_file

from maml_studio.api import InputError
from maml_studio.export import FORMATS, ExportError, export_model
from maml_studio.spec import from_toml


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    adapted = adapted_model(trained_model(experiment_of("stride")))
    weights, card = export_model(adapted, tmp_path / "star.safetensors", step=1)
    assert card == tmp_path / "star.md"
    with safe_open(weights, framework="pt") as file:
        about = file.metadata()
    assert (about["format"], about["made_with"], about["kind"]) == ("pt", "MAML Studio", "adapted")
    assert json.loads(about["classes"]) == NAMES[:5]
    assert about["inner_steps"] == "1"
    assert from_toml(about["experiment"]) == adapted.trained.experiment


@pytest.mark.parametrize("step", [0, 1])
def test_the_step_asked_for_is_the_one_written(tmp_path: Path, step: int) -> None:
    adapted = adapted_model(trained_model(experiment_of("stride")))
    found = load_file(export_model(adapted, tmp_path / "model.safetensors", step=step)[0])
    for name, value in adapted.parameters(step).items():
        torch.testing.assert_close(found[name], value, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("name", "there", "not_there"),
    [
        ("meta_sgd-batch", "inner_rate.head.weight", "context"),
        ("mamlpp-batch", "inner_rate.conv1.weight", "context"),
        ("cavia-batch", "film.context", "inner_rate"),
        ("protonet-batch", "conv4.weight", "head"),
        ("joint-batch", "head.weight", "classifier"),
    ],
)
def test_an_initialisation_holds_all_that_was_learned(tmp_path: Path, name: str, there: str, not_there: str) -> None:
    found = load_file(export_model(trained_model(experiment_of(name)), tmp_path / "model.safetensors")[0])
    assert there in found
    assert not [one for one in found if not_there in one]


# Without batch norm: its statistics would be those of another support set.
@pytest.mark.parametrize("name", ["protonet-none", "proto_maml-none"])
def test_a_class_is_added_as_a_row(tmp_path: Path, name: str) -> None:
    trained = trained_model(experiment_of(name))
    images = torch.rand(6, 28, 28, generator=torch.Generator().manual_seed(0))
    all_three = trained.adapt(images, ["a", "a", "b", "b", "c", "c"], 0)
    two = trained.adapt(images[:4], ["a", "a", "b", "b"], 0)
    found = [load_file(export_model(one, tmp_path / f"{len(one.classes)}.safetensors", "prototypes")[0]) for one in (two, all_three)]
    assert found[0]["prototypes"].shape[0] == 2
    torch.testing.assert_close(found[1]["prototypes"][:2], found[0]["prototypes"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("file_format", "there"),
    [(name, there) for name, kind in FORMATS.items() for there in (f"model{kind.suffix}", f"model{kind.card_suffix}")],
)
def test_a_file_that_is_there_is_replaced_only_when_asked(tmp_path: Path, file_format: str, there: str) -> None:
    adapted = adapted_model(trained_model(experiment_of("protonet-none")))
    kind = FORMATS[file_format]
    file = tmp_path / f"model{kind.suffix}"
    (tmp_path / there).write_text("precious")
    with pytest.raises(ExportError, match=f"{there}: is there already"):
        export_model(adapted, file, file_format)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"
    export_model(adapted, file, file_format, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([file.name, f"model{kind.card_suffix}"])


@pytest.mark.parametrize(
    ("name", "adapted", "file", "file_format", "sentence"),
    [
        ("mlp", True, "model.pt", "safetensors", r"should end in \.safetensors"),
        ("mlp", True, "model.safetensors", "onnx", r"should end in \.onnx"),
        ("mlp", True, "model.tflite", "tflite", "format should be one of safetensors, onnx, pt2, prototypes, not 'tflite'"),
        ("mlp", True, "nowhere/model.safetensors", "safetensors", "can't be written: No such file"),
        ("mlp", False, "model.onnx", "onnx", "onnx needs a model adapted to examples, since the inner loop itself can't"),
        ("mlp", False, "model.pt2", "pt2", "pt2 needs a model adapted to examples"),
        ("protonet-none", False, "model.safetensors", "prototypes", "needs a model adapted to examples, since prototypes are means"),
        ("mlp", True, "model.safetensors", "prototypes", "prototypes needs a model of ProtoNet or Proto-MAML"),
    ],
)
def test_what_cannot_be_written_gets_a_sentence(
    tmp_path: Path, name: str, adapted: bool, file: str, file_format: str, sentence: str
) -> None:
    trained = trained_model(experiment_of(name))
    with pytest.raises(ExportError, match=sentence):
        export_model(adapted_model(trained) if adapted else trained, tmp_path / file, file_format)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_step_that_was_not_done_gets_a_sentence(tmp_path: Path, file_format: str) -> None:
    adapted = adapted_model(trained_model(experiment_of("proto_maml-none")))
    error, sentence = (ExportError, "step should be 0") if file_format == "prototypes" else (InputError, "a whole number from 0 to 2")
    with pytest.raises(error, match=sentence):
        export_model(adapted, tmp_path / f"model{FORMATS[file_format].suffix}", file_format, step=3)
    assert not list(tmp_path.iterdir())


def test_adapted_weights_are_those_of_the_path(tmp_path: Path) -> None:
    adapted = adapted_model(trained_model(experiment_of("unicorn_maml-none")), 7)
    found = load_file(export_model(adapted, tmp_path / "model.safetensors")[0])
    assert found["head.weight"].shape[0] == 7
    assert np.isfinite(found["head.weight"].numpy()).all()
