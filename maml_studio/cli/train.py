"""The verbs ``train`` and ``resume``."""

import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ..spec import Experiment, UserModule, load, load_preset, preset_names, with_assignments, with_changes
from ..spec.errors import Problem, SpecError
from .output import AllowModules, CommandError, Json, Output, Run, Sets, find_run

if TYPE_CHECKING:
    from ..training.checkpoint import Checkpoint
    from ..training.control import Control
    from ..training.run_folder import RunFolder


def train(
    experiment: Annotated[str, typer.Argument(metavar="PRESET|FILE.toml", help="A preset's name or an experiment file.")],
    assignments: Sets = None,
    run_dir: Annotated[str, typer.Option("--run-dir", metavar="DIR", help="The run's folder, which must not exist yet.")] = "",
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write event files for TensorBoard too: training.tensorboard=true.")
    ] = False,
    allow_modules: AllowModules = None,
    json_file: Json = "",
) -> int:
    """Meta-train a preset or an experiment.

    SIGINT (Ctrl+C) and SIGTERM end the run with its state saved; resume goes on.
    """
    del allow_modules  # its callback did it
    output = Output(json_file)
    settings = with_assignments(experiment_of(experiment), assignments or [])
    if tensorboard:
        settings = with_changes(settings, {"training.tensorboard": True})
    # Before a folder is made for what can't run.
    if settings.training.tensorboard:
        from ..training.tensorboard import require_tensorboard

        require_tensorboard()
    from ..training.memory import check_memory

    check_memory(settings)
    if isinstance(settings.model, UserModule):
        from ..models import build_for

        build_for(settings)
    from ..paths import runs_dir
    from ..training.control import Control
    from ..training.naming import new_run_path
    from ..training.run_folder import RunFolder

    control = Control()
    with _stopped_by_signals(control):
        folder = RunFolder.create(Path(run_dir) if run_dir else new_run_path(runs_dir(), settings.name), settings)
        folder.lock("maml-studio train")
        return _drive(settings, folder, None, control, output)


def resume(run: Run, allow_modules: AllowModules = None, json_file: Json = "") -> int:
    """Go on with a run."""
    del allow_modules  # its callback did it
    output = Output(json_file)
    from ..training.control import Control
    from ..training.events import Finished
    from ..training.run_folder import RunFolder

    folder = RunFolder.open(find_run(run))
    folder.lock("maml-studio resume")
    last = next(iter(deque(folder.events(), maxlen=1)), None)
    if isinstance(last, Finished):
        output.console.print(f"{folder.path} is finished already, after {last.iteration} iterations: {last.reason}")
        output.result({"run": folder.path, "status": "finished", "iterations": last.iteration})
        folder.close()
        return 0
    control = Control()
    with _stopped_by_signals(control):
        return _drive(folder.experiment, folder, folder.resume_point(), control, output)


def experiment_of(text: str) -> Experiment:
    """What an experiment file or a preset's name stands for.

    Raises:
        SpecError: when it is neither, or the file is wrong.
    """
    if text.endswith(".toml") or Path(text).is_file():
        return load(Path(text))
    if text not in preset_names():
        raise SpecError([Problem(f"{text!r}", f"is no .toml file and none of the presets {', '.join(preset_names())}")])
    return load_preset(text)


def _drive(experiment: Experiment, folder: "RunFolder", checkpoint: "Checkpoint | None", control: "Control", output: Output) -> int:
    from ..training.events import Failed, Started, Stopped
    from ..training.memory import check_memory
    from ..training.trainer import run
    from .progress import Reporter

    check_memory(experiment)
    reporter, began = Reporter(experiment, output.console), False
    with reporter:
        for event in run(experiment, folder=folder, control=control, checkpoint=checkpoint, progress=reporter.loading):
            began = began or isinstance(event, Started)
            reporter.see(event)
    last = reporter.last
    status = {Failed: "failed", Stopped: "stopped"}.get(type(last), "finished")
    iterations: int = getattr(last, "iteration", 0)
    reporter.report(folder.path)
    output.result({"run": folder.path, "status": status, "iterations": iterations})
    if isinstance(last, Failed):
        # What ends before it began did so because of what it was given: a folder that isn't there, a broken image.
        raise CommandError(last.message, 1 if began else 2)
    return 0


@contextmanager
def _stopped_by_signals(control: "Control") -> Iterator[None]:
    """SIGTERM and SIGINT stop the run; a second SIGINT from somebody who can't wait ends the program."""

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        control.stop()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
