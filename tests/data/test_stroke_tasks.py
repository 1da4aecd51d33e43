"""Drawings as pen moves instead of images: the same tasks, told otherwise."""

from pathlib import Path

import numpy as np
import pytest
import torch

from maml_studio.data import STROKE_SOURCES, DataError, open_tasks
from maml_studio.data.glyphs import glyph_strokes
from maml_studio.drawings import DrawnClass, DrawnTask, Example, write_drawn
from maml_studio.models import build_for, input_shape
from maml_studio.spec import TABLES, Digits, Drawn, Experiment, Glyphs, NWay, SpecError, with_changes
from maml_studio.stroke_sequences import to_sequence
from maml_studio.strokes import Frame, render

GLYPHS = Glyphs(classes=20, instances=4, split="all")


def turn(stroke: np.ndarray) -> np.ndarray:
    """A quarter turn against the clock, y downwards."""
    return np.column_stack([stroke[:, 1], 1 - stroke[:, 0]])


def test_the_strokes_of_the_very_images() -> None:
    task = NWay(way=5, shot=1, query=2)
    images, moves = (
        open_tasks(GLYPHS, strokes=strokes).sampler("train", task).sample(3, torch.Generator().manual_seed(0)) for strokes in (False, True)
    )
    assert torch.equal(images.classes, moves.classes)
    assert torch.equal(images.query_y, moves.query_y)
    assert moves.support_x.shape == (3, 5, 64, 3)
    assert moves.query_x.dtype == torch.float32
    for image, sequence in zip(images.support_x.flatten(0, 1), moves.support_x.flatten(0, 1), strict=True):
        ink, xy = image[0].numpy(), sequence[:, :2].cumsum(0).numpy()
        strokes = np.split(xy, np.flatnonzero(sequence[:, 2].numpy() == 0)[1:])
        rows, columns = np.nonzero(ink > 0.3)
        drawn = render(strokes, Frame(28, float(max(np.ptp(rows), np.ptp(columns)) + 1), "box", 2.0))
        assert best_overlap(ink, drawn) > 0.75


def best_overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation where the two fit best: glyphs stand a little off the middle."""
    shifted = (np.roll(other, (down, right), (0, 1)) for down in range(-5, 6) for right in range(-5, 6))
    return max(float(np.corrcoef(one.ravel(), image.ravel())[0, 1]) for image in shifted)


def test_turned_classes() -> None:
    """As the images are turned: class ``c + 20 q`` of the pool is class c after q quarter turns."""
    tasks = open_tasks(GLYPHS.model_copy(update={"rotations": True}), strokes=True)
    sampler = tasks.sampler("train", NWay(way=80, shot=3, query=1))
    episodes = sampler.sample(1, torch.Generator().manual_seed(0))
    for label, index in enumerate(episodes.classes[0].tolist()):
        drawings = glyph_strokes(GLYPHS, [index % 20])
        for _ in range(index // 20):
            drawings = [[turn(stroke) for stroke in strokes] for strokes in drawings]
        expected = np.stack([to_sequence(strokes) for strokes in drawings])
        found = torch.cat(
            [x[0][y[0] == label] for x, y in ((episodes.support_x, episodes.support_y), (episodes.query_x, episodes.query_y))]
        )
        distances = np.abs(found.numpy()[:, None] - expected[None]).max((2, 3))
        assert (distances.min(1) < 1e-4).all()
        assert sorted(distances.argmin(1)) == [0, 1, 2, 3]


def test_drawn_files(tmp_path: Path) -> None:
    examples = [Example((np.array([[0.1, 0.1 * n, 0.0], [0.9, 0.5, 1.0]]),)) for n in range(6)]
    path = tmp_path / "mine.drawn.json"
    write_drawn(path, DrawnTask((DrawnClass("a", tuple(examples[:3])), DrawnClass("b", tuple(examples[3:])))))
    tasks = open_tasks(Drawn(path=str(path), split="all"), strokes=True)
    episodes = tasks.sampler("train", NWay(way=2, shot=2, query=1)).sample(1, torch.Generator().manual_seed(0))
    known = [to_sequence(example.strokes) for example in examples]
    for sequence in (*episodes.support_x[0], *episodes.query_x[0]):
        assert any(np.array_equal(sequence, other) for other in known)
    assert tasks.frame() is None


def test_pictures_among_the_drawings(tmp_path: Path) -> None:
    stroke, picture = Example((np.array([[0.1, 0.1, 0.0], [0.9, 0.5, 1.0]]),)), Example(picture=np.full((28, 28), 200, np.uint8))
    path = tmp_path / "mixed.drawn.json"
    write_drawn(path, DrawnTask((DrawnClass("a", (stroke, stroke)), DrawnClass("b", (stroke, picture)))))
    with pytest.raises(DataError, match=r"^model.reads should be rows: data.path .* holds pictures too"):
        open_tasks(Drawn(path=str(path), split="all"), strokes=True)


def test_sources_without_strokes_are_refused() -> None:
    with pytest.raises(DataError, match=r"data.source digits has images without strokes"):
        open_tasks(Digits(), strokes=True)
    with pytest.raises(SpecError, match=r"^model.reads should be rows: digits has images without strokes; glyphs and drawn have strokes"):
        with_changes(Experiment(), {"model.name": "recurrent", "model.reads": "strokes"})


def test_table_and_settings_agree() -> None:
    assert {name for name, settings in TABLES["data"].items() if settings.has_strokes} == set(STROKE_SOURCES)


def test_a_network_for_them() -> None:
    experiment = with_changes(Experiment(), {"data.source": "glyphs", "model.name": "recurrent", "model.reads": "strokes"})
    assert input_shape(experiment) == (64, 3)
    assert build_for(experiment)(torch.zeros(2, 64, 3)).shape == (2, 5)
