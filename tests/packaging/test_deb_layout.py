"""The .deb's layout and fields, made of a bundle of one program; the real one is for test_deb.py."""

import gzip
import importlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "packaging"))
deb, owners = importlib.import_module("deb"), importlib.import_module("owners")
from checks import SetupError  # noqa: E402

MISSING = [tool for tool in ("dpkg-deb", "dpkg", "objdump") if not shutil.which(tool)]
pytestmark = pytest.mark.skipif(bool(MISSING) or not Path("/etc/debian_version").exists(), reason=f"needs Debian, and {MISSING}")


def bundle_of(program, folder):
    (folder / "_internal").mkdir(parents=True)
    shutil.copy(program, folder / "maml-studio")
    (folder / "_internal/data.txt").write_text("data")
    (folder / "THIRD-PARTY-NOTICES.txt").write_text("others' work")
    (folder / "LICENSE").write_text("ours")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package's files, and its fields."""
    root = tmp_path_factory.mktemp("a project")
    for name in ("pyproject.toml", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "packaging/linux", root / "packaging/linux")
    shutil.copytree(ROOT / "resources/icons", root / "resources/icons")
    (root / "build/package/icons").mkdir(parents=True)
    Image.new("RGB", (48, 48)).save(root / "build/package/icons/maml-studio-48.png")
    package = deb.build_deb(root, bundle_of("/bin/true", root / "dist/maml-studio"))
    assert [file.name for file in (root / "build/package").iterdir()] == ["icons"]
    assert (root / "dist/maml-studio/LICENSE").is_file()
    out = root / "out"
    subprocess.run(["dpkg-deb", "-x", package, out], check=True)
    fields = subprocess.run(["dpkg-deb", "-f", package], check=True, capture_output=True, text=True).stdout
    return out, dict(line.split(": ", 1) for line in fields.splitlines() if not line.startswith(" "))


def test_fields(installed):
    fields = installed[1]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert fields["Package"] == project["name"]
    assert fields["Version"] == project["version"]
    assert fields["Depends"].startswith("libc6 (>= 2.")
    assert int(fields["Installed-Size"]) > 40


def test_the_program_is_found_by_its_name(installed):
    out = installed[0]
    assert (out / "usr/bin/maml-studio").readlink() == Path("../lib/maml-studio/maml-studio")
    subprocess.run([out / "usr/bin/maml-studio"], check=True)
    assert (out / "usr/lib/maml-studio/_internal/data.txt").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "file",
    [
        "applications/maml-studio.desktop",
        "metainfo/local.maml_studio.app.metainfo.xml",
        "mime/packages/maml-studio.xml",
        "icons/hicolor/48x48/apps/maml-studio.png",
        "icons/hicolor/scalable/apps/maml-studio.svg",
        "man/man1/maml-studio.1.gz",
        "doc/maml-studio/changelog.gz",
    ],
)
def test_where_a_desktop_looks(installed, file):
    assert (installed[0] / "usr/share" / file).is_file()


def test_whose_work_it_is(installed):
    doc = installed[0] / "usr/share/doc/maml-studio"
    assert gzip.decompress((doc / "THIRD-PARTY-NOTICES.txt.gz").read_bytes()) == b"others' work"
    assert "MIT License" in (doc / "copyright").read_text()


def test_what_a_program_asks_for():
    names, glibc = owners.asked_for(Path("/bin/true"))
    assert "libc.so.6" in names
    assert glibc >= (2, 2)
    assert owners.owner_of(owners.where_is("libc.so.6")) == "libc6"
    assert owners.where_is("libno-such-thing.so.7") is None
    assert owners.owner_of(Path(__file__)) is None


def test_a_library_that_nobody_has_is_named(tmp_path):
    lib = tmp_path / deb.LIB
    bundle_of("/bin/true", lib)
    content = (lib / "maml-studio").read_bytes()
    (lib / "maml-studio").write_bytes(content.replace(b"libc.so.6\0", b"libq.so.6\0"))
    with pytest.raises(SetupError, match=r"the bundle asks for libq\.so\.6, and no package of this system has it"):
        deb._depends(tmp_path)
