"""Sets MAML Studio up in this folder and starts it.

    python3 packaging/start.py            set up what is missing, then open the window
    python3 packaging/start.py test       the same with the developers' tools, then every check (further words: pytest)
    python3 packaging/start.py WORDS      set up what is missing, then python -m maml_studio WORDS

Standard library only. Pip runs with your own settings, from its configuration file and from the environment.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# Up to here, and in its grammar, this file suits any Python 3, so that an old one gets a sentence and not a traceback.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit("MAML Studio needs Python 3.11 or newer, and this is Python {}.{}.".format(*sys.version_info[:2]))

sys.path.insert(0, str(Path(__file__).resolve().parent))
from checks import SetupError, has_display, missing_for_tests, missing_for_window, provide, say
from environment import set_up

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_RUN = ["train", "digits-maml"]
CHECKS = {
    "ruff check": ["-m", "ruff", "check", "."],
    "ruff format": ["-m", "ruff", "format", "--check", "."],
    "mypy": ["-m", "mypy"],
    # Not its console script, whose first line holds the path of the folder that the environment was made in.
    "import-linter": ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
    # One process per core, but for the memory that torch takes in each no more than four; the tests of a file share what they set up.
    "pytest": ["-m", "pytest", "-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"],
}


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
        return run_checks(set_up(ROOT, {"dev"}), words[1:])
    if not words and not has_display(os.environ):
        say(f"there is no display (no DISPLAY, no WAYLAND_DISPLAY); running in the terminal: {' '.join(DEFAULT_RUN)}.")
        words = DEFAULT_RUN
    elif not words:
        provide(missing_for_window(os.environ) if linux else {}, "Qt")
    return launch(set_up(ROOT, set()), words)


if __name__ == "__main__":
    # As an exception it ends pip too; the signal's default would leave pip at work behind the next start's back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        code = main(sys.argv[1:])
    except (SetupError, OSError) as error:
        say(str(error))
        code = 1
    except KeyboardInterrupt:
        print()
        say("stopped by Ctrl+C.")
        code = 130
    sys.exit(code)
