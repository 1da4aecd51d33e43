"""A run's settings are read in a hurry; what comes of it is what a TOML reader finds."""

import tomllib
from pathlib import Path

import pytest

from maml_studio.spec import load_preset, preset_names, to_toml, with_changes
from maml_studio.spec.errors import one_line
from maml_studio.training.run_settings import number, read_settings, task_words, text


def _agrees(quick: object, whole: object) -> bool:
    """Whether all that was found is in the file, at the same place and of the same kind."""
    if isinstance(quick, dict) and isinstance(whole, dict):
        return all(key in whole and _agrees(value, whole[key]) for key, value in quick.items())
    return type(quick) is type(whole) and quick == whole


FILES = [to_toml(load_preset(name)) for name in preset_names()]
FILES += [
    to_toml(with_changes(load_preset("digits-maml"), {"data.source": "folder", "data.path": path}))
    for path in ("C:\\images", "/a/b c/α", '/with "quotes"', "/tab\there", "# [task]")
]
ODD = [
    "",
    "name = 'anil'\n[task]\nkind = \"n_way\"\nway = 0x5\n",
    'name = "a" # [task]\n',
    'name = """\n[task]\nway = 7\n"""\n[task]\nway = 5\n',
    "name = ''\n",
    '[task]\nway = 1_0\nshot = +3\nkind = "n_way"\n',
    'task = {kind = "n_way", way = 5, shot = 2}\n',
    '"name" = "x"\ntask.way = 3\n',
    'name = "x"\r\n[task]\r\nway = 3\r\n',
    "seed = 99999999999999999999\n",
]


@pytest.mark.parametrize("content", FILES + ODD)
def test_the_quick_way_finds_what_is_there(tmp_path: Path, content: str) -> None:
    path = tmp_path / "experiment.toml"
    path.write_bytes(content.encode())
    settings, problem = read_settings(path)
    whole = tomllib.loads(content)
    assert not problem
    assert _agrees(settings, whole)
    assert text(settings, "name") == one_line(whole.get("name", ""))
    for table, key in (("task", "way"), ("task", "shot"), ("training", "iterations")):
        assert number(settings, table, key) == whole.get(table, {}).get(key, 0)
    assert task_words(settings) == task_words(whole)


def test_our_own_files_go_the_quick_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("maml_studio.training.run_settings.toml_table", lambda words: pytest.fail(words))
    path = tmp_path / "experiment.toml"
    for name in preset_names():
        path.write_text(to_toml(load_preset(name)), encoding="utf-8")
        assert text(read_settings(path)[0], "name") == name


@pytest.mark.parametrize(
    "content",
    [b"name = ", b"\xff", b'name = "x"\nname', b"a." * 100_000 + b"b = 1", b"a = " + b"[" * 50_000, b"a = " + b"9" * 5000, b"a = 1 2\n"],
)
def test_what_is_no_settings_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "experiment.toml"
    path.write_bytes(content)
    assert read_settings(path) == ({}, f"{path}: should be a TOML file in UTF-8")


@pytest.mark.parametrize("value", ["true", "1.5", "0xFFFFFFFFFFFFFFFFFFFFFFFF", "'5'", "[5]"])
def test_a_number_that_is_none_counts_as_0(tmp_path: Path, value: str) -> None:
    path = tmp_path / "experiment.toml"
    path.write_text(f"[training]\niterations = {value}\n")
    assert number(read_settings(path)[0], "training", "iterations") == 0


def test_a_long_file_is_not_looked_at_for_long(tmp_path: Path) -> None:
    path = tmp_path / "experiment.toml"
    path.write_bytes(b"".join(b"key%d = [\n    1,\n    2,\n]\n" % number for number in range(30_000))[: (1 << 20) - 40] + b"\nx")
    assert read_settings(path)[1]
