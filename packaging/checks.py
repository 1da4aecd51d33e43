"""What the start script asks of the machine: Python's own venv, Qt's system libraries, a display, apt.

Standard library only. ``start.py`` checks the version of Python before it imports this file.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping

# Shared library -> Debian's package, as the Qt of PySide6-Essentials asks for them on a bare Debian.
QT_LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
}
X_LIBRARIES = {
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
WAYLAND_LIBRARIES = {
    "libwayland-client.so.0": "libwayland-client0",
    "libwayland-cursor.so.0": "libwayland-cursor0",
}


class SetupError(Exception):
    """Set-up cannot go on; the message is the one sentence for the user."""


def say(sentence: str) -> None:
    """Prints one line about what is going on, at once, also into a pipe."""
    print(f"MAML Studio: {sentence}", flush=True)


def wants_display_server(environ: Mapping[str, str]) -> bool:
    """Tells whether Qt would look for X or Wayland, and not for a platform such as offscreen that the user chose."""
    chosen = [name.split(":")[0] for name in environ.get("QT_QPA_PLATFORM", "").split(";") if name]
    return all(name == "xcb" or name.startswith("wayland") for name in chosen)


def has_display(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Tells whether a window can be opened: always on Windows and macOS, elsewhere where X or Wayland is there."""
    if platform in ("win32", "darwin") or not wants_display_server(environ):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def missing_libraries(names: Iterable[str]) -> list[str]:
    """Returns those of the shared libraries that the system's loader does not find."""
    missing = []
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(name)
    return missing


def missing_for_window(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns what Qt lacks on this Linux to open its window, as library -> Debian's package.

    Where both X and Wayland are offered, Qt takes the one whose libraries are there, so the one that lacks less counts.
    """
    known = {**QT_LIBRARIES, **X_LIBRARIES, **WAYLAND_LIBRARIES}
    missing = missing_libraries(QT_LIBRARIES)
    if wants_display_server(environ):
        offers = [("DISPLAY", X_LIBRARIES), ("WAYLAND_DISPLAY", WAYLAND_LIBRARIES)]
        lacks = [missing_libraries(libraries) for variable, libraries in offers if environ.get(variable)]
        if lacks:
            missing += sorted(lacks, key=len)[0]
    return {name: known[name] for name in missing}


def missing_for_tests() -> dict[str, str]:
    """Returns what Qt lacks on this Linux to draw offscreen, as library -> Debian's package."""
    return {name: QT_LIBRARIES[name] for name in missing_libraries(QT_LIBRARIES)}


def missing_venv() -> dict[str, str]:
    """Returns what this Python lacks to make an environment with pip, as module -> Debian's package."""
    package = "python{}.{}-venv".format(*sys.version_info[:2])
    return {name: package for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None}


def apt_line(packages: Iterable[str]) -> str:
    """Returns the one line that installs Debian's or Ubuntu's packages, each named once."""
    return "sudo apt-get install -y " + " ".join(dict.fromkeys(packages))


def can_apt() -> bool:
    """Tells whether this process may install packages itself: root, on Debian or a relative of it."""
    return sys.platform == "linux" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def provide(missing: Mapping[str, str], purpose: str) -> None:
    """Installs the packages behind what is missing where this process may, and otherwise says how.

    Args:
        missing: what is missing -> the Debian package that brings it; empty is fine.
        purpose: who needs it, as the sentence names it: "Qt", "Python".

    Raises:
        SetupError: packages are missing that this process may not install, or apt-get failed.
    """
    if not missing:
        return
    lack = f"{purpose} lacks {', '.join(missing)} on this system"
    line = apt_line(missing.values())
    if not can_apt():
        raise SetupError(f"{lack}; on Debian or Ubuntu run: {line} (elsewhere the packages that carry these files).")
    say(f"{lack}; installing with apt-get: {line.partition('-y ')[2]}")
    # Always updated first: a bare machine has no lists, an old one lists packages that are gone. Where one of the
    # machine's sources fails, the others may still hold what is needed, so only the install decides.
    apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([*apt, "update"], env=environ, stdin=subprocess.DEVNULL, check=False)
    install = [*apt, "install", "-y", "--no-install-recommends", *dict.fromkeys(missing.values())]
    if subprocess.run(install, env=environ, stdin=subprocess.DEVNULL, check=False).returncode:
        raise SetupError(f"apt-get failed, the lines above say why; {lack}.")
