import json
import sys
from pathlib import Path

import filelock
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QInputDialog, QLineEdit, QMessageBox
from runs_cases import add_events, finished, step, validation, write_run
from window_cases import tiny

from maml_studio.gui import runs_trash
from maml_studio.gui.pages.runs import RunsPage
from maml_studio.gui.run_model import RunModel
from maml_studio.gui.runs_model import CREATED, SCORE, STATUS, TITLE
from maml_studio.gui.session import RunSession
from maml_studio.training.events import Failed, Stopped
from maml_studio.training.run_about import About, read_about
from maml_studio.training.run_lock import LOCK

LONG = 30_000
Key = Qt.Key


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """Four runs: MAML finished and starred, FOMAML stopped, Reptile failed, ANIL cut off."""
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "home"))
    (tmp_path / "share").mkdir()  # Qt finds no trash where there is no such folder
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.setattr(QMessageBox, "question", lambda *words: pytest.fail(f"a question that nobody answers: {words[2]}"))
    folder = tmp_path / "home" / "runs"
    write_run(folder / "2026-11-01-100000-maml", about=About("the good one", True, ("paper",), "as in the talk"))
    write_run(folder / "2026-11-02-100000-fomaml", [step(1), validation(1, 0.6), Stopped(1)], tiny(name="fomaml", algorithm__name="fomaml"))
    write_run(folder / "2026-11-03-100000-reptile", [step(2), Failed(2, "it exploded")], tiny(name="reptile", algorithm__name="reptile"))
    write_run(folder / "2026-11-04-100000-anil", [step(3)], tiny(name="anil", algorithm__name="anil"))
    return folder


@pytest.fixture
def make_page(qtbot, themed):
    pages = []

    def make(root: Path) -> RunsPage:
        session = RunSession(RunModel())
        page = RunsPage(session, root)
        qtbot.addWidget(page, before_close_func=lambda page: (page.end(), session.finish()))
        page.resize(1200, 700)
        page.show()
        qtbot.waitExposed(page)
        pages.append((page, session))
        return page

    return make


@pytest.fixture
def page(qtbot, make_page, root) -> RunsPage:
    page = make_page(root)
    qtbot.waitUntil(lambda: len(page.model.runs) == 4, timeout=LONG)
    return page


def titles(page: RunsPage) -> list[str]:
    return [page.proxy.run(row).title for row in range(page.proxy.rowCount())]


def choose(page: RunsPage, *wanted: str) -> None:
    page.table.clearSelection()
    page.table.setFocus()
    for row, title in enumerate(titles(page)):
        if title in wanted:
            flags = page.table.selectionModel().SelectionFlag
            page.table.selectionModel().setCurrentIndex(page.proxy.index(row, TITLE), flags.Select | flags.Rows)


def press(qtbot, page: RunsPage, name: str) -> None:
    action = page.commands.actions[name]
    assert action.isEnabled(), action.toolTip()
    action.trigger()


def test_the_newest_run_stands_first_and_is_chosen(page):
    assert titles(page) == ["anil", "reptile", "fomaml", "the good one"]
    assert [run.title for run in page.table.chosen()] == ["anil"]
    assert page.details.title.text() == "anil"
    assert page.count.text() == "4 runs"


def test_each_score_has_its_interval_and_its_conditions(page):
    choose(page, "the good one")
    row = page.table.currentIndex()
    cell = row.siblingAtColumn(SCORE)
    assert cell.data() == "90.0 ± 1.0 %"
    tip = cell.data(Qt.ItemDataRole.ToolTipRole)
    assert tip == "accuracy 90.0 ± 1.0 % at 6 (100 validation tasks, support, 2 steps)"
    assert row.siblingAtColumn(STATUS).data() == "finished"
    assert "90.0 ± 1.0 %" in page.details.facts.text()
    choose(page, "reptile")
    assert page.table.currentIndex().siblingAtColumn(STATUS).data(Qt.ItemDataRole.ToolTipRole) == "it exploded"
    assert page.table.currentIndex().siblingAtColumn(SCORE).data() == ""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("good", ["the good one"]),
        ("TALK", ["the good one"]),
        ("paper maml", ["the good one"]),
        ("anil", ["anil"]),
        ("3-way anil", ["anil"]),
        ("zebra", []),
    ],
)
def test_words_are_searched_in_everything(page, qtbot, words, found):
    qtbot.keyClick(page.table, Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert page.filter.words.hasFocus()
    qtbot.keyClicks(page.filter.words, words)
    assert titles(page) == found
    assert page.count.text() == f"{len(found)} of 4 runs"
    assert page.table.isVisible() == bool(found)
    qtbot.keyClick(page.filter.words, Key.Key_Escape)
    assert len(titles(page)) == 4


def test_filters_by_status_algorithm_and_star(page):
    page.filter.status.setCurrentIndex(page.filter.status.findData("failed"))
    assert titles(page) == ["reptile"]
    page.filter.clear()
    page.filter.algorithm.setCurrentIndex(page.filter.algorithm.findText("ANIL"))
    assert titles(page) == ["anil"]
    page.filter.clear()
    page.filter.starred.click()
    assert titles(page) == ["the good one"]
    page.filter.source.setCurrentIndex(page.filter.source.findData("digits"))
    assert titles(page) == ["the good one"]


def test_columns_sort(page):
    page.table.sortByColumn(SCORE, Qt.SortOrder.DescendingOrder)
    assert titles(page)[:2] == ["the good one", "fomaml"]
    page.table.sortByColumn(TITLE, Qt.SortOrder.AscendingOrder)
    assert titles(page) == ["anil", "fomaml", "reptile", "the good one"]
    text = page.remembered()
    page.table.sortByColumn(CREATED, Qt.SortOrder.DescendingOrder)
    page.bring_back(text)
    assert titles(page)[0] == "anil"
    for bad in ("", "1 2", "99 1 0 0", "a b c d", "1 7 0 0"):
        page.bring_back(bad)
    assert titles(page)[0] == "anil"
    assert page.remembered().split()[:2] == text.split()[:2]


def test_a_run_is_renamed_by_keys(page, qtbot, root):
    choose(page, "fomaml")
    qtbot.keyClick(page.table, Key.Key_F2)
    editor = page.table.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "second try")
    qtbot.keyClick(editor, Key.Key_Return)
    qtbot.waitUntil(lambda: "second try" in titles(page), timeout=LONG)
    assert read_about(root / "2026-11-02-100000-fomaml").title == "second try"
    assert page.details.title.text() == "second try"
    page.rename(root / "2026-11-02-100000-fomaml", "fomaml")
    assert read_about(root / "2026-11-02-100000-fomaml").title == ""


def test_stars_by_key_and_by_click(page, qtbot, root):
    choose(page, "anil", "the good one")
    qtbot.keyClick(page.table, Key.Key_S)
    assert read_about(root / "2026-11-04-100000-anil").starred
    qtbot.keyClick(page.table, Key.Key_S)
    assert not read_about(root / "2026-11-01-100000-maml").starred
    place = page.table.visualRect(page.proxy.index(0, 0)).center()
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert read_about(root / "2026-11-04-100000-anil").starred


def test_tags_and_notes_are_saved_as_they_are_typed(page, qtbot, root):
    folder = root / "2026-11-03-100000-reptile"
    choose(page, "reptile")
    qtbot.keyClicks(page.details.tags, "wide, old")
    qtbot.keyClicks(page.details.notes, "too fast")
    qtbot.waitUntil(lambda: read_about(folder).notes == "too fast", timeout=LONG)
    assert read_about(folder).tags == ("wide", "old")
    qtbot.keyClicks(page.details.notes, "!")
    choose(page, "anil")
    assert read_about(folder).notes == "too fast!"
    assert page.details.notes.toPlainText() == ""
    page.filter.words.setText("too fast wide")
    assert titles(page) == ["reptile"]


def test_several_are_tagged_at_once(page, qtbot, root, monkeypatch):
    choose(page, "anil", "the good one")
    assert page.details.title.text() == "2 runs"
    assert not page.details.editor.isVisible()
    monkeypatch.setattr(QInputDialog, "getItem", lambda *_: ("for the talk", True))
    qtbot.keyClick(page.table, Key.Key_T)
    assert read_about(root / "2026-11-01-100000-maml").tags == ("paper", "for the talk")
    assert read_about(root / "2026-11-04-100000-anil").tags == ("for the talk",)


def test_the_settings_that_are_special_are_told(page):
    choose(page, "anil")
    text = page.details.settings.text()
    assert "Differs from the preset" in text
    assert "Ways" in text
    assert "Algorithm" not in page.details.facts.text()


def test_commands_are_there_when_they_make_sense(page, qtbot):
    actions = page.commands.actions
    choose(page, "the good one")
    assert [name for name in actions if not actions[name].isEnabled()] == ["go_on", "compare"]
    assert actions["go_on"].toolTip() == "This run is finished"
    choose(page, "fomaml", "anil")
    assert {name for name in actions if actions[name].isEnabled()} == {"compare", "star", "tag", "delete"}
    with qtbot.waitSignal(page.compare_wanted) as compared:
        qtbot.keyClick(page.table, Key.Key_C)
    assert {folder.name[18:] for folder in compared.args[0]} == {"fomaml", "anil"}
    choose(page, "fomaml")
    with qtbot.waitSignal(page.open_wanted) as opened:
        qtbot.keyClick(page.table, Key.Key_Return)
    assert opened.args[0].name == "2026-11-02-100000-fomaml"
    with qtbot.waitSignal(page.continue_wanted):
        qtbot.keyClick(page.table, Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    with qtbot.waitSignal(page.settings_wanted) as settings:
        qtbot.keyClick(page.table, Key.Key_D, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
    assert settings.args[0].algorithm.name == "fomaml"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into the trash where Linux has it")
def test_deleted_runs_come_back(page, qtbot, root, tmp_path):
    choose(page, "anil", "the good one")
    with qtbot.waitSignal(page.deleted) as gone:
        qtbot.keyClick(page.table, Key.Key_Delete)
    assert len(gone.args[0]) == 2
    assert titles(page) == ["reptile", "fomaml"]
    assert not (root / "2026-11-04-100000-anil").exists()
    assert page.message.text() == "2 runs moved to the trash."
    assert len(list((tmp_path / "share" / "Trash" / "info").iterdir())) == 2
    assert page.undo_button.isVisible()
    qtbot.keyClick(page.table, Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(titles(page)) == 4, timeout=LONG)
    assert titles(page) == ["anil", "reptile", "fomaml", "the good one"]
    assert read_about(root / "2026-11-01-100000-maml").title == "the good one"
    assert list((tmp_path / "share" / "Trash" / "info").iterdir()) == []
    assert not page.undo_button.isVisible()


@pytest.mark.parametrize("agreed", [True, False])
def test_without_a_trash_a_folder_beside_is_offered(page, qtbot, root, monkeypatch, agreed):
    monkeypatch.setattr(runs_trash, "to_trash", lambda folder: None)
    asked = []
    answer = QMessageBox.StandardButton.Yes if agreed else QMessageBox.StandardButton.Cancel
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[2]) or answer)
    choose(page, "anil", "reptile")
    qtbot.keyClick(page.table, Key.Key_Delete)
    assert len(asked) == 1
    assert (root / ".trash" / "2026-11-04-100000-anil").exists() == agreed
    assert len(titles(page)) == (2 if agreed else 4)
    if agreed:
        page.undo()
        qtbot.waitUntil(lambda: len(titles(page)) == 4, timeout=LONG)


def test_what_cannot_come_back_is_told(page, qtbot, root):
    choose(page, "anil")
    qtbot.keyClick(page.table, Key.Key_Delete)
    (root / "2026-11-04-100000-anil").mkdir()
    page.undo()
    assert page.message.text() == "2026-11-04-100000-anil can't be brought back: something of that name is there again."


def test_a_run_that_trains_is_live_and_cannot_be_deleted(page, qtbot, root):
    folder = root / "2026-11-04-100000-anil"
    with filelock.FileLock(folder / LOCK):
        qtbot.waitUntil(lambda: page.proxy.run(0).status == "training", timeout=LONG)
        choose(page, "anil")
        delete = page.commands.actions["delete"]
        assert not delete.isEnabled()
        assert "can't be deleted" in delete.toolTip()
        add_events(folder, step(4))
        qtbot.waitUntil(lambda: page.proxy.run(0).iteration == 4, timeout=LONG)
        page.bin.throw([folder])
        assert folder.exists()
        assert "being trained" in page.message.text()
    qtbot.waitUntil(lambda: page.proxy.run(0).status == "cut off", timeout=LONG)
    assert delete.isEnabled()


def test_new_runs_appear_and_the_chosen_one_stays_chosen(page, qtbot, root):
    choose(page, "fomaml")
    write_run(root / "2026-11-05-100000-new", finished(), tiny(name="new"))
    qtbot.waitUntil(lambda: titles(page)[0] == "new", timeout=LONG)
    assert [run.title for run in page.table.chosen()] == ["fomaml"]


def test_a_run_that_is_being_renamed_is_not_disturbed(page, qtbot, root):
    choose(page, "anil")
    qtbot.keyClick(page.table, Key.Key_F2)
    editor = page.table.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "slow ty")
    write_run(root / "2026-11-05-100000-new", finished(), tiny(name="new"))
    with qtbot.waitSignal(page.watch.listed, timeout=LONG):
        page.watch.look()
    qtbot.keyClicks(editor, "pist")
    qtbot.keyClick(editor, Key.Key_Return)
    qtbot.waitUntil(lambda: set(titles(page)) == {"new", "slow typist", "reptile", "fomaml", "the good one"}, timeout=LONG)


def test_a_broken_about_file_is_told_and_not_overwritten(page, qtbot, root):
    path = root / "2026-11-04-100000-anil" / "about.json"
    path.write_text("{")
    qtbot.waitUntil(lambda: bool(page.proxy.run(0).problem), timeout=LONG)
    choose(page, "anil")
    assert "should be a JSON object" in page.details.problem.text()
    assert not page.details.editor.isEnabled()
    page.star()
    assert "should be a JSON object" in page.message.text()
    assert path.read_text() == "{"


def test_a_broken_about_file_is_put_aside_when_asked(page, qtbot, root):
    folder = root / "2026-11-04-100000-anil"
    choose(page, "the good one")
    assert not page.details.aside_button.isVisible()
    (folder / "about.json").write_text("{")
    qtbot.waitUntil(lambda: bool(page.proxy.run(0).problem), timeout=LONG)
    choose(page, "anil")
    page.details.aside_button.setFocus()
    qtbot.keyClick(page.details.aside_button, Key.Key_Space)
    qtbot.waitUntil(lambda: page.details.editor.isEnabled(), timeout=LONG)
    kept = list(folder.glob("about-unreadable-*.json"))
    assert [file.read_text() for file in kept] == ["{"]
    assert str(kept[0]) in page.message.text()
    assert not page.details.aside_button.isVisible()
    page.star()
    assert read_about(folder).starred


def test_a_broken_about_file_that_cannot_be_put_aside_stays(page, qtbot, root):
    path = root / "2026-11-04-100000-anil" / "about.json"
    path.write_text("{")
    qtbot.waitUntil(lambda: bool(page.proxy.run(0).problem), timeout=LONG)
    choose(page, "anil")
    path.unlink()
    page.details.aside_button.click()
    assert "can't be renamed: No such file" in page.message.text()


def test_settings_that_cannot_be_read_are_told(page, qtbot, root, monkeypatch):
    said = []
    monkeypatch.setattr(QMessageBox, "warning", lambda *words: said.append(words[2]))
    (root / "2026-11-04-100000-anil" / "experiment.toml").write_text("name = 'anil'\nof_next_year = 1\n")
    choose(page, "fomaml")
    choose(page, "anil")
    press(qtbot, page, "settings")
    assert "of_next_year is not a setting" in said[0]
    assert "of_next_year is not a setting" in page.details.settings.text()


def test_without_runs_the_page_says_what_to_do(qtbot, make_page, tmp_path, monkeypatch):
    monkeypatch.setenv("MAML_STUDIO_HOME", str(tmp_path / "home"))
    page = make_page(tmp_path / "nowhere")
    qtbot.waitUntil(lambda: page.empty.text().startswith("No runs yet: "), timeout=LONG)
    assert page.empty.isVisible()
    assert not page.filter.isEnabled()
    write_run(tmp_path / "nowhere" / "first")
    qtbot.waitUntil(lambda: page.table.isVisible(), timeout=LONG)
    assert [run.folder.name for run in page.table.chosen()] == ["first"]


def test_a_hidden_page_looks_at_nothing(page, qtbot, root):
    page.hide()
    assert not page.watch._timer.isActive()
    page.show()
    assert page.watch._timer.isActive()


def test_every_column_shows_every_run_without_a_score_or_an_end(page):
    for row in range(page.proxy.rowCount()):
        for column in range(page.proxy.columnCount()):
            index = page.proxy.index(row, column)
            for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.ForegroundRole):
                index.data(role)
    assert json.dumps(page.remembered())
