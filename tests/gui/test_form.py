import re

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QSpinBox, QWhatsThis

from maml_studio.gui.editors import describe
from maml_studio.gui.form import ExperimentForm
from maml_studio.spec import Experiment, load_preset, parse, with_changes
from maml_studio.spec.editing import with_selection
from maml_studio.spec.fields import setting


@pytest.fixture
def form(qtbot):
    form = ExperimentForm(load_preset("digits-maml"))
    qtbot.addWidget(form)
    form.resize(330, 900)
    form.show()
    qtbot.waitExposed(form)
    return form


def type_over(qtbot, widget, text):
    widget.setFocus()
    widget.selectAll()
    qtbot.keyClicks(widget, text)


def choose(qtbot, box, text):
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    while not box.currentText().startswith(text):
        before = box.currentIndex()
        qtbot.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() > before, f"{text} is not in the list"


def inner(form, field):
    return form.editor(field).inner


def test_shows_the_experiment_it_was_given(form):
    assert form.experiment() == load_preset("digits-maml")
    assert inner(form, "task.way").value() == 5
    assert inner(form, "algorithm.inner_lr").text() == "0.4"
    assert inner(form, "data.source").currentData() == "digits"


def test_typed_values_reach_the_experiment(form, qtbot):
    with qtbot.waitSignal(form.changed):
        type_over(qtbot, inner(form, "algorithm.inner_lr"), "1e-2")
    assert form.experiment().algorithm.inner_lr == 0.01
    type_over(qtbot, inner(form, "task.shot"), "5")
    assert form.experiment().task.shot == 5
    qtbot.keyClick(inner(form, "training.transductive"), Qt.Key.Key_Space)
    assert form.experiment().training.transductive is True


@pytest.mark.parametrize(("text", "reason"), [("fast", "should be a number"), ("-1", "should be 0 or more"), ("", "should be a number")])
def test_a_bad_value_is_marked_at_its_field(form, qtbot, text, reason):
    line = inner(form, "algorithm.inner_lr")
    type_over(qtbot, line, text) if text else (line.setFocus(), line.selectAll(), qtbot.keyClick(line, Qt.Key.Key_Delete))
    assert form.experiment() is None
    assert [problem.field for problem in form.problems()] == ["algorithm.inner_lr"]
    assert line.property("invalid") is True
    assert reason in line.accessibleDescription()
    type_over(qtbot, line, "0.1")
    assert form.experiment().algorithm.inner_lr == 0.1
    assert not line.property("invalid")


def test_what_is_typed_is_not_rewritten_under_the_cursor(form, qtbot):
    line = inner(form, "algorithm.inner_lr")
    type_over(qtbot, line, "0.10")
    assert line.text() == "0.10"
    assert line.cursorPosition() == 4


def test_another_algorithm_keeps_what_both_have(form, qtbot):
    choose(qtbot, inner(form, "algorithm.name"), "FOMAML")
    experiment = form.experiment()
    assert (experiment.algorithm.name, experiment.algorithm.inner_lr) == ("fomaml", 0.4)


def test_functions_bring_regression_and_a_network_for_it_and_images_take_them_back(form, qtbot):
    choose(qtbot, inner(form, "data.source"), "Sine")
    experiment = form.experiment()
    assert (experiment.task.kind, experiment.model.name) == ("regression", "mlp")
    with pytest.raises(KeyError):
        form.editor("task.way")
    choose(qtbot, inner(form, "data.source"), "Digits")
    experiment = form.experiment()
    assert (experiment.task.kind, experiment.model.name) == ("n_way", "conv4")


def test_only_fields_that_apply_are_shown(form, qtbot):
    with pytest.raises(KeyError):
        form.editor("data.holdout")
    choose(qtbot, inner(form, "data.split"), "named")
    assert form.experiment() is None
    assert form.problems()[0].field == "data.holdout"
    type_over(qtbot, inner(form, "data.holdout"), "7, 8")
    assert form.experiment().data.holdout == ("7", "8")
    choose(qtbot, inner(form, "model.norm"), "none")
    with pytest.raises(KeyError):
        form.editor("training.transductive")


def test_a_problem_at_a_hidden_field_brings_the_field_back(form, qtbot):
    choose(qtbot, inner(form, "data.split"), "named")
    type_over(qtbot, inner(form, "data.holdout"), "7")
    choose(qtbot, inner(form, "data.split"), "random")
    assert form.problems()[0].field == "data.holdout"
    qtbot.waitUntil(inner(form, "data.holdout").isVisible)


def test_seldom_changed_settings_come_on_demand(form, qtbot):
    with pytest.raises(KeyError):
        form.editor("training.clip")
    form.set_shows_more(True)
    qtbot.waitUntil(inner(form, "training.clip").isVisible)
    form.set_shows_more(False)
    with pytest.raises(KeyError):
        form.editor("training.clip")


def test_what_only_the_data_knows_is_shown_at_its_field(form):
    form.set_outside_problem("task.way should be 10 or less: there are that many classes for training, not 40")
    assert inner(form, "task.way").property("invalid")
    assert form.problems()[0].message.startswith("should be 10 or less")
    assert form.experiment() is not None
    form.set_outside_problem("")
    assert not form.problems()


def test_the_wheel_scrolls_the_page_and_changes_no_setting(form, qtbot):
    box = inner(form, "task.way")
    inner(form, "name").setFocus()
    here = QPointF(5, 5)
    wheel = QWheelEvent(
        here, box.mapToGlobal(here), QPoint(0, 0), QPoint(0, 120), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, wheel)
    assert form.experiment().task.way == 5


def test_locked_settings_can_be_read_and_not_edited(form, qtbot):
    form.set_locked(True)
    assert not inner(form, "task.way").isEnabled()
    assert inner(form, "task.way").value() == 5
    form.set_locked(False)
    assert inner(form, "task.way").isEnabled()


def test_every_editor_says_what_it_is(form):
    form.set_shows_more(True)
    for widget in (*form.findChildren(QSpinBox), *form.findChildren(QComboBox), *form.findChildren(QLineEdit)):
        if widget.objectName() == "qt_spinbox_lineedit":
            continue
        assert widget.accessibleName(), widget.objectName()
        assert widget.toolTip(), widget.objectName()
        assert widget.whatsThis() == widget.toolTip()


@pytest.mark.parametrize("text", ["--4", "²", "4, x", "1.5"])
def test_a_list_of_numbers_takes_any_typing(form, qtbot, text):
    choose(qtbot, inner(form, "data.source"), "Sine")
    line = inner(form, "model.hidden")
    type_over(qtbot, line, text)
    assert form.problems()[0].field.startswith("model.hidden")
    assert line.property("invalid") is True
    type_over(qtbot, line, "20, 30")
    assert form.experiment().model.hidden == (20, 30)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"ge": 1, "le": 10_000_000}, "1 to 10,000,000"),
        ({"ge": 0, "le": 2**31 - 1}, "0 to 2,147,483,647"),
        ({"gt": 0, "le": 10}, "above 0 and 10 or less"),
        ({"gt": 0, "lt": 1}, "above 0 and below 1"),
        ({"gt": 0}, "above 0"),
        ({"ge": 0.5}, "0.5 or more"),
        ({"lt": 1}, "below 1"),
        ({"le": 3}, "3 or less"),
        ({"ge": 1, "unit": "per class", "symbol": "K"}, "in papers K, per class, 1 or more"),
    ],
)
def test_a_tooltip_tells_unit_and_bounds_as_people_write_them(limits, words):
    assert describe(setting(title="Field", help="What it is.", **limits)) == f"What it is.\n({words})"


@pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
def test_help_on_the_field_in_focus_comes_by_keys(form, qtbot):
    box = inner(form, "task.way")
    form.activateWindow()
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    shown = [w for w in QApplication.topLevelWidgets() if w.metaObject().className() == "QWhatsThat" and w.isVisible()]
    assert shown
    QWhatsThis.hideText()


@pytest.mark.parametrize("source", ["digits", "folder", "sinusoid"])
def test_the_tab_key_goes_down_the_form_as_the_eye_does(form, qtbot, source):
    raw = with_selection(Experiment().model_dump(), "data", source)
    # Fields that come later, among others that stay.
    form.set_shows_more(True)
    form.set_shows_more(False)
    form.set_experiment(parse(raw))
    form.set_shows_more(True)
    form.activateWindow()
    inner(form, "name").setFocus()
    met = [QApplication.focusWidget()]
    while met[-1] is not form._more:
        qtbot.keyClick(met[-1], Qt.Key.Key_Tab)
        met.append(QApplication.focusWidget())
        assert len(met) < 100
    places = [widget.mapTo(form.widget(), QPoint(0, widget.height() // 2)) for widget in met]
    assert [(p.y(), p.x()) for p in places] == sorted((p.y(), p.x()) for p in places)
    fields = (
        *form.findChildren(QSpinBox),
        *form.findChildren(QComboBox),
        *form.findChildren(QLineEdit),
        *form.findChildren(QAbstractButton),
    )
    expected = {widget for widget in fields if widget.isVisible() and widget.objectName() != "qt_spinbox_lineedit"}
    assert set(met) == expected


def test_folded_sections_are_passed_over_and_told(form, qtbot):
    form.fold(["data", "model"])
    assert form.folded() == ["data", "model"]
    assert not inner(form, "data.source").isVisible()
    form.fold([])
    assert inner(form, "data.source").isVisible()


@pytest.mark.parametrize("source", ["sinusoid", "omniglot", "mnist", "folder", "emnist"])
def test_every_source_has_its_form(form, qtbot, source):
    raw = with_selection(Experiment().model_dump(), "data", source)
    experiment = parse(raw)
    form.set_experiment(experiment)
    assert form.experiment() == experiment


def test_the_memory_that_training_takes_is_told_and_too_much_is_refused(form, qtbot):
    assert re.fullmatch(r"needs about \d+ MB", form.needs())
    form.set_experiment(with_changes(form.experiment(), {"training.memory": "unrolled", "task.shot": 100, "model.width": 512}))
    line = inner(form, "algorithm.inner_steps")
    type_over(qtbot, line, "1000")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert form.experiment() is None
    assert form.needs() == ""
    assert "of memory, and this machine has" in str(form.problems()[0])
