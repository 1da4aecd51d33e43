"""Files and folders that appear under their name whole or not at all."""

import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

# Seconds between attempts to rename, 1 in all.
_PAUSES = (0.05, 0.1, 0.15, 0.3, 0.4) if os.name == "nt" else ()


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write, which gets its name when the block ends well and disappears when it does not.

    Args:
        target: the final name; its folder has to be there. An older file of that name is replaced.

    Raises:
        OSError: when it can't be written; it names the target, and an older file is as it was.
    """
    # A name of its own for each writer: two programs that write the same file at once don't write into each other.
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _rename(part, target)
        _sync_folder(target.parent)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(part):
            error.filename, error.filename2 = str(target), None
        raise


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name when the block ends well and disappears with its contents when it does not.

    Args:
        target: the final name; it should not exist yet, and the folder that it goes into has to be there.

    Raises:
        OSError: when it can't be written.
    """
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".part", dir=target.parent) as outer:
        part = Path(outer) / target.name
        part.mkdir()
        yield part
        # Otherwise a power cut could leave the name with empty files behind it. One call for all of them: fsync on each of
        # Omniglot's 19,280 files takes 20 seconds, this 0.1. Windows has neither for a folder.
        if hasattr(os, "sync"):
            os.sync()
        _rename(part, target)
        _sync_folder(target.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Raises:
        OSError: when it can't be written; the old file is then as it was.
    """
    with whole_file(path) as file:
        file.write(content)


def _rename(part: Path, target: Path) -> None:
    # Windows refuses while another thread or a virus scanner has the old file open, which is soon over.
    for pause in _PAUSES:
        try:
            part.replace(target)
        except PermissionError:
            time.sleep(pause)
        else:
            return
    part.replace(target)


def _sync_folder(folder: Path) -> None:
    # Only POSIX can fsync a folder; elsewhere the rename itself is all there is.
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
