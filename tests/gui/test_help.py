"""F1: the manual beside the pages, which follows the focus and is read with keys alone."""

import re

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt, QUrl
from PySide6.QtGui import QAction, QHelpEvent, QShortcut
from PySide6.QtWidgets import QAbstractButton, QApplication, QWhatsThis

from maml_studio import manual
from maml_studio.gui import theme
from maml_studio.gui.help_dock import CONTENTS
from maml_studio.gui.main_window import MainWindow
from maml_studio.manual.topics import PAGES
from maml_studio.spec import TABLES

LEFT = Qt.MouseButton.LeftButton
ALT = Qt.KeyboardModifier.AltModifier

# Of this platform, whose windows can't be raised: its screen is too small for help and pages side by side.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


@pytest.fixture
def dock(window, qtbot):
    """The help, opened with F1 on the task's ways."""
    window.help.dock.setFloating(False)
    window.activateWindow()
    window.form.editor("task.way").inner.setFocus()
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F1)
    assert window.help.is_open
    return window.help.dock


def shown(dock):
    return dock.view.toPlainText()


def test_f1_explains_the_field_in_focus_and_leaves_the_focus_there(window, dock):
    assert dock.key == "task.n_way.way"
    assert shown(dock).startswith("Ways N\nN-way K-shot · task.way\nNumber of classes in a task.\n")
    assert "In papers: N" in shown(dock)
    assert "Takes: 2 to 100" in shown(dock)
    assert window.form.editor("task.way").isAncestorOf(QApplication.focusWidget())


def test_it_follows_the_focus_through_every_field_of_every_algorithm(window, dock):
    form = window.form
    form.editor("model.name").edited.emit("mlp")
    form.set_shows_more(True)
    for algorithm in TABLES["algorithm"]:
        form.editor("algorithm.name").edited.emit(algorithm)
        chosen = form.chosen_tables()
        assert chosen["algorithm"] == algorithm
        for field in list(form._rows):
            form.editor(field).inner.setFocus()
            expected = manual.field_topic(field, chosen)
            assert dock.key == expected.key
            assert shown(dock).startswith(expected.title)


def test_another_choice_is_explained_at_once(window, dock):
    box = window.form.editor("algorithm.name").inner
    box.setFocus()
    assert dock.key == "algorithm.maml"
    box.setCurrentIndex(box.findData("imaml"))
    assert dock.key == "algorithm.imaml"
    assert "Rajeswaran" in shown(dock)


def test_a_section_s_header_explains_its_table(window, dock):
    window.form._sections["training"].header.setFocus()
    assert dock.key == "training"
    window.form._sections["model"].header.setFocus()
    assert dock.key == "model.conv4"


def test_a_page_is_explained_with_its_keys(window, dock):
    for name in ("draw", "evaluate", "runs", "compare", "insight", "train"):
        window.show_page(name)
        assert dock.key == f"page.{name}"
        for shortcut in window.pages[name].findChildren(QShortcut):
            assert shortcut.key().toString().replace("Esc", "Escape") in shown(dock)


def test_the_controls_that_a_page_s_text_names_are_there(window):
    controls = [*window.findChildren(QAbstractButton), *window.findChildren(QAction)]
    controls.append(window.evaluate_page.form.placed)  # which is laid out once a model is there
    there = {one.text().replace("&", "").rstrip("…").strip() for one in controls}
    named = {words for name in PAGES for words in re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", manual.topic(f"page.{name}").text)}
    assert len(named) > 6
    assert not [words for words in named if not any(text.startswith(words) for text in there)]


def test_on_a_small_screen_it_is_a_window_of_its_own(window, qtbot):
    way = window.form.editor("task.way").inner
    way.setFocus()
    window.menus.helps.actions()[0].trigger()
    dock = window.help.dock
    assert dock.isFloating()  # this platform's screen is 800 pixels wide
    assert dock.width() >= 300
    assert dock.key == "task.n_way.way"
    window.menus.helps.actions()[0].trigger()
    qtbot.waitUntil(dock.view.hasFocus)
    qtbot.keyClick(dock.view, Qt.Key.Key_Escape)
    assert not window.help.is_open


def test_the_draw_page_s_commands_stand_there_with_their_keys(window, dock):
    window.show_page("draw")
    assert "Ctrl+M: Compare with" in shown(dock)
    assert "Ctrl+Shift+W: Which pixels decided" in shown(dock)


def test_a_single_control_says_what_it_is_before_its_page(window, dock):
    window.train_page.train_button.setFocus()
    assert dock.key == "page.train"
    assert shown(dock).startswith("Train: Start a new run with these settings (Ctrl+R)")


def test_a_field_of_the_evaluate_page_is_explained_as_in_the_form(window, dock, qtbot):
    window.show_page("evaluate")
    page = window.evaluate_page
    qtbot.waitUntil(lambda: page.form.experiment() is not None, timeout=60_000)
    page.form.editor("task.shot").inner.setFocus()
    assert dock.key == "task.n_way.shot"


def test_f1_twice_goes_into_the_text_and_escape_comes_back(window, dock, qtbot):
    way = window.form.editor("task.way").inner
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_F1)
    assert dock.view.hasFocus()
    assert dock.key == "task.n_way.way"
    qtbot.keyClick(dock.view, Qt.Key.Key_Escape)
    assert not window.help.is_open
    assert way.hasFocus()


def test_the_button_shows_it_too(window, qtbot):
    qtbot.mouseClick(window.help.button, LEFT)
    assert window.help.is_open
    assert window.help.dock.key == "page.train"


def test_search_by_keys(dock, qtbot):
    dock.search.setFocus()
    qtbot.keyClicks(dock.search, "cg")
    assert dock.stack.currentWidget() is dock.hits
    assert dock.hits.item(0).text() == "CG steps  ·  iMAML"
    qtbot.keyClick(dock.search, Qt.Key.Key_Down)
    assert dock.hits.hasFocus()
    qtbot.keyClick(dock.hits, Qt.Key.Key_Down)
    wanted = dock.hits.currentItem().data(Qt.ItemDataRole.UserRole)
    qtbot.keyClick(dock.hits, Qt.Key.Key_Return)
    assert dock.key == wanted
    assert dock.view.hasFocus()
    dock.search.setFocus()
    qtbot.keyClick(dock.search, Qt.Key.Key_Escape)
    assert not dock.search.text()
    assert dock.isVisible()


def test_return_opens_the_first_hit_and_nothing_found_is_said(dock, qtbot):
    qtbot.keyClicks(dock.search, "unicorn")
    qtbot.keyClick(dock.search, Qt.Key.Key_Return)
    assert dock.key == "algorithm.unicorn_maml"
    dock.search.clear()
    qtbot.keyClicks(dock.search, "zzzz")
    assert "Nothing has these words" in dock.hits.item(0).text()
    qtbot.keyClick(dock.search, Qt.Key.Key_Return)
    assert dock.key == "algorithm.unicorn_maml"


def test_back_and_forward(dock, qtbot):
    dock.view.anchorClicked.emit(QUrl("help:algorithm.maml"))
    dock.view.anchorClicked.emit(QUrl("help:algorithm.anil"))
    qtbot.keyClick(dock.view, Qt.Key.Key_Left, ALT)
    assert dock.key == "algorithm.maml"
    qtbot.mouseClick(dock.back_button, LEFT)
    assert dock.key == "task.n_way.way"
    assert not dock.back_button.isEnabled()
    qtbot.keyClick(dock.view, Qt.Key.Key_Right, ALT)
    assert dock.key == "algorithm.maml"
    dock.show_topic("guide.words")
    assert not dock.forward_button.isEnabled()


def test_the_contents_lead_to_every_listed_topic(dock, qtbot):
    qtbot.mouseClick(dock.contents_button, LEFT)
    assert dock.key == CONTENTS
    for one in manual.topics().values():
        assert not one.listed or one.title in shown(dock)
    dock.view.anchorClicked.emit(QUrl("https://somewhere.else"))
    assert dock.key == CONTENTS


def test_point_at_something(window, qtbot):
    window.help.point()
    assert QWhatsThis.inWhatsThisMode()
    editor = window.form.editor("task.shot").inner
    place = QPoint(5, 5)
    QApplication.sendEvent(editor, QHelpEvent(QEvent.Type.WhatsThis, place, editor.mapToGlobal(place)))
    assert not QWhatsThis.inWhatsThisMode()
    assert window.help.dock.key == "task.n_way.shot"


def test_it_is_open_again_at_the_next_start(window, dock, memory, qtbot):
    window.close_at_once()
    again = MainWindow(memory)
    try:
        again.show()
        again.build_pages()
        assert again.help.is_open
        assert again.help.dock.key == "page.train"
        again.help.dock.hide()
    finally:
        again.close_at_once()
        again.deleteLater()
    assert not memory.flag("help")


def test_links_have_the_theme_s_colour(window, dock, themed):
    for scheme in ("light", "dark"):
        window.set_scheme(scheme)
        block = dock.view.document().begin().next()
        link = block.begin().fragment().charFormat()
        assert link.isAnchor()
        assert link.foreground().color() == theme.current().color("accent")
