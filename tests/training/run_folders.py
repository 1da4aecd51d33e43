"""Run folders written by hand, for what reads them: no training takes place."""

from pathlib import Path

from maml_studio.spec import Experiment, load_preset, to_toml, with_changes
from maml_studio.training.events import Event, Finished, OuterStep, Started, StepScore, Validation, to_line


def experiment(**changes: object) -> Experiment:
    return with_changes(load_preset("digits-maml"), {name.replace("__", "."): value for name, value in changes.items()})


def step(iteration: int) -> OuterStep:
    return OuterStep(iteration, 0.5, 0.8, (1.6, 0.4), (), None, 1.0, 0.001, 16, iteration / 10)


def validation(iteration: int, accuracy: float, *, best: bool = True) -> Validation:
    score = StepScore(3, 1 - accuracy, 0.02, 0.1, accuracy, 0.01)
    return Validation(iteration, (score,), 100, "support", best, iteration / 10)


def finished(iterations: int = 100) -> list[Event]:
    """The events of a run that went to its end, in short."""
    events: list[Event] = [Started(0, iterations, "cpu", 1000, "support")]
    events += [step(iteration) for iteration in range(1, iterations + 1)]
    return [*events, validation(iterations, 0.9), Finished(iterations, f"all {iterations} iterations done")]


def write_run(folder: Path, events: list[Event], settings: Experiment | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "checkpoints").mkdir()
    (folder / "experiment.toml").write_text(to_toml(settings or experiment()), encoding="utf-8")
    add_events(folder, events)
    return folder


def add_events(folder: Path, events: list[Event]) -> None:
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(to_line(event) + "\n" for event in events)
