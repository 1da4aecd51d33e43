"""Files and folders that appear under their name whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """A file to write, which gets its name when the block ends well and disappears when it does not.

    Args:
        target: the final name; its folder is made where it is missing. An older file of that name is replaced.

    Raises:
        OSError: when it can't be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own for each writer: two programs that fetch the same file at once don't write into each other.
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name when the block ends well and disappears with its contents when it does not.

    Args:
        target: the final name; it should not exist yet.

    Raises:
        OSError: when it can't be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".part", dir=target.parent) as outer:
        part = Path(outer) / target.name
        part.mkdir()
        yield part
        part.replace(target)
