"""Runs on disk for the tests of the Runs page, written by hand: no training takes place."""

from pathlib import Path

from window_cases import tiny

from maml_studio.spec import Experiment, to_toml
from maml_studio.training.events import Event, Finished, OuterStep, Started, StepScore, Validation, to_line
from maml_studio.training.run_about import About, write_about


def step(iteration: int) -> OuterStep:
    return OuterStep(iteration, 0.5, 0.8, (1.6, 0.4), (), None, 1.0, 0.001, 16, float(iteration))


def validation(iteration: int, accuracy: float) -> Validation:
    score = StepScore(2, 1 - accuracy, 0.02, 0.1, accuracy, 0.01)
    return Validation(iteration, (score,), 100, "support", True, float(iteration))


def finished(accuracy: float = 0.9) -> list[Event]:
    return [Started(0, 6, "cpu", 10, "support"), step(5), step(6), validation(6, accuracy), Finished(6, "all 6 iterations done")]


def add_events(folder: Path, *events: Event) -> None:
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(to_line(event) + "\n" for event in events)


def write_run(folder: Path, events: list[Event] | None = None, settings: Experiment | None = None, about: About | None = None) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "experiment.toml").write_text(to_toml(settings or tiny()), encoding="utf-8")
    add_events(folder, *(finished() if events is None else events))
    if about:
        write_about(folder, about)
    return folder
