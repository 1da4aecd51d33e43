"""Report files of ``evaluate``: JSON, and one picture that the window's own widgets paint without a window."""

from pathlib import Path
from typing import TYPE_CHECKING

from .output import CommandError

if TYPE_CHECKING:
    from ..training.report import Report

NAMES = ("report.json", "report.png")


def report_files(text: str, *, overwrite: bool) -> list[Path]:
    """The files that ``--report`` asks for: one that ends in ``.json`` or ``.png``, or both in a folder.

    Asked before anything is measured, so that nothing is measured in vain.

    Raises:
        CommandError: when a file is there already, can't be put there, or the picture can't be painted on this machine.
    """
    if not text:
        return []
    path = Path(text)
    single = path.suffix.lower() in (".json", ".png") and not path.is_dir()
    if single and not path.resolve().parent.is_dir():
        raise CommandError(f"--report {text}: its folder does not exist")
    if not single and path.exists() and not path.is_dir():
        raise CommandError(f"--report {text}: should be a folder, or a file that ends in .json or .png")
    files = [path] if single else [path / name for name in NAMES]
    there = next((file for file in files if file.exists()), None)
    if there and not overwrite:
        raise CommandError(f"--report {text}: {there} is there already; --overwrite replaces it")
    if any(_is_picture(file) for file in files):
        _check_painting(text)
    return files


def write_report(report: "Report", files: list[Path]) -> None:
    """Write the files, each whole or not at all.

    Raises:
        OSError: when one can't be written.
    """
    from ..training.report import save_report

    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        if _is_picture(file):
            from ..gui.evaluate_picture import save_picture

            save_picture(report, file)
        else:
            save_report(report, file)


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() == ".png"


def _check_painting(text: str) -> None:
    # The window's widgets paint it, so that there is one picture and one place that draws it; they need Qt, but no display.
    try:
        from ..gui import evaluate_picture  # noqa: F401
    except ImportError as error:
        raise CommandError(f"--report {text}: the picture needs Qt, which can't be used here ({error}); name a .json file") from None
