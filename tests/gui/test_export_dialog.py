"""The window's export: which formats a model is offered, what is written, and what is asked before."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget
from window_cases import tiny

import maml_studio
from maml_studio.export import FORMATS
from maml_studio.gui.export_dialog import Exporter, ExportRequest

LONG = 60_000


@pytest.fixture
def exporter(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    exporter = Exporter(window)
    yield exporter
    exporter.end()


@pytest.fixture
def said(monkeypatch):
    """What message boxes said."""
    said = []
    monkeypatch.setattr(QMessageBox, "information", lambda *words: said.append(words[2]))
    monkeypatch.setattr(QMessageBox, "warning", lambda *words: said.append(words[2]))
    return said


def adapted(algorithm="protonet"):
    trained = maml_studio.random_start(tiny(algorithm__name=algorithm))
    images = np.random.default_rng(0).random((3, 28, 28), dtype=np.float32)
    model = trained.adapt(images, ["star", "bird", "owl"])
    return model, model.steps


def press(qtbot, button):
    """Click on a button's mark: a radio button is not pressed beside its text."""
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton, pos=QPoint(10, button.height() // 2))


def offered(exporter):
    return [name for name, button in exporter.dialog.choices.items() if button.isEnabled()]


def test_an_initialisation_is_offered_as_weights_only_and_the_others_say_why(exporter, tmp_path):
    exporter.ask(tmp_path, "run.safetensors")
    assert offered(exporter) == ["safetensors"]
    assert exporter.dialog.file_format == "safetensors"
    assert not exporter.dialog.softmax.isEnabled()
    assert "needs a model adapted to examples" in exporter.dialog.choices["onnx"].accessibleDescription()
    exporter.dialog.reject()


@pytest.mark.parametrize(("algorithm", "formats"), [("maml", list(FORMATS)[:3]), ("protonet", list(FORMATS))])
def test_prototypes_are_offered_where_there_are_any(exporter, algorithm, formats):
    exporter.ask(adapted(algorithm), "adapted.safetensors")
    assert offered(exporter) == formats
    exporter.dialog.reject()


@pytest.mark.parametrize("file_format", FORMATS)
def test_the_ending_follows_the_format(exporter, qtbot, said, tmp_path, monkeypatch, file_format):
    suggestions = []

    def choose(*words, **_):
        suggestions.append((Path(words[2]).name, words[3]))
        return str(tmp_path / "mine"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    exporter.ask(adapted(), "adapted.safetensors")
    press(qtbot, exporter.dialog.choices[file_format])
    kind = FORMATS[file_format]
    assert exporter.dialog.softmax.isEnabled() == kind.graph
    qtbot.mouseClick(exporter.dialog.choose_file, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(said), timeout=LONG)
    assert f"mine{kind.suffix}" in said[0]
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([f"mine{kind.suffix}", f"mine{kind.card_suffix}"])
    name = "adapted-prototypes" if file_format == "prototypes" else "adapted"
    assert suggestions == [(f"{name}{kind.suffix}", f"{kind.title} (*{kind.suffix})")]


def test_without_softmax_a_graph_gives_logits(exporter, qtbot, said, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "mine.onnx"), ""))
    exporter.ask(adapted(), "adapted.safetensors")
    press(qtbot, exporter.dialog.choices["onnx"])
    press(qtbot, exporter.dialog.softmax)
    assert not exporter.dialog.softmax.isChecked()
    qtbot.mouseClick(exporter.dialog.choose_file, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(said), timeout=LONG)
    assert "(logits,) = session.run" in (tmp_path / "mine.onnx.md").read_text()


@pytest.mark.parametrize("there", ["mine.onnx", "mine.onnx.md"])
def test_it_asks_before_it_replaces_file_or_card(exporter, qtbot, said, tmp_path, monkeypatch, there):
    (tmp_path / there).write_text("precious")
    asked = []

    def no(*words):
        asked.append(words[2])
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "question", no)
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "mine.onnx"), ""))
    exporter.ask(adapted(), "adapted.safetensors")
    press(qtbot, exporter.dialog.choices["onnx"])
    qtbot.mouseClick(exporter.dialog.choose_file, Qt.MouseButton.LeftButton)
    assert asked == [f"Replace {there}?"]
    assert (tmp_path / there).read_text() == "precious"
    assert not said


def test_what_goes_wrong_is_said(exporter, qtbot, said, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(tmp_path / "nowhere" / "mine"), ""))
    exporter.ask(adapted(), "adapted.safetensors")
    qtbot.mouseClick(exporter.dialog.choose_file, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(said), timeout=LONG)
    assert "can't be written" in said[0]


def test_every_export_is_written_however_fast_they_are_asked_for(exporter, qtbot, said, tmp_path):
    model = adapted()
    for name, file_format in (("a.onnx", "onnx"), ("b.safetensors", "safetensors"), ("c.safetensors", "prototypes")):
        exporter.write(ExportRequest(model, tmp_path / name, file_format, True))
    qtbot.waitUntil(lambda: len(said) == 3, timeout=LONG)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.onnx", "a.onnx.md", "b.md", "b.safetensors", "c.md", "c.safetensors"]


def files(folder):
    return sorted(file.name for file in folder.iterdir())


ALL = ["a.onnx", "a.onnx.md", "b.md", "b.safetensors", "c.md", "c.safetensors"]


def ask_for_three(exporter, folder):
    model = adapted()
    for name, file_format in (("a.onnx", "onnx"), ("b.safetensors", "safetensors"), ("c.safetensors", "prototypes")):
        exporter.write(ExportRequest(model, folder / name, file_format, True))


def test_the_end_writes_all_that_was_asked_for_and_asks_nobody_anything(exporter, qtbot, said, tmp_path, capsys):
    ask_for_three(exporter, tmp_path)
    exporter.write(ExportRequest(adapted(), tmp_path / "nowhere" / "d.onnx", "onnx", True))
    exporter.end()  # before the thread has begun
    assert files(tmp_path) == ALL
    qtbot.waitUntil(lambda: exporter.pending == 0, timeout=LONG)
    assert not said
    assert "can't be written" in capsys.readouterr().err


def test_what_was_written_is_told_in_the_window_s_thread(exporter, qtbot, said, tmp_path, monkeypatch):
    threads = []
    monkeypatch.setattr(QMessageBox, "information", lambda *_: threads.append(threading.get_ident()))
    exporter.write(ExportRequest(adapted(), tmp_path / "a.safetensors", "safetensors", True))
    with qtbot.waitSignal(exporter.idle, timeout=LONG):
        pass
    assert threads == [threading.get_ident()]
    assert exporter.pending == 0


@pytest.fixture
def answers(monkeypatch):
    """Answers to the questions that are asked, and the questions."""
    answers, asked = [], []

    def answer(*words):
        asked.append(words[2])
        return answers.pop(0)

    monkeypatch.setattr(QMessageBox, "question", answer)
    return answers, asked


def test_the_window_closes_when_the_exports_are_written(window, qtbot, said, answers, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    answers[0][:] = [QMessageBox.StandardButton.Yes]
    ask_for_three(window.exporter, folder)
    window.close()
    assert window.isVisible()
    assert answers[1] == ["3 exports are being written. Close once that is done?"]
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=LONG)
    assert files(folder) == ALL
    assert not said


def test_it_stays_open_where_that_is_wanted_and_closes_at_once_when_told_to(window, qtbot, said, answers, tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    answers[0][:] = [QMessageBox.StandardButton.Cancel]
    ask_for_three(window.exporter, folder)
    window.close()
    assert window.isVisible()
    window.close_at_once()
    assert not window.isVisible()
    assert files(folder) == ALL
    assert len(answers[1]) == 1
