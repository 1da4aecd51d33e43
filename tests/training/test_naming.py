"""Run folders: a free name, and the newest ones found again."""

from pathlib import Path

from maml_studio.training.naming import new_run_path, recent_runs


def make(root: Path, name: str, *, checkpoint: bool = True) -> Path:
    folder = root / name
    (folder / "checkpoints").mkdir(parents=True)
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


def test_the_newest_with_a_checkpoint_come_first(tmp_path: Path) -> None:
    old, new = make(tmp_path, "2026-01-01-a"), make(tmp_path, "2026-02-01-b")
    make(tmp_path, "2026-03-01-c", checkpoint=False)
    (tmp_path / "a file").write_bytes(b"")
    assert recent_runs(tmp_path, 5) == [new, old]
    assert recent_runs(tmp_path, 1) == [new]


def test_no_folder_no_runs(tmp_path: Path) -> None:
    assert recent_runs(tmp_path / "none", 5) == []
