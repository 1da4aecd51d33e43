import os
import shutil
from pathlib import Path

import pytest
import torch
from class_folders import draw, draw_classes

from maml_studio.data import open_tasks
from maml_studio.data.bank import DataError
from maml_studio.data.folder import load_folder_bank, read_folder
from maml_studio.data.image_cache import cache_file
from maml_studio.data.progress import Cancelled, silent, throttled
from maml_studio.spec import Folder, NWay


def test_one_level(tmp_path):
    bank = read_folder(draw_classes(tmp_path / "set", "b", "a", count=3))
    assert bank.class_names == ("a", "b")
    assert bank.groups == ("", "")
    assert bank.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert bank.images.shape == (6, 28, 28)
    assert bank.images.dtype == torch.uint8
    assert bank.images.amax((1, 2)).tolist() == [255] * 6
    assert not bank.images[:, :3].any()
    assert not bank.held_out.any()


def test_two_levels(tmp_path):
    bank = read_folder(draw_classes(tmp_path / "set", "Greek/1", "Greek/2", "Latin/1"))
    assert bank.class_names == ("Greek/1", "Greek/2", "Latin/1")
    assert bank.groups == ("Greek", "Greek", "Latin")


@pytest.mark.parametrize(
    ("names", "classes", "groups"),
    [
        (["around/a", "around/b"], ("a", "b"), ("", "")),
        (["around/Greek/1", "around/Latin/1"], ("Greek/1", "Latin/1"), ("Greek", "Latin")),
        (["around/Greek/1", "around/Greek/2"], ("1", "2"), ("", "")),
        (["alone"], ("alone",), ("",)),
    ],
)
def test_a_folder_around_the_classes_is_stepped_through(tmp_path, names, classes, groups):
    bank = read_folder(draw_classes(tmp_path / "set", *names))
    assert bank.class_names == classes
    assert bank.groups == groups


def test_what_is_no_data_is_left_alone(tmp_path):
    root = draw_classes(tmp_path / "set", "a", "b")
    for name in (".DS_Store", "README.txt", "a/.hidden.png", "a/Thumbs.db", "__MACOSX/x", ".git/config"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("no image")
    assert read_folder(root).images.shape[0] == 6


def test_one_odd_image_does_not_turn_the_others_over(tmp_path):
    root = draw_classes(tmp_path / "set", "a", "b", ink=255, paper=0)
    draw(root / "a" / "odd.png")
    bank = read_folder(root)
    assert bank.images[:3, 0, 0].tolist() == [0, 0, 0]
    assert bank.images[3, 0, 0] == 255
    assert read_folder(root, "dark_on_light").images[0, 0, 0] == 255


def touch(path: Path, content: bytes = b"text") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def link(path: Path, target: Path) -> None:
    path.symlink_to(target)


@pytest.mark.parametrize(
    ("spoil", "names", "reason"),
    [
        (lambda root: touch(root / "a" / "broken.png"), "a/broken.png", "no image that can be read"),
        (lambda root: touch(root / "a" / "notes.txt"), "a/notes.txt", "is no image; a class folder should hold"),
        (lambda root: (root / "c").mkdir(), "c", "is empty"),
        (lambda root: draw(root / "x.png"), "x.png", "beside the class folders"),
        (lambda root: draw(root / "c" / "deep" / "x.png"), "a", "equally deep"),
        (lambda root: draw(root / "a" / "deep" / "x.png"), "a/00.png", "images or sub-folders, not both"),
        (lambda root: link(root / "a" / "x.png", Path(__file__)), "a/x.png", "leads elsewhere"),
        (lambda root: link(root / "c", root / "a"), "c", "leads elsewhere"),
        (lambda root: link(root / "a" / "x.png", root / "gone"), "a/x.png", "neither a file nor a folder"),
        (lambda root: link(root / "a" / "loop", root / "a" / "loop"), "a", "can't be read: Too many levels of symbolic links"),
        (lambda root: os.mkfifo(root / "a" / "pipe.png"), "a/pipe.png", "neither a file nor a folder"),
    ],
)
def test_what_means_nothing_is_refused_by_name(tmp_path, spoil, names, reason):
    root = draw_classes(tmp_path / "set", "a", "b").resolve()
    spoil(root)
    with pytest.raises(DataError, match=reason) as caught:
        read_folder(root)
    assert str(root / names) in str(caught.value)


def test_too_deep(tmp_path):
    root = draw_classes(tmp_path / "set", "Greek/1", "Latin/1/more")
    with pytest.raises(DataError, match="more lies too deep"):
        read_folder(root)


def test_a_link_to_a_file_inside_is_followed(tmp_path):
    root = draw_classes(tmp_path / "set", "a", "b")
    link(root / "a" / "x.png", root / "b" / "00.png")
    assert read_folder(root).labels.tolist() == [0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: "", r"^data\.path should name a folder"),
        (lambda path: "  ", r"^data\.path should name a folder"),
        (lambda path: str(path / "gone"), "gone does not exist"),
        (lambda path: str(draw(path / "x.png")), "is a file"),
        (lambda path: str(path / ("x" * 5000)), "can't be opened"),
        (lambda path: str(path) + "/a\0b", "can't be opened"),
        (lambda path: path, "holds no sub-folder"),
        (lambda path: draw_classes(path, "alone"), "one class only, 'alone'"),
        (lambda path: draw_classes(path, "a", "b", count=1), "one image only in class 'a'"),
        (lambda path: path / "x.png" / ".." if draw(path / "x.png") else "", "can't be opened|does not exist|no sub-folder"),
    ],
)
def test_a_path_that_will_not_do_gets_one_sentence(tmp_path, make, reason):
    with pytest.raises(DataError, match=reason) as caught:
        load_folder_bank(Folder(path=str(make(tmp_path))), silent)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="an administrator may read everything")
def test_no_permission(tmp_path):
    root = draw_classes(tmp_path / "set", "a", "b")
    (root / "a").chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_folder(root)
    (root / "a").chmod(0o700)


def test_reading_can_be_given_up(tmp_path, home):
    def cancel(message: str, share: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        read_folder(draw_classes(tmp_path / "set", "a", "b"), progress=cancel)
    assert not home.exists()


def test_throttled_lets_the_first_and_rare_reports_through():
    seen = []
    report = throttled(lambda message, share: seen.append(share), interval=3600)
    for step in range(10):
        report("", step)
    assert seen == [0]
    report = throttled(lambda message, share: seen.append(share), interval=0)
    report("", 1)
    report("", 2)
    assert seen == [0, 1, 2]


def spoil_unseen(root: Path) -> None:
    """Break every image without any trace that the cache looks at: who reads a bank now had it from there."""
    for file in root.rglob("*.png"):
        status = file.stat()
        file.write_bytes(bytes(status.st_size))
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_the_cache_gives_the_same_bank(tmp_path, home):
    root = draw_classes(tmp_path / "set", "a", "b")
    first = read_folder(root)
    spoil_unseen(root)
    assert torch.equal(read_folder(root).images, first.images)
    assert [path.suffix for path in (home / "cache" / "folders").iterdir()] == [".safetensors"]
    with pytest.raises(DataError):
        read_folder(root, "dark_on_light")


@pytest.mark.parametrize(
    "change",
    [
        lambda root: draw(root / "a" / "00.png", size=(41, 41)),
        lambda root: os.utime(draw(root / "a" / "00.png", ink=100), ns=(1, 1)),
        lambda root: draw(root / "a" / "99.png"),
        lambda root: (root / "a" / "00.png").unlink(),
        lambda root: (root / "a" / "00.png").rename(root / "b" / "00b.png"),
    ],
)
def test_a_changed_folder_is_read_again(tmp_path, change):
    root = draw_classes(tmp_path / "set", "a", "b")
    read_folder(root)
    change(root)
    cached = read_folder(root)
    shutil.rmtree(tmp_path / "home")
    fresh = read_folder(root)
    assert torch.equal(cached.images, fresh.images)
    assert torch.equal(cached.labels, fresh.labels)


def append_unseen_time(file: Path) -> None:
    status = file.stat()
    file.write_bytes(file.read_bytes() + b"x")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("trace", [lambda file: os.utime(file, ns=(1, 1)), append_unseen_time], ids=["time", "size"])
def test_one_trace_of_a_change_is_enough(tmp_path, trace):
    root = draw_classes(tmp_path / "set", "a", "b")
    read_folder(root)
    spoil_unseen(root)
    trace(root / "b" / "02.png")
    with pytest.raises(DataError, match=r"00\.png is no image"):
        read_folder(root)


@pytest.mark.parametrize("damage", ["cut", "flipped", "text", "empty", "folder"])
def test_a_broken_cache_is_made_again(tmp_path, damage):
    root = draw_classes(tmp_path / "set", "a", "b").resolve()
    first = read_folder(root)
    cache = cache_file(root, "auto")
    whole = cache.read_bytes()
    flipped = bytearray(whole)
    flipped[-1000] ^= 255
    if damage == "folder":
        cache.unlink()
        cache.mkdir()
    else:
        cache.write_bytes({"cut": whole[:-10], "flipped": bytes(flipped), "text": b"hello", "empty": b""}[damage])
    assert torch.equal(read_folder(root).images, first.images)
    if damage != "folder":
        spoil_unseen(root)
        assert torch.equal(read_folder(root).images, first.images)


def test_polarities_are_kept_apart(tmp_path):
    root = draw_classes(tmp_path / "set", "a", "b")
    assert torch.equal(read_folder(root, "dark_on_light").images, read_folder(root, "auto").images)
    assert not torch.equal(read_folder(root, "light_on_dark").images, read_folder(root, "auto").images)


def test_a_whole_task_out_of_a_folder(tmp_path):
    names = [f"{alphabet}/{character}" for alphabet in "ABCDE" for character in "123"]
    root = draw_classes(tmp_path / "set", *names)
    tasks = open_tasks(Folder(path=str(root), split="alphabets", holdout=("B",), rotations=True))
    sampler = tasks.sampler("test", NWay(way=3, shot=1, query=2))
    assert {name.split("/")[0] for name in sampler.class_names} == {"B"}
    episodes = sampler.sample(4, torch.Generator().manual_seed(0))
    assert episodes.support_x.shape == (4, 3, 1, 28, 28)
    with pytest.raises(DataError, match=r"holdout names 'X', which is no alphabet of this source; there are A, B, C, D, E"):
        open_tasks(Folder(path=str(root), split="alphabets", holdout=("X",)))
    with pytest.raises(DataError, match=r"task\.shot \+ task\.query should be 3 or less"):
        tasks.sampler("train", NWay(way=3, shot=1, query=3))
