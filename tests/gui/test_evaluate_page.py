"""The Evaluate page, driven as a user drives it, with real models and real data."""

import json
import math

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from window_cases import tiny

import maml_studio
from maml_studio.files import write_whole
from maml_studio.gui.evaluate_form import SAME
from maml_studio.gui.pages.evaluate import EvaluatePage
from maml_studio.spec import load_preset, with_changes
from maml_studio.training.report import REPORT
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

LONG = 60_000


def train(folder, experiment):
    list(run(experiment, folder=RunFolder.create(folder, experiment)))
    return folder


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "digits", tiny())


@pytest.fixture(scope="module")
def no_norm_run(tmp_path_factory):
    changes = {"model.norm": "none", "training.iterations": 1, "name": "plain"}
    return train(tmp_path_factory.mktemp("runs") / "plain", with_changes(tiny(), changes))


@pytest.fixture(scope="module")
def sines_run(tmp_path_factory):
    changes = {"training.iterations": 2, "training.meta_batch": 2, "evaluation.tasks": 4, "model.hidden": [8]}
    return train(tmp_path_factory.mktemp("runs") / "sines", with_changes(load_preset("sinusoid-maml"), changes))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """24 classes of two bars each, too many for a whole matrix."""
    root = tmp_path_factory.mktemp("pictures") / "bars"
    y, x = np.mgrid[-20:20, -20:20]
    for number in range(24):
        (root / f"class {number:02}").mkdir(parents=True)
        for copy in range(3):
            angle = (number + 0.1 * copy) * np.pi / 24
            ink = (np.abs(x * np.sin(angle) - y * np.cos(angle)) < 2) & (np.hypot(x, y) < 15)
            Image.fromarray(np.where(ink, 0, 255).astype(np.uint8)).save(root / f"class {number:02}" / f"{copy}.png")
    return root


@pytest.fixture
def page(qtbot, themed):
    page = EvaluatePage()
    qtbot.addWidget(page)
    page.resize(1240, 700)
    page.show()
    qtbot.waitExposed(page)
    yield page
    page.end()


def open_model(qtbot, page, folder):
    page.models.offer(folder)
    qtbot.waitUntil(lambda: page.form.experiment() is not None and page._place == str(folder), timeout=LONG)


def evaluated(qtbot, page, folder, tasks=5):
    open_model(qtbot, page, folder)
    page.form.tasks.setValue(tasks)
    press(qtbot, page.evaluate_button)
    assert page.running
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.results.report is not None, page.message.text()
    return page.results.report


def press(qtbot, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def choose(box, data):
    box.setCurrentIndex(box.findData(data))


def texts(page):
    grid = page.results._figures
    items = (grid.itemAtPosition(row, column) for row in range(grid.rowCount()) for column in range(grid.columnCount()))
    return [item.widget().text() for item in items if item is not None and item.widget() is not None]


def test_begins_with_the_model_in_the_box(page, qtbot):
    assert page.models.ref().place == "pretrained"
    assert not any(widget.isEnabled() for widget in (page.cancel_button, page.save_button))
    qtbot.waitUntil(page.evaluate_button.isEnabled, timeout=LONG)
    assert "press Evaluate" in page.results.plot._view.shown_words()


def test_what_is_shown_is_what_the_api_says(page, qtbot, digits_run):
    report = evaluated(qtbot, page, digits_run)
    expected = maml_studio.load(digits_run).report(tasks=5)
    assert report.results[0].steps == expected.results[0].steps
    assert [result.name for result in report.results] == [
        f"{start}, {mode}" for start in ("trained", "random start") for mode in ("support", "transductive")
    ]
    results = page.results
    assert set(results.plot._layers) == {key for one in report.results for key in (one.name, f"{one.name} 95%")}
    for one in report.results:
        layer = results.plot._layers[one.name]
        assert layer.series.x.tolist() == [0, 1, 2]
        assert layer.series.y == pytest.approx([100 * mean for _, mean, _ in one.figures])
        assert layer.dashed == (one.norm_mode == "transductive")
    mean, half = expected.results[0].figures[-1][1:]
    assert f"{100 * mean:.1f} ± {100 * half:.1f} %" in texts(page)
    assert "after 2 inner steps" in texts(page)
    assert "5 test tasks of digits, 3-way 1-shot, 2 queries" in results.about.text()
    assert results.plot._note.text() == "± 95%, 5 tasks"
    words = "5 tasks, trained, norm: support, 2 inner steps"
    assert results._notes["confusion"].text() == results._notes["worst"].text() == words
    assert results._notes["tasks"].text() == f"{100 * mean:.1f} ± {100 * half:.1f} %, {words}"


def test_the_details_are_those_of_the_chosen_start_and_mode(page, qtbot, digits_run):
    report = evaluated(qtbot, page, digits_run)
    results = page.results
    for index, result in enumerate(report.results):
        results.which.setCurrentIndex(index)
        for step in (0, 1, 2):
            results.step.setCurrentIndex(step)
            assert results.histogram._histogram is result.histograms[step]
            assert results.confusion.matrix._counts is result.confusions[step].counts
            tasks = [widget.task for widget in results.tasks.tasks]
            assert [task.number for task in tasks] == [task.number for task in result.worst]
            for task in tasks:
                # The answers are those that made the score of that step.
                assert task.score == pytest.approx(result.by_step[step][task.number])
                assert (task.answers == task.query_y).mean() == pytest.approx(task.score)
            assert f"{result.start}, norm: {result.norm_mode}" in results._notes["worst"].text()
    assert len(results.confusion.matrix._names) == 10


def test_a_network_without_batch_norm_has_one_mode_and_the_page_says_so(page, qtbot, no_norm_run):
    open_model(qtbot, page, no_norm_run)
    assert page.form.one_mode.isVisible()
    assert not page.form.modes.isVisible()
    report = evaluated(qtbot, page, no_norm_run)
    assert [result.name for result in report.results] == ["trained, no norm", "random start, no norm"]
    assert "One norm mode only (no norm)" in page.results.about.text()


@pytest.mark.parametrize("mode", ["support", "transductive"])
def test_one_mode_alone_without_the_random_start(page, qtbot, digits_run, mode):
    open_model(qtbot, page, digits_run)
    choose(page.form.modes, mode)
    page.form.random.click()
    report = evaluated(qtbot, page, digits_run)
    assert [result.name for result in report.results] == [f"trained, {mode}"]
    assert not page.results.which.isVisible()
    assert page.results.step.isVisible()


def test_a_function_has_errors_and_points_and_no_confusion(page, qtbot, sines_run):
    report = evaluated(qtbot, page, sines_run)
    assert report.metric == "mse"
    results = page.results
    assert results.plot.accessibleName() == "Error"
    assert not results._confusion_card.isVisible()
    assert results._worst_card.isVisible()
    assert results.tasks.tasks[0].title().startswith(f"Task {report.results[0].worst[0].number + 1}: squared error ")
    assert page.form.source.count() == 2
    assert "10 points" in results.about.text()
    # Another model brings the rest back.
    page.results.grab()
    assert results.tasks.tasks[0].height() > 100


def test_another_source_is_a_new_domain(page, qtbot, digits_run, pictures):
    open_model(qtbot, page, digits_run)
    assert not page.form.placed.isVisible()
    choose(page.form.source, "folder")
    assert page.form.placed.isVisible()
    assert page.form.editor("data.split").inner.currentData() == "all"
    line = page.form.editor("data.path").inner
    line.setFocus()
    qtbot.keyClicks(line, str(pictures))
    page.form.tasks.setValue(30)
    page.form.editor("task.query").inner.setValue(1)
    press(qtbot, page.evaluate_button)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    report = page.results.report
    assert report is not None, page.message.text()
    assert (report.trained_on, report.experiment.data.source, report.framed) == ("digits", "folder", True)
    assert "30 tasks of folder bars, 3-way 1-shot, 1 queries, ink placed as in training" in page.results.about.text()
    # Too many classes for a matrix: the pairs, in the order of their mistakes.
    table = page.results.confusion.table
    assert table.isVisible()
    pairs = report.results[0].confusion.pairs
    assert [table.item(row, 0).text() for row in range(table.rowCount())] == [pair.true for pair in pairs]
    assert not (digits_run / REPORT).exists() or json.loads((digits_run / REPORT).read_text())["source"] == "digits"
    page.form.placed.click()
    press(qtbot, page.evaluate_button)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert not page.results.report.framed
    choose(page.form.source, SAME)
    assert page.form.experiment().data == tiny().data


def test_its_own_source_keeps_the_split_that_it_was_trained_with(page, qtbot, digits_run):
    """All of it would be classes and images of training, sold as new ones."""
    open_model(qtbot, page, digits_run)
    choose(page.form.source, "digits")
    assert page.form.experiment().data == tiny().data


def test_data_that_cannot_be_used_is_told_and_nothing_is_lost(page, qtbot, digits_run, tmp_path):
    report = evaluated(qtbot, page, digits_run)
    choose(page.form.source, "folder")
    page.form.editor("data.path").inner.setText(str(tmp_path / "nowhere"))
    press(qtbot, page.evaluate_button)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert "nowhere does not exist" in page.message.text()
    assert page.message.property("role") == "bad"
    assert page.results.report is report
    assert page.evaluate_button.isEnabled()


def test_too_many_shots_are_told(page, qtbot, digits_run):
    open_model(qtbot, page, digits_run)
    page.form.editor("task.shot").inner.setValue(60)
    press(qtbot, page.evaluate_button)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.message.text().startswith("task.shot + task.query should be")


def test_a_wrong_field_is_marked_and_nothing_starts(page, qtbot, digits_run):
    open_model(qtbot, page, digits_run)
    choose(page.form.source, "folder")
    choose(page.form.editor("data.split").inner, "classes")
    assert not page.evaluate_button.isEnabled()
    assert page.form.editor("data.holdout").inner.property("invalid")
    assert "data.holdout" in page.evaluate_button.toolTip()
    choose(page.form.editor("data.split").inner, "all")
    assert page.evaluate_button.isEnabled()


def test_ways_are_at_most_what_the_model_tells_apart(page, qtbot, digits_run):
    open_model(qtbot, page, digits_run)
    ways = page.form.editor("task.way").inner
    assert "at most 3 classes" in ways.toolTip()
    ways.setFocus()
    ways.selectAll()
    qtbot.keyClicks(ways, "40")
    assert str(page.form.problems()[0]) == "task.way should be 3 or less: this model tells at most 3 classes apart"
    assert not page.evaluate_button.isEnabled()
    ways.selectAll()
    qtbot.keyClicks(ways, "2")
    assert page.form.experiment().task.way == 2


@pytest.mark.parametrize("how", ["button", "escape"])
def test_cancel_answers_at_once_and_the_page_goes_on(page, qtbot, digits_run, how):
    """Many inner steps: one chunk of tasks alone takes seconds."""
    open_model(qtbot, page, digits_run)
    page.form.tasks.setValue(5000)
    page.form.editor("evaluation.inner_steps").inner.setValue(500)
    press(qtbot, page.evaluate_button)
    qtbot.waitUntil(lambda: "0 of 5,000 tasks" in page.message.text(), timeout=LONG)
    assert not page.form.isEnabled()
    assert not page.models.isEnabled()
    if how == "button":
        press(qtbot, page.cancel_button)
    else:
        qtbot.keyClick(page, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.message.text() == "Cancelled."
    assert page.results.report is None
    page.form.editor("evaluation.inner_steps").inner.setValue(1)
    evaluated(qtbot, page, digits_run)


def test_progress_counts_tasks(page, qtbot, digits_run):
    open_model(qtbot, page, digits_run)
    page.form.tasks.setValue(200)
    seen = []
    page.worker.progress.connect(lambda message, share: seen.append((message, share)))
    press(qtbot, page.evaluate_button)
    assert page.bar.isVisible()
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    counted = [share for message, share in seen if message.endswith(" of 200 tasks")]
    assert counted == sorted(counted)
    assert counted[0] == 0
    assert counted[-1] < 1
    assert not page.bar.isVisible()


def test_the_run_keeps_the_report_on_its_own_tasks(page, qtbot, tmp_path):
    folder = train(tmp_path / "run", tiny())
    evaluated(qtbot, page, folder, tasks=4)
    assert json.loads((folder / REPORT).read_text())["tasks"] == 4
    page.form.editor("task.shot").inner.setValue(2)
    evaluated(qtbot, page, folder, tasks=6)
    assert json.loads((folder / REPORT).read_text())["tasks"] == 4


def test_a_run_folder_that_cannot_keep_it_is_told_in_passing(page, qtbot, tmp_path):
    folder = train(tmp_path / "run", tiny())
    (folder / REPORT).mkdir()
    evaluated(qtbot, page, folder)
    assert page.message.text().startswith("The run folder can't keep this report: ")


def test_a_damaged_model_is_told_and_another_one_helps(page, qtbot, digits_run, tmp_path):
    bad = tmp_path / "bad.safetensors"
    write_whole(bad, b"nothing")
    page.models.offer(bad)
    qtbot.waitUntil(lambda: "bad.safetensors" in page.message.text(), timeout=LONG)
    assert page.message.property("role") == "bad"
    assert not page.evaluate_button.isEnabled()
    evaluated(qtbot, page, digits_run)


def test_another_model_takes_the_old_figures_away(page, qtbot, digits_run, sines_run):
    evaluated(qtbot, page, digits_run)
    open_model(qtbot, page, sines_run)
    assert page.results.report is None
    assert not page.save_button.isEnabled()
    assert not page.results.head.isVisible()


def test_a_run_that_trains_on_leaves_settings_and_figures_alone(page, qtbot, digits_run):
    page.set_run(digits_run)
    evaluated(qtbot, page, digits_run)
    page.form.editor("task.shot").inner.setValue(2)
    report = page.results.report
    with qtbot.waitSignal(page.settled, timeout=LONG):
        page.set_run(digits_run)
    assert page.form.experiment().task.shot == 2
    assert page.results.report is report
    assert "trained for" in page.note.text()


def test_report_is_saved_as_json_and_picture(page, qtbot, digits_run, tmp_path, monkeypatch):
    report = evaluated(qtbot, page, digits_run)
    target = tmp_path / "mine"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **kwargs: (str(target), ""))
    press(qtbot, page.save_button)
    value = json.loads((tmp_path / "mine.json").read_text())
    assert value["tasks"] == 5
    assert value["steps"][-1]["mean"] == pytest.approx(report.results[0].figures[-1][1])
    image = QImage(str(tmp_path / "mine.png"))
    assert image.width() > 2000
    assert image.height() > 1500
    # The figures of the page stay as they are: the picture has widgets of its own.
    assert page.results.which.count() == 4
    assert "Saved as mine.json and mine.png" in page.message.text()
    before = (tmp_path / "mine.json").read_bytes()
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or QMessageBox.StandardButton.Cancel)
    press(qtbot, page.save_button)
    assert asked == ["Replace mine.json and mine.png?"]
    assert (tmp_path / "mine.json").read_bytes() == before


def test_a_report_that_cannot_be_written_is_told(page, qtbot, digits_run, tmp_path, monkeypatch):
    evaluated(qtbot, page, digits_run)
    told = []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **kwargs: (str(tmp_path / "nowhere" / "r.json"), ""))
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: told.append(args[2]))
    press(qtbot, page.save_button)
    assert len(told) == 1
    assert "nowhere" in told[0]
    assert "can't be written" in told[0]


def test_keys_and_names(page, qtbot, digits_run):
    open_model(qtbot, page, digits_run)
    page.form.tasks.setValue(4)
    qtbot.keyClick(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: page.results.report is not None and not page.running, timeout=LONG)
    for widget in (page.models, page.form.source, page.form.tasks, page.form.modes, page.results.which):
        assert widget.accessibleName()
        assert widget.toolTip()
    for widget in (page.evaluate_button, page.cancel_button, page.save_button, page.form.random, page.form.placed):
        assert widget.toolTip()
    assert all(editor.inner.toolTip() and editor.inner.accessibleName() for _, editor, _ in page.form._rows.values())
    # Tab goes down the form as the eye does.
    page.form.source.setFocus()
    seen = []
    for _ in range(8):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget())
    names = ("task.way", "task.shot", "task.query", "evaluation.inner_steps", "evaluation.seed")
    assert seen == [*(page.form.editor(name).inner for name in names), page.form.tasks, page.form.modes, page.form.random]


def test_settings_are_remembered(page, qtbot, digits_run, pictures):
    open_model(qtbot, page, digits_run)
    choose(page.form.source, "folder")
    page.form.editor("data.path").inner.setText(str(pictures))
    page.form.tasks.setValue(77)
    choose(page.form.modes, "transductive")
    page.form.random.click()
    text = page.remembered()
    other = EvaluatePage()
    qtbot.addWidget(other)
    for nonsense in ("", "{", "[]", '{"tasks": 1}', '{"tasks": "x", "mode": 3, "random": 1, "placed": 0, "data": []}'):
        other.bring_back(nonsense)
    assert other.form.tasks.value() == 600
    other.bring_back(text)
    assert other.remembered() == text
    other.show()
    open_model(qtbot, other, digits_run)
    assert other.form.experiment().data.path == str(pictures)
    assert (other.form.tasks.value(), other.form.modes.currentData(), other.form.random.isChecked()) == (77, "transductive", False)
    assert other.form.experiment().evaluation.transductive
    other.end()


@pytest.mark.parametrize("data", [{"source": "folder"}, {"source": "folder", "path": "x", "gone": 1}, {"source": ["folder"]}])
def test_data_remembered_by_another_version_does_no_harm(page, qtbot, digits_run, data):
    kept = json.loads(page.remembered()) | {"data": data}
    page.bring_back(json.dumps(kept))
    open_model(qtbot, page, digits_run)
    assert page.form.experiment().data.source == ("folder" if data["source"] == "folder" else "digits")


def test_data_remembered_for_pictures_does_no_harm_to_a_function(page, qtbot, digits_run, sines_run, pictures):
    open_model(qtbot, page, digits_run)
    choose(page.form.source, "folder")
    page.form.editor("data.path").inner.setText(str(pictures))
    open_model(qtbot, page, sines_run)
    assert page.form.source.currentData() == SAME
    assert page.form.experiment().data.source == "sinusoid"


def test_the_end_of_the_page_ends_an_evaluation(qtbot, themed, digits_run):
    page = EvaluatePage()
    qtbot.addWidget(page)
    page.show()
    open_model(qtbot, page, digits_run)
    page.form.tasks.setValue(100_000)
    press(qtbot, page.evaluate_button)
    qtbot.waitUntil(lambda: "of 100,000 tasks" in page.message.text(), timeout=LONG)
    page.end()
    assert not page.worker.isRunning()


def test_the_window_has_the_page_behind_draw(window, qtbot):
    window.show_page("evaluate")
    names = window.tabs.titles()
    assert names[names.index("Draw") + 1] == "Evaluate"
    assert not window.left.isVisible()
    page = window.evaluate_page
    window.show_page("train")
    qtbot.mouseClick(window.train_page.train_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.run.status == "finished" and not window.session.running, timeout=LONG)
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.tabs.currentWidget() is page
    qtbot.waitUntil(lambda: page.form.experiment() is not None and page.form.experiment().data.source == "digits", timeout=LONG)
    page.form.tasks.setValue(4)
    press(qtbot, page.evaluate_button)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.results.report.tasks == 4
    assert (window.session.folder / REPORT).is_file()
    window.close_at_once()
    assert window.memory.text("page") == "evaluate"
    assert json.loads(window.memory.text("evaluate"))["tasks"] == 4


def test_a_loss_that_is_no_number_is_shown_as_such(page, qtbot, sines_run):
    open_model(qtbot, page, sines_run)
    page.form.editor("evaluation.inner_steps").inner.setValue(1000)
    report = evaluated(qtbot, page, sines_run, tasks=3)
    page.results.grab()
    assert all(math.isfinite(mean) for _, mean, _ in report.results[0].figures[:2])
