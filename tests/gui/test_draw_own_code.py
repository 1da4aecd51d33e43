"""A model whose network is the user's own code asks on the Draw page before that runs."""

import sys

import pytest
from draw_cases import LONG, adapted, draw_classes, open_page, train
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from maml_studio import user_code
from maml_studio.gui.adapt_worker import ModelRef
from maml_studio.gui.pages.evaluate import EvaluatePage

NET = """
from torch import nn
print("it runs")

class Small(nn.Sequential):
    def __init__(self, shape, outputs):
        super().__init__(nn.Flatten(), nn.Linear(784, outputs))
"""


@pytest.fixture
def own_run(tmp_path, monkeypatch):
    """A finished run of a network of one's own, which a new start of the program has not allowed yet."""
    (tmp_path / "nets_of_mine.py").write_text(NET)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(user_code, "_allowed", {"nets_of_mine"})
    folder = train(
        tmp_path / "own", "digits-maml", model__name="module", model__path="nets_of_mine:Small", task__way=3, training__iterations=1
    )
    user_code._allowed.clear()
    del sys.modules["nets_of_mine"]
    return folder


@pytest.fixture
def answers(monkeypatch):
    """What the question is answered with, and how often it was put."""
    asked = []
    button = QMessageBox.StandardButton
    monkeypatch.setattr(QMessageBox, "question", lambda *words: asked.append(words[2]) or (button.Yes if "yes" in asked else button.No))
    return asked


@pytest.fixture
def page(qtbot, memory):
    with open_page(qtbot) as page:
        page.keep_in(memory)
        yield page


def test_no_means_no_until_it_is_chosen_again_and_yes_is_remembered(page, qtbot, own_run, answers, memory):
    page.models.offer(own_run)
    qtbot.waitUntil(lambda: "Choose the model once more" in page.bars.message, timeout=LONG)
    assert len(answers) == 1
    assert "nets_of_mine:Small" in answers[0]
    draw_classes(qtbot, page)
    with qtbot.waitSignal(page.session.answered, timeout=LONG):
        page.document.add_class()
    assert len(answers) == 1  # not with each stroke
    assert "nets_of_mine" not in sys.modules
    page.document.undo()
    answers.append("yes")
    page.models.choose(str(own_run))
    qtbot.waitUntil(lambda: adapted(page), timeout=LONG)
    assert len(answers) == 3
    assert memory.text("own_modules") == "nets_of_mine"


def test_the_question_waits_until_the_page_is_on_show(page, qtbot, own_run, answers):
    page.hide()
    page.models.offer(own_run)
    qtbot.waitUntil(lambda: "Choose the model once more" in page.bars.message, timeout=LONG)
    assert not answers
    page.show()
    assert len(answers) == 1


def test_a_model_beside_the_page_s_own_asks_too(page, qtbot, own_run, answers):
    page.models.choose("pretrained")
    qtbot.waitUntil(lambda: page.session.result is not None, timeout=LONG)
    page.compare.add(ModelRef(str(own_run)), "mine")
    qtbot.waitUntil(lambda: len(answers) == 1, timeout=LONG)
    assert page.session.result is not None


def test_a_real_dialog_can_be_answered(page, qtbot, own_run):
    def press():
        box = QApplication.activeModalWidget()
        if box is None:
            QTimer.singleShot(50, page, press)
        else:
            qtbot.mouseClick(box.button(QMessageBox.StandardButton.Yes), Qt.MouseButton.LeftButton)

    QTimer.singleShot(0, page, press)
    page.models.offer(own_run)
    draw_classes(qtbot, page)
    qtbot.waitUntil(lambda: adapted(page), timeout=LONG)


def test_the_evaluate_page_asks_too(qtbot, memory, own_run, answers):
    page = EvaluatePage()
    qtbot.addWidget(page)
    page.own_code.begin(memory)
    page.show()
    page.models.offer(own_run)
    qtbot.waitUntil(lambda: "nets_of_mine" in page.message.text(), timeout=LONG)
    assert len(answers) == 1
    answers.append("yes")
    page.models.choose(str(own_run))
    qtbot.waitUntil(lambda: page.form.experiment() is not None, timeout=LONG)
    assert "nets_of_mine:Small" in answers[-1]
    page.end()
