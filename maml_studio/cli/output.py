"""What the verbs share: where words go, where the JSON goes, how a run is found."""

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ..files import write_whole
from ..paths import runs_dir
from ..training.events import plain
from ..user_code import allow

Json = Annotated[str, typer.Option("--json", metavar="FILE", help="Write the result as one JSON object; - is standard output.")]
Model = Annotated[str, typer.Argument(metavar="RUN|CHECKPOINT", help="A run folder (its best checkpoint), or a checkpoint file.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, or the name of one.")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="Change a setting, such as task.shot=5.")]


def _allow_modules(modules: list[str] | None) -> list[str]:
    for module in modules or []:
        try:
            allow(module)
        except ValueError:
            raise typer.BadParameter(f"should read package.module, not {module!r}") from None
    here = str(Path.cwd())
    if modules and here not in sys.path:
        sys.path.append(here)  # last, so that a file that lies here stands in for no installed package
    return modules or []


AllowModules = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-module",
        metavar="MODULE",
        help="Run the code of this Python module, installed or in the current folder, where the experiment names a network in it.",
        callback=_allow_modules,
    ),
]


class CommandError(Exception):
    """Ends a verb: one sentence, and the exit code."""

    def __init__(self, message: str, code: int = 2) -> None:
        super().__init__(message)
        self.code = code


class Output:
    """Words for people, and one JSON object; when that goes to standard output, the words go to standard error.

    Raises:
        CommandError: when the JSON file could not be written later.
    """

    def __init__(self, json_file: str) -> None:
        self._file = json_file
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may hold bytes that are no text
        self.console = Console(stderr=json_file == "-", highlight=False, soft_wrap=True, markup=False)
        if not self.console.is_terminal:
            # What another program reads is not to be broken into lines of 80.
            self.console.width = 10_000
        if json_file not in ("", "-") and not Path(json_file).resolve().parent.is_dir():
            raise CommandError(f"--json {json_file}: its folder does not exist")

    def result(self, value: dict[str, Any]) -> None:
        """Write the JSON object, if it was asked for."""
        if not self._file:
            return
        text = json.dumps(plain(value), indent=2, default=str) + "\n"
        if self._file == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            write_whole(Path(self._file), text.encode())


def find_run(text: str) -> Path:
    """A run or checkpoint by its path, or a run by its name among the runs."""
    path = Path(text)
    if not path.exists() and path.name == text and (runs_dir() / text).is_dir():
        return runs_dir() / text
    return path


def percent(mean: float, ci95: float | None) -> str:
    """An accuracy with its interval."""
    return f"{100 * mean:.1f} ± {100 * (ci95 or 0):.1f} %"
