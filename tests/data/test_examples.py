"""Examples for the drawing page: out of image files, class folders and open sources."""

import numpy as np
import pytest
import torch
from class_folders import draw, draw_classes
from PIL import Image

from maml_studio.data import DataError, DownloadNeeded, ImageTasks, downloads_allowed, open_tasks
from maml_studio.data.examples import import_folder, pick_examples, read_examples
from maml_studio.data.folder import read_folder
from maml_studio.drawings import DrawnClass, DrawnTask, Example, export_folders, read_drawn, write_drawn
from maml_studio.spec import Digits, Folder, Glyphs, Mnist, Sinusoid
from maml_studio.strokes import Frame, place


@pytest.mark.parametrize(("ink", "paper"), [(0, 255), (255, 0)])
def test_image_files_become_raw_pictures(tmp_path, ink, paper):
    file = draw(tmp_path / "a.png", ink=ink, paper=paper, size=(60, 40))
    (example,) = read_examples([file])
    grey = np.asarray(Image.open(file)) / np.float32(255)
    assert example.to_place
    np.testing.assert_array_equal(example.image(Frame()), place(grey if ink else 1 - grey, Frame()))


def test_an_image_of_the_right_size_is_taken_as_it_is(tmp_path):
    (example,) = read_examples([draw(tmp_path / "a.png", size=(28, 28))])
    assert not example.to_place
    np.testing.assert_array_equal(example.image(Frame(box=10)), 1 - np.asarray(Image.open(tmp_path / "a.png")) / np.float32(255))


def test_the_polarity_can_be_said(tmp_path):
    file = draw(tmp_path / "a.png", size=(28, 28))
    light, dark = (read_examples([file], polarity)[0].image(Frame()) for polarity in ("light_on_dark", "dark_on_light"))
    np.testing.assert_allclose(light, 1 - dark, atol=1e-6)


def test_a_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(DataError, match=r"a\.png is no image"):
        read_examples([tmp_path / "a.png"])
    assert read_examples([]) == []


def test_a_folder_becomes_a_task(tmp_path):
    root = draw_classes(tmp_path / "my signs", "b", "a", count=3)
    task = import_folder(root)
    assert [one.name for one in task.classes] == ["a", "b"]
    assert [len(one.examples) for one in task.classes] == [3, 3]
    assert (task.title, task.shots) == ("my signs", 3)
    two_levels = import_folder(draw_classes(tmp_path / "two", "Greek/1", "Latin/1"))
    assert [one.name for one in two_levels.classes] == ["Greek/1", "Latin/1"]


def test_what_was_exported_comes_back_as_the_same_images(tmp_path):
    generator = np.random.default_rng(0)
    strokes = [np.column_stack([generator.random((5, 2)), np.arange(5)]) for _ in range(6)]
    task = DrawnTask(
        (DrawnClass("a", tuple(Example((s,)) for s in strokes[:3])), DrawnClass("b", tuple(Example((s,)) for s in strokes[3:])))
    )
    export_folders(task, tmp_path / "out", Frame())
    back = import_folder(tmp_path / "out")
    for one, other in zip(task.classes, back.classes, strict=True):
        for drawn, read in zip(one.examples, other.examples, strict=True):
            np.testing.assert_allclose(read.image(Frame()), drawn.image(Frame()), atol=0.5 / 255 + 1e-6)
    write_drawn(tmp_path / "back.drawn.json", back)
    assert read_drawn(tmp_path / "back.drawn.json") == back
    np.testing.assert_array_equal(read_folder(tmp_path / "out").images[0], back.classes[0].examples[0].picture)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: path / "gone", "gone can't be read: No such file"),
        (lambda path: draw(path / "x.png"), "can't be read: Not a directory"),
        (lambda path: path / "a\0b", "can't be opened"),
        (lambda path: path, "holds no sub-folder"),
        (lambda path: draw_classes(path, "a", count=201, size=(4, 4)), "holds 201 images in class 'a'; a drawn task takes 200"),
    ],
)
def test_a_folder_that_will_not_do_gets_one_sentence(tmp_path, make, sentence):
    with pytest.raises(DataError, match=sentence):
        import_folder(make(tmp_path))


def test_more_classes_than_a_task_takes(tmp_path, monkeypatch):
    monkeypatch.setattr("maml_studio.data.examples.MAX_CLASSES", 2)
    with pytest.raises(DataError, match="holds 3 classes; a drawn task takes 2 at most"):
        import_folder(draw_classes(tmp_path / "set", "a", "b", "c"))


# Out of an open source


@pytest.fixture
def digits():
    return open_tasks(Digits())


@pytest.mark.parametrize(("classes", "shots"), [(1, 1), (1, 5), (5, 1), (10, 3)])
def test_picked_examples_are_different_and_of_their_class(digits, classes, shots):
    pool = digits.split.test
    class_of = pool.class_names
    own = {
        name: {pool.images[i].numpy().tobytes() for i in pool.index[pool.starts[c] : pool.starts[c + 1]]} for c, name in enumerate(class_of)
    }
    picked = pick_examples(digits, "test", classes, shots, seed=3)
    assert len({name for name, _ in picked}) == len(picked) == classes
    for name, images in picked:
        assert images.shape == (shots, 28, 28)
        assert images.dtype == np.float32
        found = {np.round(image * 255).astype(np.uint8).tobytes() for image in images}
        assert len(found) == shots
        assert found <= own[name]
        assert all(Example(picture=image).image(Frame()).tobytes() == image.tobytes() for image in images)


def test_the_seed_decides(digits):
    def pick(seed: int):
        return [(name, images.tobytes()) for name, images in pick_examples(digits, "train", 3, 2, seed)]

    assert pick(1) == pick(1)
    assert pick(1) != pick(2)
    assert len({name for seed in range(40) for name, _ in pick(seed)}) == 10


def test_turned_classes_are_picked_turned(tmp_path):
    root = draw_classes(tmp_path / "set", "a", "b", count=2)
    tasks = open_tasks(Folder(path=str(root), split="all", rotations=True))
    assert isinstance(tasks, ImageTasks)
    upright = read_folder(root).images[0].numpy() / np.float32(255)
    picked = pick_examples(tasks, "train", 8, 2, 0)
    for name, images in picked:
        turns = int(name.partition("↻")[2].removesuffix("°") or 0) // 90
        np.testing.assert_array_equal(images[0], np.rot90(upright, turns))
    assert len(picked) == 8


def test_small_classes_are_passed_over(tmp_path):
    root = draw_classes(tmp_path / "set", "large", count=6)
    draw_classes(root, "small", count=2)
    tasks = open_tasks(Folder(path=str(root), split="all"))
    assert {pick_examples(tasks, "train", 1, 5, seed)[0][0] for seed in range(10)} == {"large"}
    with pytest.raises(DataError, match="2 classes with 5 examples are too many: this part of the source has 1 such class"):
        pick_examples(tasks, "train", 2, 5, 0)


@pytest.mark.parametrize(("classes", "shots"), [(0, 1), (101, 1), (1, 0), (1, 101)])
def test_numbers_out_of_range(digits, classes, shots):
    with pytest.raises(DataError, match="should be from 1 to 100"):
        pick_examples(digits, "train", classes, shots, 0)


def test_more_than_there_is(digits):
    with pytest.raises(DataError, match="11"):
        pick_examples(digits, "train", 11, 1, 0)


@pytest.mark.parametrize("tasks", [lambda: open_tasks(Sinusoid()), lambda: open_tasks(Glyphs(classes=10), strokes=True)])
def test_what_has_no_pictures_says_so(tasks):
    with pytest.raises(DataError, match="functions or pen moves and no images"):
        pick_examples(tasks(), "train", 2, 1, 0)


def test_nothing_is_downloaded():
    with downloads_allowed(False), pytest.raises(DownloadNeeded):
        pick_examples(open_tasks(Mnist()), "train", 2, 1, 0)


def test_the_global_generator_is_left_alone(digits):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    pick_examples(digits, "train", 2, 2, 0)
    assert torch.equal(torch.get_rng_state(), before)
