"""A run on disk."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from run_cases import sines

from maml_studio.files import write_whole
from maml_studio.training.checkpoint import Checkpoint
from maml_studio.training.events import (
    Checkpointed,
    Event,
    Finished,
    Held,
    Loading,
    OuterStep,
    Resumed,
    Started,
    StepScore,
    Stopped,
    Validation,
)
from maml_studio.training.run_folder import BEST, LATEST, METRICS, RunFolder, RunFolderError

MEGABYTE = 1 << 20


@contextmanager
def small_files_only(size: int) -> Iterator[None]:
    """The system refuses to let a file grow beyond ``size``, much as on a full disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_writes_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for content in (b"first", b"", b"x" * MEGABYTE):
        write_whole(path, content)
        assert path.read_bytes() == content
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
@pytest.mark.parametrize("old", [b"old", None])
def test_failed_write_leaves_the_old_file(tmp_path: Path, old: bytes | None) -> None:
    path = tmp_path / "a.txt"
    if old:
        path.write_bytes(old)
    with small_files_only(MEGABYTE), pytest.raises(OSError, match="too large"):
        write_whole(path, b"x" * 2 * MEGABYTE)
    assert path.exists() == bool(old)
    assert names(tmp_path) == (["a.txt"] if old else [])
    assert not old or path.read_bytes() == old


def test_write_that_cannot_be_renamed_leaves_no_rubbish(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - the words are the system's
        write_whole(tmp_path / "a", b"content")
    assert names(tmp_path) == ["a"]


def test_a_run_needs_a_new_folder(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "runs" / "a", sines())
    assert folder.experiment == sines()
    assert RunFolder.open(folder.path).experiment == sines()
    with pytest.raises(RunFolderError, match="is there already"):
        RunFolder.create(folder.path, sines())
    with pytest.raises(RunFolderError, match="no run folder"):
        RunFolder.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="can't be made"):
        RunFolder.create(tmp_path / "file" / "a", sines())


def step(iteration: int) -> OuterStep:
    return OuterStep(iteration, 0.5, 0.8, (1.6, 0.2), (), None, 2.5, 0.001, 16, 1.25)


def test_events_survive_a_crash(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "a", sines())
    assert list(folder.events()) == []
    for passing in (Loading("Loading", 0.5), Held(1, "The disk is full"), Resumed(1)):
        folder.append(passing)
    folder.append(Started(0, 10, "cpu", 5, "no norm"))
    folder.append(step(1))
    # Each line is on disk before the next event comes.
    assert list(RunFolder.open(folder.path).events()) == [Started(0, 10, "cpu", 5, "no norm"), step(1)]
    folder.close()
    with (folder.path / METRICS).open("ab") as file:
        file.write(b'{"event": "OuterStep", "itera\xff')
    assert list(folder.events()) == [Started(0, 10, "cpu", 5, "no norm"), step(1)]


def test_resuming_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "a", sines())
    score = StepScore(0, 1.0, 0.1, 1.0, None, None)
    kept: list[Event] = [
        Started(0, 10, "cpu", 5, "no norm"),
        Validation(0, (score,), 5, "no norm", True, 0.0),
        step(1),
        step(2),
    ]
    validation: list[Event] = [Validation(2, (score,), 5, "no norm", True, 1.0), Checkpointed(2, BEST)]
    late: list[Event] = [Checkpointed(2, LATEST), step(3), Validation(3, (score,), 5, "no norm", False, 1.5), Stopped(3)]
    for event in [*kept, *validation, *late, Finished(3, "done")]:
        folder.append(event)
    for iteration, expected in ((2, [*kept, *validation]), (0, kept)):
        # A state saved in the middle of its validation knows nothing of it.
        scores = {"iteration": iteration, "tasks": 5, "norm_mode": "no norm", "steps": [vars(score)]}
        folder.save_checkpoint(LATEST, Checkpoint(sines(), 2, {"a": torch.zeros(1)}, progress={"scores": scores}))
        folder.resume_point()
        assert list(folder.events()) == expected
    folder.append(step(3))
    folder.close()
    assert list(folder.events()) == [*kept, step(3)]


@pytest.mark.parametrize(("missing", "expected"), [(1, [1, 2]), (30, [1, 2])])
def test_resuming_mends_a_line_cut_short(tmp_path: Path, missing: int, expected: list[int]) -> None:
    folder = RunFolder.create(tmp_path / "a", sines())
    folder.append(step(1))
    folder.append(step(2))
    folder.close()
    folder.save_checkpoint(LATEST, Checkpoint(sines(), 1 if missing > 1 else 2, {"a": torch.zeros(1)}))
    metrics = folder.path / METRICS
    metrics.write_bytes(metrics.read_bytes()[:-missing])
    folder.resume_point()
    if missing > 1:
        folder.append(step(2))
    folder.close()
    assert list(folder.events()) == [step(iteration) for iteration in expected]
    assert metrics.read_bytes().endswith(b"}\n")


def test_a_line_that_does_not_fit_on_the_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "a", sines())
    folder.append(step(1))
    size = (folder.path / METRICS).stat().st_size
    with small_files_only(size + 10), pytest.raises(OSError, match=METRICS):
        folder.append(step(2))
    assert (folder.path / METRICS).stat().st_size == size
    folder.append(step(2))
    folder.close()
    assert list(folder.events()) == [step(1), step(2)]


def test_a_folder_made_half_has_no_name(tmp_path: Path) -> None:
    with small_files_only(10), pytest.raises(RunFolderError, match="can't be made: File too large"):
        RunFolder.create(tmp_path / "runs" / "a", sines())
    assert list((tmp_path / "runs").iterdir()) == []
