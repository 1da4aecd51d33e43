"""Sets MAML Studio up in this folder and starts it.

    python3 packaging/start.py            set up what is missing, then open the window
    python3 packaging/start.py test       the same with the developers' tools, then every check (further words: pytest)
    python3 packaging/start.py WORDS      set up what is missing, then python -m maml_studio WORDS

Standard library only. Pip runs with your own settings, from its configuration file and from the environment.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

# Up to here, and in its grammar, this file suits any Python 3, so that an old one gets a sentence and not a traceback.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("MAML Studio needs Python 3.11 or newer, and this is Python {}.{}.".format(*sys.version_info[:2]))

sys.path.insert(0, str(Path(__file__).resolve().parent))
from checks import (
    SetupError,
    has_display,
    missing_for_tests,
    missing_for_window,
    missing_venv,
    provide,
    say,
)

ROOT = Path(__file__).resolve().parent.parent
STAMP = "maml-studio.json"
DEFAULT_RUN = ["train", "digits-maml"]
CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    # Not its console script, whose first line holds the path of the folder that the environment was made in.
    "import-linter": ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
    "pytest": ["-m", "pytest"],
}


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


def make_venv(venv: Path) -> str:
    """Makes the environment, without pip yet, and returns its Python's version.

    Raises:
        SetupError: Python could not make it.
    """
    provide(missing_venv(), "Python")
    command = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)]
    failed = subprocess.run(command, check=False).returncode
    version = working_version(venv_python(venv))
    if failed or version is None:
        raise SetupError(f"Python could not make {venv}; the lines above say why.")
    return version


def install(venv: Path, extras: set[str], root: Path = ROOT) -> None:
    """Has pip install the package, editable, into the environment.

    Raises:
        SetupError: pip failed.
    """
    python = venv_python(venv)
    if subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        provide(missing_venv(), "Python")
        if subprocess.run(
            [python, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL, check=False
        ).returncode:
            raise SetupError(f"Python could not put pip into {venv}; the lines above say why.")
    target = f".[{','.join(sorted(extras))}]" if extras else "."
    say(f"installing the packages into {venv}, which takes minutes the first time (pip install -e {target}).")
    if sys.platform == "linux" and platform.machine() == "x86_64" and not any(venv.glob("lib/*/site-packages/torch")):
        say(
            "on x86-64 Linux the default torch brings about 5 GB of CUDA libraries. Without an NVIDIA card you can "
            "take the CPU build: stop with Ctrl+C, name PyTorch's index of CPU builds (its installation page gives the "
            "address) in PIP_EXTRA_INDEX_URL, or as extra-index-url in pip's configuration, and start again."
        )
    if subprocess.run([python, "-m", "pip", "install", "-e", target], cwd=root, check=False).returncode:
        raise SetupError("pip could not install the packages; the lines above say why. The next start tries again.")


def set_up(extras: set[str], root: Path = ROOT) -> Path:
    """Brings `.venv` in step with pyproject.toml, doing nothing where it is, and returns its interpreter.

    Args:
        extras: the optional dependencies that are needed now; those that an earlier set-up brought are kept.
        root: the folder of pyproject.toml.

    Raises:
        SetupError: the environment could not be made, or pip failed; a ready environment's note is kept.
    """
    venv = root / ".venv"
    stamp = read_stamp(venv)
    extras = extras | noted_extras(stamp)
    version = working_version(venv_python(venv))
    reason = reason_to_rebuild(version, stamp)
    if version is None or reason:
        say(f"making {venv} afresh, because {reason}." if venv.exists() else f"making the environment {venv}.")
        version, stamp = make_venv(venv), {}
    wanted = wanted_stamp(root, version, extras)
    if stamp != wanted:
        # "ready" is written last. A set-up that is cut off leaves "installing", and the next start begins afresh; one
        # in which pip itself gave up puts the older note back, since pip undoes what it had begun.
        write_stamp(venv, {**wanted, "state": "installing"})
        try:
            install(venv, extras, root)
        except SetupError:
            write_stamp(venv, stamp)
            raise
        write_stamp(venv, wanted)
    return venv_python(venv)


def run_checks(python: Path, pytest_words: list[str]) -> int:
    """Runs every check, also after one that failed, and returns 0 only where all passed."""
    failed = []
    environ = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    for name, words in CHECKS.items():
        say(f"checking: {name}")
        command = [str(python), *words, *(pytest_words if name == "pytest" else [])]
        began = time.monotonic()
        if subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode:
            failed.append(name)
        say(f"{name} {'FAILED' if name in failed else 'passed'} after {time.monotonic() - began:.1f} s")
    say(f"failed: {', '.join(failed)}." if failed else "every check passed.")
    return 1 if failed else 0


def launch(python: Path, words: list[str]) -> int:
    """Runs `python -m maml_studio` in place of this process, so that its signals and its exit code are its own."""
    command = [str(python), "-m", "maml_studio", *words]
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606
    # Windows' exec returns to the prompt at once, so the process waits there and leaves Ctrl+C to the child.
    with subprocess.Popen(command) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


def main(words: list[str]) -> int:
    """Sets up and starts what the words ask for, and returns the exit code."""
    if words in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    linux = sys.platform == "linux"
    if words[:1] == ["test"]:
        provide(missing_for_tests() if linux else {}, "Qt")
        return run_checks(set_up({"dev"}), words[1:])
    if not words and not has_display(os.environ):
        say(
            f"there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set), so the terminal does: {' '.join(DEFAULT_RUN)}."
        )
        words = DEFAULT_RUN
    elif not words:
        provide(missing_for_window(os.environ) if linux else {}, "Qt")
    return launch(set_up(set()), words)


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except SetupError as error:
        say(str(error))
        code = 1
    except KeyboardInterrupt:
        print()
        say("stopped by Ctrl+C.")
        code = 130
    sys.exit(code)
