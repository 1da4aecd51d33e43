"""What a desktop needs to show the app and to open files with it: menu entry, description, file types, icons."""

import configparser
import fnmatch
import os
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image

from maml_studio.drawings import SUFFIX, DrawnClass, DrawnTask, to_json, write_drawn
from maml_studio.gui.app import DESKTOP_FILE
from maml_studio.spec import load_preset, to_toml
from maml_studio.training.run_index import EXPERIMENT

ROOT = Path(__file__).resolve().parents[2]
LINUX = ROOT / "packaging/linux"
MIME = {"mime": "http://www.freedesktop.org/standards/shared-mime-info"}
DRAWING, SETTINGS = "application/x-maml-studio-drawing+json", "application/x-maml-studio-experiment+toml"


def needs(tool):
    return pytest.mark.skipif(not shutil.which(tool), reason=f"there is no {tool}")


@pytest.fixture(scope="module")
def entry():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(LINUX / "maml-studio.desktop", "utf-8")
    return parser["Desktop Entry"]


@pytest.fixture(scope="module")
def metainfo():
    return ElementTree.parse(LINUX / "maml-studio.metainfo.xml").getroot()


@pytest.fixture(scope="module")
def types():
    found = ElementTree.parse(LINUX / "maml-studio.mime.xml").getroot().findall("mime:mime-type", MIME)
    return {one.get("type"): one for one in found}


def test_entry_description_and_types_speak_of_the_same(entry, metainfo, types):
    assert set(types) == {DRAWING, SETTINGS}
    assert set(entry["MimeType"].strip(";").split(";")) == set(types)
    assert {one.text for one in metainfo.findall("provides/mediatype")} == set(types)
    assert metainfo.findtext("launchable") == f"{DESKTOP_FILE}.desktop" == "maml-studio.desktop"
    assert metainfo.findtext("provides/binary") == entry["Exec"].split()[0] == entry["TryExec"]
    assert metainfo.findtext("name") == entry["Name"]


def test_the_newest_release_is_this_version(metainfo):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert metainfo.find("releases/release").get("version") == version


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"mine{SUFFIX}", DRAWING),
        (EXPERIMENT, SETTINGS),
        ("mine.experiment.toml", SETTINGS),
        ("pyproject.toml", None),
        ("my-experiment.toml", None),
        ("package.json", None),
    ],
)
def test_file_names(types, name, expected):
    globs = {glob.get("pattern"): kind for kind, one in types.items() for glob in one.findall("mime:glob", MIME)}
    assert {kind for pattern, kind in globs.items() if fnmatch.fnmatchcase(name, pattern)} == ({expected} if expected else set())


def test_drawings_are_known_by_their_first_bytes(types):
    start = types[DRAWING].find("mime:magic/mime:match", MIME).get("value")
    assert to_json(DrawnTask((DrawnClass("a"),))).startswith(start.encode())


@needs("update-mime-database")
@needs("gio")
def test_the_systems_own_tools_tell_the_files_apart(tmp_path):
    shared = tmp_path / "share"
    (shared / "mime/packages").mkdir(parents=True)
    shutil.copy(LINUX / "maml-studio.mime.xml", shared / "mime/packages/maml-studio.xml")
    subprocess.run(["update-mime-database", shared / "mime"], check=True, capture_output=True)
    write_drawn(tmp_path / f"a{SUFFIX}", DrawnTask((DrawnClass("a"),)))
    shutil.copy(tmp_path / f"a{SUFFIX}", tmp_path / "renamed")
    for name in ("experiment.toml", "mine.experiment.toml", "other.toml"):
        (tmp_path / name).write_text(to_toml(load_preset("digits-maml")))
    env = os.environ | {"XDG_DATA_HOME": str(shared)}

    def kind(name):
        done = subprocess.run(["gio", "info", "-a", "standard::content-type", tmp_path / name], env=env, capture_output=True, text=True)
        return done.stdout.rpartition("standard::content-type: ")[2].strip()

    assert kind(f"a{SUFFIX}") == kind("renamed") == DRAWING
    assert kind("experiment.toml") == kind("mine.experiment.toml") == SETTINGS
    assert kind("other.toml") not in (DRAWING, SETTINGS)


@needs("desktop-file-validate")
def test_the_entry_is_valid():
    done = subprocess.run(["desktop-file-validate", LINUX / "maml-studio.desktop"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@needs("appstreamcli")
def test_the_description_is_valid():
    done = subprocess.run(["appstreamcli", "validate", "--no-net", LINUX / "maml-studio.metainfo.xml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_icons_in_the_usual_sizes(tmp_path):
    drawing = ROOT / "resources/icons/app.svg"
    subprocess.run([sys.executable, ROOT / "packaging/icons.py", drawing, tmp_path], check=True)
    for size in (16, 22, 24, 32, 48, 64, 128, 256, 512):
        with Image.open(tmp_path / f"maml-studio-{size}.png") as image:
            assert image.size == (size, size)
            assert image.getpixel((0, 0))[3] < image.getpixel((size // 2, size // 8))[3] == 255  # round corners, a filled middle
    with Image.open(tmp_path / "maml-studio.ico") as image:
        assert image.info["sizes"] >= {(16, 16), (32, 32), (48, 48), (256, 256)}
    with Image.open(tmp_path / "maml-studio.icns") as image:
        assert image.size == (1024, 1024)
    none = subprocess.run([sys.executable, ROOT / "packaging/icons.py", __file__, tmp_path], capture_output=True, text=True, check=False)
    assert none.stderr.splitlines()[-1].endswith("is no SVG that Qt can paint")
