"""The queue in the window: real sessions, real training of tiny runs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest
from PySide6.QtCore import Qt
from runs_cases import add_events, finished, step, write_run
from window_cases import tiny

from maml_studio.gui.pages.runs import RunsPage
from maml_studio.gui.run_model import RunModel
from maml_studio.gui.runs_grid_dialog import GridDialog
from maml_studio.gui.session import RunSession
from maml_studio.training.events import Finished
from maml_studio.training.queue import Queue, queue_file
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.run_index import list_runs
from maml_studio.training.run_lock import LOCK

LONG = 60_000


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "runs"


@pytest.fixture
def make_page(qtbot, themed, root):
    def make() -> RunsPage:
        session = RunSession(RunModel())
        page = RunsPage(session, root)
        page.session = session
        qtbot.addWidget(page, before_close_func=lambda page: (page.end(), session.finish()))
        page.resize(1200, 700)
        page.show()
        qtbot.waitExposed(page)
        return page

    return make


def small(name: str, **changes: object):
    return tiny(name=name, training__iterations=2, evaluation__every=2, evaluation__tasks=2, **changes)


def states(page: RunsPage) -> list[tuple[str, str]]:
    return [(entry.name, entry.state) for entry in page.runner.entries]


def long_run(name: str = "long"):
    return tiny(name=name, training__iterations=100_000, training__checkpoint_every=100_000, evaluation__every=100_000)


def test_runs_follow_one_another_and_a_failure_does_not_stop_them(make_page, qtbot, root):
    page = make_page()
    begun = []
    page.queue_starting.connect(lambda experiment, folder: begun.append((experiment.name, folder.name[18:])))
    page.add_to_queue([small("a"), small("b", training__start_from="nowhere.safetensors"), small("c")])
    assert page.queue_card.isVisible()
    qtbot.waitUntil(lambda: states(page) == [("a", "finished"), ("b", "failed"), ("c", "finished")], timeout=LONG)
    qtbot.waitUntil(lambda: not page.runner.going, timeout=LONG)
    assert begun == [("a", "a"), ("b", "b"), ("c", "c")]
    assert {run.experiment: run.status for run in list_runs(root)} == {"a": "finished", "b": "failed", "c": "finished"}
    assert "2 finished, 1 failed" in page.queue.words.text()
    qtbot.waitUntil(lambda: len(page.model.runs) == 3, timeout=LONG)
    page.queue.clear_button.click()
    assert not page.queue_card.isVisible()
    assert not Queue(queue_file()).held


def test_stop_holds_the_queue_and_start_goes_on_where_it_was(make_page, qtbot, root):
    page = make_page()
    page.add_to_queue([long_run(), small("next")])
    qtbot.waitUntil(lambda: page.session.model.iteration > 0, timeout=LONG)
    page.session.stop()
    qtbot.waitUntil(lambda: not page.session.running and not page.runner.going, timeout=LONG)
    assert states(page) == [("long", "waiting"), ("next", "waiting")]
    assert "goes on with it" in page.message.text()
    assert "goes on where it was" in page.queue.list.item(0).text()
    stopped_at = page.session.model.iteration
    page.queue.start_button.click()
    qtbot.waitUntil(lambda: page.session.model.iteration > stopped_at, timeout=LONG)
    assert len(list(root.iterdir())) == 1


def test_closing_the_window_keeps_the_queue_and_nothing_starts_by_itself(make_page, qtbot, root):
    page = make_page()
    page.add_to_queue([long_run(), small("next")])
    qtbot.waitUntil(lambda: page.session.model.iteration > 0, timeout=LONG)
    page.end()
    page.session.finish()
    assert states(page) == [("long", "waiting"), ("next", "waiting")]
    again = make_page()
    assert states(again) == [("long", "waiting"), ("next", "waiting")]
    assert not again.runner.going
    assert not again.session.running
    again.queue.start_button.click()
    qtbot.waitUntil(lambda: again.session.model.iteration > 0, timeout=LONG)


def test_hold_lets_the_run_under_way_end(make_page, qtbot):
    page = make_page()
    page.add_to_queue([small("a"), small("b")])
    qtbot.waitUntil(lambda: page.session.running, timeout=LONG)
    page.queue.start_button.click()
    assert page.queue.start_button.text() == "Start"
    qtbot.waitUntil(lambda: not page.session.running, timeout=LONG)
    assert states(page) == [("a", "finished"), ("b", "waiting")]


def test_a_run_of_ones_own_is_waited_for(make_page, qtbot, root):
    page = make_page()
    page.session.start(long_run("mine"), root / "mine")
    page.add_to_queue([small("a")])
    qtbot.waitUntil(lambda: page.session.model.iteration > 0, timeout=LONG)
    assert states(page) == [("a", "waiting")]
    page.session.stop()
    qtbot.waitUntil(lambda: states(page) == [("a", "finished")], timeout=LONG)


def test_entries_are_reordered_removed_and_brought_back_by_keys(make_page, qtbot):
    Queue(queue_file()).add([small(name) for name in "abc"])
    page = make_page()
    rows = page.queue.list
    rows.setFocus()
    qtbot.waitUntil(rows.hasFocus, timeout=LONG)
    rows.setCurrentRow(2)
    qtbot.keyClick(rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [name for name, _ in states(page)] == ["a", "c", "b"]
    assert rows.currentRow() == 1
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    assert [name for name, _ in states(page)] == ["a", "b"]
    assert page.queue.undo_button.isVisible()
    qtbot.keyClick(rows, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert [name for name, _ in states(page)] == ["a", "c", "b"]


def test_what_a_terminal_adds_appears(make_page, qtbot):
    page = make_page()
    assert not page.queue_card.isVisible()
    Queue(queue_file()).add([small("from the terminal")])
    qtbot.waitUntil(lambda: states(page) == [("from the terminal", "waiting")], timeout=LONG)


def test_a_queue_that_cannot_be_read_is_told_and_put_aside(make_page, qtbot):
    queue_file().parent.mkdir(parents=True)
    queue_file().write_text("{")
    page = make_page()
    assert "should be a queue" in page.queue.words.text()
    page.add_to_queue([small("a")])
    assert not page.session.running
    page.queue.aside_button.click()
    assert not page.queue_card.isVisible()
    assert len(list(queue_file().parent.glob("queue-unreadable-*.json"))) == 1


def test_a_grid_is_previewed_and_a_bad_one_refused(qtbot, themed):
    dialog = GridDialog(tiny())
    qtbot.addWidget(dialog)
    ok = dialog.buttons.button(dialog.buttons.StandardButton.Ok)
    assert not ok.isEnabled()
    qtbot.keyClicks(dialog.text, "algorithm.inner_lr = 0.1, 0.4")
    qtbot.keyClick(dialog.text, Qt.Key.Key_Return)
    qtbot.keyClicks(dialog.text, "seed = 0, 1, 2")
    assert dialog.preview.count() == 6
    assert ok.text() == "Add 6 runs"
    assert [one.seed for one in dialog.experiments()] == [0, 1, 2] * 2
    for text, words in (("seed = 0,1,x", "seed should be a whole number"), ("seeds = 1,2", "did you mean seed"), ("seed", "FIELD=VALUE")):
        dialog.text.setPlainText(text)
        assert words in dialog.message.text()
        assert not ok.isEnabled()
        assert dialog.experiments() == []
    dialog.text.setPlainText(f"seed = {', '.join(map(str, range(300)))}")
    assert "200 runs at most, not 300" in dialog.message.text()
    dialog.text.clear()
    dialog.fields.activated.emit(dialog.fields.findText("algorithm.inner_lr"))
    assert dialog.text.toPlainText() == "algorithm.inner_lr = 0.4"
    assert dialog.preview.count() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_of_the_command_line_appears_and_is_followed_to_its_end(make_page, qtbot, root, tmp_path):
    from maml_studio.spec import to_toml

    (tmp_path / "long.toml").write_text(to_toml(long_run()))
    page = make_page()
    command = [sys.executable, "-m", "maml_studio", "train", str(tmp_path / "long.toml"), "--run-dir", str(root / "outside")]
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL) as program:
        qtbot.waitUntil(lambda: [run.status for run in page.model.runs] == ["training"], timeout=LONG)
        page.session.open(root / "outside")
        qtbot.waitUntil(lambda: page.session.following, timeout=LONG)
        model = page.session.model
        qtbot.waitUntil(lambda: model.iteration > 0, timeout=LONG)
        seen = model.iteration
        qtbot.waitUntil(lambda: model.iteration > seen, timeout=LONG)
        assert model.elsewhere
        assert not page.session.running
        assert not page.commands.actions["delete"].isEnabled()
        program.send_signal(signal.SIGTERM)
        qtbot.waitUntil(lambda: not page.session.following, timeout=LONG)
        program.wait(60)
    assert model.status == "stopped"
    assert not model.elsewhere
    steps = [event.iteration for event in RunFolder.open(root / "outside").events() if type(event).__name__ == "OuterStep"]
    assert list(model.outer_x.array()) == steps == list(range(1, len(steps) + 1))
    qtbot.waitUntil(lambda: [run.status for run in page.model.runs] == ["stopped"], timeout=LONG)


def test_a_followed_run_that_is_begun_anew_is_read_anew(make_page, qtbot, root):
    page = make_page()
    folder = write_run(root / "outside", [step(1), step(2), step(3)])
    with filelock.FileLock(folder / LOCK):
        page.session.open(folder)
        qtbot.waitUntil(lambda: page.session.following, timeout=LONG)
        assert list(page.session.model.outer_x.array()) == [1, 2, 3]
        (folder / "metrics.jsonl").unlink()
        add_events(folder, step(1))
        qtbot.waitUntil(lambda: list(page.session.model.outer_x.array()) == [1], timeout=LONG)
        qtbot.waitUntil(lambda: page.session.following, timeout=LONG)
        add_events(folder, *finished()[2:])
        qtbot.waitUntil(lambda: page.session.model.status == "finished", timeout=LONG)
    assert not page.session.following
    assert isinstance(finished()[-1], Finished)


def test_a_run_that_another_program_trains_is_not_gone_on_with(make_page, qtbot, root):
    folder = write_run(root / "outside", [step(1)])
    page = make_page()
    with filelock.FileLock(folder / LOCK):
        with qtbot.waitSignal(page.session.open_failed, timeout=LONG) as refused:
            page.session.start(tiny(), folder, resume=True)
        assert "is being trained by another program" in refused.args[0]
        qtbot.waitUntil(lambda: page.session.following, timeout=LONG)
        assert list(page.session.model.outer_x.array()) == [1]
    assert (folder / "metrics.jsonl").read_text().count("\n") == 1


def test_the_queue_passes_over_a_run_that_another_program_trains(make_page, qtbot, root):
    page = make_page()
    page.add_to_queue([long_run("a"), small("b")])
    qtbot.waitUntil(lambda: page.session.model.iteration > 0, timeout=LONG)
    page.session.stop()
    qtbot.waitUntil(lambda: not page.session.running and not page.runner.going, timeout=LONG)
    with filelock.FileLock(page.session.folder / LOCK):
        page.runner.go()
        qtbot.waitUntil(lambda: states(page) == [("a", "failed"), ("b", "finished")], timeout=LONG)
    assert "is being trained by" in page.runner.entries[0].message


def test_an_open_run_that_another_program_goes_on_with_is_followed(make_page, qtbot, root):
    folder = write_run(root / "outside", [step(1)])
    page = make_page()
    page.session.open(folder)
    qtbot.waitUntil(lambda: page.session.model.status == "stopped", timeout=LONG)
    with filelock.FileLock(folder / LOCK):
        qtbot.waitUntil(lambda: page.session.following, timeout=LONG)
        add_events(folder, step(2))
        qtbot.waitUntil(lambda: page.session.model.iteration == 2, timeout=LONG)
    qtbot.waitUntil(lambda: not page.session.following, timeout=LONG)
    assert page.session.model.message == "This run was cut off"


def test_an_entry_whose_program_was_killed_is_not_said_to_train(make_page, qtbot, root):
    page = make_page()
    page.runner.hold()
    queue = Queue(queue_file())
    queue.add([small("one")])
    queue.acquire()
    folder = write_run(Path(queue.begin(root).folder), finished(5)[:-1])
    queue.release()
    page.runner.refresh()
    assert page.queue.list.item(0).text().endswith("goes on where it was")
    assert "1 waiting" in page.queue.words.text()
    with filelock.FileLock(folder / LOCK):
        page.queue.refresh()
        assert page.queue.list.item(0).text().endswith("training")


@pytest.mark.qt_log_ignore("This plugin does not support")  # a list that opens grabs the keyboard
def test_a_letter_looks_for_a_field_and_enter_adds_it(qtbot, themed):
    dialog = GridDialog(tiny())
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    dialog.fields.setFocus()
    qtbot.keyClick(dialog.fields, Qt.Key.Key_T)
    view = dialog.fields.view()
    assert view.isVisible()
    assert dialog.text.toPlainText() == ""
    field = view.currentIndex().data()
    assert field.startswith("t")
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert dialog.text.toPlainText().startswith(f"{field} = ")
