import pytest
from run_folders import add_events, finished, step, write_run

from maml_studio.files import write_whole
from maml_studio.training import run_follow
from maml_studio.training.events import Finished, to_line
from maml_studio.training.run_follow import MetricsReader


def test_each_look_takes_in_what_has_grown(tmp_path):
    folder = write_run(tmp_path / "run", [step(1)])
    reader = MetricsReader(folder)
    assert reader.read_all() == [step(1)]
    assert reader.read_new() == []
    add_events(folder, [step(2), step(3)])
    assert reader.read_new() == [step(2), step(3)]
    with (folder / "metrics.jsonl").open("a") as file:
        line = to_line(Finished(3, "done"))
        file.write(line[:20])
        file.flush()
        assert reader.read_new() == []
        file.write(line[20:] + "\nno event\n")
    assert reader.read_new() == [Finished(3, "done")]


def test_a_run_that_has_written_nothing_yet(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    reader = MetricsReader(folder)
    assert reader.read_all() == []
    add_events(folder, [step(1)])
    assert reader.read_new() == [step(1)]


@pytest.mark.parametrize("in_place", [True, False])
def test_a_file_that_was_cut_is_told(tmp_path, in_place):
    folder = write_run(tmp_path / "run", finished())
    reader = MetricsReader(folder)
    assert len(reader.read_all()) == 103
    content = (to_line(step(1)) + "\n").encode()
    if in_place:
        (folder / "metrics.jsonl").write_bytes(content)
    else:
        write_whole(folder / "metrics.jsonl", content)
    assert reader.read_new() is None
    assert MetricsReader(folder).read_all() == [step(1)]


def test_a_long_file_is_read_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(run_follow, "MOST_AT_ONCE", 1000)
    folder = write_run(tmp_path / "run", finished())
    assert MetricsReader(folder).read_all() == finished()


def test_a_line_without_end_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(run_follow, "MOST_AT_ONCE", 1000)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("x" * 5500 + "\n" + to_line(step(1)) + "\n")
    reader = MetricsReader(folder)
    assert [event for _ in range(8) for event in reader.read_new()] == [step(1)]
