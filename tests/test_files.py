"""What is written appears whole or not at all."""

import os
from pathlib import Path

import pytest

from maml_studio import files
from maml_studio.files import whole_file, whole_folder, write_whole


def test_replaces_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for content in (b"old", b"new and longer"):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def spoil(path: Path) -> None:
    with whole_file(path) as file:
        file.write(b"half")
        raise RuntimeError


def spoil_folder(path: Path) -> None:
    with whole_folder(path) as folder:
        (folder / "half").write_bytes(b"")
        raise RuntimeError


def test_an_error_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    with pytest.raises(RuntimeError):
        spoil(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_wanted(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "a.bin"
    with pytest.raises(OSError, match="No such file") as caught:
        write_whole(path, b"")
    assert caught.value.filename == str(path)
    assert not path.parent.exists()


@pytest.mark.skipif(os.name != "posix", reason="permissions of this kind are POSIX")
def test_takes_the_permissions_that_any_new_file_has(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.bin", b"")
    (tmp_path / "b.bin").write_bytes(b"")
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "b.bin").stat().st_mode


def test_a_folder_appears_filled_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        spoil_folder(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(tmp_path / "a") as folder:
        (folder / "file").write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a" / "file").read_bytes() == b"x"


@pytest.mark.skipif(os.name != "posix", reason="only there")
def test_a_folder_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = []
    sync = os.sync
    monkeypatch.setattr(os, "sync", lambda: (sync(), named.append((tmp_path / "a").exists())))
    with whole_folder(tmp_path / "a") as folder:
        (folder / "file").write_bytes(b"x")
    assert named == [False]


@pytest.mark.parametrize("make", [write_whole, lambda path, content: make_folder(path)], ids=["file", "folder"])
@pytest.mark.parametrize("refusals", [0, 2, 3])
def test_windows_is_asked_again_while_it_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make, refusals: int) -> None:
    """There a name can't be taken from a file that another thread has open, which is over after a moment."""
    asked = []
    replace = Path.replace

    def refuse(path: Path, target: Path) -> None:
        asked.append(path)
        if len(asked) <= refusals:
            raise PermissionError(13, "Access is denied", str(path), None, str(target))
        replace(path, target)

    monkeypatch.setattr(files, "_PAUSES", (0.0, 0.0))
    monkeypatch.setattr(Path, "replace", refuse)
    target = tmp_path / "a"
    if refusals == 3:
        with pytest.raises(PermissionError):
            make(target, b"x")
        assert list(tmp_path.iterdir()) == []
    else:
        make(target, b"x")
        assert list(tmp_path.iterdir()) == [target]


def make_folder(path: Path) -> None:
    with whole_folder(path) as folder:
        (folder / "file").write_bytes(b"x")
