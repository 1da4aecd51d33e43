"""Run folders: a free name, and the newest ones found again."""

from pathlib import Path

from run_folders import finished, step, write_run

from maml_studio.training.events import Started, Stopped
from maml_studio.training.naming import FEWEST_ITERATIONS, new_run_path, recent_runs


def make(root: Path, name: str, *, checkpoint: bool = True, iterations: int = 100) -> Path:
    started = Started(0, 100, "cpu", 1000, "support")
    cut = [started, *map(step, range(1, iterations + 1)), Stopped(iterations)]
    folder = write_run(root / name, cut if iterations < 100 else finished())
    if checkpoint:
        (folder / "checkpoints" / "latest.safetensors").write_bytes(b"")
    return folder


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    first = new_run_path(tmp_path, "mine")
    assert first.name.endswith("-mine")
    # Made beforehand for this second and the next ones: the clock may tick in between.
    taken = {first, *(first.with_name(f"{first.name}-{number}") for number in (2, 3))}
    for path in taken:
        path.mkdir()
    assert new_run_path(tmp_path, "mine") not in taken


def test_the_newest_with_a_trained_model_come_first(tmp_path: Path) -> None:
    old, new = make(tmp_path, "2026-01-01-a"), make(tmp_path, "2026-02-01-b")
    make(tmp_path, "2026-03-01-c", checkpoint=False)
    make(tmp_path, "2026-03-02-d", iterations=FEWEST_ITERATIONS - 1)
    (tmp_path / "a file").write_bytes(b"")
    assert recent_runs(tmp_path, 5) == [new, old]
    assert recent_runs(tmp_path, 1) == [new]


def test_no_folder_no_runs(tmp_path: Path) -> None:
    assert recent_runs(tmp_path / "none", 5) == []
