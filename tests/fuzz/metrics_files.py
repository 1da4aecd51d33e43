"""Spoiled courses of runs. Nothing is refused here: lines that can't be used are passed over, and the rest is shown."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from mutations import as_json, spoiled_bytes, spoiled_trees

from maml_studio.compare.curves import read_curves
from maml_studio.gui.run_model import RunModel, describe_score
from maml_studio.spec import load_preset, to_toml
from maml_studio.training.events import (
    Checkpointed,
    Diverged,
    Event,
    Failed,
    Finished,
    OuterStep,
    Started,
    StepScore,
    Stopped,
    Validation,
    from_line,
    to_line,
)
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.run_follow import MetricsReader
from maml_studio.training.run_index import METRICS, summarise

EVENTS: list[Event] = [
    Started(0, 100, "cpu", 28933, "support", "goes on"),
    OuterStep(1, 0.5, 0.8, (1.6, 0.2), (1.6, 0.5), 0.2, 2.5, 0.001, 16, 1.25, {"residual": 0.1}),
    OuterStep(2, 0.4, None, (1.6, 0.2), (), None, 2.5, 0.001, 16, 1.5),
    Validation(2, (StepScore(0, 1.5, 0.1, 1.4, 0.2, 0.02), StepScore(1, 0.5, 0.05, 0.4, 0.9, 0.01)), 100, "support", True, 2.5),
    Checkpointed(2, "best"),
    Validation(3, (StepScore(0, 1.5, 0.1, 1.4, None, None),), 100, "no norm", True, 2.5),
    Diverged(4, "it exploded"),
    Failed(4, "it exploded"),
    Stopped(4),
    Finished(5, "all 5 iterations done"),
]
WHOLE = "".join(to_line(event) + "\n" for event in EVENTS).encode()


def _tree(event: Event) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(to_line(event))
    return tree


_LINES = st.one_of(
    st.sampled_from(EVENTS).map(lambda event: to_line(event).encode()),
    st.sampled_from(EVENTS).flatmap(lambda event: spoiled_trees(_tree(event))).map(as_json),
    st.sampled_from(EVENTS).flatmap(lambda event: spoiled_bytes(to_line(event).encode())),
)
FILES = st.one_of(spoiled_bytes(WHOLE), st.lists(_LINES, min_size=1, max_size=8).map(b"\n".join))


def check(folder: Path, content: bytes) -> list[Event]:
    """What everybody makes of it who reads it: the list, the Train page's model, the curves of Compare."""
    run = folder / "run"
    if not run.exists():
        (run / "checkpoints").mkdir(parents=True)
        (run / "experiment.toml").write_text(to_toml(load_preset("digits-maml")), encoding="utf-8")
    (run / METRICS).write_bytes(content)
    events = list(RunFolder.open(run).events())
    for event in events:
        assert repr(from_line(to_line(event))) == repr(event)  # a NaN is not equal to itself
    summary = summarise(run)
    assert summary is not None
    if summary.best:
        summary.best.text()
        summary.best.conditions()
    model = RunModel()
    model.set_loading()
    model.take(MetricsReader(run).read_all())
    model.end_replay()
    model.tasks_per_second()
    model.seconds_left()
    if model.best_validation:
        describe_score(model.best_validation)
    _ = model.regression
    curves = read_curves(run)
    assert len(curves.outer) == sum(isinstance(event, OuterStep) for event in events)
    return events
