"""Third-party notices: nobody whose work is used is left out, and the terms are there in full."""

import importlib
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from maml_studio.export.attribution import SOURCES

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging"))
notices = importlib.import_module("notices")


def key(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.fixture(scope="module")
def text():
    return notices.notices()


@pytest.fixture(scope="module")
def rows(text):
    """What the opening list says of each, by name."""
    return {key(name): terms for name, terms in re.findall(r"^  (\S+) \d\S*: (.+)$", text, re.MULTILINE)}


def test_every_dependency_is_named_with_its_terms(rows):
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {key(name) for name in notices.names_of(wanted)}
    assert len(names) == len(wanted)
    assert names <= rows.keys()
    assert "see the text below" not in {rows[name] for name in names}


def test_what_they_need_in_turn_is_named_too(rows):
    names = {key(one.name) for one in notices.installed(["typer", "scikit-learn"])}
    assert {"typer", "rich", "scikit-learn", "scipy", "numpy", "joblib"} <= names <= rows.keys()


def test_qt_comes_with_its_licences_and_how_to_replace_it(text):
    assert re.search(r"^  pyside6_essentials [\d.]+: LGPL-3.0-only", text, re.IGNORECASE | re.MULTILINE)
    assert "GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 3" in text
    assert "GNU GENERAL PUBLIC LICENSE\n                       Version 3" in text
    assert "put your own build of the\nsame version in their place" in text


def test_full_texts_and_data(text):
    assert "From PyTorch:" in text  # torch's own
    assert all(source.about in text for name, source in SOURCES.items() if name not in ("folder", "drawn"))


def test_what_is_not_inside_is_not_named():
    text = notices.notices(modules=["numpy", "PySide6"])
    assert "\n  numpy " in text
    assert "\n  torch " not in text


@pytest.mark.parametrize(
    ("lines", "extras", "names"),
    [
        (["torch>=2.6", "tomli-w>=1.0", "PySide6-Essentials<6.11,>=6.8"], [], ["torch", "tomli-w", "PySide6-Essentials"]),
        (['optuna>=3.6; extra == "optuna"', "pytest; extra == 'dev'"], ["optuna"], ["optuna"]),
        (['colorama; platform_system == "Windows"', "numpy[all] >= 1"], [], ["colorama", "numpy"]),
    ],
)
def test_requirement_lines(lines, extras, names):
    assert notices.names_of(lines, frozenset(extras)) == names


@pytest.mark.skipif(not shutil.which("dpkg"), reason="there is no dpkg")
def test_the_systems_libraries_are_named_by_their_package():
    own = Path(sys.base_prefix) / "lib/libpython3.so"
    libc = next(Path("/lib").glob("*-linux-gnu/libz.so.1"), None) or next(Path("/lib").glob("*-linux-gnu/libc.so.6"))
    found = notices.libraries_of([("libz.so.1", str(libc)), ("libpython3.so", str(own))])
    assert [*found.values()] == [["libz.so.1"]]
    assert next(iter(found)).startswith(("zlib", "libc6"))
