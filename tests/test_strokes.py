import json
import math
import tracemalloc

import numpy as np
import pytest

from maml_studio import strokes
from maml_studio.strokes import Frame, distance, measure_frame, place, render, render_many


def line(*points):
    return np.array([(x, y, i / 10) for i, (x, y) in enumerate(points)])


def scrawls(count, seed=0):
    """Drawings of one or two smooth lines, side by side."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, 16)
    waves = np.stack([np.cos(math.pi * k * t) / (1 + k) for k in range(4)], axis=1)

    def scrawl(left, width):
        points = waves @ rng.normal(size=(4, 2))
        points = (points - points.min(axis=0)) / np.ptp(points, axis=0).max()
        return np.c_[left + width * points[:, 0], points[:, 1], t]

    return [[scrawl(0, 0.45), scrawl(0.55, 0.45)] if i % 2 else [scrawl(0, 1)] for i in range(count)]


def centre_of_mass(image):
    y, x = np.indices(image.shape) - (len(image) - 1) / 2
    return np.array([(x * image).sum(), (y * image).sum()]) / image.sum()


def bounds(image, level=0.5):
    """Left, top, right and bottom of the ink, in pixels from the middle."""
    columns, rows = np.flatnonzero((image > level).any(axis=0)), np.flatnonzero((image > level).any(axis=1))
    half = len(image) / 2
    return np.array([columns[0] - half, rows[0] - half, columns[-1] + 1 - half, rows[-1] + 1 - half])


EL = [line((0.2, 0.1), (0.2, 0.9), (0.6, 0.9))]


@pytest.mark.parametrize("frame", [Frame(), Frame(size=32, box=24, centre="box", width=1.5)])
def test_frame_survives_json(frame):
    assert Frame.from_dict(json.loads(json.dumps(frame.to_dict()))) == frame


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"size": 28.5}, "frame.size"),
        ({"size": True}, "frame.size"),
        ({"size": 10**6}, "frame.size"),
        ({"box": float("nan")}, "frame.box"),
        ({"box": 40}, "frame.box"),
        ({"box": "20"}, "frame.box"),
        ({"width": 0}, "frame.width"),
        ({"width": 20.0}, "frame.width"),
        ({"centre": "left"}, "frame.centre"),
        ({"centre": ["mass"]}, "frame.centre"),
        ({"colour": 1}, "colour"),
        ([28, 20], "frame must be a table"),
    ],
)
def test_frame_refuses_what_does_not_fit_in_one_sentence(values, named):
    with pytest.raises(ValueError, match=named) as refusal:
        Frame.from_dict(values)
    assert str(refusal.value).count("\n") == 0


DOT = line((0.3, 0.7))
ODD = {
    "nothing": [],
    "stroke without points": [np.empty((0, 3))],
    "dot": [DOT],
    "points on one spot": [line((0.5, 0.5), (0.5, 0.5), (0.5, 0.5))],
    "horizontal": [line((0.1, 0.5), (0.9, 0.5))],
    "vertical": [line((0.5, 0.1), (0.5, 0.9))],
    "far away": [line((1e12, -1e12), (1e12 + 1e10, -1e12))],
    "without time": [np.array([[0.1, 0.2], [0.3, 0.9]])],
    "many points": [np.random.default_rng(0).random((10_000, 3))],
}


@pytest.mark.parametrize("centre", ["mass", "box"])
@pytest.mark.parametrize("drawing", ODD.values(), ids=ODD)
def test_render_is_finite_and_in_range(drawing, centre):
    image = render(drawing, Frame(centre=centre))
    assert image.shape == (28, 28)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image.max() <= 1
    assert (image.max() > 0.5) == any(len(stroke) for stroke in drawing)


def test_ten_thousand_points_take_little_memory():
    drawing = ODD["many points"]
    tracemalloc.start()
    render(drawing, Frame())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e308])
def test_points_that_are_not_finite_are_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        render([line((0.1, 0.1), (bad, 0.5))], Frame())


@pytest.mark.parametrize("shape", [(3,), (4, 1), (4, 4), (2, 2, 3)])
def test_strokes_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"\[points, 3\]"):
        render([np.zeros(shape)], Frame())


@pytest.mark.parametrize("frame", [Frame(), Frame(width=1), Frame(box=26, width=4), Frame(size=29, centre="box")])
def test_coverage_is_the_distance_to_the_line(frame):
    drawing = scrawls(2, seed=3)[1]
    image = render(drawing, frame)
    # The same picture the long way round: very many points on the lines, in pixels, shifted as render has shifted them.
    dense = np.concatenate([np.stack([np.interp(np.linspace(0, 15, 6001), range(16), s[:, i]) for i in (0, 1)], axis=1) for s in drawing])
    low, high = dense.min(axis=0), dense.max(axis=0)
    dense = (dense - (low + high) / 2) * (frame.box - frame.width) / (high - low).max()

    def paint(shift):
        pixels = np.stack(np.meshgrid(*[np.arange(frame.size) - (frame.size - 1) / 2] * 2), axis=-1)
        nearest = [np.hypot(*(p - dense - shift).T).min() for p in pixels.reshape(-1, 2)]
        return np.clip(frame.width / 2 + 0.5 - np.array(nearest), 0, 1).reshape(frame.size, frame.size)

    expected = paint(0)
    if frame.centre == "mass":
        room = frame.size / 2 - frame.box / 2 + (frame.box - frame.width - np.ptp(dense, axis=0)) / 2
        expected = paint(np.clip(-centre_of_mass(expected), -room, room))
    np.testing.assert_allclose(image, expected, atol=0.01)


@pytest.mark.parametrize("centre", ["mass", "box"])
def test_place_and_scale_of_a_drawing_do_not_matter(centre):
    frame = Frame(centre=centre)
    moved = [stroke * [0.6, 0.6, 1] + [0.3, 0.05, 2] for stroke in EL]
    np.testing.assert_allclose(render(moved, frame), render(EL, frame), atol=1e-4)


@pytest.mark.parametrize("box", [14.0, 20.0, 24.0])
def test_the_ink_is_as_long_as_the_box_and_centred(box):
    by_box = render(EL, Frame(box=box, centre="box"))
    left, top, right, bottom = bounds(by_box)
    assert max(right - left, bottom - top) == pytest.approx(box, abs=1)
    assert (left + right, top + bottom) == pytest.approx((0, 0), abs=1)
    by_mass = render(EL, Frame(box=box, centre="mass"))
    assert np.abs(centre_of_mass(by_mass)).max() < 0.2 or box == 24
    assert by_mass.sum() == pytest.approx(by_box.sum(), rel=0.03)  # nothing was pushed over the edge


def test_a_dot_stays_a_dot_and_a_tiny_drawing_small():
    frame = Frame()
    dot, full = render([DOT], frame), render(EL, frame)
    assert dot.sum() == pytest.approx(math.pi * 1.1**2, rel=0.2)
    tap = render([line((0.5, 0.5), (0.515, 0.51))], frame)  # a hand that shakes a little
    assert tap.sum() < 2.5 * dot.sum()
    small = render([stroke * [0.1, 0.1, 1] for stroke in EL], frame)
    assert dot.sum() < small.sum() < full.sum() / 1.5


def test_many_are_as_one_by_one():
    drawings = [*scrawls(5), [], [DOT], *ODD.values()]
    for centre in ("mass", "box"):
        frame = Frame(centre=centre)
        np.testing.assert_array_equal(render_many(drawings, frame), [render(drawing, frame) for drawing in drawings])
    assert render_many([], Frame()).shape == (0, 28, 28)


@pytest.mark.parametrize("centre", ["mass", "box"])
@pytest.mark.parametrize(("box", "width"), [(14, 1.5), (20, 1.0), (18, 1.35), (20, 2.2), (20, 3.0), (24, 2.0)])
def test_measure_frame_gives_back_the_frame(box, width, centre):
    frame = Frame(box=box, width=width, centre=centre)
    measured = measure_frame(render_many([*scrawls(120), []], frame), centre)
    assert measured.box == pytest.approx(box, rel=0.1)
    assert measured.width == pytest.approx(width, rel=0.1)
    assert (measured.size, measured.centre) == (28, centre)


@pytest.mark.parametrize(("images", "said"), [(np.zeros((3, 28, 28)), "ink"), (np.zeros((28, 28)), "shape")])
def test_measure_frame_needs_ink(images, said):
    with pytest.raises(ValueError, match=said):
        measure_frame(images, "mass")


@pytest.mark.parametrize("centre", ["mass", "box"])
@pytest.mark.parametrize("side", [60, 112, 900])
def test_a_placed_bitmap_looks_as_if_drawn(side, centre):
    frame = Frame(centre=centre)
    zoom = side / 28
    drawn = Frame(size=side, box=10 * zoom, width=1.1 * zoom, centre="box")
    canvas = np.roll(render(scrawls(1, seed=2)[0], drawn), side // 8, axis=(0, 1))
    placed, expected = place(canvas, frame), render(scrawls(1, seed=2)[0], frame)
    assert placed.dtype == np.float32
    assert np.abs(placed - expected).mean() < 0.02


@pytest.mark.parametrize(
    "image",
    [np.eye(8), np.ones((1, 1)), np.ones((5, 400)), np.ones((3000, 20)), np.eye(3) * 0.1, np.eye(100)[:1]],
    ids=lambda image: str(image.shape),
)
def test_place_takes_any_shape(image):
    placed = place(image, Frame())
    assert placed.shape == (28, 28)
    assert 0 < placed.max() <= 1
    assert placed.min() >= 0


def test_place_leaves_a_speck_small_and_nothing_empty():
    speck = np.zeros((100, 100))
    speck[3, 90:92] = 1
    assert 0 < (place(speck, Frame()) > strokes.INK).sum() < 9
    assert not place(np.zeros((10, 10)), Frame()).any()


@pytest.mark.parametrize("image", [np.full((4, 4), np.nan), np.zeros((2, 3, 3)), np.zeros((0, 4))])
def test_place_refuses_what_is_no_image(image):
    with pytest.raises(ValueError, match="image to place"):
        place(image, Frame())


@pytest.mark.parametrize(("point", "expected"), [((0.2, 0.5), 0), ((0.5, 0.5), 0.3), ((0.8, 0.9), 0.2), ((0.2, 0), 0.1)])
def test_distance_to_a_stroke(point, expected):
    assert distance(EL[0], *point) == pytest.approx(expected)
    assert distance(EL[0][:, :2], *point) == pytest.approx(expected)


def test_distance_to_a_dot_and_to_nothing():
    assert distance(DOT, 0.3, 0.3) == pytest.approx(0.4)
    assert distance(np.empty((0, 3)), 0.3, 0.3) == math.inf
