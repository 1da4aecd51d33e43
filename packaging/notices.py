"""Third-party notices, from the metadata of what is installed: who made it, on which terms, and the full texts.

    python packaging/notices.py FILE CONTENTS.json       in the environment that the bundle is made of

``CONTENTS.json`` says what is in the bundle: ``modules``, the names of packages and modules, and ``binaries``, the shared libraries as
pairs of their place there and their place here; those of the system are named with their package and its terms.
"""

import json
import re
import sys
import sysconfig
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from owners import owner_of

HERE = Path(__file__).resolve().parent
EXTRAS = frozenset({"optuna", "tensorboard"})
"""Those of MAML Studio's extras that go into the bundle."""
RULE = "=" * 100
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|authors)", re.IGNORECASE)
QT = """\
Qt and Qt for Python (PySide6, shiboken6), (c) The Qt Company Ltd. and other contributors, are used under the GNU Lesser General Public
License, version 3, whose text follows with the GNU General Public License that it builds on. MAML Studio changes nothing in them.

They are separate shared libraries: in the bundle they lie in _internal/PySide6 and _internal/shiboken6. You may put your own build of the
same version in their place, with no file of MAML Studio changed or linked again: replace libQt6*.so.6 (Qt6*.dll, Qt*.framework), the
plugins, the modules of PySide6, and start the program. MAML Studio itself is under the MIT License, which allows you to take it apart and
change it for that purpose and any other; its source is that of the package maml-studio, and packaging/build.py there makes the
bundle anew. Qt's source is to be had from The Qt Company (qt.io), where those of PySide6 and shiboken6 of the version named here are too.
"""


def names_of(requirements: Iterable[str], extras: frozenset[str] = frozenset()) -> list[str]:
    """Returns the names of distributions in requirement lines, those of extras left out that are not wanted."""
    found = []
    for line in requirements:
        requirement, _, marker = line.partition(";")
        wanted = re.findall(r"extra == ['\"]([^'\"]+)", marker)
        if not wanted or extras & set(wanted):
            found.append(re.match(r"[\w.-]+", requirement.strip())[0])
    return found


def installed(roots: Iterable[str]) -> list[Distribution]:
    """Returns distributions and all that they need, as far as it is installed, sorted by name."""
    found: dict[str, Distribution] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if _key(name) in found:
            continue
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue  # for another system, or an extra that nobody asked for
        found[_key(name)] = one
        waiting += names_of(one.requires or [])
    return [found[key] for key in sorted(found)]


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def terms_of(one: Distribution) -> str:
    """Returns a distribution's licence in a line, as its makers name it."""
    fields = one.metadata
    named = fields.get("License-Expression") or (fields.get("License") or "").strip().partition("\n")[0]
    if not named or len(named) > 100 or named.startswith("Copyright"):
        classes = [line.rpartition(" :: ")[2] for line in fields.get_all("Classifier") or [] if line.startswith("License :: ")]
        named = ", ".join(classes)
    return named or "see the text below"


def texts_of(one: Distribution) -> list[tuple[str, str]]:
    """Returns name and content of the licence files that came with a distribution, equal ones once."""
    texts: dict[str, str] = {}
    for file in one.files or []:
        inside = any(part.endswith(".dist-info") for part in file.parts)
        if inside and LICENCE_FILE.search(file.name if "licenses" not in file.parts else "license"):
            path = Path(str(one.locate_file(file)))
            if path.is_file():
                texts.setdefault(path.read_text("utf-8", "replace").strip(), "/".join(file.parts[1:]))
    return [(name, text) for text, name in texts.items() if text]


def _about(one: Distribution) -> str:
    fields = one.metadata
    pages = [line.partition(",")[2].strip() for line in fields.get_all("Project-URL") or []]
    page = fields.get("Home-page") or (pages[0] if pages else "")
    return f"{fields['Name']} {one.version}\nTerms: {terms_of(one)}" + (f"\n{page}" if page else "")


def libraries_of(binaries: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Returns the system's packages whose shared libraries are in the bundle, and which of them; on Debian and its kin.

    Args:
        binaries: place in the bundle, place here.
    """
    own = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    found: dict[str, list[str]] = {}
    for inside, here in binaries:
        path = Path(here).resolve()
        if own & set(path.parents):
            continue
        package = owner_of(path) or "the system this was built on"
        found.setdefault(package, []).append(Path(inside).name)
    return dict(sorted(found.items()))


def notices(modules: Iterable[str] | None = None, binaries: Iterable[tuple[str, str]] = ()) -> str:
    """Returns the whole text.

    Args:
        modules: names of packages and modules in the bundle; None for a text about all that is installed for MAML Studio.
        binaries: the bundle's shared libraries: place there, place here.
    """
    found = installed(names_of(distribution("maml-studio").requires or [], EXTRAS))
    if modules is not None:
        owners = packages_distributions()
        inside = {_key(owner) for module in modules for owner in owners.get(module, ())}
        found = [one for one in found if _key(one.name) in inside]
    libraries = libraries_of(binaries)
    parts = [_opening(found, libraries), "Qt\n\n" + QT]
    parts += [f"{name}\n\n{(HERE / 'licenses' / name).read_text('utf-8')}" for name in ("LGPL-3.0.txt", "GPL-3.0.txt")]
    for one in found:
        texts = [f"--- {name}\n\n{text}" for name, text in texts_of(one)]
        parts.append("\n\n".join([_about(one), *texts]))
    parts.append(_python())
    for package, files in libraries.items():
        file = Path("/usr/share/doc") / package / "copyright"
        text = file.read_text("utf-8", "replace").strip() if file.is_file() else ""
        parts.append(f"{', '.join(files)}\nfrom {package}\n\n{text}".strip())
    return f"\n\n{RULE}\n\n".join(part.strip() for part in parts) + "\n"


def _opening(found: list[Distribution], libraries: dict[str, list[str]]) -> str:
    from maml_studio.export.attribution import SOURCES

    rows = [f"  {one.name} {one.version}: {terms_of(one)}" for one in found]
    data = [f"  {name}: {source.about}" for name, source in SOURCES.items() if name not in ("folder", "drawn")]
    return "\n".join(
        [
            "Third-party notices of MAML Studio",
            "",
            "MAML Studio is under the MIT License. It comes with, or uses, the work of others, on the terms below; full texts follow.",
            "",
            f"  Python {sys.version.split()[0]}: Python Software Foundation License",
            *rows,
            *(f"  {package}: {', '.join(files)}" for package, files in libraries.items()),
            "",
            "Data. The digits are inside; glyphs and sine waves are computed; the others are fetched when somebody asks for them.",
            "",
            *data,
            "",
            "The model in the box was made by MAML Studio from its own glyphs and comes under MAML Studio's license.",
        ]
    )


def _python() -> str:
    place = Path(sysconfig.get_paths()["stdlib"])
    files = (place / "LICENSE.txt", Path(sys.base_prefix) / "LICENSE.txt", Path("/usr/share/doc/python3/copyright"))
    text = next((file.read_text("utf-8", "replace") for file in files if file.is_file()), "")
    return (
        f"Python {sys.version.split()[0]}\n\n{text}\n\nPyInstaller's bootloader starts it: GPL 2 or later, with an exception that lets "
        "programs of any licence be started and given away so."
    )


if __name__ == "__main__":
    file, contents = map(Path, sys.argv[1:])
    file.write_text(notices(**json.loads(contents.read_text("utf-8"))), encoding="utf-8")
