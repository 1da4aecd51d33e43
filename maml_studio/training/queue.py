"""Experiments that wait to be trained one after the other, in one file that outlives the window, the terminal and a crash."""

import contextlib
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import filelock

from ..files import set_aside, write_whole
from ..paths import data_dir
from ..spec import Experiment, parse
from ..spec.errors import one_line, plain_text
from .naming import new_run_path
from .run_index import summarise

MAX_BYTES = 16 << 20
MOST_LEVELS = 10
"""Settings are tables in tables; what is nested deeper could be read and not written again."""
_VERSION = 1
_PATIENCE = 5.0
"""Seconds to wait for another program that changes the queue, which takes it a moment."""

State = Literal["waiting", "training", "finished", "failed"]
DONE: tuple[State, ...] = ("finished", "failed")


class QueueError(ValueError):
    """A queue that can't be read or run; one sentence."""


@dataclass(frozen=True)
class Entry:
    """One experiment of the queue.

    Attributes:
        identity: tells it from all others.
        experiment: its settings as plain values; :meth:`settings` checks them.
        state: where it is on its way.
        folder: its run folder; empty until it has begun. One that waits with a folder goes on where it was.
        message: why it failed, or how it ended.
    """

    identity: str
    experiment: dict[str, Any]
    state: State = "waiting"
    folder: str = ""
    message: str = ""

    @property
    def name(self) -> str:
        """The experiment's name, in one line."""
        return plain_text(str(self.experiment.get("name", "experiment")))

    def settings(self) -> Experiment:
        """The experiment.

        Raises:
            SpecError: when this version can't read it.
        """
        return parse(self.experiment)


def queue_file() -> Path:
    """Where the queue of this user is."""
    return data_dir() / "queue.json"


class Queue:
    """The queue in a file. Every change reads the file, changes it and writes it whole, so several programs can add to it.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._runner = filelock.FileLock(f"{path}.run.lock", timeout=0)

    def entries(self) -> list[Entry]:
        """All entries in their order.

        Raises:
            QueueError: when the file can't be read.
        """
        try:
            with self.path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise QueueError(f"{self.path}: should be less than {MAX_BYTES >> 20} MB")
            raw = json.loads(content)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise QueueError(f"{self.path}: can't be read: {error.strerror or error}") from None
        except (ValueError, RecursionError) as error:
            if isinstance(error, QueueError):
                raise
            raise QueueError(f"{self.path}: should be a queue that MAML Studio wrote, and is no JSON") from None
        if isinstance(raw, dict) and isinstance(raw.get("version"), int) and raw["version"] > _VERSION:
            raise QueueError(f"{self.path}: was written by a newer version of MAML Studio")
        if not isinstance(raw, dict) or raw.get("version") != _VERSION or not isinstance(raw.get("entries"), list):
            raise QueueError(f"{self.path}: should be a queue that MAML Studio wrote")
        return [self._entry(number, one) for number, one in enumerate(raw["entries"], start=1)]

    def _entry(self, number: int, raw: Any) -> Entry:
        try:
            entry = Entry(**raw)
        except TypeError:
            raise QueueError(f"{self.path}: entry {number} has missing or unknown parts") from None
        words = (entry.identity, entry.folder, entry.message)
        if (
            not all(isinstance(word, str) for word in words)
            or not isinstance(entry.experiment, dict)
            or entry.state not in get_args(State)
            or not entry.identity.isprintable()
            or "\0" in entry.folder
            or (entry.folder and not Path(entry.folder).is_absolute())
            or _deeper(entry.experiment, MOST_LEVELS)
        ):
            raise QueueError(f"{self.path}: entry {number} can't be used")
        return replace(entry, message=one_line(entry.message))

    def set_aside(self) -> Path:
        """Put a file that can't be read out of the way, under a name of its own, and begin with an empty queue.

        Raises:
            OSError: when it can't be renamed.
        """
        return set_aside(self.path)

    def add(self, experiments: Sequence[Experiment]) -> list[Entry]:
        """Put experiments at the end.

        Raises:
            QueueError: when the file can't be read or written.
        """
        new = [Entry(secrets.token_hex(6), experiment.model_dump(mode="json")) for experiment in experiments]
        self._change(lambda entries: [*entries, *new])
        return new

    def remove(self, identities: Iterable[str]) -> list[Entry]:
        """Take entries out, and give them back; one that trains stays. Run folders stay where they are.

        Raises:
            QueueError: when the file can't be read or written.
        """
        unwanted, gone = set(identities), list[Entry]()

        def change(entries: list[Entry]) -> list[Entry]:
            gone.extend(entry for entry in entries if entry.identity in unwanted and entry.state != "training")
            return [entry for entry in entries if entry not in gone]

        self._change(change)
        return gone

    def insert(self, places: Sequence[tuple[int, Entry]]) -> None:
        """Put entries back where they were, see :meth:`remove`.

        Raises:
            QueueError: when the file can't be read or written.
        """

        def change(entries: list[Entry]) -> list[Entry]:
            for place, entry in sorted(places, key=lambda pair: pair[0]):
                entries.insert(place, entry)
            return entries

        self._change(change)

    def move(self, identity: str, steps: int) -> None:
        """Move a waiting entry up (negative) or down among those that wait.

        Raises:
            QueueError: when the file can't be read or written.
        """

        def change(entries: list[Entry]) -> list[Entry]:
            waiting = [entry for entry in entries if entry.state == "waiting"]
            place = next((index for index, entry in enumerate(waiting) if entry.identity == identity), None)
            if place is None:
                return entries
            entry = waiting.pop(place)
            waiting.insert(min(max(place + steps, 0), len(waiting)), entry)
            rest = iter(waiting)
            return [next(rest) if old.state == "waiting" else old for old in entries]

        self._change(change)

    def clear_done(self) -> None:
        """Forget what has finished or failed; the runs themselves stay.

        Raises:
            QueueError: when the file can't be read or written.
        """
        self._change(lambda entries: [entry for entry in entries if entry.state not in DONE])

    def acquire(self) -> None:
        """Become the one program that trains what is in the queue, and take up what a crash left behind.

        Raises:
            QueueError: when another program does it already, or the file can't be read or written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._runner.acquire()
        except filelock.Timeout:
            raise QueueError("Another window or terminal trains this queue already") from None
        except OSError as error:
            raise QueueError(f"{self.path.parent}: can't be written: {error.strerror or error}") from None
        try:
            self._change(lambda entries: [_settled(entry) if entry.state == "training" else entry for entry in entries])
        except QueueError:
            self._runner.release()
            raise

    def release(self) -> None:
        """Let another program train what is in the queue."""
        self._runner.release()

    @property
    def held(self) -> bool:
        """Whether this object is the one that trains the queue."""
        return self._runner.is_locked

    def begin(self, runs: Path) -> Entry | None:
        """Take the first entry that waits and give it a run folder; None when none is left.

        Args:
            runs: where run folders are made.

        Raises:
            QueueError: when the file can't be read or written.
        """
        begun: list[Entry] = []

        def change(entries: list[Entry]) -> list[Entry]:
            for index, entry in enumerate(entries):
                if entry.state == "waiting":
                    folder = entry.folder or str(new_run_path(runs, entry.name))
                    begun.append(replace(entry, state="training", folder=folder, message=""))
                    return [*entries[:index], begun[0], *entries[index + 1 :]]
            return entries

        self._change(change)
        return begun[0] if begun else None

    def settle(self, identity: str, failure: str = "") -> Entry | None:
        """Note how an entry's training ended, as its run folder tells; one that was stopped waits again and will go on.

        Args:
            identity: which entry.
            failure: why it could not even begin.

        Raises:
            QueueError: when the file can't be read or written.
        """
        found: list[Entry] = []

        def change(entries: list[Entry]) -> list[Entry]:
            for index, entry in enumerate(entries):
                if entry.identity == identity:
                    found.append(replace(entry, state="failed", message=failure) if failure else _settled(entry))
                    entries[index] = found[0]
            return entries

        self._change(change)
        return found[0] if found else None

    def _change(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        with self._alone():
            entries = change(self.entries())
            raw = {"version": _VERSION, "entries": [asdict(entry) for entry in entries]}
            write_whole(self.path, json.dumps(raw, indent=1).encode())

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(f"{self.path}.lock", timeout=_PATIENCE):
                yield
        except filelock.Timeout:
            raise QueueError(f"{self.path}: another program keeps it from being changed") from None
        except OSError as error:
            raise QueueError(f"{self.path}: can't be written: {error.strerror or error}") from None


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_deeper(one, levels - 1) for one in inner)


def _settled(entry: Entry) -> Entry:
    run = summarise(Path(entry.folder)) if entry.folder else None
    if run is not None and run.status in DONE:
        return replace(entry, state=run.status, message=run.message)
    return replace(entry, state="waiting")
