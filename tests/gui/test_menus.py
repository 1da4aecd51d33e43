import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction


def test_the_draw_menu_goes_with_its_page(window, qtbot):
    actions = window.draw_page.actions_by_name
    commands = [actions[name] for name in ("open_checkpoint", "play", "clear_all", "export")]
    assert set(commands) <= set(window.menus.draw.actions())
    assert not any(action.isEnabled() for action in commands)
    window.show_page("draw")
    assert [action.isEnabled() for action in commands] == [True, False, False, False]
    window.draw_page.query.set_strokes([np.array([[0.2, 0.2, 0.0], [0.8, 0.8, 0.1]])])
    assert actions["clear_all"].isEnabled()
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_Delete, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert window.draw_page.query.is_empty()
    assert not actions["clear_all"].isEnabled()
    actions["undo"].trigger()
    assert not window.draw_page.query.is_empty()
    window.show_page("train")
    assert not any(action.isEnabled() for action in commands)


def test_open_and_save_are_about_the_page_on_show(window):
    drawing = window.draw_page.actions_by_name
    for _ in range(2):
        assert (window.menus.open.shortcut().toString(), window.menus.save.shortcut().toString()) == ("Ctrl+O", "Ctrl+S")
        assert (drawing["open"].shortcut().toString(), drawing["save"].shortcut().toString()) == ("", "")
        window.show_page("draw")
        assert (window.menus.open.shortcut().toString(), window.menus.save.shortcut().toString()) == ("", "")
        assert (drawing["open"].shortcut().toString(), drawing["save"].shortcut().toString()) == ("Ctrl+O", "Ctrl+S")
        window.show_page("train")


def test_no_two_commands_share_their_keys(window):
    keys = [key.toString() for action in window.findChildren(QAction) for key in action.shortcuts()]
    assert len(keys) > 15
    assert len(keys) == len(set(keys))
