"""The Debian package: the bundle under /usr/lib, and what a desktop needs to show it and to open files with it.

Standard library, dpkg and objdump.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from checks import SetupError, say
from owners import asked_for, is_elf, owner_of, where_is

NAME = "maml-studio"
LIB = Path("usr/lib") / NAME
DOC = Path("usr/share/doc") / NAME


def build_deb(root: Path, bundle: Path) -> Path:
    """Builds ``dist/maml-studio_VERSION_ARCH.deb`` and returns it.

    Args:
        root: the folder of pyproject.toml.
        bundle: the bundle, which is left as it is.

    Raises:
        SetupError: a tool is missing, or failed.
    """
    for tool in ("dpkg-deb", "dpkg", "objdump"):
        if shutil.which(tool) is None:
            raise SetupError(f"a Debian package needs {tool}; as root: apt-get install -y dpkg binutils")
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    architecture = _output(["dpkg", "--print-architecture"], root).strip()
    work = root / "build" / "package"
    with tempfile.TemporaryDirectory(dir=work) as made:
        tree = Path(made)
        _lay_out(root, bundle, tree)
        depends = _depends(tree)
        _write_control(tree, project, architecture, depends)
        package = root / "dist" / f"{NAME}_{project['version']}_{architecture}.deb"
        temporary = work / package.name
        _output(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z12", "--build", str(tree), str(temporary)], root)
        temporary.replace(package)
    say(f"the package is {package}, {package.stat().st_size / 1e6:.0f} MB.")
    return package


def _lay_out(root: Path, bundle: Path, tree: Path) -> None:
    """Puts every file where the package will install it; the bundle's own are linked, not copied."""
    shutil.copytree(bundle, tree / LIB, symlinks=True, copy_function=os.link)
    linux, icons = root / "packaging" / "linux", root / "build" / "package" / "icons"
    share = tree / "usr/share"
    places = {
        linux / "maml-studio.desktop": share / "applications/maml-studio.desktop",
        linux / "maml-studio.metainfo.xml": share / "metainfo/local.maml_studio.app.metainfo.xml",
        linux / "maml-studio.mime.xml": share / "mime/packages/maml-studio.xml",
        root / "resources/icons/app.svg": share / "icons/hicolor/scalable/apps/maml-studio.svg",
        root / "LICENSE": tree / DOC / "copyright",
        **{icon: share / f"icons/hicolor/{_side(icon)}/apps/maml-studio.png" for icon in icons.glob("maml-studio-*.png")},
    }
    for source, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
    with (tree / DOC / "copyright").open("a", encoding="utf-8") as file:
        file.write("\nThe licenses of the libraries inside are in THIRD-PARTY-NOTICES.txt.gz beside this file.\n")
    _gzip(bundle / "THIRD-PARTY-NOTICES.txt", tree / DOC / "THIRD-PARTY-NOTICES.txt.gz")
    _gzip(root / "CHANGELOG.md", tree / DOC / "changelog.gz")
    _gzip(linux / "maml-studio.1", share / "man/man1/maml-studio.1.gz")
    (tree / LIB / "THIRD-PARTY-NOTICES.txt").unlink()
    (tree / LIB / "LICENSE").unlink()
    (tree / "usr/bin").mkdir()
    (tree / "usr/bin" / NAME).symlink_to(f"../lib/{NAME}/{NAME}")


def _side(icon: Path) -> str:
    size = icon.stem.rpartition("-")[2]
    return f"{size}x{size}"


def _gzip(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(gzip.compress(source.read_bytes(), mtime=0))


def _depends(tree: Path) -> str:
    """Returns the packages that hold what the bundle's programs and libraries ask for and don't bring along.

    Not dpkg-shlibdeps: it names the packages of the libraries that are inside, too.

    Raises:
        SetupError: something is asked for that this system has not either.
    """
    files = [file for file in (tree / LIB).rglob("*") if file.is_file()]
    asked = [asked_for(file) for file in files if not file.is_symlink() and is_elf(file)]
    outside = sorted(set().union(*(names for names, _ in asked)) - {file.name for file in files})
    packages = set()
    for name in outside:
        place = where_is(name)
        package = place and owner_of(place)
        if package is None:
            raise SetupError(f"the bundle asks for {name}, and no package of this system has it")
        packages.add(package)
    glibc = ".".join(map(str, max(version for _, version in asked)))
    return ", ".join([*sorted(packages - {"libc6"}), f"libc6 (>= {glibc})"])


def _write_control(tree: Path, project: dict[str, str], architecture: str, depends: str) -> None:
    files = sorted(file for file in tree.rglob("*") if file.is_file() and not file.is_symlink())
    size = sum(file.stat().st_size for file in files)
    control = {
        "Package": NAME,
        "Version": project["version"],
        "Architecture": architecture,
        "Maintainer": "The MAML Studio authors <nobody@maml-studio.invalid>",
        "Installed-Size": str(-(-size // 1024)),
        "Depends": depends,
        "Section": "science",
        "Priority": "optional",
        "Description": f"desktop workbench for meta-learning\n {project['description']}\n .\n Python, Qt and PyTorch (CPU) are inside.",
    }
    sums = [f"{hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()}  {file.relative_to(tree)}\n" for file in files]
    (tree / "DEBIAN").mkdir()
    (tree / "DEBIAN/control").write_text("".join(f"{field}: {text}\n" for field, text in control.items()), encoding="utf-8")
    (tree / "DEBIAN/md5sums").write_text("".join(sums), encoding="utf-8")
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _output(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SetupError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
