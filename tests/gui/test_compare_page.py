"""The Compare page, driven as a user drives it, with real runs."""

import json
import shutil

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from window_cases import tiny

from maml_studio.gui import theme
from maml_studio.gui.compare_style import MOST_RUNS, dash, role
from maml_studio.gui.pages.compare import ComparePage
from maml_studio.spec import load, load_preset, to_toml, with_changes
from maml_studio.training.report_file import REPORT
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.run_index import list_runs
from maml_studio.training.trainer import run

LONG = 60_000
SMALL = {"training__iterations": 2, "evaluation__every": 1, "training__meta_batch": 2, "evaluation__tasks": 4}


def train(root, experiment):
    list(run(experiment, folder=RunFolder.create(root / experiment.name, experiment)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for experiment in (
        tiny(name="maml", **SMALL),
        tiny(name="maml-again", seed=1, **SMALL),
        tiny(name="anil", algorithm__name="anil", **SMALL),
        tiny(name="two-shot", task__shot=2, **SMALL),
        tiny(name="no-validation", seed=5, algorithm__name="fomaml", **SMALL),
    ):
        train(root, experiment)
    metrics = root / "no-validation" / "metrics.jsonl"
    metrics.write_text("".join(line for line in metrics.read_text().splitlines(True) if "Validation" not in line))
    sines = {"name": "sines", "model.hidden": [8]} | {name.replace("__", "."): value for name, value in SMALL.items()}
    train(root, with_changes(load_preset("sinusoid-maml"), sines))
    return root


@pytest.fixture
def root(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "runs")


@pytest.fixture
def page(qtbot, themed, root):
    page = ComparePage(root)
    qtbot.addWidget(page)
    page.resize(1240, 760)
    page.tasks.setValue(6)
    page.show()
    qtbot.waitExposed(page)
    qtbot.waitUntil(lambda: page.runs.count() == 6, timeout=LONG)
    yield page
    page.end()


def item(page, name):
    items = page.runs.list.findItems(name, Qt.MatchFlag.MatchStartsWith)
    return next(one for one in items if one.text().startswith(f"{name}\n"))


def looked(qtbot, page):
    """Wait until the page shows what it asked for last."""
    qtbot.waitUntil(lambda: page._look is not None and {run.folder for run in page._look.runs} == page.runs.styles().keys(), timeout=LONG)


def click(qtbot, page, name):
    """Tick a run, or take it out, with the mouse on its box."""
    runs = page.runs.list
    one = item(page, name)
    runs.scrollToItem(one)
    rect = runs.visualItemRect(one)
    qtbot.mouseClick(runs.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(rect.left() + 12, rect.center().y()))


def choose(qtbot, page, *names):
    for name in names:
        click(qtbot, page, name)
    looked(qtbot, page)


def measured(qtbot, page, *names):
    choose(qtbot, page, *names)
    qtbot.waitUntil(page.measure_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(page.measure_button, Qt.MouseButton.LeftButton)
    assert page.running
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.results.comparison is not None, page.message.text() + page.results.no_figures.text()
    return page.results.comparison


def cells(table):
    return [[table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())]


def curves(page):
    return {key.rpartition("/")[2]: layer for key, layer in page.plots.validation._layers.items() if not key.endswith(" band")}


def test_begins_with_what_there_is_to_do(page, qtbot):
    assert page.runs.count() == 6
    qtbot.waitUntil(lambda: "Tick runs at the left" in page.results.no_figures.text(), timeout=LONG)
    assert not any(one.isEnabled() for one in (page.measure_button, page.cancel_button, page.results.save_button, page.chosen))
    page.set_runs([])
    assert "There are no runs yet" in page.runs.note.text()


def test_curves_of_the_ticked_runs_each_with_its_own_look(page, qtbot):
    choose(qtbot, page, "maml", "anil")
    shown = curves(page)
    assert shown.keys() == {"maml", "anil"}
    assert (shown["maml"].role, shown["maml"].dashed) == (role(0), dash(0))
    assert (shown["anil"].role, shown["anil"].dashed) == (role(1), dash(1))
    assert shown["maml"].series.x.tolist() == [0, 1, 2]
    assert {key for key in page.plots.validation.layers() if key.endswith(" band")} == {
        f"{one} band" for one in map(str, page.runs.styles())
    }
    assert "4 tasks, support, ± 95%" in page.plots.validation._note.text()
    choose(qtbot, page, "maml")
    assert curves(page).keys() == {"anil"}
    # The look that became free goes to the next one; the other keeps its own.
    choose(qtbot, page, "two-shot")
    assert {folder.name: style for folder, style in page.runs.styles().items()} == {"two-shot": 0, "anil": 1}


def test_over_time(page, qtbot):
    choose(qtbot, page, "maml")
    by_iteration = curves(page)["maml"].series.x.copy()
    qtbot.mouseClick(page.plots.by_time, Qt.MouseButton.LeftButton)
    assert curves(page)["maml"].series.x.tolist() != by_iteration.tolist()
    assert page.plots.outer._view._axes["bottom"]._title == "time, s"
    qtbot.mouseClick(page.plots.by_iteration, Qt.MouseButton.LeftButton)
    assert curves(page)["maml"].series.x.tolist() == by_iteration.tolist()


def test_measured_figures_stand_with_what_they_mean(page, qtbot, root):
    comparison = measured(qtbot, page, "maml", "anil", "no-validation")
    rows = cells(page.results.figures)
    assert [row[0] for row in rows] == [entry.name for entry in comparison.entries]
    assert rows[0][1] == comparison.figure(comparison.entries[0])
    assert rows[0][4] == "best"
    assert rows[0][6] == "support"
    assert page.results.figures.item(0, 0).font().bold()
    assert not page.results.figures.item(1, 0).font().bold()
    assert "6 test tasks of Digits (built in), 3-way 1-shot" in page.results.about.text()
    assert sorted(row[0] for row in cells(page.results.pairs)) == sorted(comparison.sentence(pair) for pair in comparison.pairs)
    assert page.results.settings.horizontalHeaderItem(1).text() == "maml"
    assert ["Algorithm", "MAML", "ANIL", "FOMAML"] in cells(page.results.settings)
    assert all((root / name / REPORT).is_file() for name in ("maml", "anil", "no-validation"))
    assert "1 without validation" in page.plots.validation._note.text()
    # Everything is measured: there is nothing left to press.
    assert not page.measure_button.isEnabled()


def test_the_second_look_is_there_at_once(page, qtbot, root):
    before = measured(qtbot, page, "maml", "anil")
    other = ComparePage(root)
    qtbot.addWidget(other)
    other.tasks.setValue(6)
    other.show()
    other.compare([root / "maml", root / "anil"])
    qtbot.waitUntil(lambda: other.results.comparison is not None, timeout=LONG)
    assert [entry.mean for entry in other.results.comparison.entries] == pytest.approx([entry.mean for entry in before.entries])
    assert not other.worker.isRunning()
    # One more run is not measured yet; the others' figures stay in sight.
    other.compare([root / "maml", root / "anil", root / "maml-again"])
    qtbot.waitUntil(lambda: other.results.comparison is not None and bool(other.results.comparison.left_out), timeout=LONG)
    assert cells(other.results.figures)[-1][4] == "is not measured on these tasks yet"
    assert other.measure_button.isEnabled()
    other.end()


def test_runs_of_different_tasks_say_why_and_what_to_do(page, qtbot):
    choose(qtbot, page, "maml", "two-shot")
    qtbot.waitUntil(lambda: "shots differ: 1 (maml), 2 (two-shot)" in page.results.no_figures.text(), timeout=LONG)
    assert "Other tasks for all" in page.results.no_figures.text()
    assert not page.measure_button.isEnabled()
    qtbot.mouseClick(page.chosen, Qt.MouseButton.LeftButton, pos=QPoint(10, page.chosen.height() // 2))
    assert page.form.isVisible()
    assert page.form.editor("task.shot").inner.value() == 1
    qtbot.waitUntil(page.measure_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(page.measure_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    comparison = page.results.comparison
    assert {entry.name for entry in comparison.entries} == {"maml", "two-shot"}
    assert comparison.common.task.shot == 1
    # Another choice is another comparison.
    page.form.editor("task.shot").inner.setValue(3)
    qtbot.waitUntil(lambda: page.results.comparison is None, timeout=LONG)
    page.form.steps.setValue(0)
    qtbot.waitUntil(lambda: page._look.common is not None and page._look.common.inner_steps == 0, timeout=LONG)


def test_a_wrong_field_holds_everything(page, qtbot):
    choose(qtbot, page, "maml")
    page.chosen.click()
    source = page.form.source
    source.setCurrentIndex(source.findData("folder"))
    split = page.form.editor("data.split").inner
    split.setCurrentIndex(split.findData("classes"))
    assert not page.measure_button.isEnabled()
    assert "data.holdout" in page.measure_button.toolTip()


def test_of_errors_less_is_better_and_accuracies_are_not_mixed_with_them(page, qtbot):
    comparison = measured(qtbot, page, "sines")
    assert comparison.metric == "mse"
    assert page.plots.validation.accessibleName() == "Validation error"
    assert "One run alone" in page.results.no_pairs.text()
    choose(qtbot, page, "maml")
    assert curves(page).keys() == {"sines"}
    assert "1 with accuracies not shown" in page.plots.validation._note.text()
    assert len(page.plots.outer.layers()) == 2
    qtbot.waitUntil(
        lambda: "kind of task" in page.results.no_figures.text() or "data differ" in page.results.no_figures.text(), timeout=LONG
    )


def test_seeds_together(page, qtbot):
    measured(qtbot, page, "maml", "maml-again", "anil")
    page.by_seed.click()
    qtbot.waitUntil(lambda: page.results.comparison is not None and len(page.results.comparison.entries) == 2, timeout=LONG)
    rows = cells(page.results.figures)
    together = next(row for row in rows if row[0] == "maml (+1)")
    assert together[5].startswith("2 seeds, σ ")
    assert not page.results.figures.isColumnHidden(5)
    assert curves(page).keys() == {"maml", "anil"}
    assert curves(page)["maml"].name == "maml (+1)"


@pytest.mark.parametrize("how", ["button", "escape"])
def test_cancel_answers_at_once(page, qtbot, how):
    page.tasks.setValue(50_000)
    choose(qtbot, page, "maml", "anil")
    qtbot.waitUntil(page.measure_button.isEnabled, timeout=LONG)
    qtbot.mouseClick(page.measure_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "of 50,000 tasks" in page.message.text(), timeout=LONG)
    assert page.bar.isVisible()
    assert not page.runs.isEnabled()
    if how == "button":
        qtbot.mouseClick(page.cancel_button, Qt.MouseButton.LeftButton)
    else:
        qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.running
    looked(qtbot, page)
    page.tasks.setValue(4)
    qtbot.waitUntil(page.measure_button.isEnabled, timeout=LONG)
    qtbot.keyClick(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert page.running
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert page.results.comparison is not None


def test_a_run_deleted_meanwhile(page, qtbot, root):
    choose(qtbot, page, "maml", "anil")
    shutil.rmtree(root / "anil")
    qtbot.waitUntil(lambda: page.runs.note.text() == "anil is no longer there.", timeout=LONG)
    looked(qtbot, page)
    assert {folder.name for folder in page.runs.styles()} == {"maml"}
    assert curves(page).keys() == {"maml"}


def test_a_run_deleted_while_it_is_measured(page, qtbot, root):
    choose(qtbot, page, "maml", "anil")
    qtbot.waitUntil(page.measure_button.isEnabled, timeout=LONG)
    shutil.rmtree(root / "anil")
    page.measure()
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
    assert [entry.name for entry in page.results.comparison.entries] == ["maml"]
    qtbot.waitUntil(lambda: page.runs.note.text() == "anil is no longer there.", timeout=LONG)


def test_settings_that_cannot_be_used_are_told_in_a_sentence(page, qtbot, root):
    file = root / "anil" / "experiment.toml"
    file.write_text(file.read_text().replace('name = "anil"', 'name = "no such algorithm"'))
    page.compare([root / "maml", root / "anil"])
    qtbot.waitUntil(lambda: "has settings that can't be used: algorithm.name should be one of" in page.message.text(), timeout=LONG)
    assert page.message.property("role") == "bad"
    assert curves(page).keys() == {"maml"}


def test_search_keeps_what_is_ticked_in_sight(page, qtbot):
    choose(qtbot, page, "maml")
    qtbot.keyClick(page, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(page.runs.search, "anil digits")
    visible = [one.text().partition("\n")[0] for one in page.runs._items() if not one.isHidden()]
    assert sorted(visible) == ["anil", "maml"]
    page.runs.search.setText("nothing like it")
    assert [one for one in page.runs._items() if not one.isHidden()] == [item(page, "maml")]


def test_ticking_by_keyboard(page, qtbot):
    page.runs.list.setCurrentItem(item(page, "two-shot"))
    page.runs.list.setFocus()
    qtbot.keyClick(page.runs.list, Qt.Key.Key_Space)
    assert {folder.name for folder in page.runs.styles()} == {"two-shot"}
    qtbot.keyClick(page.runs.list, Qt.Key.Key_Space)
    assert page.runs.styles() == {}


def test_there_are_only_so_many_looks(page, qtbot, root, tmp_path):
    for number in range(MOST_RUNS + 1):
        shutil.copytree(root / "maml", tmp_path / "many" / f"copy-{number:02}")
    runs = list_runs(tmp_path / "many")
    page.set_runs(runs)
    page.runs.tick([run.folder for run in runs])
    looks = {(role(style) if style < 8 else f"run {style % 8}", dash(style)) for style in page.runs.styles().values()}
    assert len(page.runs.styles()) == len(looks) == MOST_RUNS
    last = next(one for one in page.runs._items() if one.checkState() == Qt.CheckState.Unchecked)
    last.setCheckState(Qt.CheckState.Checked)
    assert last.checkState() == Qt.CheckState.Unchecked
    assert "At most" in page.runs.note.text()
    # Runs of one name are told apart by their folders.
    looked(qtbot, page)
    assert all(run.name == f"maml ({run.folder.name})" for run in page._look.runs)


def test_runs_from_elsewhere_can_be_compared(page, qtbot, root, tmp_path):
    elsewhere = shutil.copytree(root / "anil", tmp_path / "elsewhere" / "anil")
    page.compare([root / "maml", elsewhere, tmp_path / "nowhere"])
    looked(qtbot, page)
    assert page.runs.styles().keys() == {root / "maml", elsewhere}
    page.set_runs(list_runs(root))
    assert page.runs.styles().keys() == {root / "maml", elsewhere}


@pytest.mark.parametrize(("suffix", "begins"), [(".csv", "run,folders,accuracy"), (".md", "6 test tasks of Digits")])
def test_tables_are_saved(page, qtbot, tmp_path, monkeypatch, suffix, begins):
    measured(qtbot, page, "maml", "anil")
    target = tmp_path / f"table{suffix}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **options: (str(target.with_suffix("")), ""))
    save = page.results.save_csv if suffix == ".csv" else page.results.save_markdown
    save()
    assert target.read_text().startswith(begins)
    assert page.message.text() == f"Saved as table{suffix}."
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *args: asked.append(args[2]) or QMessageBox.StandardButton.Cancel)
    save()
    assert asked == [f"Replace table{suffix}?"]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args, **options: (str(tmp_path / "no" / "where"), ""))
    monkeypatch.setattr(QMessageBox, "warning", lambda *args: asked.append(args[2]))
    save()
    assert "can't be written" in asked[-1]


def test_copied_as_a_table(page, qtbot):
    comparison = measured(qtbot, page, "maml", "anil")
    page.results.copy_markdown()
    assert comparison.sentence(comparison.pairs[0]) in QApplication.clipboard().text()
    page.results.figures.selectRow(0)
    page.results.figures.setFocus()
    qtbot.keyClick(page.results.figures, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text().startswith(f"{comparison.entries[0].name}\t")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".csv"])
def test_plots_are_saved(page, qtbot, tmp_path, suffix):
    choose(qtbot, page, "maml", "anil")
    for plot in (page.plots.validation, page.plots.outer):
        path = tmp_path / f"plot{suffix}"
        plot.save(path)
        if suffix == ".png":
            assert QImage(str(path)).width() == 2 * plot.width()
        else:
            text = path.read_text()
            assert "anil" in text
            assert "maml" in text


def test_it_remembers(page, qtbot, root):
    choose(qtbot, page, "anil", "maml")
    page.plots.by_time.click()
    page.by_seed.click()
    text = page.remembered()
    assert json.loads(text)["runs"] == [str(root / "anil"), str(root / "maml")]
    other = ComparePage(root)
    qtbot.addWidget(other)
    other.set_runs(list_runs(root))
    other.bring_back(text)
    assert other.remembered() == text
    for broken in ("", "{}", "[1]", '{"runs": 3, "tasks": "x", "by_seed": 1, "by_time": null, "smoothing": []}'):
        other.bring_back(broken)
    assert other.runs.styles().keys() == {root / "anil", root / "maml"}
    other.end()


def test_colours_follow_the_scheme(page, qtbot):
    choose(qtbot, page, "maml")
    dark = page.plots.validation._layers[str(next(iter(page.runs.styles())))]._raw.opts["pen"].color()
    swatch = item(page, "maml").icon().pixmap(30, 12).toImage()
    theme.apply(QApplication.instance(), "light")
    light = page.plots.validation._layers[str(next(iter(page.runs.styles())))]._raw.opts["pen"].color()
    assert (dark.name(), light.name()) == (theme.DARK.runs[0], theme.LIGHT.runs[0])
    assert item(page, "maml").icon().pixmap(30, 12).toImage() != swatch


def test_the_crosshair_reads_every_run(page, qtbot):
    choose(qtbot, page, "maml", "anil")
    plot = page.plots.validation
    plot.redraw()
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_End)
    entries = {entry.name: entry.value for entry in plot._legend.entries()}
    assert entries.keys() == {"maml", "anil"}
    assert float(entries["maml"]) == pytest.approx(curves(page)["maml"].series.y[-1], rel=1e-3)
    assert np.isfinite(float(entries["anil"]))


def test_a_module_of_the_users_own_is_asked_about_before_it_is_measured(page, qtbot, root, monkeypatch, memory):
    asked = []
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[2]) or QMessageBox.StandardButton.No)
    page.own_code.begin(memory)
    folder = shutil.copytree(next(root.iterdir()), root / "own")
    settings = load(folder / "experiment.toml")
    (folder / "experiment.toml").write_text(to_toml(with_changes(settings, {"model.name": "module", "model.path": "nets_not_there:Small"})))
    page.compare([folder])
    looked(qtbot, page)
    page.measure()
    assert len(asked) == 1
    assert "nets_not_there:Small" in asked[0]
    qtbot.waitUntil(lambda: not page.running, timeout=LONG)
