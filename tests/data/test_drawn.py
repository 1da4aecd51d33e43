"""Drawn files as a source of tasks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from maml_studio.data import Cancelled, DataError, open_tasks
from maml_studio.data.drawn import load_drawn_bank
from maml_studio.data.progress import silent
from maml_studio.drawings import DrawnClass, DrawnTask, Example, write_drawn
from maml_studio.spec import Drawn, NWay, parse
from maml_studio.strokes import Frame, measure_frame


def example(seed: int) -> Example:
    """A polygon with a corner for each step, so that two seeds never look alike."""
    generator = np.random.default_rng(seed)
    return Example((np.column_stack([generator.random((6, 2)), np.arange(6) / 10]),))


def task(*names: str, shots: int = 3, seed: int = 0) -> DrawnTask:
    classes = tuple(DrawnClass(name, tuple(example(seed + 100 * i + j) for j in range(shots))) for i, name in enumerate(names))
    return DrawnTask(classes, query=example(999))


def save(path: Path, drawn: DrawnTask) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_drawn(path, drawn)
    return path


def load(path: Path, **settings: object):
    return load_drawn_bank(Drawn(path=str(path), **settings), silent)


@pytest.mark.parametrize(
    ("settings", "frame"),
    [
        ({}, Frame()),
        ({"middle": "box", "box": 16.0, "line": 1.5}, Frame(box=16, centre="box", width=1.5)),
    ],
)
def test_images_are_exactly_what_was_drawn(tmp_path, settings, frame):
    drawn = task("a", "b")
    bank = load(save(tmp_path / "x.drawn.json", drawn), **settings)
    expected = [np.round(one.image(frame) * 255) for row in drawn.classes for one in row.examples]
    np.testing.assert_array_equal(bank.images.numpy(), expected)
    assert bank.images.dtype == torch.uint8
    assert bank.class_names == ("a", "b")
    assert bank.groups == ("", "")
    assert bank.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert not bank.held_out.any()


def test_empty_canvases_and_unnamed_classes(tmp_path):
    classes = (
        DrawnClass("", (example(0), Example(), example(1))),
        DrawnClass("a", (example(2), example(3))),
        DrawnClass("a", (example(4),) * 2),
    )
    bank = load(save(tmp_path / "x.drawn.json", DrawnTask(classes)))
    assert bank.class_names == ("class 1", "a", "a (2)")
    assert bank.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert bank.images.amax((1, 2)).tolist() == [255] * 6


def test_a_folder_of_files_is_a_set_of_alphabets(tmp_path):
    for seed, name in enumerate(("Greek", "Latin", "Runes", "Signs")):
        save(tmp_path / "set" / f"{name}.drawn.json", task("a", "b", seed=1000 * seed))
    (tmp_path / "set" / "notes.txt").write_text("no drawing")
    (tmp_path / "set" / ".hidden.drawn.json").write_text("no drawing")
    bank = load(tmp_path / "set")
    assert bank.class_names[:3] == ("Greek/a", "Greek/b", "Latin/a")
    assert bank.groups == ("Greek",) * 2 + ("Latin",) * 2 + ("Runes",) * 2 + ("Signs",) * 2
    tasks = open_tasks(Drawn(path=str(tmp_path / "set"), split="alphabets", holdout=("Runes",)))
    assert tasks.sampler("test", NWay(way=2, query=1)).class_names == ("Runes/a", "Runes/b")


def test_one_file_in_a_folder_has_no_alphabet(tmp_path):
    save(tmp_path / "set" / "only.drawn.json", task("a", "b"))
    assert load(tmp_path / "set").groups == ("", "")


@pytest.mark.parametrize("split", ["random", "classes", "images", "all"])
def test_tasks_in_every_split(tmp_path, split):
    path = save(tmp_path / "x.drawn.json", task(*"abcdefghij", shots=10))
    tasks = open_tasks(Drawn(path=str(path), split=split, holdout=("c", "d") if split == "classes" else ()))
    for part in ("train", "validation", "test"):
        episodes = tasks.sampler(part, NWay(way=2, shot=1, query=1)).sample(3, torch.Generator().manual_seed(0))
        assert episodes.support_x.shape == (3, 2, 1, 28, 28)
        assert episodes.support_x.amax((2, 3, 4)).min() == 1


@pytest.mark.parametrize("frame", [Frame(), Frame(box=15, centre="box", width=1.6)])
def test_the_frame_of_the_source_is_the_chosen_one(tmp_path, frame):
    path = save(tmp_path / "x.drawn.json", task(*"abcdefgh", shots=10))
    settings = Drawn(path=str(path), split="all", middle=frame.centre, box=frame.box, line=frame.width)
    found = open_tasks(settings).frame()
    assert found.centre == frame.centre
    assert abs(found.box - frame.box) < 0.6
    assert found == measure_frame(
        load(path, middle=frame.centre, box=frame.box, line=frame.width).images.numpy() / np.float32(255), frame.centre
    )


def test_the_settings_go_through_a_file():
    experiment = parse({"data": {"source": "drawn", "path": "x.drawn.json", "middle": "box"}})
    assert isinstance(experiment.data, Drawn)
    assert experiment.data.centre == "box"
    assert "centre" not in experiment.data.model_dump()


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: "", r"^data\.path should name a file \*\.drawn\.json"),
        (lambda path: path / "gone.drawn.json", r"gone\.drawn\.json: can't be read: No such file"),
        (lambda path: str(path) + "/a\0b", "can't be read"),
        (lambda path: path, r"holds no file \*\.drawn\.json"),
        (lambda path: save(path / "x.drawn.json", task("a")), "holds one class only, 'a'; two or more are needed"),
        (lambda path: save(path / "x.drawn.json", DrawnTask()), "holds no class; two or more"),
        (lambda path: save(path / "x.drawn.json", task("a", "b", shots=1)), "has one drawing only in class 'a'; two or more of each"),
        (lambda path: save(path / "x.drawn.json", task("a", "b", shots=0)), "has no drawing in class 'a'"),
    ],
)
def test_too_little_gets_one_sentence(tmp_path, make, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        load_drawn_bank(Drawn(path=str(make(tmp_path))), silent)
    assert "\n" not in str(caught.value)


def test_a_broken_file_is_named(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / f"{name}.drawn.json", task("a", "b"))
    (tmp_path / "b.drawn.json").write_text("{}")
    with pytest.raises(DataError, match=r"b\.drawn\.json: is no drawn task"):
        load(tmp_path)


def test_loading_can_be_given_up(tmp_path):
    def cancel(message: str, share: float) -> None:
        raise Cancelled

    path = save(tmp_path / "x.drawn.json", task("a", "b"))
    with pytest.raises(Cancelled):
        load_drawn_bank(Drawn(path=str(path)), cancel)
