import struct
import warnings
import zlib

import numpy as np
import pytest
from class_folders import draw, draw_classes
from PIL import Image

from maml_studio.data.bank import DataError
from maml_studio.data.folder import read_folder
from maml_studio.data.images import is_dark_on_light, read_grey, to_ink
from maml_studio.data.progress import silent


def read(path, dark_on_light=True):
    return to_ink(read_grey(path), dark_on_light)


def is_bar(ink):
    """Ink 255 on paper 0, and the bar upright in the left half."""
    return ink.shape == (28, 28) and ink[14, 8] > 200 and ink[14, 20:].max() < 60 and ink[:3].max() < 60


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "bmp", "gif", "webp", "tif", "tiff", "PNG"])
def test_every_format(tmp_path, suffix):
    assert is_bar(read(draw(tmp_path / f"a.{suffix}")))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_of_png(tmp_path, mode):
    path = tmp_path / "a.png"
    if mode == "I;16":
        array = np.full((40, 40), 65535, dtype=np.uint16)
        array[8:32, 10:16] = 300  # dark, but above the 255 at which Pillow's own conversion cuts off
        Image.fromarray(array).save(path)
    else:
        draw(path, mode=mode)
    assert is_bar(read(path))


def test_light_on_dark(tmp_path):
    assert is_bar(read(draw(tmp_path / "a.png", ink=255, paper=0), dark_on_light=False))


def test_what_is_transparent_lies_on_white(tmp_path):
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (10, 8, 16, 32))
    image.save(tmp_path / "a.png")
    assert is_bar(read(tmp_path / "a.png"))


def test_the_first_frame_of_an_animation(tmp_path):
    first = Image.open(draw(tmp_path / "first.png"))
    with first:
        first.save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("L", (40, 40), 0)])
    assert is_bar(read(tmp_path / "a.gif"))


def test_a_photograph_lies_as_it_was_held(tmp_path):
    with Image.open(draw(tmp_path / "a.png")) as image:
        exif = image.getexif()
        exif[0x0112] = 8  # to be shown a quarter turn to the left
        image.rotate(-90).save(tmp_path / "a.jpg", exif=exif)
    assert is_bar(read(tmp_path / "a.jpg"))


@pytest.mark.parametrize("size", [(20, 60), (60, 20), (1, 60)])
@pytest.mark.parametrize("paper", [255, 200])
def test_a_picture_that_is_not_square_is_padded_with_its_paper(tmp_path, size, paper):
    ink = read(draw(tmp_path / "a.png", size=size, paper=paper))
    assert ink.shape == (28, 28)
    corners = ink[[0, 0, -1, -1], [0, -1, 0, -1]].astype(int)
    assert np.ptp(corners) <= 2
    assert abs(corners[0] - (255 - paper)) <= 2


def test_a_long_strip_is_no_square_of_its_length(tmp_path):
    path = tmp_path / "a.png"
    Image.new("1", (3, 60_000), 1).save(path)  # as a square it would have 3.6 gigapixels
    assert max(read_grey(path).size) <= 1024
    assert read(path).max() == 0


def test_thin_lines_keep_their_ink(tmp_path):
    """Omniglot's lines are 3 pixels wide in 105: that is 0.8 of 28, so no pixel can be full on average, and none may vanish."""
    image = Image.new("1", (105, 105), 1)
    image.paste(0, (50, 10, 53, 95))
    image.save(tmp_path / "a.png")
    ink = read(tmp_path / "a.png").astype(float) / 255
    rows = ink[5:22].sum(1)
    assert np.allclose(rows, 0.8, atol=0.12)
    assert ink[5:22].max(1).min() > 0.6


@pytest.mark.parametrize(("papers", "dark_on_light"), [([255] * 5 + [0], True), ([0] * 5 + [255], False), ([255], True), ([0], False)])
def test_the_majority_of_borders_decides(tmp_path, papers, dark_on_light):
    files = [draw(tmp_path / f"{n}.png", paper=paper, ink=255 - paper) for n, paper in enumerate(papers)]
    assert is_dark_on_light(files, silent) is dark_on_light


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no image"),
        (b"hello", "no image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image"),
        (png(40, 40), "can't be read as an image"),
        (png(9_000, 9_000), "too many pixels; make it smaller than 80 megapixels"),
        (png(12_000, 12_000), "too many pixels"),
        (png(60_000, 60_000), "too many pixels"),
        ("cut", "can't be read as an image"),
        ("directory", "can't be read as an image"),
        ("missing", "No such file"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path, content, reason):
    path = tmp_path / "bad.png"
    if content == "cut":
        path.write_bytes(draw(tmp_path / "whole.png", size=(400, 400)).read_bytes()[:-60])
    elif content == "directory":
        path.mkdir()
    elif content != "missing":
        path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_many_pixels_are_refused_where_warnings_are_only_shown(tmp_path):
    path = tmp_path / "bad.png"
    path.write_bytes(png(12_000, 12_000))
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(DataError, match="too many pixels"):
        read(path)


def test_the_filters_of_warnings_are_left_alone(tmp_path, monkeypatch):
    """They belong to the process: another thread that reads images would put back what it found in the middle of ours."""

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the filters of all threads were changed")

    root, before = draw_classes(tmp_path / "set", "a", "b"), list(warnings.filters)
    with monkeypatch.context() as patch:
        patch.setattr(warnings, "catch_warnings", refuse)
        assert len(read_folder(root).images) == 6
    assert list(warnings.filters) == before
