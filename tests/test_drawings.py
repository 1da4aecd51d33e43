"""The drawn task as a document, as a file and as folders of images."""

import base64
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maml_studio.data.folder import read_folder
from maml_studio.drawings import (
    MAX_BYTES,
    MAX_CLASSES,
    SUFFIX,
    DrawingError,
    DrawnClass,
    DrawnTask,
    Example,
    export_folders,
    folder_names,
    ink_of,
    preview_png,
    read_drawn,
    to_json,
    write_drawn,
)
from maml_studio.drawings.file import FORMAT
from maml_studio.strokes import Frame, place, render

FRAMES = [Frame(), Frame(box=18, centre="box", width=1.4)]


def drawing(seed: int = 0, strokes: int = 2, points: int = 12) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(seed)
    times = np.sort(generator.random((strokes, points)) * 3, axis=None).reshape(strokes, points, 1)
    return tuple(np.concatenate([generator.random((strokes, points, 2)), times], 2))


def picture(seed: int = 0, shape: tuple[int, int] = (28, 28)) -> np.ndarray:
    pixels = np.zeros(shape, np.uint8)
    height, width = shape
    pixels[height // 4 : height // 2, width // 3 : width // 2] = np.random.default_rng(seed).integers(100, 256, endpoint=False)
    return pixels


def mixed() -> DrawnTask:
    """Everything that a file can hold."""
    return DrawnTask(
        (
            DrawnClass("star", (Example(drawing(1)), Example(), Example(picture=picture(2)))),
            DrawnClass("Haus ☆ 家", (Example(picture=picture(3, (60, 90)), to_place=True), Example((np.array([[0.5, 0.5, 0.0]]),)))),
            DrawnClass("", ()),
        ),
        query=Example(drawing(4)),
        shots=3,
        model="pretrained",
        steps=10,
        title="Stars and houses",
    )


TASKS = {"everything": mixed(), "nothing": DrawnTask(), "a query that is a picture": DrawnTask(query=Example(picture=picture()), steps=0)}


# The document


@pytest.mark.parametrize("frame", FRAMES)
def test_strokes_go_through_the_one_door(frame):
    strokes = drawing()
    example = Example(strokes)
    np.testing.assert_array_equal(example.image(frame), render(example.strokes, frame))
    np.testing.assert_allclose(example.image(frame), render(strokes, frame), atol=2e-3)  # rounding moves a line by a thousandth of a pixel
    assert example.image(frame).dtype == np.float32


@pytest.mark.parametrize("frame", FRAMES)
def test_a_raw_picture_is_placed_and_one_of_a_data_set_is_not(frame):
    pixels = picture()
    np.testing.assert_array_equal(Example(picture=pixels).image(frame), pixels / np.float32(255))
    np.testing.assert_array_equal(Example(picture=pixels, to_place=True).image(frame), place(pixels / np.float32(255), frame))
    odd = picture(shape=(40, 30))
    np.testing.assert_array_equal(Example(picture=odd).image(frame), place(odd / np.float32(255), frame))  # no other way to make it fit


def test_floats_become_the_same_picture():
    assert Example(picture=picture() / 255) == Example(picture=picture())
    assert Example(picture=(picture() / 255).astype(np.float32)) == Example(picture=picture())


def test_a_large_picture_is_kept_small():
    kept = Example(picture=picture(shape=(1000, 500)), to_place=True)
    assert kept.picture is not None
    assert kept.picture.shape == (128, 64)
    # With as much in it as the image of the model can show.
    original = place(picture(shape=(1000, 500)) / np.float32(255), Frame())
    np.testing.assert_allclose(kept.image(Frame()), original, atol=0.3)
    assert np.abs(kept.image(Frame()) - original).mean() < 0.02


def test_what_was_handed_in_can_change_without_harm():
    strokes, pixels = drawing(), picture()
    drawn, pictured = Example(strokes), Example(picture=pixels)
    before = drawn.image(Frame()).copy(), pictured.image(Frame()).copy()
    strokes[0][:] = 0
    pixels[:] = 0
    np.testing.assert_array_equal(drawn.image(Frame()), before[0])
    np.testing.assert_array_equal(pictured.image(Frame()), before[1])
    for array in (drawn.strokes[0], pictured.picture):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1


def test_equality_is_by_content():
    examples = [
        Example(),
        Example(drawing(1)),
        Example(drawing(1, strokes=1)),
        Example(picture=picture(1)),
        Example(picture=picture(1), to_place=True),
        Example(picture=picture(1).reshape(14, 56)),
    ]
    for i, one in enumerate(examples):
        for j, other in enumerate(examples):
            assert (one == other) == (i == j)
    assert Example(drawing(1)) == Example(drawing(1))
    assert len({Example(drawing(1)), Example(drawing(1))}) == 1
    assert Example() != "nothing"


@pytest.mark.parametrize(
    ("example", "empty"),
    [
        (Example(), True),
        (Example((np.empty((0, 3)),)), True),
        (Example(picture=np.zeros((28, 28))), True),
        (Example(drawing()), False),
        (Example(picture=picture()), False),
    ],
)
def test_empty(example, empty):
    assert example.is_empty == empty
    assert example.image(Frame()).any() != empty
    assert DrawnClass("a", (example,)).drawn == (() if empty else (example,))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Example(([1, 2, 3],)), r"stroke 1 should have the shape \[points, 3\]"),
        (lambda: Example((np.zeros((2, 3)), np.zeros((2, 2)))), "stroke 2 should have the shape"),
        (lambda: Example(("abc",)), "stroke 1 should be rows of the numbers x, y and t"),
        (lambda: Example(([[np.nan, 0, 0]],)), "stroke 1 should have x and y from 0 to 1"),
        (lambda: Example(([[0, np.inf, 0]],)), "stroke 1 should have x and y from 0 to 1"),
        (lambda: Example(([[0, 50, 0]],)), "stroke 1 should have x and y from 0 to 1"),
        (lambda: Example(([[0, 0, np.nan]],)), "stroke 1 should have t in seconds"),
        (lambda: Example((np.zeros((20_001, 3)),)), "at most 1,000 strokes with 20,000 points"),
        (lambda: Example((np.zeros((1, 3)),) * 1001), "at most 1,000 strokes"),
        (lambda: Example(drawing(), picture()), "strokes or a picture, not both"),
        (lambda: Example(to_place=True), "to_place goes with a picture"),
        (lambda: Example(picture=np.zeros((1, 28, 28))), r"should have the shape \[h, w\], not \[1, 28, 28\]"),
        (lambda: Example(picture=np.zeros((0, 5))), "should have the shape"),
        (lambda: Example(picture=np.full((2, 2), 1.5)), "between 0 and 1"),
        (lambda: Example(picture=np.full((2, 2), np.nan)), "between 0 and 1"),
        (lambda: Example(picture=np.zeros((2, 2), np.int64)), "uint8 or floats, not int64"),
        (lambda: DrawnClass(5), "name should be text, not int"),
        (lambda: DrawnClass("x" * 101), "name should have at most 100 characters, not 101"),
        (lambda: DrawnClass("a", (Example(),) * 201), "class 'a' should have at most 200 examples, not 201"),
        (lambda: DrawnTask((DrawnClass("a"),) * (MAX_CLASSES + 1)), "classes should be at most 2,000, not 2,001"),
        (lambda: DrawnTask(shots=0), "shots should be a whole number from 1 to 100, not 0"),
        (lambda: DrawnTask(shots=True), "shots should be a whole number"),
        (lambda: DrawnTask(steps=1001), "steps should be a whole number from 0 to 1000, not 1001"),
        (lambda: DrawnTask(title="x" * 201), "title should have at most 200 characters"),
        (lambda: DrawnTask(model=None), "model should be text"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(make, sentence):
    with pytest.raises(DrawingError, match=sentence):
        make()


def test_control_characters_become_spaces():
    assert DrawnClass("a\nb\x00c\ud800").name == "a b c "


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["a", "b"], ("a", "b")),
        (["", "a", "  "], ("class 1", "a", "class 3")),
        (["a", "a", "a"], ("a", "a (2)", "a (3)")),
        (["a", "a (2)", "a"], ("a", "a (2)", "a (3)")),
        (["a", "a", "a (2)"], ("a", "a (3)", "a (2)")),
        (["class 2", ""], ("class 2", "class 2 (2)")),
    ],
)
def test_names_are_told_apart(given, names):
    assert DrawnTask(tuple(DrawnClass(name) for name in given)).names == names


def test_the_room_needs_neither_torch_nor_qt():
    code = "import maml_studio.drawings, sys; sys.exit(bool({'torch', 'PySide6', 'sklearn'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# The file


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_file_gives_back_the_very_same(tmp_path, task):
    path = tmp_path / f"a{SUFFIX}"
    for _ in range(2):
        write_drawn(path, task)
        found = read_drawn(path)
        assert found == task
        assert [one.image(Frame()).tobytes() for row in found.classes for one in row.examples] == [
            one.image(Frame()).tobytes() for row in task.classes for one in row.examples
        ]
        assert to_json(found) == path.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_is_plain_json_that_others_read(tmp_path):
    raw = json.loads(to_json(mixed()))
    assert raw["format"] == FORMAT
    assert raw["classes"][1]["name"] == "Haus ☆ 家"
    x, y, t = raw["classes"][0]["examples"][0]["strokes"][0]
    np.testing.assert_allclose([x, y, t], drawing(1)[0].T, atol=5e-4)
    image = Image.open(io.BytesIO(base64.b64decode(raw["classes"][0]["examples"][2]["picture"])))
    np.testing.assert_array_equal(np.asarray(image), picture(2))


def test_the_preview_shows_the_first_classes():
    raw = json.loads(to_json(mixed()))
    preview = base64.b64decode(raw["preview"])
    assert preview == preview_png(mixed())
    sheet = np.asarray(Image.open(io.BytesIO(preview)))
    assert sheet.shape == (2 * 29 + 1, 2 * 29 + 1)  # the class without drawings has no row
    ink = 255 - np.round(mixed().classes[0].examples[0].image(Frame()) * 255)
    np.testing.assert_array_equal(sheet[1:29, 1:29], ink)
    many = DrawnTask((DrawnClass("a", (Example(drawing(0, 20)),) * 50),) * 50)
    assert np.asarray(Image.open(io.BytesIO(preview_png(many)))).shape == (8 * 29 + 1, 5 * 29 + 1)
    assert len(preview_png(many)) < 50_000
    assert np.asarray(Image.open(io.BytesIO(preview_png(DrawnTask())))).min() == 255


def whole(**changes: object) -> bytes:
    return json.dumps({"format": FORMAT, "version": 1, "classes": [], **changes}).encode()


def one_example(example: object) -> bytes:
    return whole(classes=[{"name": "a", "examples": [example]}])


def png(size: tuple[int, int], mode: str = "L") -> str:
    file = io.BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


FIRST = r"classes\[0\]\.examples\[0\]"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no JSON, or was cut short"),
        (to_json(mixed())[:-40], "is no JSON, or was cut short"),
        (b"\x89PNG\r\n", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[" * 5000, "is no JSON"),
        (b'{"a":' * 5000, "is no JSON"),
        (b"[]", "table in curly brackets"),
        (b"null", "table in curly brackets"),
        (b"{}", "is no drawn task: its format should be maml-studio-drawn"),
        (b'{"format": 3}', "format: should be a valid string"),
        (b'{"nbformat": 4, "cells": [], "version": 7}', "is no drawn task"),
        (json.dumps({"format": FORMAT}).encode(), "version: is missing"),
        (whole(version=2, colours=[]), "newer version of MAML Studio"),
        (whole(version=0), "version: should be greater than or equal to 1"),
        (whole(version=True), "version: should be a valid integer"),
        (whole(colour=1), "colour: is no field of a drawn task"),
        (whole(**{"line\nbreak" * 1000: 1}), r"'line\\nbreakline[^:]*: is no field of a drawn task"),
        (whole(classes=7), "classes: should be a valid list"),
        (whole(classes=[7]), r"classes\[0\]: should be a table"),
        (whole(classes=[{"examples": []}]), r"classes\[0\]\.name: is missing"),
        (whole(classes=[{"name": None}]), r"classes\[0\]\.name: should be a valid string"),
        (whole(classes=[{"name": "x" * 101}]), r"classes\[0\]: name should have at most 100 characters"),
        (whole(classes=[{"name": "a"}] * 2001), "classes: list should have at most 2000 items"),
        (whole(classes=[{"name": "a", "examples": [{}] * 201}]), r"classes\[0\]\.examples: list should have at most 200 items"),
        (whole(shots="2"), "shots: should be a valid integer"),
        (whole(shots=1.5), "shots: should be a valid integer"),
        (whole(shots=10**30), "shots should be a whole number from 1 to 100"),
        (whole(steps=-1), "steps should be a whole number from 0 to 1000"),
        (whole(title=[1]), "title: should be a valid string"),
        (whole(query=None), "query: should be a table"),
        (whole(query={"strokes": 1}), r"query\.strokes: should be a valid list"),
        (one_example([]), f"{FIRST}: should be a table"),
        (one_example({"strokes": [[[0], [0]]]}), rf"{FIRST}\.strokes\[0\]\[2\]: should be there: a stroke is three lists"),
        (one_example({"strokes": [[[0]] * 4]}), rf"{FIRST}\.strokes\[0\]: should be three lists: x, y and t"),
        (one_example({"strokes": [[[0, 1], [0], [0]]]}), rf"{FIRST}\.strokes\[0\]: should have as many x as y and t"),
        (one_example({"strokes": [[["0"], [0], [0]]]}), rf"{FIRST}\.strokes\[0\]\[0\]\[0\]: should be a valid number"),
        (one_example({"strokes": [[[0], [float("nan")], [0]]]}), rf"{FIRST}\.strokes\[0\]\[1\]\[0\]: should be a finite number"),
        (one_example({"strokes": [[[float("inf")], [0], [0]]]}), rf"{FIRST}\.strokes\[0\]\[0\]\[0\]: should be a finite number"),
        (one_example({"strokes": [[[1e300], [0], [0]]]}), f"{FIRST}: stroke 1 should have x and y from 0 to 1"),
        (one_example({"strokes": [[[0], [0], [1e9]]]}), f"{FIRST}: stroke 1 should have t"),
        (one_example({"strokes": [[[0.5] * 20_001] * 3]}), rf"{FIRST}\.strokes\[0\]\[0\]: list should have at most 20000 items"),
        (one_example({"strokes": [[[0], [0], [0]]], "picture": png((28, 28))}), f"{FIRST}: an example should have strokes or a picture"),
        (one_example({"picture": "?!"}), rf"{FIRST}\.picture: should be a PNG in base64: it is no base64"),
        (one_example({"picture": "aGVsbG8="}), rf"{FIRST}\.picture: should be a PNG in base64: its bytes are broken"),
        (one_example({"picture": png((28, 28))[:60]}), rf"{FIRST}\.picture: should be a PNG in base64"),
        (one_example({"picture": png((4000, 4000))}), rf"{FIRST}\.picture: .* sides up to 128 is needed"),
        (one_example({"picture": png((28, 28), "RGB")}), rf"{FIRST}\.picture: .*shades of grey"),
        (one_example({"picture": "A" * 200_000}), rf"{FIRST}\.picture: string should have at most 131072 characters"),
        (one_example({"to_place": 1}), rf"{FIRST}\.to_place: should be a valid boolean"),
    ],
)
def test_a_file_that_will_not_do_gets_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "a.drawn.json"
    path.write_bytes(content)
    with pytest.raises(DrawingError, match=sentence) as caught:
        read_drawn(path)
    words = str(caught.value)
    assert words.startswith(f"{path}: ")
    assert "\n" not in words
    assert len(words) < len(str(path)) + 250


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.mkdir(), "is no file"),
        pytest.param(make_pipe, "is no file", marks=pytest.mark.skipif(os.name != "posix", reason="pipes of this kind are POSIX")),
        (make_large, "is larger than 64 MB"),
        (lambda path: path.write_bytes(b"[" + b"[]," * 3_000_000), "holds more lists or numbers"),
        (lambda path: path.write_bytes(b"[" + b"1," * 20_000_000), "holds more lists or numbers"),
        (lambda path: path.write_bytes(b'{"a":1,' * 1_000_000), "holds more lists or numbers"),
    ],
)
def test_what_should_not_be_unpacked_is_not(tmp_path, make, sentence):
    path = tmp_path / "a.drawn.json"
    make(path)
    with pytest.raises(DrawingError, match=sentence):
        read_drawn(path)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_name_that_no_file_can_have(tmp_path, name):
    with pytest.raises(DrawingError, match="can't be read"):
        read_drawn(tmp_path / name)


def test_what_could_not_be_read_again_is_not_written(tmp_path, monkeypatch):
    path = tmp_path / "a.drawn.json"
    write_drawn(path, mixed())
    monkeypatch.setattr("maml_studio.drawings.file.MAX_BYTES", 1000)
    with pytest.raises(DrawingError, match="don't fit into one file"):
        write_drawn(path, DrawnTask(query=Example(drawing(0, 20))))
    monkeypatch.undo()
    assert read_drawn(path) == mixed()


def test_a_collection_of_two_thousand_classes(tmp_path):
    shapes = [Example(drawing(seed, 2, 20)) for seed in range(50)]
    classes = tuple(DrawnClass(f"class {i}", (shapes[i % 50], shapes[(i * 7 + 1) % 50])) for i in range(MAX_CLASSES))
    write_drawn(tmp_path / "a.drawn.json", DrawnTask(classes))
    assert read_drawn(tmp_path / "a.drawn.json").classes == classes


# A mutated file is read, or refused by the room's own error


JUNK = [None, True, -1, 0, 10**40, 1e308, -0.0, "", "☆", "\ud800", [], {}, [[]], [[[0.5], [0.5], [0.0]]], {"strokes": []}, "iVBORw0KGgo="]


def places(raw: object) -> list[tuple[object, object]]:
    """Every container with every key or index of it."""
    found = []
    if isinstance(raw, dict | list):
        for key in list(raw) if isinstance(raw, dict) else range(len(raw)):
            found.append((raw, key))
            found += places(raw[key])
    return found


def mutate_tree(raw: dict[str, object], dice: random.Random) -> bytes:
    for _ in range(dice.randint(1, 2)):
        container, key = dice.choice(places(raw))
        match dice.randrange(4):
            case 0:
                container[key] = json.loads(json.dumps(dice.choice(JUNK)))
            case 1 if isinstance(container, dict):
                container[dice.choice(["name", "strokes", "picture", "to_place", "foo"])] = container.pop(key)
            case 2:
                del container[key]
            case _ if isinstance(container, list):
                container += [container[key]] * dice.randint(1, 300)
    return json.dumps(raw).encode()


def mutate_bytes(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(changed))
        match dice.randrange(4):
            case 0:
                changed[at] = dice.randrange(256)
            case 1:
                del changed[at : at + dice.randint(1, 50)]
            case 2:
                changed[at:at] = dice.choice([b"[", b"]", b"{", b'"', b",", b"NaN", b"1e999", b"-", b"\\ud83d", b"\x00", b"\xff"])
            case _:
                changed[at:at] = changed[at : at + dice.randint(1, 200)]
    return bytes(changed)


def test_three_hundred_mutations_are_read_or_refused(tmp_path):
    dice = random.Random(7)
    path = tmp_path / "a.drawn.json"
    content = to_json(mixed())
    read, refused = 0, []
    for number in range(300):
        path.write_bytes(mutate_tree(json.loads(content), dice) if number % 2 else mutate_bytes(content, dice))
        try:
            task = read_drawn(path)
        except DrawingError as error:
            refused.append(str(error))
            continue
        read += 1
        # What was read is good for everything that a task is good for.
        images = [one.image(Frame()) for row in task.classes for one in row.examples[:5]]
        assert all(np.isfinite(image).all() for image in images)
        write_drawn(path, task)
        assert read_drawn(path) == task
    assert read > 20
    assert len(refused) > 100
    assert all(words.startswith(f"{path}: ") and "\n" not in words for words in refused)


# Folders


NAMES = [
    "star",
    "Star",
    "a/b",
    "..",
    ".hidden",
    "CON",
    "com1.txt",
    "thumbs.db",
    "",
    "x" * 100,
    "trailing. ",
    "Ünïcödé 家",
    'q"<>|?*:\\',
    "star (2)",
]


@pytest.mark.parametrize("polarity", ["dark_on_light", "light_on_dark"])
@pytest.mark.parametrize("frame", FRAMES)
def test_folders_are_read_again_as_they_were_drawn(tmp_path, frame, polarity):
    classes = tuple(DrawnClass(f"class {i}", tuple(Example(drawing(10 * i + j)) for j in range(3))) for i in range(4))
    classes += (DrawnClass("pictures", (Example(picture=picture()), Example(), Example(picture=picture(1, (50, 70)), to_place=True))),)
    names = export_folders(DrawnTask(classes), tmp_path / "out", frame, polarity)
    assert names == ("class 0", "class 1", "class 2", "class 3", "pictures")
    bank = read_folder(tmp_path / "out")
    assert bank.class_names == names
    expected = [np.round(example.image(frame) * 255) for one in classes for example in one.drawn]
    np.testing.assert_array_equal(bank.images.numpy(), expected)


def test_folder_names_are_safe_and_told_apart(tmp_path):
    task = DrawnTask(tuple(DrawnClass(name, (Example(drawing(i)),)) for i, name in enumerate(NAMES)))
    names = export_folders(task, tmp_path / "out", Frame())
    assert names == folder_names(task)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["out"]
    assert len({name.casefold() for name in names}) == len(NAMES)
    assert not any(set(name) & set('<>:"/\\|?*') or name.startswith(".") or name.endswith((".", " ")) for name in names)
    assert names[:3] == ("star", "Star (3)", "a_b")
    assert names[5:8] == ("CON_", "com1.txt_", "thumbs.db_")
    assert names[8] == "class 9"
    assert len(read_folder(tmp_path / "out").class_names) == len(NAMES)


@pytest.mark.parametrize(
    ("make", "task", "sentence"),
    [
        (lambda path: path.mkdir(), mixed(), "out exists already"),
        (lambda path: path.write_text("mine"), mixed(), "out exists already"),
        (lambda path: path.symlink_to("nowhere"), mixed(), "out exists already"),
        (lambda path: None, mixed(), "class 'class 3' has no example"),
        (lambda path: None, DrawnTask(), "no class to export"),
    ],
)
def test_an_export_that_will_not_do_leaves_everything_as_it_was(tmp_path, make, task, sentence):
    path = tmp_path / "out"
    make(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DrawingError, match=sentence):
        export_folders(task, path, Frame())
    assert sorted(tmp_path.rglob("*")) == before


def test_ink_of_looks_at_the_border():
    pixels = picture(shape=(40, 30))
    np.testing.assert_array_equal(ink_of(pixels), pixels)
    np.testing.assert_array_equal(ink_of(255 - pixels), pixels)
