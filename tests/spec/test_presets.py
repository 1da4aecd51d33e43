"""Every preset takes an outer step; where its data would be downloaded, pictures of noise stand in."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maml_studio.algorithms import ALGORITHMS
from maml_studio.paths import resource
from maml_studio.spec import Experiment, load_preset, preset_names, with_changes
from maml_studio.training.events import Finished, OuterStep, Validation
from maml_studio.training.trainer import run

IMAGES = 12
CLASSES = {"omniglot": 46, "mnist": 10}
SPLITS = {"omniglot": "random", "mnist": "images"}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder of class folders for each source that is downloaded."""
    noise = np.random.default_rng(0)
    folders = {}
    for source, classes in CLASSES.items():
        folders[source] = tmp_path_factory.mktemp(source)
        for number in range(classes):
            (folder := folders[source] / f"{number:02}").mkdir()
            for image in range(IMAGES * (2 if source == "mnist" else 1)):
                pixels = np.zeros((28, 28), np.uint8)
                pixels[6:22, 6:22] = noise.integers(0, 256, (16, 16))
                Image.fromarray(pixels).save(folder / f"{image:02}.png")
    return folders


def shortened(experiment: Experiment, stand_ins: dict[str, Path]) -> Experiment:
    """One step of one or two tasks."""
    source = experiment.data.source
    data = {}
    if source in stand_ins:
        data = {
            "data.source": "folder",
            "data.path": str(stand_ins[source]),
            "data.split": SPLITS[source],
            "data.validation_fraction": 0.34,
            "data.test_fraction": 0.28,
        }
    if source == "glyphs":
        data = {"data.classes": 400, "data.validation_fraction": 0.1, "data.test_fraction": 0.1}
    few = {"training.iterations": 1, "training.meta_batch": 2, "evaluation.tasks": 2, "evaluation.inner_steps": 2}
    return with_changes(experiment, data | few)


@pytest.mark.parametrize("name", preset_names())
def test_takes_an_outer_step(name, stand_ins):
    events = list(run(shortened(load_preset(name), stand_ins)))
    assert isinstance(events[-1], Finished), events[-1]
    assert sum(isinstance(event, OuterStep) for event in events) == 1
    assert sum(isinstance(event, Validation) for event in events) == 2


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_has_one_for_omniglot(algorithm):
    assert load_preset(f"omniglot-5w1s-{algorithm.replace('_', '-')}").algorithm.name == algorithm


@pytest.mark.parametrize("name", [name for name in preset_names() if name.startswith("omniglot")])
def test_says_which_paper_it_follows(name):
    comment = [line for line in resource("presets", f"{name}.toml").read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert re.search(r"\b\d{4}\.\d{5}\b", " ".join(comment))
    assert re.search(r"\b(paper|code)\b", " ".join(comment)), "it should say whether it follows the paper or the released code"


def test_reptile_walks_down_to_zero():
    for name in ("omniglot-5w1s-reptile", "omniglot-5w1s-reptile-paper", "omniglot-20w1s-reptile"):
        training = load_preset(name).training
        assert (training.optimizer, training.schedule, training.outer_lr, training.outer_lr_end) == ("sgd", "linear", 1.0, 0.0)
