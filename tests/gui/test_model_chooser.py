"""What the lists of models say of each, and that the choice stays."""

from PySide6.QtCore import Qt
from run_folders import experiment, finished, write_run

from maml_studio.gui.model_chooser import ModelChooser


def two_alike(tmp_path):
    return [
        write_run(tmp_path / f"2026-01-0{day}-101112-digits-maml", finished(), experiment(algorithm__name=algorithm))
        for day, algorithm in ((1, "maml"), (2, "anil"))
    ]


def test_runs_of_one_name_are_told_apart(qtbot, tmp_path):
    chooser = ModelChooser()
    qtbot.addWidget(chooser)
    for folder in two_alike(tmp_path):
        chooser.offer(folder)
    titles = [title for title, _ in chooser.offers()[:2]]
    assert titles == ["digits-maml · ANIL, 5-way 1-shot · 02 Jan 10:11", "digits-maml · MAML, 5-way 1-shot · 01 Jan 10:11"]
    tip = chooser.itemData(0, Qt.ItemDataRole.ToolTipRole)
    assert "best 90.0 ± 1.0 % at 100 (100 validation tasks, support, 3 steps)" in tip


def test_the_choice_of_the_last_time_comes_back(qtbot, tmp_path):
    chooser, again = ModelChooser(), ModelChooser()
    first, second = two_alike(tmp_path)
    for one in (chooser, again):
        qtbot.addWidget(one)
        one.offer(second)
    chooser.offer(first)
    assert chooser.remembered() == ""  # chosen by itself: the next start may choose another
    chooser.setFocus()
    qtbot.keyClick(chooser, Qt.Key.Key_Down)
    qtbot.keyClick(chooser, Qt.Key.Key_Up)
    chooser.offer(second)
    assert chooser.ref().place == str(first)
    again.bring_back(chooser.remembered())
    assert again.ref().place == str(first)
    again.bring_back(str(tmp_path / "gone"))
    assert again.ref().place == str(first)
