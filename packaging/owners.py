"""Which Debian package a file of this system belongs to, and which shared libraries a program asks for.

Standard library, dpkg and objdump.
"""

import re
import subprocess
from pathlib import Path

ELF = b"\x7fELF"


def owner_of(file: Path) -> str | None:
    """Returns the package that a file came with; None where it came otherwise, or there is no dpkg."""
    # Libraries lie in /usr/lib, and some are known by their old place, /lib.
    for name in dict.fromkeys([str(file.resolve()), str(file.resolve()).removeprefix("/usr"), str(file)]):
        try:
            answer = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        if answer.returncode == 0:
            return answer.stdout.split(":")[0]
    return None


def is_elf(file: Path) -> bool:
    """Tells whether a file is a program or shared library of Linux."""
    with file.open("rb") as opened:
        return opened.read(4) == ELF


def asked_for(file: Path) -> tuple[set[str], tuple[int, ...]]:
    """Returns the names of the shared libraries that a program or library asks for, and the version of glibc."""
    said = subprocess.run(["objdump", "-p", file], capture_output=True, text=True, check=True).stdout
    versions = [tuple(map(int, version.split("."))) for version in re.findall(r"\bGLIBC_(\d+(?:\.\d+)+)$", said, re.MULTILINE)]
    return set(re.findall(r"^\s+NEEDED\s+(\S+)$", said, re.MULTILINE)), max(versions, default=(0,))


def where_is(name: str) -> Path | None:
    """Returns where the loader finds a shared library; None where it does not."""
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True, env={"PATH": "/sbin:/usr/sbin"}).stdout
    found = re.search(rf"^\s+{re.escape(name)} \(.*\) => (\S+)$", listed, re.MULTILINE)
    return Path(found[1]) if found else None
