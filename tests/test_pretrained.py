"""The model in the box: small, free of its author's machine, and able to learn what nobody drew before from one drawing of each."""

import itertools

import numpy as np
import pytest

import maml_studio
from maml_studio.api import Trained
from maml_studio.paths import resource
from maml_studio.strokes import Drawing, render

FILE = resource("pretrained", "glyphs.safetensors")


def line(*corners: tuple[float, float]) -> np.ndarray:
    points = np.concatenate([np.linspace(a, b, 12) for a, b in itertools.pairwise(corners)])
    return np.column_stack([points, np.arange(len(points)) / 60])


def curve(turns: float, width: float, height: float) -> np.ndarray:
    t = np.linspace(0, 1, 60)
    return np.column_stack([0.5 + width * np.cos(turns * 2 * np.pi * t), 0.5 + height * np.sin(turns * 2 * np.pi * t), t])


SYMBOLS: dict[str, Drawing] = {
    "star": [line((0.5, 0.12), (0.72, 0.85), (0.15, 0.4), (0.85, 0.4), (0.28, 0.85), (0.5, 0.12))],
    "house": [line((0.2, 0.45), (0.5, 0.15), (0.8, 0.45), (0.8, 0.85), (0.2, 0.85), (0.2, 0.45), (0.8, 0.45))],
    "circle": [curve(1, 0.35, 0.35)],
    "cross": [line((0.2, 0.2), (0.8, 0.8)), line((0.8, 0.2), (0.2, 0.8))],
    "arrow": [line((0.1, 0.5), (0.9, 0.5)), line((0.65, 0.25), (0.9, 0.5), (0.65, 0.75))],
    "zigzag": [line((0.1, 0.3), (0.3, 0.7), (0.5, 0.3), (0.7, 0.7), (0.9, 0.3))],
    "smile": [curve(0.5, 0.4, 0.3), line((0.35, 0.2), (0.36, 0.3)), line((0.65, 0.2), (0.66, 0.3))],
}


@pytest.fixture(scope="module")
def trained() -> Trained:
    return maml_studio.load("pretrained")


def written_again(symbol: Drawing, seed: int) -> Drawing:
    """The symbol by an unsteady hand: turned, stretched, bent, and drawn somewhere else."""
    rng = np.random.default_rng(seed)
    turn, stretch = rng.normal(0, 0.12), rng.normal(1, 0.08, 2)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * stretch
    bend = rng.normal(0, 0.025, 2)
    strokes = []
    for stroke in symbol:
        xy = stroke[:, :2] - 0.5
        xy = xy @ matrix.T + bend * np.sin(6 * xy[:, ::-1]) + rng.normal(0, 0.004, xy.shape) + 0.5 + rng.normal(0, 0.03, 2)
        strokes.append(np.column_stack([xy, stroke[:, 2]]))
    return strokes


def test_small_and_free_of_machine_paths() -> None:
    content = FILE.read_bytes()
    assert len(content) < 1_000_000
    assert not [word for word in (b"/tmp", b"/home", b"/work", b"/Users", b"\\Users") if word in content]
    assert FILE.with_suffix(".md").is_file()


@pytest.mark.parametrize("count", [2, 5, 7])
def test_one_drawing_of_each_is_enough(trained: Trained, count: int) -> None:
    names, frame = list(SYMBOLS)[:count], trained.frame
    assert frame is not None
    adapted = trained.adapt(np.stack([render(SYMBOLS[name], frame) for name in names]), names)
    asked = [(name, seed) for seed in range(4) for name in names]
    said = adapted.predict(np.stack([render(written_again(SYMBOLS[name], seed), frame) for name, seed in asked])).labels
    right = sum(label == name for label, (name, _) in zip(said, asked, strict=True))
    assert right >= 0.9 * len(asked), [(name, label) for label, (name, _) in zip(said, asked, strict=True) if name != label]
