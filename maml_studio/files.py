"""Files and folders that appear under their name whole or not at all, and files that grow by whole pieces."""

import contextlib
import errno
import os
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
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
        with contextlib.suppress(OSError):  # where the folder is gone or read-only, that is what the error says already
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            _name(error, part, target)
        raise


def _name(error: OSError, part: Path, target: Path) -> None:
    """Let an error speak of the file that was wanted; a full disk's names none at all."""
    if error.filename in (None, str(part)):
        error.filename, error.filename2 = str(target), None


@contextmanager
def whole_folder(target: Path, *, synced: bool = False) -> Iterator[Path]:
    """A folder to fill, which gets its name when the block ends well and disappears with its contents when it does not.

    Args:
        target: the final name; it should not exist yet, and the folder that it goes into has to be there.
        synced: every file of it is written with :func:`whole_file`, so that none has to be waited for again.

    Raises:
        OSError: when it can't be written.
    """
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".part", dir=target.parent) as outer:
        part = Path(outer) / target.name
        part.mkdir()
        yield part
        # Otherwise a power cut could leave the name with empty files behind it. One call for all of them: fsync on each of
        # Omniglot's 19,280 files takes 20 seconds, this 0.1. Windows has neither for a folder.
        if not synced and hasattr(os, "sync"):
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


def set_aside(path: Path) -> Path:
    """Put a file that can't be read out of the way, under a name of its own beside it; gives where it is now.

    Raises:
        OSError: when it can't be renamed.
    """
    return path.rename(path.with_name(f"{path.stem}-unreadable-{secrets.token_hex(3)}{path.suffix}"))


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
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network folders can't
            raise
    finally:
        os.close(descriptor)


class GrowingFile:
    """A file that grows by whole pieces: one that could not be written leaves nothing behind, and may be tried again.

    Args:
        path: its name; what it holds already stays.

    Raises:
        OSError: when it can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        new = not path.exists()
        # Unbuffered: what Python kept back after an error would come later, behind what was written meanwhile.
        self._file = FileIO(path, "a+")
        self._end = os.fstat(self._file.fileno()).st_size
        if new:
            _sync_folder(path.parent)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return self._end

    def append(self, piece: bytes) -> None:
        """Write a piece.

        Raises:
            OSError: when it can't be written, or the file is gone from its place, as a folder that was deleted or unplugged.
        """
        status = os.fstat(self._file.fileno())
        if not os.path.samestat(status, self.path.stat()):
            raise FileNotFoundError(errno.ENOENT, "another file has taken its place", str(self.path))
        try:
            if status.st_size != self._end:
                os.truncate(self._file.fileno(), self._end)  # what a failed write left behind
            rest = memoryview(piece)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            _name(error, self.path, self.path)
            with contextlib.suppress(OSError):
                os.truncate(self._file.fileno(), self._end)
            raise
        self._end += len(piece)

    def sync(self) -> None:
        """Wait until all pieces are on disk.

        Raises:
            OSError: when they can't be written.
        """
        os.fsync(self._file.fileno())

    def put_back(self) -> None:
        """Write the file under its name again, where that was deleted or another file has it now.

        What was deleted can still be read as long as it is open.

        Raises:
            OSError: when it can't be written.
        """
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
                return
        self._file.seek(0)
        content = self._file.read(self._end)
        if len(content or b"") != self._end:
            raise FileNotFoundError(errno.ENOENT, "its earlier part can't be read any more", str(self.path))
        write_whole(self.path, content)
        self.close()
        self._file = FileIO(self.path, "a+")

    def close(self) -> None:
        """Close it."""
        self._file.close()
