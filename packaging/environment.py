"""The virtual environment that the start script keeps: made, installed into, noted as ready, made afresh when broken.

Standard library only. ``start.py`` checks the version of Python before it imports this file.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checks import SetupError, missing_venv, provide, say

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

STAMP = "maml-studio.json"
LOCK = "maml-studio.lock"


def venv_python(venv: Path) -> Path:
    """Returns where a virtual environment keeps its interpreter."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def working_version(python: Path) -> str | None:
    """Returns the interpreter's version such as "3.11", or None where it is missing or does not run."""
    code = "import sys; print('{}.{}'.format(*sys.version_info))"
    try:
        result = subprocess.run([python, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    except OSError:
        return None
    version = result.stdout.strip()
    return version if result.returncode == 0 and re.fullmatch(r"\d+\.\d+", version) else None


def read_stamp(venv: Path) -> dict[str, object]:
    """Returns what the last set-up noted in the environment; empty where there is no note that can be read."""
    try:
        stamp = json.loads((venv / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(venv: Path, stamp: dict[str, object]) -> None:
    """Notes a set-up in the environment, whole or not at all."""
    temporary = venv / (STAMP + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(stamp, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(venv / STAMP)


def wanted_stamp(root: Path, version: str, extras: set[str]) -> dict[str, object]:
    """Returns the note of a finished set-up: whatever makes pip's answer another, and the folder that it points to."""
    pyproject = hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest()
    return {"state": "ready", "python": version, "root": str(root), "pyproject": pyproject, "extras": sorted(extras)}


def noted_extras(stamp: dict[str, object]) -> set[str]:
    """Returns the extras that a note speaks of."""
    extras = stamp.get("extras")
    return {str(extra) for extra in extras} if isinstance(extras, list) else set()


def reason_to_rebuild(version: str | None, stamp: dict[str, object]) -> str | None:
    """Says why an existing environment must be made afresh, or returns None where it can stay.

    Args:
        version: what `working_version` says of its interpreter.
        stamp: what `read_stamp` found in it.
    """
    if version is None:
        return "its Python is missing or does not run"
    if tuple(map(int, version.split("."))) < (3, 11):
        return f"its Python is {version}, and MAML Studio needs 3.11 or newer"
    if stamp.get("state") == "installing":
        return "the last set-up did not finish"
    if stamp.get("python", version) != version:
        return f"it was made for Python {stamp['python']}, and its Python is now {version}"
    return None


@contextmanager
def alone(venv: Path) -> Iterator[None]:
    """Makes sure that one start at a time sets an environment up; a second one says so and waits.

    The system lets go of the lock when the process ends, however it ends.
    """
    venv.mkdir(exist_ok=True)
    with (venv / LOCK).open("a") as file:
        waiting = False
        while True:
            try:
                if sys.platform == "win32":
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                else:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not waiting:
                    say(f"another start is setting up {venv}; waiting for it to finish.")
                waiting = True
                time.sleep(0.5)
        yield


def make_venv(venv: Path) -> str:
    """Makes the environment afresh, without pip yet, and returns its Python's version.

    Raises:
        SetupError: Python could not make it.
    """
    provide(missing_venv(), "Python")
    write_stamp(venv, {"state": "installing"})
    for entry in venv.iterdir():  # not venv's own --clear, which would take the lock and the note away
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in (LOCK, STAMP):
            entry.unlink()
    failed = subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=False).returncode
    version = working_version(venv_python(venv))
    if failed or version is None:
        raise SetupError(f"Python could not make {venv}; the lines above say why.")
    return version


def run_pip(command: list[str], root: Path) -> int:
    """Runs pip, and when this process is to stop, leaves it time to clean its gigabytes of temporary files away."""
    with subprocess.Popen(command, cwd=root) as pip:
        try:
            return pip.wait()
        except BaseException as stop:
            if not isinstance(stop, KeyboardInterrupt):  # Ctrl+C has reached pip too; another signal has not
                pip.send_signal(signal.SIGINT)
            try:
                pip.wait(timeout=20)
            except subprocess.TimeoutExpired:
                pip.kill()
            raise


def install(root: Path, venv: Path, extras: set[str]) -> int:
    """Has pip install the package, editable, into the environment, and returns pip's exit code.

    Raises:
        SetupError: the environment has no pip, and Python could not put it there.
    """
    python = venv_python(venv)
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        provide(missing_venv(), "Python")
        ensurepip = [str(python), "-m", "ensurepip", "--default-pip"]
        if subprocess.run(ensurepip, stdout=subprocess.DEVNULL, check=False).returncode:
            raise SetupError(f"Python could not put pip into {venv}; the lines above say why.")
    target = f".[{','.join(sorted(extras))}]" if extras else "."
    say(f"installing the packages into {venv}, which takes minutes the first time (pip install -e {target}).")
    if sys.platform == "linux" and platform.machine() == "x86_64" and not any(venv.glob("lib/*/site-packages/torch")):
        say(
            "on x86-64 Linux the default torch brings about 5 GB of CUDA libraries. Without an NVIDIA card you can "
            "take the CPU build: stop with Ctrl+C, name PyTorch's index of CPU builds (its installation page gives the "
            "address) in PIP_EXTRA_INDEX_URL, or as extra-index-url in pip's configuration, and start again."
        )
    return run_pip([str(python), "-m", "pip", "install", "-e", target], root)


def is_ready(root: Path, venv: Path, extras: set[str]) -> bool:
    """Tells whether the environment runs, and was set up from today's pyproject.toml with at least these extras."""
    version, stamp = working_version(venv_python(venv)), read_stamp(venv)
    return version is not None and stamp == wanted_stamp(root, version, extras | noted_extras(stamp))


def set_up(root: Path, extras: set[str]) -> Path:
    """Brings `.venv` in step with pyproject.toml, doing nothing where it is, and returns its interpreter.

    Args:
        root: the folder of pyproject.toml.
        extras: the optional dependencies that are needed now; those that an earlier set-up brought are kept.

    Raises:
        SetupError: the environment could not be made, or pip failed.
    """
    venv = root / ".venv"
    existed = venv.exists()
    if is_ready(root, venv, extras):
        return venv_python(venv)
    with alone(venv):
        if is_ready(root, venv, extras):  # thanks to the start that this one waited for
            return venv_python(venv)
        stamp = read_stamp(venv)
        extras = extras | noted_extras(stamp)
        version = working_version(venv_python(venv))
        reason = reason_to_rebuild(version, stamp)
        if version is None or reason:
            say(f"making {venv} afresh, because {reason}." if existed else f"making the environment {venv}.")
            version, stamp = make_venv(venv), {}
        # "ready" is written last: a set-up that is cut off leaves "installing", and the next start begins afresh.
        wanted = wanted_stamp(root, version, extras)
        write_stamp(venv, {**wanted, "state": "installing"})
        failed = install(root, venv, extras)
        if failed > 0:  # pip gave up in good order and left what was there; below zero a signal ended it midway
            write_stamp(venv, stamp)
        if failed:
            raise SetupError("pip could not install the packages; the lines above say why. The next start tries again.")
        write_stamp(venv, wanted)
    return venv_python(venv)
