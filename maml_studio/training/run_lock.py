"""One program at a time trains a run. The lock dies with its process, and hinders nobody who only reads."""

import contextlib
import json
import os
import socket
import time
import warnings
from datetime import datetime
from pathlib import Path

import filelock

from ..files import write_whole
from .run_end import METRICS

LOCK, HOLDER = "run.lock", "run.lock.json"
"""The lock, and who holds it; two files, since Windows lets nobody read what is locked."""
SILENCE_S = 900.0
PATIENCE_S = 1.0
"""Whoever lists runs asks for the lock for an instant."""


class RunFolderError(ValueError):
    """A run folder that can't be made, read or trained; one sentence."""


class RunInUseError(RunFolderError):
    """Another program trains this run."""


class RunLock:
    """The right to write into a run folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: filelock.BaseFileLock | None = None
        self._taken: os.stat_result | None = None

    def take(self, program: str) -> None:
        """Take the lock, unless it is held already.

        Args:
            program: what the others are told.

        Raises:
            RunInUseError: when another program has it, or another part of this one.
            OSError: when the folder can't be written.
        """
        if self._lock is not None:
            return
        path = self._folder / LOCK
        # Whichever thread ends the run gives it back.
        lock = filelock.FileLock(path, timeout=PATIENCE_S, thread_local=False)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of folders on other machines that know a weaker lock only
                lock.acquire()
        except filelock.Timeout:
            raise RunInUseError(_in_use(self._folder)) from None
        except NotImplementedError:
            return  # a folder on another machine that knows no locks at all: training there is worth more than the guard
        self._lock, self._taken = lock, path.stat()
        about = {"program": program, "process": os.getpid(), "host": socket.gethostname(), "since": datetime.now().astimezone().isoformat()}
        with contextlib.suppress(OSError):  # a full disk; the lock holds all the same
            (self._folder / HOLDER).unlink(missing_ok=True)
            write_whole(self._folder / HOLDER, json.dumps(about).encode())

    def take_again(self, program: str) -> None:
        """Lock the folder that has the name now, where it is another one than before.

        Raises:
            RunInUseError: when another program has it.
            OSError: when the folder can't be written.
        """
        if self._taken is None:
            return
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(self._taken, (self._folder / LOCK).stat()):
                return
        self._release()
        self.take(program)

    def give_back(self) -> None:
        """Let other programs have it."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                (self._folder / HOLDER).unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
        self._lock = self._taken = None


def held_elsewhere(folder: Path) -> bool:
    """Whether another machine trains it: on many shared disks its lock can't be seen from here, but who holds it, and that it writes.

    A machine that went down leaves its name behind; after :data:`SILENCE_S` without a line of the run it is believed to be gone.
    """
    try:
        host = json.loads((folder / HOLDER).read_bytes())["host"]
        written = max((folder / name).stat().st_mtime for name in (HOLDER, METRICS) if (folder / name).exists())
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
    return bool(host != socket.gethostname() and time.time() - written < SILENCE_S)


def _in_use(folder: Path) -> str:
    """Who trains it, and since when, in a sentence."""
    try:
        raw = json.loads((folder / HOLDER).read_bytes())
        where = "" if raw["host"] == socket.gethostname() else f" on {str(raw['host'])[:80]!r}"
        since = datetime.fromisoformat(raw["since"]).astimezone()
        who = f"{' '.join(str(raw['program'])[:80].split())} (process {int(raw['process'])}{where}) since {since:%Y-%m-%d %H:%M}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        who = "another program"
    return f"{folder}: is being trained by {who}; stop it there first, or wait for its end"
