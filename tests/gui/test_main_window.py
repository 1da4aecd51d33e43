import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox
from window_cases import tiny

from maml_studio.gui.main_window import MainWindow
from maml_studio.gui.settings import Memory
from maml_studio.spec import SpecError, load, load_preset, to_toml
from maml_studio.training.events import Finished, OuterStep, Stopped
from maml_studio.training.run_folder import RunFolder

LONG = 60_000


def press(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def events(window):
    return list(RunFolder.open(window.session.folder).events())


def trained(qtbot, window):
    press(qtbot, window.train_page.train_button)
    qtbot.waitUntil(lambda: window.run.status == "finished" and not window.session.running, timeout=LONG)


def test_trains_to_the_end_and_shows_it(window, qtbot):
    page = window.train_page
    trained(qtbot, window)
    assert isinstance(events(window)[-1], Finished)
    assert list(window.run.outer_x.array()) == [1, 2, 3, 4, 5, 6]
    assert len(window.run.validation_x.array()) == 3
    assert page.message.text() == "Finished: all 6 iterations done."
    assert "± " in window.best_label.text()
    assert "6 validation tasks, support, 2 inner steps" in window.best_label.text()
    assert window.saved_label.text() == "saved at iteration 6"
    assert page.train_button.isEnabled()
    assert not page.stop_button.isEnabled()
    assert (window.session.folder / "checkpoints" / "latest.safetensors").is_file()
    assert load(window.session.folder / "experiment.toml") == tiny()


def test_step_does_one_outer_step_and_holds(window, qtbot):
    page = window.train_page
    for count in (1, 2, 3):
        press(qtbot, page.step_button)
        qtbot.waitUntil(lambda count=count: window.run.iteration == count, timeout=LONG)
    assert page.pause_button.text() == "Go on"
    assert window.run.last_step.query_losses
    assert window.session.paused
    press(qtbot, page.pause_button)
    qtbot.waitUntil(lambda: window.run.status == "finished" and not window.session.running, timeout=LONG)
    assert list(window.run.outer_x.array()) == [1, 2, 3, 4, 5, 6]


def test_pause_holds_and_stop_saves_and_continue_goes_on(window, qtbot):
    window.form.set_experiment(tiny(training__iterations=100_000, training__checkpoint_every=100_000))
    qtbot.waitUntil(lambda: window.menus.train.isEnabled())
    page = window.train_page
    window.activateWindow()
    window.menus.train.trigger()
    qtbot.waitUntil(lambda: window.run.iteration >= 3, timeout=LONG)
    press(qtbot, page.pause_button)
    assert window.session.paused
    press(qtbot, page.stop_button)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    assert window.run.status == "stopped"
    assert isinstance(events(window)[-1], Stopped)
    stopped_at = window.run.iteration
    assert window.run.saved_at == stopped_at
    folder = window.session.folder
    window.menus.go_on.trigger()
    qtbot.waitUntil(lambda: window.run.iteration > stopped_at, timeout=LONG)
    press(qtbot, page.stop_button)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    assert window.session.folder == folder
    steps = [event.iteration for event in events(window) if isinstance(event, OuterStep)]
    assert steps == list(range(1, len(steps) + 1))


def test_settings_are_locked_while_a_run_trains(window, qtbot):
    press(qtbot, window.train_page.step_button)
    qtbot.waitUntil(lambda: window.run.iteration == 1, timeout=LONG)
    assert not window.form.editor("task.way").inner.isEnabled()
    assert window.lock_bar.isVisible()
    assert not window.menus.open.isEnabled()
    assert not window.menus.open_run.isEnabled()
    press(qtbot, window.train_page.stop_button)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    assert window.form.editor("task.way").inner.isEnabled()
    assert not window.lock_bar.isVisible()
    assert window.menus.open.isEnabled()


def test_a_next_run_is_prepared_while_one_trains(window, qtbot):
    settings = window.form.experiment()
    press(qtbot, window.train_page.step_button)
    qtbot.waitUntil(lambda: window.run.iteration == 1, timeout=LONG)
    press(qtbot, window.lock_bar.button)
    shots = window.form.editor("task.shot").inner
    assert shots.isEnabled()
    shots.setFocus()
    qtbot.keyClick(shots, Qt.Key.Key_Up)
    other = window.form.experiment()
    assert other != settings
    press(qtbot, window.lock_bar.button)  # a look at the run's own
    assert window.form.experiment() == settings
    assert not shots.isEnabled()
    press(qtbot, window.lock_bar.button)
    assert window.form.experiment() == other
    assert window.windowTitle().startswith(settings.name)  # the run on show, not what is prepared
    window.menus.queue.trigger()
    assert [entry.settings() for entry in window.runs_page.runner.entries] == [other]
    window.runs_page.runner.hold()
    press(qtbot, window.train_page.stop_button)
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    assert window.form.experiment() == other


def test_a_wrong_field_keeps_train_from_being_pressed_and_says_why(window, qtbot):
    line = window.form.editor("algorithm.inner_lr").inner
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "quick")
    button = window.train_page.train_button
    assert not button.isEnabled()
    assert "algorithm.inner_lr should be a number" in button.toolTip()
    line.selectAll()
    qtbot.keyClicks(line, "0.2")
    assert button.isEnabled()


def test_what_the_data_cannot_carry_is_told_at_the_field_before_training(window, qtbot):
    box = window.form.editor("task.way").inner
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "40")
    qtbot.waitUntil(lambda: bool(window.form.problems()), timeout=LONG)
    assert window.form.problems()[0].field == "task.way"
    assert not window.train_page.train_button.isEnabled()
    box.selectAll()
    qtbot.keyClicks(box, "4")
    qtbot.waitUntil(lambda: window.train_page.train_button.isEnabled(), timeout=LONG)


def test_presets_fill_the_form(window, qtbot):
    box = window.presets
    box.setFocus()
    while box.currentData() != "sinusoid-maml":
        qtbot.keyClick(box, Qt.Key.Key_Down)
    assert window.form.experiment() == load_preset("sinusoid-maml")
    assert window.windowTitle().startswith("sinusoid-maml")
    qtbot.waitUntil(lambda: window.train_page.preview.task is not None and window.train_page.preview.task.support_x.ndim == 2, timeout=LONG)
    window.form.set_experiment(tiny())
    assert box.currentIndex() == 0


def test_another_task_is_another_task(window, qtbot):
    page = window.train_page
    first = page.preview.task
    press(qtbot, page.dice_button)
    qtbot.waitUntil(lambda: page.preview.task is not first, timeout=LONG)
    assert (page.preview.task.query_x != first.query_x).any()


def test_a_run_that_diverges_says_what_to_try(window, qtbot):
    window.form.set_experiment(tiny(algorithm__inner_lr=100.0, algorithm__inner_steps=20, model__norm="none"))
    qtbot.waitUntil(lambda: window.menus.train.isEnabled())
    press(qtbot, window.train_page.train_button)
    qtbot.waitUntil(lambda: window.run.status == "failed" and not window.session.running, timeout=LONG)
    assert "try a smaller inner rate" in window.train_page.message.text()
    assert window.train_page.train_button.isEnabled()


def test_experiments_are_saved_and_opened(window, tmp_path, monkeypatch):
    path = tmp_path / "mine.toml"
    window.files.save(str(path))
    assert load(path) == tiny()
    other = tmp_path / "other.toml"
    other.write_text(to_toml(load_preset("sinusoid-maml")))
    window.files.open_experiment(str(other))
    assert window.form.experiment() == load_preset("sinusoid-maml")
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *words: said.append(words[2]))
    other.write_text("[task]\nkind = 'n_way'\nway = 'many'\n")
    window.files.open_experiment(str(other))
    assert said == [f"{other}: task.way should be a whole number, not 'many'"]
    assert window.form.experiment() == load_preset("sinusoid-maml")
    with pytest.raises(SpecError):
        load(other)


@pytest.mark.parametrize(("typed", "written"), [("mine", "mine.toml"), ("mine.toml", "mine.toml"), ("v1.2", "v1.2.toml")])
def test_an_experiment_gets_its_ending_and_replaces_nothing_unasked(window, tmp_path, monkeypatch, typed, written):
    asked = []
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / typed), ""))
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[2]) or answers.pop(0))
    (tmp_path / written).write_text("precious")
    window.files.ask_save()
    assert (tmp_path / written).read_text() == "precious"
    window.files.ask_save()
    assert load(tmp_path / written) == tiny()
    assert asked == [f"Replace {written}?"] * 2
    assert [path.name for path in tmp_path.glob("*.toml")] == [written]


def test_what_cannot_be_remembered_stops_nothing(window, qtbot, memory, tmp_path):
    (tmp_path / "config" / "experiment.toml").unlink()
    (tmp_path / "config" / "experiment.toml").mkdir()
    press(qtbot, window.train_page.train_button)
    assert window.session.running
    assert "can't be remembered" in window.statusBar().currentMessage()
    window.form.fold(["task"])
    window.close_at_once()
    assert Memory(tmp_path / "config").text("folded") == "task"
    assert (memory.folder / "drawing.json").is_file()


def test_without_a_place_for_memories_the_window_opens(qtbot, tmp_path):
    (tmp_path / "file").write_text("")
    window = MainWindow(Memory(tmp_path / "file" / "config"))
    qtbot.addWidget(window)
    assert window.form.experiment() == load_preset("digits-maml")
    window.finish()


def test_layout_and_settings_come_back(window, qtbot, memory):
    window.form.set_experiment(tiny(name="mine", task__shot=2))
    window.menus.more.trigger()
    window.form.fold(["algorithm", "training"])
    window.train_page.outer_plot.set_log_y(True)
    window.train_page.outer_plot.set_smoothing(0.5)
    window.show_page("draw")
    window.resize(1000, 610)  # the offscreen screen is 800 wide: the width would be brought back onto it
    window.close()
    again = MainWindow(memory)
    qtbot.addWidget(again)
    assert again.form.experiment() == tiny(name="mine", task__shot=2)
    assert again.form.shows_more()
    assert again.menus.more.isChecked()
    assert again.height() == window.height()
    assert again.form.folded() == ["algorithm", "training"]
    again.build_pages()
    assert again.tabs.currentWidget() is again.draw_page
    assert again.left.isHidden()
    assert again.train_page.outer_plot.log_y()
    assert not again.train_page.inner_plot.log_y()
    assert again.train_page.outer_plot.smoothing() == 0.5
    again.finish()


def test_an_earlier_run_is_opened_as_it_was_left_and_goes_on(window, qtbot, memory, tmp_path):
    settings = tiny(training__iterations=8)
    window.form.set_experiment(settings)
    qtbot.waitUntil(lambda: window.menus.train.isEnabled())
    # Step by step, so that it can't be at its end before it is stopped.
    for iteration in (1, 2, 3):
        window.menus.step.trigger()
        qtbot.waitUntil(lambda done=iteration: window.run.iteration == done and window.session.paused, timeout=LONG)
    window.menus.stop.trigger()
    qtbot.waitUntil(lambda: not window.session.running, timeout=LONG)
    folder = window.session.folder
    curve = list(window.run.outer_loss.array())
    window.form.set_experiment(tiny(name="other"))
    window.session.open(folder)
    qtbot.waitUntil(lambda: window.form.experiment() == settings, timeout=LONG)
    assert window.run.status == "stopped"
    assert list(window.run.outer_loss.array()) == curve
    press(qtbot, window.train_page.continue_button)
    assert not window.train_page.continue_button.isVisible()
    qtbot.waitUntil(lambda: window.run.status == "finished" and not window.session.running, timeout=LONG)
    assert list(window.run.outer_x.array()) == list(range(1, 9))


def test_a_folder_that_is_no_run_is_refused_in_one_sentence(window, qtbot, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *words: said.append(words[2]))
    window.session.open(tmp_path)
    qtbot.waitUntil(lambda: len(said) == 1, timeout=LONG)
    assert "is no run folder" in said[0]


def test_data_that_would_have_to_be_downloaded_is_offered_not_fetched(window, qtbot):
    box = window.form.editor("data.source").inner
    box.setFocus()
    while box.currentText() != "Omniglot":
        qtbot.keyClick(box, Qt.Key.Key_Down)
    page = window.train_page
    qtbot.waitUntil(lambda: page.download_button.isVisible(), timeout=LONG)
    assert "is not on this machine yet" in page.preview.accessibleDescription()
    assert page.train_button.isEnabled()
    while box.currentText() != "Digits (built in)":
        qtbot.keyClick(box, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: page.preview.task is not None, timeout=LONG)
    assert not page.download_button.isVisible()


def test_a_download_that_fails_can_be_tried_again(window, qtbot, monkeypatch):
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody answers there
    window.form.set_experiment(tiny(data__source="omniglot"))
    page = window.train_page
    qtbot.waitUntil(lambda: page.download_button.isVisible(), timeout=LONG)
    press(qtbot, page.download_button)
    qtbot.waitUntil(lambda: "connect to the internet" in page.preview.accessibleDescription(), timeout=LONG)
    assert page.download_button.isVisible()
    assert page.train_button.isEnabled()


def test_the_last_run_is_on_show_again_after_a_restart_and_the_settings_are_ones_own(window, qtbot, memory):
    trained(qtbot, window)
    curve, folder = list(window.run.outer_loss.array()), window.session.folder
    window.form.set_experiment(tiny(name="next", task__shot=2))
    window.close()
    again = MainWindow(memory)
    qtbot.addWidget(again)
    again.show()
    again.build_pages()
    qtbot.waitUntil(lambda: again.run.status == "finished", timeout=LONG)
    assert list(again.run.outer_loss.array()) == curve
    assert again.session.folder == folder
    assert again.menus.export.isEnabled()
    assert again.form.experiment() == tiny(name="next", task__shot=2)
    again.close()


def test_pages_are_reached_by_keys(window, qtbot):
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_2, Qt.KeyboardModifier.ControlModifier)
    assert window.tabs.currentWidget() is window.draw_page
    assert not window.left.isVisible()
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.tabs.currentWidget() is window.train_page
    assert window.left.isVisible()


def test_closing_asks_while_a_run_trains(window, qtbot, monkeypatch):
    press(qtbot, window.train_page.step_button)
    qtbot.waitUntil(lambda: window.run.iteration == 1, timeout=LONG)
    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *words: answers.pop(0))
    assert not window.close()
    assert window.session.running
    assert window.close()
    assert isinstance(events(window)[-1], Stopped)


def ends_with_zero_on_sigterm(program, environment, first_line):
    """Run a program that opens the window, and ask it to end as soon as it has printed its first line."""
    process = subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == first_line
        process.send_signal(signal.SIGTERM)
        # Whoever reads no more would block the printing process.
        process.communicate(timeout=60)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX")
def test_the_command_opens_the_window_and_nothing_in_front_of_it(tmp_path):
    program = (
        "import runpy, sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from PySide6.QtWidgets import QApplication\n"
        "from maml_studio.gui import main_window\n"
        "def look():\n"
        "    print(sorted(type(widget).__name__ for widget in QApplication.topLevelWidgets() if widget.isVisible()), flush=True)\n"
        "build = main_window.MainWindow.build_pages\n"
        "main_window.MainWindow.build_pages = lambda window: (build(window), QTimer.singleShot(300, look))\n"
        "sys.argv = ['maml-studio']\n"
        "runpy.run_module('maml_studio', run_name='__main__')\n"
    )
    environment = os.environ | {"MAML_STUDIO_HOME": str(tmp_path)}
    ends_with_zero_on_sigterm(program, environment, "['MainWindow']\n")


@pytest.mark.skipif(os.name != "posix", reason="signals of this kind are POSIX")
def test_sigterm_saves_the_run_and_ends_with_zero(tmp_path, memory):
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True)
    (home / "config" / "experiment.toml").write_text(to_toml(tiny(training__iterations=100_000)))
    program = (
        "import sys\n"
        "from PySide6.QtCore import QTimer\n"
        "from maml_studio.gui import app, main_window\n"
        "def begin(window):\n"
        "    window.start_run()\n"
        "    window.run.changed.connect(lambda: window.run.iteration > 2 and print('training', flush=True))\n"
        "build = main_window.MainWindow.build_pages\n"
        "main_window.MainWindow.build_pages = lambda window: (build(window), begin(window))\n"
        "sys.exit(app.main([]))\n"
    )
    environment = os.environ | {"MAML_STUDIO_HOME": str(home)}
    ends_with_zero_on_sigterm(program, environment, "training\n")
    (run,) = (home / "runs").iterdir()
    assert isinstance(list(RunFolder.open(run).events())[-1], Stopped)
    assert Path(run, "checkpoints", "latest.safetensors").is_file()


@pytest.mark.parametrize("page", ["train_page", "draw_page", "evaluate_page"])
def test_every_page_fits_a_small_screen(window, page):
    window.tabs.setCurrentWidget(getattr(window, page))
    window.resize(1024, 700)
    assert window.minimumSizeHint().width() <= 1024
    assert (window.width(), window.height()) == (1024, 700)
