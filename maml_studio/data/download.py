"""Fetch a file whole or not at all, and unpack it in the same way.

torchvision's own downloader can't be cancelled, waits for ever on a silent server and may leave half a file behind.
"""

import contextlib
import gzip
import hashlib
import shutil
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import IO, BinaryIO

from ..files import whole_file, whole_folder
from .bank import DataError
from .progress import Progress, silent, throttled
from .transfer import TransferError, megabytes, read_pieces

# What the readers of zip and gzip raise on broken or unknown contents, and the disk.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError, OSError)
_POLL_SECONDS = 0.2
_locks: dict[Path, threading.Lock] = {}


class DownloadError(DataError):
    """No server delivered the file; the sentence says what each of them did."""


class DownloadNeeded(DataError):  # noqa: N818 - a question rather than an error
    """A source is not on this machine, and nobody has said yet that it may be fetched."""


_allowed: ContextVar[bool] = ContextVar("downloads_allowed", default=True)


@contextmanager
def downloads_allowed(allowed: bool) -> Iterator[None]:
    """Within the block, sources that would have to be fetched raise :class:`DownloadNeeded` unless that is allowed.

    Looking at a source's settings should not begin a download of hundreds of megabytes.
    """
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def require_permission(title: str) -> None:
    """Called before anything is fetched.

    Raises:
        DownloadNeeded: inside ``downloads_allowed(False)``.
    """
    if not _allowed.get():
        raise DownloadNeeded(f"{title} is not on this machine yet; it has to be downloaded once")


def make_present(folder: Path, is_there: Callable[[], bool], fetch: Callable[[], None], progress: Progress) -> None:
    """Fetch a data set unless it is there, once however many want it.

    In one process, whoever comes second waits. Two processes both fetch, into names of their own; the one that ends second
    may find the archive gone or the folder's name taken, and uses what the first one made.

    Args:
        folder: what stands for the data set.
        is_there: whether all of it is there.
        fetch: what to do when it is not.
        progress: told that one waits.

    Raises:
        DataError: as ``fetch`` raises it, while the data set is not there.
        Cancelled: when ``progress`` asked for it.
    """
    if is_there():
        return
    lock = _locks.setdefault(folder, threading.Lock())
    while not lock.acquire(timeout=_POLL_SECONDS):
        progress(f"Waiting for another download of {folder.name}", -1)
    try:
        if not is_there():
            fetch()
    except DataError:
        if not is_there():
            raise
    finally:
        lock.release()


def download(urls: Sequence[str], target: Path, md5: str, progress: Progress = silent, *, stall_seconds: float = 20.0) -> None:
    """Fetch a file from the first of several servers that delivers it.

    Args:
        urls: the same file on different servers.
        target: where it goes; it appears there only when size and checksum are right.
        md5: the checksum in hexadecimal digits, as torchvision keeps it. It finds damage; it does not withstand an attacker.
        progress: told the share of bytes that have come.
        stall_seconds: a server that sends next to nothing for this long is given up.

    Raises:
        DownloadError: when none of them delivers the right bytes.
        DataError: when the file can't be written.
        Cancelled: when ``progress`` asked for it.
    """
    progress = throttled(progress)
    failures = []
    for url in urls:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(target) as file:
                _fetch(url, file, target.name, md5, progress, stall_seconds)
        except TransferError as reason:
            failures.append(f"{url} ({reason})")
        except OSError as error:
            raise DataError(f"{target} can't be written: {error.strerror or error}") from None
        else:
            return
    raise DownloadError(f"{target.name} could not be fetched from {' or '.join(failures)}")


def _fetch(url: str, file: BinaryIO, name: str, md5: str, progress: Progress, stall_seconds: float) -> None:
    message, share = f"Downloading {name}", -1.0
    progress(message, share)
    digest = hashlib.md5(usedforsecurity=False)
    done = total = 0
    with contextlib.closing(read_pieces(url, stall_seconds)) as pieces:
        for piece, total in pieces:
            file.write(piece)
            digest.update(piece)
            done += len(piece)
            if done:
                size = f"{megabytes(done)} of {megabytes(total)}" if total else megabytes(done)
                message, share = f"Downloading {name}: {size}", min(done / total, 1.0) if total else -1.0
            progress(message, share)
    if done < total:
        raise TransferError(f"it ended after {megabytes(done)} of {megabytes(total)}")
    if digest.hexdigest() != md5:
        raise TransferError("what came is not that file: its checksum is wrong")


def has_md5(path: Path, md5: str, progress: Progress = silent) -> bool:
    """Whether a file exists and has that checksum.

    Raises:
        Cancelled: when ``progress`` asked for it.
    """
    progress = throttled(progress)
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
                progress(f"Checking {path.name}", -1)
    except OSError:
        return False
    return digest.hexdigest() == md5


def unpack_gzip(archive: Path, target: Path, progress: Progress = silent, *, member: str | None = None) -> None:
    """Write what a gzip file holds under ``target``, whole or not at all.

    Args:
        archive: the gzip file, or a zip file that holds it.
        target: the file to write.
        progress: told how far it is.
        member: the gzip file's name in the zip file; None: the archive is the gzip file.

    Raises:
        DataError: when the archive is broken or lacks the member, or the file can't be written.
        Cancelled: when ``progress`` asked for it.
    """
    progress = throttled(progress)
    try:
        with contextlib.ExitStack() as stack:
            if member is None:
                packed: IO[bytes] = stack.enter_context(archive.open("rb"))
            else:
                packed = stack.enter_context(stack.enter_context(zipfile.ZipFile(archive)).open(member))
            source = stack.enter_context(gzip.open(packed))
            target.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(whole_file(target))
            while piece := source.read(1 << 20):
                file.write(piece)
                progress(f"Unpacking {target.name}: {megabytes(file.tell())}", -1)
    except _BROKEN as error:
        raise DataError(f"{archive} can't be unpacked: {_words(error)}") from None


def unpack_zip(archive: Path, target: Path, progress: Progress = silent) -> None:
    """Unpack the folder ``target.name`` of a zip file as ``target``, whole or not at all.

    Raises:
        DataError: when the archive is broken, lacks the folder, holds a path that leads elsewhere, or can't be written out.
        Cancelled: when ``progress`` asked for it.
    """
    progress = throttled(progress)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as packed, whole_folder(target) as folder:
            inside = folder.resolve()
            members = [one for one in packed.infolist() if one.filename.startswith(f"{target.name}/") and not one.is_dir()]
            if not members:
                raise DataError(f"{archive} should hold a folder {target.name}; it does not")
            for done, member in enumerate(members):
                progress(f"Unpacking {archive.name}", done / len(members))
                path = (inside.parent / member.filename).resolve()
                if not path.is_relative_to(inside):
                    raise DataError(f"{archive} holds {member.filename!r}, which leads out of the folder {target.name}")
                path.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source, path.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except _BROKEN as error:
        raise DataError(f"{archive} can't be unpacked: {_words(error)}") from None


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
