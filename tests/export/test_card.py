"""What the model card says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from export_cases import NAMES, adapted_model, experiment_of, trained_model

import maml_studio
from maml_studio.api import Trained
from maml_studio.export.card import model_card, public_toml
from maml_studio.spec import TABLES, Experiment, parse


def measured(experiment: Experiment, norm_mode: str = "transductive") -> Trained:
    """A model with one validation, as training leaves it."""
    known = not experiment.regression
    steps = [
        {"step": step, "query_loss": 1.5, "query_loss_ci95": 0.25, "support_loss": 1.0}
        | {"accuracy": 0.2 + step / 2 if known else None, "accuracy_ci95": 0.031 if known else None}
        for step in range(2)
    ]
    return trained_model(experiment, {"scores": {"iteration": 40, "tasks": 123, "norm_mode": norm_mode, "steps": steps}})


def front_matter(text: str) -> dict[str, Any]:
    """The lines between the rules; every value is JSON, which is YAML too, or a word."""
    lines = text.split("---\n")[1].splitlines()
    return {m[1]: m[2] for line in lines if (m := re.match(r"[ -]*([a-z_-]+): (.+)$", line))}


def test_a_card_tells_what_was_measured() -> None:
    text = model_card(measured(experiment_of("stride")), "x.safetensors")
    assert "| 1 | 70.0 ± 3.1 % |" in text
    assert "123 validation tasks" in text
    assert "transductive" in text
    error = model_card(measured(experiment_of("sines")), "x.safetensors")
    assert "| 1 | 1.5 ± 0.25 |" in error
    assert "mean squared error ± 95%" in error


def test_a_hub_reads_licence_task_and_result() -> None:
    found = front_matter(model_card(measured(experiment_of("stride"), "support"), "x.safetensors"))
    assert (found["library_name"], found["pipeline_tag"], found["license"]) == ("pytorch", "image-classification", "cc-by-4.0")
    assert json.loads(found["name"]) == "stride"
    assert json.loads(found["dataset"])["type"] == "digits"
    (metric,) = json.loads(found["metrics"])
    assert (metric["type"], metric["value"]) == ("accuracy", 0.7)
    assert metric["args"] == {"inner_steps": 1, "norm_mode": "support", "tasks": 123, "ci95": 0.031}
    found = front_matter(model_card(measured(experiment_of("sines")), "x.safetensors"))
    assert "license" not in found
    assert "pipeline_tag" not in found
    assert json.loads(found["metrics"])[0]["type"] == "mse"


def test_an_adapted_models_card_does_not_claim_the_measurement_for_its_own_task() -> None:
    trained = measured(experiment_of("stride"))
    assert "this very task was not measured" in model_card(adapted_model(trained), "x.safetensors")
    assert "this very task" not in model_card(trained, "x.safetensors")


@pytest.mark.parametrize("name", ["stride", "sines"])
def test_a_card_without_a_measurement_says_so(name: str) -> None:
    text = model_card(maml_studio.random_start(experiment_of(name)), "x.safetensors")
    assert "Not measured." in text
    assert "model-index" not in text
    assert "%" not in text


@pytest.mark.parametrize(
    ("name", "ways"), [("stride", "up to 5 classes"), ("tutorial", "up to 2 classes"), ("unicorn_maml-batch", "any number of classes")]
)
def test_a_card_says_how_many_classes_a_task_may_have(name: str, ways: str) -> None:
    assert ways in model_card(trained_model(experiment_of(name)), "x.safetensors")


@pytest.mark.parametrize("file_format", ["safetensors", "onnx", "pt2"])
def test_class_names_cannot_break_the_card(file_format: str) -> None:
    text = model_card(adapted_model(trained_model(experiment_of("stride"))), "x", file_format=file_format)
    assert "`two lines`" in text
    assert "```` `tick``` ````" in text
    assert repr(NAMES[:5]) in text
    assert text.startswith("---\nlibrary_name: pytorch\n")


@pytest.mark.parametrize(("name", "offered"), [("stride", True), ("sines", True), ("anil-batch", False), ("protonet-batch", False)])
def test_plain_descent_is_offered_for_an_outer_loop(name: str, offered: bool) -> None:
    assert ("higher.innerloop_ctx" in model_card(trained_model(experiment_of(name)), "x.safetensors")) == offered


def test_a_prototype_card_says_how_a_class_is_added() -> None:
    text = model_card(adapted_model(trained_model(experiment_of("protonet-batch"))), "x.safetensors", 0, "prototypes")
    assert "a new class is a new row" in text
    assert "prototypes = torch.cat([prototypes, " in text


@pytest.mark.parametrize("source", TABLES["data"])
def test_every_source_is_attributed(source: str) -> None:
    task = {"kind": "regression"} if source == "sinusoid" else {"kind": "n_way"}
    experiment = parse({"data": {"source": source}, "task": task, "model": {"name": "mlp", "hidden": [4]}})
    section = model_card(maml_studio.random_start(experiment), "x.safetensors").rpartition("## Data\n\n")[2]
    assert len(section) > 20
    assert "Not known" not in section


@pytest.mark.parametrize("changes", [{"data": {"source": "folder"}}, {"data": {"source": "drawn"}}, {"training": {}}])
def test_a_card_does_not_tell_where_the_author_keeps_files(changes: dict[str, dict[str, str]]) -> None:
    place = str(Path("home", "somebody", "stars"))
    field = "start_from" if "training" in changes else "path"
    experiment = parse({table: {**values, field: place} for table, values in changes.items()})
    assert "somebody" not in public_toml(experiment)
    assert f'{field} = "stars"' in public_toml(experiment)
    assert "somebody" not in model_card(maml_studio.random_start(experiment), "x.safetensors")
