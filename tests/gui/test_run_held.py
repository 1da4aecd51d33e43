"""A run that can't be written waits, in the window too; one that another program trains is only watched."""

import os
import shutil

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from window_cases import tiny

from maml_studio.training.events import OuterStep, Stopped
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

LONG = 60_000
LEFT = Qt.MouseButton.LeftButton

pytestmark = pytest.mark.skipif(os.name == "nt", reason="an open file can't be moved on Windows")


@pytest.fixture
def held(window, qtbot, tmp_path):
    """A window whose run waits for its folder, which lies elsewhere; where."""
    window.form.set_experiment(tiny(training__iterations=100_000, evaluation__every=100_000))
    qtbot.mouseClick(window.train_page.train_button, LEFT)
    qtbot.waitUntil(lambda: window.run.iteration >= 2, timeout=LONG)
    away = tmp_path / "away"
    window.session.folder.rename(away)
    qtbot.waitUntil(lambda: window.run.status == "held", timeout=LONG)
    return away


def test_it_waits_and_goes_on(window, qtbot, held):
    page, folder = window.train_page, window.session.folder
    assert window.session.running
    assert str(folder) in page.message.text()
    assert "is gone: put it back" in page.message.text()
    assert page.message.isVisible()
    assert page.message.property("role") == "bad"
    assert "waiting" in page.readout.text()
    assert "left" not in page.readout.text()
    assert page.pause_button.text() == "Try again"
    assert not page.step_button.isEnabled()
    assert page.stop_button.isEnabled()
    iteration, points = window.run.iteration, len(window.run.outer_x.array())
    assert points >= 2  # what was drawn stays
    qtbot.mouseClick(page.pause_button, LEFT)  # in vain
    held.rename(folder)
    qtbot.mouseClick(page.pause_button, LEFT)
    qtbot.waitUntil(lambda: window.run.iteration >= iteration + 2, timeout=LONG)
    assert page.pause_button.text() == "Pause"
    assert page.step_button.isEnabled()
    assert "gone" not in page.message.text()
    qtbot.mouseClick(page.stop_button, LEFT)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    events = list(RunFolder.open(folder).events())
    assert isinstance(events[-1], Stopped)
    iterations = [event.iteration for event in events if isinstance(event, OuterStep)]
    assert iterations == list(range(1, len(iterations) + 1))


def test_stop_ends_it_with_the_sentence(window, qtbot, held):
    page = window.train_page
    qtbot.mouseClick(page.stop_button, LEFT)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    assert window.run.status == "failed"
    assert "is gone: put it back" in page.message.text()
    assert "saved" in page.message.text()
    assert page.train_button.isEnabled()


def test_closing_the_window_ends_it(window, held):
    window.close_at_once()
    assert not window.session.running


def test_a_run_that_another_program_trains_is_not_gone_on_with(window, qtbot, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(QMessageBox, "warning", lambda parent, title, text: told.append(text))
    experiment = tiny(training__iterations=4)
    folder = tmp_path / "run"
    events = run(experiment, folder=RunFolder.create(folder, experiment))
    while not isinstance(next(events), OuterStep):
        pass
    before = (folder / "metrics.jsonl").read_bytes()
    window.session.start(experiment, folder, resume=True)
    qtbot.waitUntil(lambda: bool(told), timeout=LONG)
    assert f"{folder}: is being trained by a Python program (process {os.getpid()}) since 20" in told[0]
    assert (folder / "metrics.jsonl").read_bytes() == before
    assert not window.session.running
    # What can be done is to watch.
    qtbot.waitUntil(lambda: window.session.following and window.run.iteration == 1, timeout=LONG)
    list(events)
    qtbot.waitUntil(lambda: window.run.status == "finished", timeout=LONG)
    assert len(told) == 1


def test_the_window_s_own_run_is_not_trained_by_others(window, qtbot, tmp_path):
    window.form.set_experiment(tiny(training__iterations=100_000, evaluation__every=100_000))
    qtbot.mouseClick(window.train_page.train_button, LEFT)
    qtbot.waitUntil(lambda: window.run.iteration >= 2, timeout=LONG)
    with pytest.raises(ValueError, match="is being trained by the window of MAML Studio"):
        RunFolder.open(window.session.folder).resume_point()
    copy = shutil.copytree(window.session.folder, tmp_path / "copy")
    folder = RunFolder.open(copy)
    folder.resume_point()
    folder.close()
    qtbot.mouseClick(window.train_page.stop_button, LEFT)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
