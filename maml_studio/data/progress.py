"""How a loader that takes long says how far it is, and learns that nobody waits any more."""

import time
from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with a short sentence and the share done (0 to 1, or -1 where it is unknown); may raise :class:`Cancelled`."""


class Cancelled(Exception):  # noqa: N818 - nothing is wrong: somebody asked for it
    """Loading was given up on request; nothing half done is left behind."""


def silent(message: str, share: float) -> None:
    """A progress that tells nobody."""


def throttled(progress: Progress, interval: float = 0.05) -> Progress:
    """The same progress, for callers that report every small piece: the first report, then one per ``interval`` seconds."""
    last = -interval

    def report(message: str, share: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= interval:
            last = now
            progress(message, share)

    return report
