"""Bytes from a server, read by a thread, so that whoever waits for them can give up at any moment."""

import contextlib
import queue
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator

_PIECE = 1 << 16
_POLL_SECONDS = 0.2
# Bytes a second. Slower than that, 10 MB would take three hours.
_LEAST_RATE = 1000
# A name may stand for several addresses, which are tried one after the other; each may be silent for the whole time.
_ADDRESSES = 3


class TransferError(Exception):
    """What a server did wrong, in words that fit into brackets."""


def read_pieces(url: str, stall_seconds: float) -> Generator[tuple[bytes, int], None, None]:
    """What a server sends, as it comes.

    Close the generator (``contextlib.closing``) to hang up early. The thread behind it ends then, or, where it is still
    waiting for an answer, when its own time-out is over.

    Args:
        url: an http or https address.
        stall_seconds: how long each address may take to answer, and how long next to nothing may come.

    Yields:
        The next bytes, or none when nothing has come for a fifth of a second; and how many were announced in all, 0 when
        that is unknown.

    Raises:
        TransferError: when the server can't be reached, refuses, or stalls.
    """
    reader = _Reader(url, stall_seconds)
    reader.start()
    answered, done, before, since = False, 0, 0, time.monotonic()
    try:
        while True:
            try:
                piece = reader.pieces.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                piece = b""
            if piece is None:
                return
            if isinstance(piece, TransferError):
                raise TransferError(f"{piece} after {megabytes(done)}") if done else piece
            done += len(piece)
            yield piece, reader.total or 0

            waited = time.monotonic() - since
            if reader.total is None:
                if waited > _ADDRESSES * stall_seconds:
                    raise TransferError("the server did not answer")
            elif not answered:
                answered, since = True, time.monotonic()
            elif waited > stall_seconds:
                if done - before < _LEAST_RATE * waited:
                    what = "fell silent" if done == before else "sent next to nothing any more"
                    raise TransferError(f"the server {what} after {megabytes(done)}")
                before, since = done, time.monotonic()
    finally:
        reader.hang_up()


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.1f} MB"


class _Reader(threading.Thread):
    """Puts what comes into ``pieces``: bytes, and then None for the end or an error."""

    def __init__(self, url: str, timeout: float) -> None:
        # A daemon: the program need not wait for a server when it ends.
        super().__init__(name=f"download {url}", daemon=True)
        self._url, self._timeout = url, timeout
        self._over = threading.Event()
        self._connection: socket.socket | None = None
        # Few, so that a slow disk slows the server down instead of filling the memory.
        self.pieces: queue.Queue[bytes | TransferError | None] = queue.Queue(maxsize=16)
        self.total: int | None = None

    def hang_up(self) -> None:
        """Ends the thread; a read that waits wakes up with an end of file."""
        self._over.set()
        if self._connection is not None:
            with contextlib.suppress(OSError):  # the thread has ended and closed it
                self._connection.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        try:
            self._read()
        except urllib.error.HTTPError as error:
            error.close()
            self._put(TransferError(f"the server answered {error.code} {error.reason}"))
        except Exception as error:  # whatever it is, somebody waits to be told
            self._put(TransferError(_reason(error)))
        else:
            self._put(None)

    def _read(self) -> None:
        request = urllib.request.Request(self._url, headers={"User-Agent": "maml-studio"})  # noqa: S310 - torchvision's addresses
        with (
            urllib.request.urlopen(request, timeout=self._timeout) as response,  # noqa: S310
            # A handle of its own on the connection: closing the response waits until a read that is under way is over.
            socket.fromfd(response.fileno(), socket.AF_INET, socket.SOCK_STREAM) as self._connection,
        ):
            self.total = response.length or 0
            # Not read(): that returns when the whole piece has come, which from a trickling server is never.
            while not self._over.is_set() and (piece := response.read1(_PIECE)):
                self._put(piece)

    def _put(self, piece: bytes | TransferError | None) -> None:
        while not self._over.is_set():
            with contextlib.suppress(queue.Full):
                self.pieces.put(piece, timeout=_POLL_SECONDS)
                return


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)  # URLError keeps the socket's error there
    if isinstance(cause, TimeoutError):
        return "the server fell silent"
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)
