"""Reads a run's events while another program writes them: each look takes in only what has grown."""

import os
from pathlib import Path

from .events import Event, from_line
from .run_end import METRICS

MOST_AT_ONCE = 4 << 20
"""Bytes that one look takes in; the next goes on from there."""


class MetricsReader:
    """The events of a run folder, from the beginning and on.

    Args:
        folder: the run's folder; its ``metrics.jsonl`` may not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._place = 0
        self._file: tuple[int, int] | None = None

    def read_all(self) -> list[Event]:
        """All events up to now.

        Raises:
            OSError: when the file can't be read.
        """
        events: list[Event] = []
        while (more := self.read_new()) is not None:
            events += more
            if not more:
                break
        return events

    def read_new(self) -> list[Event] | None:
        """The events since the last look, whole lines only; None when the file was begun anew, as a run that goes on does.

        Raises:
            OSError: when the file can't be read.
        """
        try:
            file = (self.folder / METRICS).open("rb")
        except FileNotFoundError:
            return []
        with file:
            status = os.fstat(file.fileno())
            identity = (status.st_dev, status.st_ino)
            if self._file not in (None, identity) or status.st_size < self._place:
                return None
            self._file = identity
            file.seek(self._place)
            content = file.read(MOST_AT_ONCE)
        whole = content[: content.rfind(b"\n") + 1]
        if not whole and len(content) == MOST_AT_ONCE:
            whole = content  # a line that long is none of ours
        self._place += len(whole)
        lines = whole.decode("utf-8", "replace").split("\n")
        return [event for event in map(from_line, lines) if event is not None]
