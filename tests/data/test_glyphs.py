import os
from pathlib import Path

import numpy as np
import pytest
import torch

from maml_studio.data import Cancelled, open_tasks
from maml_studio.data.glyph_classes import MAX_PARTS, MAX_STROKES, GlyphClass, extent, glyph_class
from maml_studio.data.glyph_hand import NUMBERS, Hand, write
from maml_studio.data.glyphs import glyph_strokes, load_glyph_bank, render_glyphs
from maml_studio.data.progress import silent
from maml_studio.spec import Glyphs, NWay
from maml_studio.strokes import Frame, distance, measure_frame, place

SMALL = Glyphs(classes=150, instances=6, siblings=3)


@pytest.fixture(scope="module")
def bank():
    return load_glyph_bank(SMALL, silent)


def same_program(one: GlyphClass, other: GlyphClass) -> list[bool]:
    """Stroke by stroke."""
    return [
        a.parent == b.parent
        and a.on_parent == b.on_parent
        and a.on_self == b.on_self
        and all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("lengths", "turns", "corners", "offset"))
        for a, b in zip(one.strokes, other.strokes, strict=False)
    ]


def test_a_class_depends_on_its_own_numbers_only():
    first = glyph_class(3, 10, 4)
    for other in range(30):
        glyph_class(3, other, 4)
    again = glyph_class(3, 10, 4)
    assert len(first.strokes) == len(again.strokes)
    assert all(same_program(first, again))
    assert not all(same_program(first, glyph_class(4, 10, 4)))


def test_siblings_differ_from_the_first_of_their_family_in_one_stroke():
    for family in range(100):
        first = glyph_class(0, 4 * family, 4)
        for member in range(1, 4):
            other = glyph_class(0, 4 * family + member, 4)
            differing = same_program(first, other).count(False) + abs(len(first.strokes) - len(other.strokes))
            assert differing == 1


def test_strokes_are_as_many_as_a_hand_has_room_for_and_begin_on_earlier_ones():
    for index in range(500):
        strokes = glyph_class(1, index, 3).strokes
        assert 1 <= len(strokes) <= MAX_STROKES
        for number, stroke in enumerate(strokes):
            assert 1 <= len(stroke.lengths) == len(stroke.turns) == len(stroke.corners) <= MAX_PARTS
            assert -1 <= stroke.parent < number
            assert 0.2 < extent(stroke.lengths, stroke.turns, stroke.corners) < 1.5  # a mirrored one may stand askew


def test_one_hand_without_deviation_writes_the_same_each_time():
    normals = np.random.default_rng(0).standard_normal((20, 2, NUMBERS))
    classes = [glyph_class(0, index) for index in range(20)]
    still = write(classes, normals, Hand().scaled(0))
    for first, second in zip(still[::2], still[1::2], strict=True):
        # How fast a pen rounds its corners is not a deviation in shape: it is left in.
        assert all(np.abs(a[:, :2] - b[:, :2]).max() < 0.15 for a, b in zip(first, second, strict=True))
    moving = write(classes, normals, Hand())
    assert np.abs(moving[0][0] - moving[1][0]).max() > 0.01


def test_strokes_begin_on_one_another_and_time_runs():
    classes = [glyph_class(0, index) for index in range(200)]
    drawings = write(classes, np.zeros((200, 1, NUMBERS)), Hand())
    for one, drawing in zip(classes, drawings, strict=True):
        assert len(drawing) == len(one.strokes)
        times = np.concatenate([stroke[:, 2] for stroke in drawing])
        assert times[0] == 0
        assert (np.diff(times) >= 0).all()
        for stroke, points in zip(one.strokes, drawing, strict=True):
            assert points.dtype == np.float32
            assert points.shape[1] == 3
            if stroke.parent >= 0 and stroke.on_self == 0:
                parent = drawing[stroke.parent]
                assert distance(parent, *points[0, :2]) < 0.05
                if stroke.on_parent in (0, 1):
                    assert np.abs(parent[-int(stroke.on_parent), :2] - points[0, :2]).max() < 1e-5


def test_the_bank(bank):
    assert bank.images.shape == (900, 28, 28)
    assert bank.images.dtype == torch.uint8
    assert bank.labels.tolist() == [c for c in range(150) for _ in range(6)]
    assert len(set(bank.class_names)) == 150
    assert list(bank.class_names) == sorted(bank.class_names)
    assert bank.images.amax((1, 2)).min() > 120  # nothing is empty or pale
    assert not bank.held_out.any()


def test_no_ink_is_pushed_over_the_edge(bank):
    """A shift wraps around where it goes too far: ink at both edges would show it."""
    ink = bank.images > 100
    assert not (ink[:, 0].any(1) & ink[:, -1].any(1)).any()
    assert not (ink[:, :, 0].any(1) & ink[:, :, -1].any(1)).any()


def test_the_strokes_behind_an_image_can_be_had_again(bank):
    chosen = [0, 77, 149]
    drawings = glyph_strokes(SMALL, chosen)
    assert len(drawings) == 18
    again = render_glyphs(drawings, np.zeros((18, 4)))
    centred = bank.images[[c * 6 + i for c in chosen for i in range(6)]].numpy()
    # Another size, line width and place, the same figure: the images correlate once both are blurred and brought to one box.
    for drawn, image in zip(again, centred, strict=True):
        assert similarity(drawn, image) > 0.6
    assert all(np.array_equal(a, b) for a, b in zip(glyph_strokes(SMALL, [77])[2], drawings[8], strict=True))


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    boxed = [place(image.astype(np.float32) / 255, Frame(box=20, centre="box")) for image in (one, other)]
    blurred = [np.asarray(torch.nn.functional.avg_pool2d(torch.from_numpy(image)[None, None], 3, 1, 1)).ravel() for image in boxed]
    return float(np.corrcoef(*blurred)[0, 1])


def test_images_of_a_class_are_nearer_to_one_another_than_to_others(bank):
    flat = torch.nn.functional.avg_pool2d(bank.images.float().unsqueeze(1), 3, 2).flatten(1)
    distances = torch.cdist(flat, flat).fill_diagonal_(torch.inf)
    found = (bank.labels[distances.argmin(1)] == bank.labels).float().mean()
    assert 0.1 < found < 0.9  # 5 of 899 by chance; too easy would teach nothing


def test_the_same_settings_give_the_same_images_from_the_cache_or_anew(bank, home: Path):
    anew = load_glyph_bank(SMALL, silent)
    [file] = (home / "cache" / "glyphs").glob("*.safetensors")
    written = file.stat().st_mtime_ns
    cached = load_glyph_bank(SMALL, silent)
    assert file.stat().st_mtime_ns == written
    assert torch.equal(anew.images, bank.images)
    assert torch.equal(cached.images, bank.images)


@pytest.mark.parametrize("change", [{"glyph_seed": 1}, {"variation": 0.5}, {"siblings": 1}, {"classes": 149}, {"instances": 5}])
def test_other_settings_give_other_images(bank, change):
    load_glyph_bank(SMALL, silent)  # what is kept of these is not taken for the others
    other = load_glyph_bank(SMALL.model_copy(update=change), silent)
    assert other.images.shape != bank.images.shape or not torch.equal(other.images, bank.images)


def test_fewer_instances_or_classes_are_the_same_ones(bank):
    fewer = load_glyph_bank(SMALL.model_copy(update={"instances": 4, "classes": 20}), silent)
    assert torch.equal(fewer.images.view(20, 4, 28, 28), bank.images.view(150, 6, 28, 28)[:20, :4])


def test_a_broken_cache_file_is_drawn_again(bank, home: Path):
    load_glyph_bank(SMALL, silent)
    [file] = (home / "cache" / "glyphs").glob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1000] ^= 255
    file.write_bytes(content)
    assert torch.equal(load_glyph_bank(SMALL, silent).images, bank.images)


def test_only_the_newest_sets_are_kept(home: Path):
    folder = home / "cache" / "glyphs"
    for seed in range(6):
        load_glyph_bank(Glyphs(classes=10, instances=2, glyph_seed=seed), silent)
        for file in folder.iterdir():  # older by a minute each time, whatever the clock's grain
            status = file.stat()
            os.utime(file, (status.st_atime, status.st_mtime - 60))
    assert len(list(folder.iterdir())) == 4


def test_drawing_can_be_given_up(home: Path):
    def give_up(message: str, share: float) -> None:
        assert "characters" in message
        assert 0 <= share < 1
        raise Cancelled

    with pytest.raises(Cancelled):
        load_glyph_bank(SMALL, give_up)
    assert not (home / "cache" / "glyphs").exists()


def test_tasks_and_frame(bank):
    tasks = open_tasks(SMALL)
    episodes = tasks.sampler("train", NWay(way=5, shot=1, query=5)).sample(4, torch.Generator().manual_seed(0))
    assert episodes.support_x.shape == (4, 5, 1, 28, 28)
    frame = tasks.frame()
    assert frame is not None
    assert frame.centre == "box"
    assert 17 < frame.box < 20
    assert 1.2 < frame.width < 2.4


def test_line_widths_and_sizes_cover_what_people_draw(bank):
    frames = [measure_frame(bank.images[i : i + 1].numpy().astype(np.float32) / 255, "box") for i in range(0, 900, 3)]
    widths, boxes = np.array([f.width for f in frames]), np.array([f.box for f in frames])
    assert np.quantile(widths, 0.1) < 1.4
    assert np.quantile(widths, 0.9) > 2.2
    assert np.quantile(boxes, 0.1) < 16.5
    assert np.quantile(boxes, 0.9) > 20
