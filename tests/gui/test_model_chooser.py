"""What the lists of models say of each, and that the choice stays."""

from PySide6.QtCore import Qt
from run_folders import experiment, finished, write_run

from maml_studio.gui.adapt_worker import PRETRAINED
from maml_studio.gui.model_chooser import ModelChooser, told_training, training_words


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


def test_a_cut_name_is_whole_under_the_mouse_with_all_stages_of_its_training(qtbot, tmp_path):
    chooser = ModelChooser()
    qtbot.addWidget(chooser)
    first = write_run(tmp_path / "2026-01-01-101112-first", finished(), experiment(algorithm__name="protonet"))
    second = write_run(tmp_path / "2026-01-02-101112-second", finished(), experiment(training__start_from=str(first)))
    chooser.resize(140, chooser.sizeHint().height())
    chooser.offer(second)
    chooser.choose(str(second))
    chooser.grab()
    assert chooser.currentText() in chooser.about()
    stages = chooser.about().split("before that: ")
    assert len(stages) == 2
    assert "MAML" in stages[0]
    assert "Prototypical" in stages[1] or "ProtoNet" in stages[1]
    assert str(second) in chooser.about()


def test_the_model_in_the_box_tells_the_stages_of_its_card(qtbot):
    chooser = ModelChooser()
    qtbot.addWidget(chooser)
    chooser.choose(PRETRAINED)
    assert "How it was made" in chooser.about()
    assert told_training(PRETRAINED, experiment(), 50) == "trained in stages"
    assert told_training("run", experiment(), 50) == "trained for 50 iterations"
    assert training_words(experiment(training__start_from="/some/where/before"), 50).endswith("from the weights of before")
