"""Reads a run back in the background, and on while another program trains it."""

from dataclasses import dataclass
from pathlib import Path

from ..spec import Experiment, load
from ..training.events import Event
from ..training.run_follow import MetricsReader
from ..training.run_index import EXPERIMENT, in_use
from .worker import LatestWorker


@dataclass(frozen=True)
class Followed:
    """A run as it is now, and where to read on.

    Attributes:
        experiment: its settings.
        events: all that has happened in it.
        live: whether another program trains it.
        reader: gives what has been added since.
    """

    experiment: Experiment
    events: list[Event]
    live: bool
    reader: MetricsReader


class FollowWorker(LatestWorker):
    """A request is a run folder."""

    def work(self, request: Path) -> Followed:
        """Read ``experiment.toml`` and ``metrics.jsonl``.

        Raises:
            ValueError: when the folder is no run, or its settings can't be used.
        """
        if not (request / EXPERIMENT).is_file():
            raise ValueError(f"{request}: is no run folder, it has no {EXPERIMENT}")
        # Asked before the file is read: a run that ends meanwhile has its last event in it.
        live = in_use(request)
        reader = MetricsReader(request)
        return Followed(load(request / EXPERIMENT), reader.read_all(), live, reader)
