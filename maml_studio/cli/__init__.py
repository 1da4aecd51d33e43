"""The command line, one module for each group of verbs. It imports torch when a verb needs it, and Qt to open the window."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ..training.run_index import EXPERIMENT
from .bench import bench
from .compare import compare
from .evaluate import adapt, evaluate
from .explain import explain
from .export import export
from .insight import insight
from .job import job
from .lists import data, presets, runs
from .output import CommandError
from .queue import queue_app
from .sweep import sweep
from .train import resume, train

VERBS = (train, resume, sweep, evaluate, compare, adapt, export, insight, bench, presets, runs, data, explain, job)
OPENED = (".toml", ".drawn.json")
"""A file that ends so and stands alone is opened in the window; so is a run folder."""
DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: done, a run failed, the words or a file are wrong."""

# Newer versions of typer carry their own copy of click, so the class has no importable name in both.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="maml-studio",
    help="Meta-learning: train, evaluate, adapt to your own classes. Without a verb the window opens.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(queue_app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"maml-studio {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)] = False,
) -> int:
    return DONE if context.invoked_subcommand else open_window()


def open_window(files: Sequence[str] = ()) -> int:
    """Open the window and stay until it is closed.

    Args:
        files: an experiment, a drawn task or a run folder to open in it, as a double click hands it over.

    Raises:
        CommandError: where there is no display, or Qt does not start.
    """
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")):
        raise CommandError("there is no display to open the window on; 'maml-studio train digits-maml' trains in the terminal")
    try:
        from ..gui.app import main as run_window
    except ImportError as error:
        raise CommandError(f"the window can't be opened ({error}); 'maml-studio train digits-maml' trains in the terminal") from None
    code: int = run_window(list(files))
    return code


def main(arguments: list[str]) -> int:
    """Run one command line.

    Args:
        arguments: the words after the program's name.

    Returns:
        The exit code.
    """
    try:
        if len(arguments) == 1 and _is_for_window(arguments[0]):
            return open_window(arguments)
        code = app(arguments, prog_name="maml-studio", standalone_mode=False)
    except _UsageError as error:
        return _complain(error.format_message(), WRONG)  # type: ignore[attr-defined]
    except CommandError as error:
        return _complain(str(error), error.code)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("stopped", FAILED)
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        return _complain(f"{error.filename or 'a file'} can't be read or written: {error.strerror or error}", WRONG)
    except ValueError as error:
        # The package's own errors are sentences for people; any other is a defect, and its traceback is wanted.
        if type(error).__module__.partition(".")[0] != __package__.partition(".")[0]:
            raise
        return _complain(str(error), WRONG)
    return code if isinstance(code, int) else DONE


def _is_for_window(word: str) -> bool:
    """Whether a word that stands alone is to be opened: a file that ends as ours do, or a run folder.

    Raises:
        CommandError: when there is no such file, or the folder is no run.
    """
    path, verbs = Path(word), ("queue", *(verb.__name__ for verb in VERBS))
    if word in verbs:
        return False  # even where a folder of that name lies here
    if path.is_dir() and not (path / EXPERIMENT).is_file():
        raise CommandError(f"{word} is no run folder: there is no {EXPERIMENT} in it")
    if word.endswith(OPENED) and not path.exists():
        raise CommandError(f"{word}: there is no such file")
    return path.is_dir() or word.endswith(OPENED)


def _complain(message: str, code: int) -> int:
    print(f"maml-studio: {message}".replace("\n", " "), file=sys.stderr)
    return code
