"""Spoiled queues."""

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from mutations import Refused, as_json, read, spoiled_bytes, spoiled_trees

from maml_studio.spec import SpecError, load_preset
from maml_studio.training.queue import Entry, Queue, QueueError

SETTINGS = {name: load_preset(name).model_dump(mode="json") for name in ("digits-maml", "sinusoid-maml")}
ENTRIES = [
    Entry("a1", SETTINGS["digits-maml"], "finished", "/tmp/no-such-folder/2026-11-01-100000-digits", "all 600 iterations done"),
    Entry("b2", SETTINGS["sinusoid-maml"], "training", "/tmp/no-such-folder/2026-11-01-110000-sines"),
    Entry("c3", SETTINGS["digits-maml"]),
]
TREE: dict[str, Any] = {"version": 1, "entries": [asdict(entry) for entry in ENTRIES]}
WHOLE = json.dumps(TREE, indent=1).encode()
_SHORT = TREE | {"entries": [entry | {"experiment": {"name": "short", "seed": 1}} for entry in TREE["entries"]]}

FILES = st.one_of(
    spoiled_bytes(WHOLE),
    spoiled_bytes(json.dumps(_SHORT).encode()),
    spoiled_trees(TREE).map(as_json),
    spoiled_trees(_SHORT).map(as_json),
)


def check(folder: Path, content: bytes) -> list[Entry] | Refused:
    """Entries whose settings can be asked for, and that can be changed and begun; or a refusal, which leaves the file alone."""
    queue = Queue(folder / "queue.json")
    found: list[Entry] | Refused = read(lambda path: queue.entries(), queue.path, content, QueueError)
    if isinstance(found, Refused):
        with contextlib.suppress(QueueError):
            queue.clear_done()
        assert queue.path.read_bytes() == content
        return found
    for entry in found:
        entry.name.encode()
        with contextlib.suppress(SpecError):
            entry.settings()
    queue.acquire()
    try:
        begun = queue.begin(folder)
        after = queue.entries()
        assert len(after) == len(found)
        if begun is not None:
            queue.settle(begun.identity, "no")
        queue.clear_done()
    finally:
        queue.release()
    return found
