"""A disk that is full, a folder that is gone or read-only in mid-run: training waits, goes on when it is mended, and nothing is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from run_cases import assert_same_bits, assert_same_runs, checked, lines, resume, sines

from maml_studio.spec import Experiment
from maml_studio.training.control import Control
from maml_studio.training.events import PASSING, Event, Failed, Finished, Held, OuterStep, Resumed, Validation
from maml_studio.training.run_folder import LATEST, METRICS, RunFolder, RunInUseError
from maml_studio.training.trainer import run

posix = pytest.mark.skipif(os.name != "posix", reason="an open file can't be moved on Windows")


class Trouble:
    """Something that happens to a run's folder, and how it is mended."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        raise NotImplementedError

    def mend(self) -> None:
        raise NotImplementedError


class SmallFilesOnly(Trouble):
    """The system refuses to let a file grow, much as on a full disk."""

    def begin(self) -> None:
        import resource

        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, self.limits[1]))

    def mend(self) -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


class Moved(Trouble):
    def begin(self) -> None:
        self.path.rename(self.path.with_name("elsewhere"))

    def mend(self) -> None:
        self.path.with_name("elsewhere").rename(self.path)


class CopiedBack(Moved):
    """As after a disk was lost and its backup was put back."""

    def mend(self) -> None:
        shutil.copytree(self.path.with_name("elsewhere"), self.path)


class Deleted(Trouble):
    def begin(self) -> None:
        shutil.rmtree(self.path)

    def mend(self) -> None:
        self.path.mkdir()


class FileInItsPlace(Deleted):
    def begin(self) -> None:
        super().begin()
        self.path.touch()

    def mend(self) -> None:
        self.path.unlink()
        super().mend()


class MetricsUnreadable(Trouble):
    def begin(self) -> None:
        (self.path / METRICS).unlink()
        (self.path / METRICS).mkdir()

    def mend(self) -> None:
        (self.path / METRICS).rmdir()


class CheckpointsBlocked(Trouble):
    def begin(self) -> None:
        (self.path / "checkpoints").rename(self.path.with_name("saved"))
        (self.path / "checkpoints").touch()

    def mend(self) -> None:
        (self.path / "checkpoints").unlink()
        self.path.with_name("saved").rename(self.path / "checkpoints")


class ReadOnly(Trouble):
    def begin(self) -> None:
        (self.path / "checkpoints").chmod(0o500)
        if os.access(self.path / "checkpoints", os.W_OK):
            pytest.skip("nothing is read-only for root")

    def mend(self) -> None:
        (self.path / "checkpoints").chmod(0o700)


TROUBLES: list[type[Trouble]] = [
    SmallFilesOnly,
    Moved,
    CopiedBack,
    Deleted,
    FileInItsPlace,
    MetricsUnreadable,
    CheckpointsBlocked,
    ReadOnly,
]


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Experiment, Path]:
    experiment = sines(training__checkpoint_every=1)
    checked(run(experiment, folder=RunFolder.create(tmp_path / "whole", experiment)))
    return experiment, tmp_path / "whole"


def troubled(events: Iterator[Event], trouble: Trouble, at: type[Event], on_held: Callable[[Held], None]) -> list[Event]:
    """A run's events, with the trouble beginning at the second event of a kind."""
    seen: list[Event] = []
    for event in events:
        seen.append(event)
        if isinstance(event, at) and sum(isinstance(one, at) for one in seen) == 2:
            trouble.begin()
        if isinstance(event, Held):
            on_held(event)
    return seen


@posix
@pytest.mark.parametrize("kind", TROUBLES)
@pytest.mark.parametrize("at", [OuterStep, Validation])
def test_waits_and_goes_on(tmp_path: Path, whole: tuple[Experiment, Path], kind: type[Trouble], at: type[Event]) -> None:
    experiment, reference = whole
    path = tmp_path / "run"
    trouble = kind(path)
    seen = troubled(run(experiment, folder=RunFolder.create(path, experiment)), trouble, at, lambda held: trouble.mend())
    waits = [event for event in seen if isinstance(event, Held)]
    assert len(waits) == 1
    assert str(path) in waits[0].message
    assert "\n" not in waits[0].message
    assert waits[0].message.endswith("training waits, and goes on as soon as it can")
    assert isinstance(seen[seen.index(waits[0]) + 1], Resumed)
    assert isinstance(seen[-1], Finished)
    assert list(RunFolder.open(path).events()) == [event for event in seen if not isinstance(event, PASSING)]
    if isinstance(trouble, Deleted):
        # What was only on the disk is lost with it; what is in memory is all there is to go on.
        assert lines(path) == lines(reference)
        assert_same_bits(*(RunFolder.open(folder).load_checkpoint(LATEST) for folder in (reference, path)))
    else:
        assert_same_runs(reference, path)


@posix
@pytest.mark.parametrize("kind", [SmallFilesOnly, Moved, MetricsUnreadable, CheckpointsBlocked])
def test_the_end_while_it_waits(tmp_path: Path, whole: tuple[Experiment, Path], kind: type[Trouble]) -> None:
    """The run ends with the sentence, and goes on from its last checkpoint when all is well again."""
    experiment, reference = whole
    path, control = tmp_path / "run", Control()
    trouble = kind(path)
    events = run(experiment, folder=RunFolder.create(path, experiment), control=control)
    seen = troubled(events, trouble, OuterStep, lambda held: control.stop())
    assert isinstance(seen[-1], Failed)
    assert str(path) in seen[-1].message
    assert seen[-1].message.endswith("; the last state that was saved is that of iteration 1")
    trouble.mend()
    if kind is not MetricsUnreadable:
        resume(path)
        assert_same_runs(reference, path)


@posix
def test_the_end_where_it_is_mended_just_then_saves_the_state(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    experiment, reference = whole
    path, control = tmp_path / "run", Control()
    trouble = Moved(path)

    def mend_and_stop(held: Held) -> None:
        trouble.mend()
        control.stop()

    seen = troubled(run(experiment, folder=RunFolder.create(path, experiment), control=control), trouble, OuterStep, mend_and_stop)
    assert [type(event).__name__ for event in seen[-2:]] == ["Checkpointed", "Stopped"]
    resume(path)
    assert_same_runs(reference, path)


@posix
def test_missing_parts_are_made_again_without_a_word(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    """Whatever is known here needs nobody to mend it."""
    experiment, reference = whole
    path = tmp_path / "run"

    class PartsDeleted(Trouble):
        def begin(self) -> None:
            for file in (path / METRICS, path / "experiment.toml", path / "run.lock"):
                file.unlink()
            shutil.rmtree(path / "checkpoints")

    seen = troubled(run(experiment, folder=RunFolder.create(path, experiment)), PartsDeleted(path), OuterStep, pytest.fail)
    assert isinstance(seen[-1], Finished)
    assert lines(path) == lines(reference)
    assert (path / "experiment.toml").read_bytes() == (reference / "experiment.toml").read_bytes()


class Patient(Control):
    """Mends after it was waited for so many times."""

    def __init__(self, times: int, mend: Callable[[], None]) -> None:
        super().__init__()
        self.asked: list[float] = []
        self._times, self._mend = times, mend

    def wait(self, seconds: float) -> None:
        self.asked.append(seconds)
        if len(self.asked) == self._times:
            self._mend()


@posix
def test_tries_again_and_again_and_says_so_once(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    experiment, reference = whole
    path = tmp_path / "run"
    trouble = Moved(path)
    control = Patient(5, trouble.mend)
    events = run(experiment, folder=RunFolder.create(path, experiment), control=control)
    seen = troubled(events, trouble, OuterStep, lambda held: None)
    assert sum(isinstance(event, Held) for event in seen) == 1
    assert len(control.asked) == 5
    assert all(1 <= seconds <= 10 for seconds in control.asked)
    assert_same_runs(reference, path)


@posix
def test_a_folder_that_is_gone_is_missed_at_the_next_step(tmp_path: Path) -> None:
    experiment = sines(training__checkpoint_every=1000, evaluation__every=1000)
    path = tmp_path / "run"
    trouble = Moved(path)
    seen = troubled(run(experiment, folder=RunFolder.create(path, experiment)), trouble, OuterStep, lambda held: trouble.mend())
    held = next(event for event in seen if isinstance(event, Held))
    assert held.iteration == 3
    assert "is gone: put it back" in held.message


@posix
def test_another_program_in_the_folder_s_place_is_not_overwritten(tmp_path: Path) -> None:
    experiment = sines()
    path = tmp_path / "run"
    other = RunFolder.create(tmp_path / "other", experiment)
    other.lock("the other one")

    class Replaced(Moved):
        def begin(self) -> None:
            super().begin()
            other.path.rename(self.path)

        def mend(self) -> None:
            other.close()
            self.path.rename(other.path)
            super().mend()

    trouble = Replaced(path)
    messages: list[str] = []

    def mend(held: Held) -> None:
        messages.append(held.message)
        assert not (path / METRICS).exists()
        trouble.mend()

    seen = troubled(run(experiment, folder=RunFolder.create(path, experiment)), trouble, OuterStep, mend)
    assert "is being trained by the other one" in messages[0]
    assert isinstance(seen[-1], Finished)


@contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """A file system of 300 kB; needs the rights to mount one."""
    path.mkdir()
    mounted = sys.platform == "linux" and os.geteuid() == 0
    mounted = (
        mounted
        and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", path], capture_output=True, check=False).returncode == 0
    )
    if not mounted:
        pytest.skip("a small file system can be mounted by root on Linux only, and not in every container")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def test_a_full_disk(tmp_path: Path, whole: tuple[Experiment, Path]) -> None:
    experiment, reference = whole
    with small_disk(tmp_path / "disk"):
        path = tmp_path / "disk" / "run"

        class Full(Trouble):
            def begin(self) -> None:
                with (tmp_path / "disk" / "big").open("wb", buffering=0) as file:
                    for size in (4096, 1):
                        try:
                            while True:
                                file.write(b"x" * size)
                        except OSError:
                            continue

            def mend(self) -> None:
                (tmp_path / "disk" / "big").unlink()

        trouble = Full(path)
        seen = troubled(run(experiment, folder=RunFolder.create(path, experiment)), trouble, OuterStep, lambda held: trouble.mend())
        held = next(event for event in seen if isinstance(event, Held))
        assert "No space left on device" in held.message
        assert_same_runs(reference, path)


def test_one_program_at_a_time(tmp_path: Path) -> None:
    experiment = sines()
    events = run(experiment, folder=RunFolder.create(tmp_path / "run", experiment))
    while not isinstance(next(events), OuterStep):
        pass
    before = (tmp_path / "run" / METRICS).read_bytes()
    words = r"is being trained by a Python program \(process \d+\) since \d{4}-\d\d-\d\d \d\d:\d\d; stop it there first"
    with pytest.raises(RunInUseError, match=words):
        RunFolder.open(tmp_path / "run").resume_point()
    with pytest.raises(RunInUseError, match=words):
        list(run(experiment, folder=RunFolder.open(tmp_path / "run")))
    assert (tmp_path / "run" / METRICS).read_bytes() == before
    # Reading is everybody's, and a copy is a run of its own.
    assert list(RunFolder.open(tmp_path / "run").events())
    shutil.copytree(tmp_path / "run", tmp_path / "copy")
    assert isinstance(resume(tmp_path / "copy")[-1], Finished)
    assert isinstance(checked(events)[-1], Finished)
    assert isinstance(resume(tmp_path / "run")[-1], Finished)


@pytest.mark.parametrize("content", [None, b"", b"[]", b'{"program": 1}', b"[" * 100_000, b"\xff\x00"])
def test_whoever_holds_it_may_be_unknown(tmp_path: Path, content: bytes | None) -> None:
    folder = RunFolder.create(tmp_path / "run", sines())
    folder.lock()
    (folder.path / "run.lock.json").unlink()
    if content is not None:
        (folder.path / "run.lock.json").write_bytes(content)
    with pytest.raises(RunInUseError, match="by another program"):
        RunFolder.open(folder.path).lock()
    folder.close()
    RunFolder.open(folder.path).lock()
