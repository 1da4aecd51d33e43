"""The verbs ``train`` and ``resume``."""

import os
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from ..spec import Experiment, UserModule, load, load_preset, parse, preset_names, with_assignments, with_changes
from ..spec.errors import Problem, SpecError
from .output import AllowModules, CommandError, Json, Output, Run, Sets, find_run

if TYPE_CHECKING:
    from ..sweeps.search import Search
    from ..training.checkpoint import Checkpoint
    from ..training.control import Control
    from ..training.distributed import Ranks
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
    'torchrun --nproc-per-node N -m maml_studio train ...' shares each meta-batch among N processes.
    """
    del allow_modules  # its callback did it
    with _joined() as ranks:
        if ranks and not ranks.first:
            return _follow(ranks)
        output = Output(json_file)
        if ranks and run_dir and _begun_before(Path(run_dir)):
            return _resume(Path(run_dir), ranks, output)
        settings = _checked(experiment, assignments or [], tensorboard, ranks)
        from ..paths import runs_dir
        from ..training.control import Control
        from ..training.naming import new_run_path
        from ..training.run_folder import RunFolder

        control = Control()
        with stopped_by_signals(control, ranks):
            folder = RunFolder.create(Path(run_dir) if run_dir else new_run_path(runs_dir(), settings.name), settings)
            folder.lock("maml-studio train")
            return _drive(settings, folder, None, control, output, ranks)


def _checked(experiment: str, assignments: list[str], tensorboard: bool, ranks: "Ranks | None") -> Experiment:
    """The settings to train with, looked at before a folder is made for what can't run."""
    settings = with_assignments(experiment_of(experiment), assignments)
    if tensorboard:
        settings = with_changes(settings, {"training.tensorboard": True})
    if settings.training.tensorboard:
        from ..training.tensorboard import require_tensorboard

        require_tensorboard()
    from ..training.memory import check_memory

    check_memory(settings)
    if isinstance(settings.model, UserModule):
        from ..models import build_for

        build_for(settings)
    if ranks:
        ranks.check(settings)
    return settings


def resume(run: Run, allow_modules: AllowModules = None, json_file: Json = "") -> int:
    """Go on with a run."""
    del allow_modules  # its callback did it
    with _joined() as ranks:
        return _follow(ranks) if ranks and not ranks.first else _resume(find_run(run), ranks, Output(json_file))


def _resume(path: Path, ranks: "Ranks | None", output: Output) -> int:
    from ..training.control import Control
    from ..training.events import Finished
    from ..training.run_folder import RunFolder

    folder = RunFolder.open(path)
    if ranks:
        ranks.check(folder.experiment)
    folder.lock("maml-studio resume")
    last = next(iter(deque(folder.events(), maxlen=1)), None)
    if isinstance(last, Finished):
        output.console.print(f"{folder.path} is finished already, after {last.iteration} iterations: {last.reason}")
        output.result({"run": folder.path, "status": "finished", "iterations": last.iteration})
        folder.close()
        if ranks:
            ranks.from_first(None)
        return 0
    control = Control()
    with stopped_by_signals(control, ranks):
        return _drive(folder.experiment, folder, folder.resume_point(), control, output, ranks)


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


def _drive(
    experiment: Experiment,
    folder: "RunFolder",
    checkpoint: "Checkpoint | None",
    control: "Control",
    output: Output,
    ranks: "Ranks | None" = None,
) -> int:
    from ..training.events import Failed, Started, Stopped
    from ..training.memory import check_memory
    from ..training.trainer import run
    from .progress import Reporter

    check_memory(experiment)
    if ranks:
        ranks.from_first(experiment.model_dump(mode="json"))
        ranks.checkpoint_from_first(checkpoint)
    reporter, began = Reporter(experiment, output.console), False
    with reporter:
        for event in run(experiment, folder=folder, control=control, checkpoint=checkpoint, progress=reporter.loading, ranks=ranks):
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
def _joined() -> Iterator["Ranks | None"]:
    """The processes that torchrun started; None, and torch not imported yet, where this is the only one."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield None
        return
    from ..training.distributed import RankError, Ranks, joined

    ranks: Ranks | None = None
    try:
        with joined() as ranks:
            yield ranks
    except RankError as error:  # before training began
        if ranks is None or ranks.first:
            raise CommandError(str(error), 1) from None
        raise typer.Exit(1) from None  # the first one has said why


def _begun_before(path: Path) -> bool:
    """Whether torchrun starts a run once more that has lost a process."""
    from ..training.distributed import restarted

    return restarted() and path.exists()


def _follow(ranks: "Ranks") -> int:
    """Train with the first process, which has the folder and the word; 1 where it failed.

    Raises:
        CommandError: when the run failed because of this process.
    """
    from ..training.control import Control
    from ..training.events import Diverged, Failed
    from ..training.trainer import run

    raw = ranks.from_first(None)
    if raw is None:
        return 0  # there was nothing left to do
    checkpoint = ranks.checkpoint_from_first(None)
    control = Control()
    with stopped_by_signals(control, ranks):
        events = list(deque(run(parse(raw), control=control, checkpoint=checkpoint, ranks=ranks), maxlen=2))
    if not isinstance(events[-1], Failed):
        return 0
    if isinstance(events[0], Diverged) or ranks.lost:
        return 1
    raise CommandError(f"process {ranks.rank} of {ranks.size}: {events[-1].message}", 1)


@contextmanager
def stopped_by_signals(control: "Control | Search", ranks: "Ranks | None" = None) -> Iterator[None]:
    """SIGTERM and SIGINT stop the run; a second SIGINT from somebody who can't wait ends the program.

    Not so of several processes, where torchrun hands on what the terminal may have sent already, and ends what takes too long.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del frame
        control.stop()
        if number == signal.SIGINT and ranks is None:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
