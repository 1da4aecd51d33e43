"""The window writes a job for a cluster, and watches a run that another program writes to a folder elsewhere."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget
from window_cases import tiny

from maml_studio.gui.job_dialog import JobDialog
from maml_studio.job import FILES, SLURM
from maml_studio.spec import load, to_toml

LONG = 120_000
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def dialog(qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = JobDialog(parent, tiny())
    dialog.show()
    yield dialog  # and the parent with it
    dialog.close()


@pytest.fixture
def place(monkeypatch, tmp_path):
    """The folder that is chosen."""
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    return tmp_path


def test_the_script_follows_the_settings(dialog):
    dialog.editor("nodes").inner.setValue(2)
    dialog.editor("time").inner.setText("08:00:00")
    assert "#SBATCH --nodes=2" in dialog.script.toPlainText()
    assert "#SBATCH --time=08:00:00" in dialog.script.toPlainText()


def test_a_wrong_setting_is_marked_and_nothing_can_be_written(dialog):
    dialog.editor("time").inner.setText("a day")
    assert dialog.editor("time").inner.property("invalid")
    assert "04:00:00" in dialog.editor("time").inner.accessibleDescription()
    assert not dialog.choose_folder.isEnabled()
    dialog.editor("time").inner.setText("1-00:00:00")
    assert dialog.choose_folder.isEnabled()


def test_too_many_processes_are_refused_with_the_field_that_is_in_the_way(dialog):
    dialog.editor("processes").inner.setValue(64)
    assert "training.meta_batch should be larger" in dialog.note.text()
    assert not dialog.choose_folder.isEnabled()


def test_a_job_is_written_and_nothing_replaced_without_a_question(dialog, qtbot, place, monkeypatch):
    folder = place / "tiny-job"
    folder.mkdir()
    (folder / SLURM).write_text("precious")
    asked, answers = [], [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes]

    def answer(*words):
        asked.append(words[2])
        return answers.pop(0)

    monkeypatch.setattr(QMessageBox, "question", answer)
    qtbot.mouseClick(dialog.choose_folder, LEFT)
    assert asked == [f"Replace {SLURM} in {folder}?"]
    assert (folder / SLURM).read_text() == "precious"
    assert dialog.isVisible()
    qtbot.mouseClick(dialog.choose_folder, LEFT)
    assert sorted(file.name for file in folder.iterdir()) == sorted(FILES)
    assert load(folder / "experiment.toml") == tiny()
    assert not dialog.isVisible()


def test_the_menu_writes_it_and_remembers_what_was_chosen(window, qtbot, place):
    window.menus.job.trigger()
    dialog = window.findChild(JobDialog)
    dialog.editor("partition").inner.setText("long")
    qtbot.mouseClick(dialog.choose_folder, LEFT)
    box = next(one for one in window.findChildren(QMessageBox) if one.isVisible())
    assert "tiny-job" in box.text()
    assert "Open run" in box.informativeText()
    box.accept()
    qtbot.waitUntil(lambda: window.findChild(JobDialog) is None, timeout=LONG)
    window.menus.job.trigger()
    assert window.findChild(JobDialog).editor("partition").inner.text() == "long"
    window.findChild(JobDialog).reject()


def test_a_run_elsewhere_is_followed_while_another_process_writes_it(window, qtbot, tmp_path, monkeypatch):
    """File > Open run, on a folder outside the runs folder."""
    experiment = tiny(training__iterations=100_000, evaluation__every=100_000, training__checkpoint_every=100_000)
    file, folder = tmp_path / "experiment.toml", tmp_path / "shared" / "run"
    file.write_text(to_toml(experiment))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    words = [sys.executable, "-m", "maml_studio", "train", str(file), "--run-dir", str(folder)]
    program = subprocess.Popen(words, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        qtbot.waitUntil(lambda: (folder / "metrics.jsonl").exists() and program.poll() is None, timeout=LONG)
        window.menus.open_run.trigger()
        qtbot.waitUntil(lambda: window.session.following, timeout=LONG)
        seen = window.run.iteration
        qtbot.waitUntil(lambda: window.run.iteration > seen + 3, timeout=LONG)
        assert window.session.folder == folder
        assert not window.menus.go_on.isEnabled()
        program.send_signal(signal.SIGTERM)
        qtbot.waitUntil(lambda: window.run.status == "stopped", timeout=LONG)
        assert program.wait(60) == 0
        assert not window.session.following
        assert window.menus.go_on.isEnabled()
    finally:
        program.kill()
        program.wait()
