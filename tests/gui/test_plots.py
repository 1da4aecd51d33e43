"""The live plot, driven as a user and as a page drives it."""

import csv
import gc
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shiboken6
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QMenu, QMessageBox, QSlider, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from maml_studio.gui import theme
from maml_studio.gui.plots import Plot

Make = Callable[..., Plot]
STEPS = np.arange(6)
FALL = np.array([1.6, 0.9, 0.5, 0.3, 0.2, 0.15])


@pytest.fixture
def make(qtbot: QtBot, themed: QApplication) -> Make:
    def build(*, shown: bool = True, **options: object) -> Plot:
        plot = Plot("Inner loop", "inner step", "loss", theme=theme.manager(), **options)
        qtbot.addWidget(plot)
        plot.resize(480, 300)
        if shown:
            plot.show()
            qtbot.waitExposed(plot)
            settle(qtbot, plot)
        return plot

    return build


def settle(qtbot: QtBot, plot: Plot) -> None:
    """Wait until nothing is left to draw and the timer rests."""
    qtbot.waitUntil(lambda: not plot._dirty and not plot._ticker._timer.isActive())


def support(plot: Plot, **options: object) -> None:
    plot.set_curve("support", STEPS, FALL, role="support", **{"name": "support", **options})


def point(plot: Plot, x: float, y: float) -> QPoint:
    view = plot._view
    return view.mapFromScene(view.box.mapViewToScene(QPointF(x, y)))


def tool(plot: Plot, words: str) -> QToolButton:
    return next(t for t in plot.findChildren(QToolButton) if t.toolTip().startswith(words))


def colours(plot: Plot) -> set[str]:
    image = plot._view.grab().toImage()
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}


def y_range(plot: Plot) -> tuple[float, float]:
    return tuple(plot._view.box.viewRange()[1])


# Drawing


def test_it_draws_in_the_colour_of_the_role_and_follows_the_theme(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    settle(qtbot, plot)
    assert theme.DARK.support in colours(plot)
    theme.apply(QApplication.instance(), "light")
    settle(qtbot, plot)
    found = colours(plot)
    assert theme.LIGHT.support in found
    assert theme.LIGHT.panel in found
    assert not {theme.DARK.support, theme.DARK.panel} & found


def test_news_are_drawn_together_at_the_next_tick_and_then_the_timer_rests(qtbot: QtBot, make: Make) -> None:
    plot = make()
    drawn = []
    plot._view.box.sigStateChanged.connect(lambda: None)
    redraw = plot.redraw
    plot.redraw = lambda: (drawn.append(1), redraw())
    for end in range(2, 7):
        plot.set_curve("support", STEPS[:end], FALL[:end], role="support")
    assert drawn == []
    assert plot._ticker._timer.isActive()
    settle(qtbot, plot)
    assert drawn == [1]


def test_all_plots_share_one_timer(make: Make) -> None:
    assert make()._ticker is make()._ticker


def test_a_hidden_plot_draws_nothing_until_it_is_shown(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    plot.hide()
    assert not plot._ticker._timer.isActive()
    support(plot)
    assert plot._dirty
    assert not plot._ticker._timer.isActive()
    plot.show()
    assert not plot._dirty
    assert theme.DARK.support in colours(plot)


@pytest.mark.parametrize("how", ["last reference", "its window", "deleted"])
def test_a_plot_that_goes_with_news_waiting_takes_the_timer_along(qtbot: QtBot, make: Make, how: str) -> None:
    plot = make()
    timer = plot._ticker._timer
    support(plot)
    assert timer.isActive()
    if how == "its window":
        window = QWidget()
        plot.setParent(window)
        window.show()
        plot.show()
        support(plot)
        assert timer.isActive()
        shiboken6.delete(window)
    elif how == "deleted":
        shiboken6.delete(plot)
    del plot
    gc.collect()
    assert not timer.isActive()


def test_a_long_curve_is_drawn_as_few_points(make: Make) -> None:
    plot = make()
    y = np.random.default_rng(0).normal(size=1_000_000)
    plot.set_curve("loss", np.arange(len(y)), y, role="outer", smooth=True)
    plot.redraw()
    layer = plot._layers["loss"]
    for item in (layer._raw, layer._over):
        assert 500 < len(item.xData) <= 1000
        assert item.opts["pen"].widthF() == 1
        assert not item.opts["antialias"]
    assert len(layer.series.y) == len(y)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        [np.nan] * 6,
        [np.inf, 1, 2, -np.inf, np.nan, 3],
        [0] * 6,
        [-1, -2, 0, 0, 0, 0],
        [1e-300, 1e300, 1, 2, 3, 4],
        [1e-12] * 6,
        [5] * 6,
        [1e6, 1, 1, 1, 1, 0],
    ],
)
def test_any_values_can_be_drawn(qtbot: QtBot, make: Make, values: list[float], log: bool) -> None:
    plot = make(log_y=log)
    y = np.array(values, float)
    plot.set_curve("a", STEPS, y, role="support", name="a", smooth=True, symbol=True)
    plot.set_band("b", STEPS, y - 1, y + 1, role="after")
    plot.set_history("c", [(STEPS, y), (STEPS[:0], y[:0]), (STEPS[:1], y[:1])], role="query", opacity=0.5)
    settle(qtbot, plot)
    plot.grab()
    assert np.isfinite(plot._view.box.viewRange()).all()
    qtbot.keyClick(plot, Qt.Key.Key_End)
    assert plot._legend.position() == "inner step 5"


@pytest.mark.parametrize(("points", "words"), [(0, "Nothing here."), (3, "")])
def test_an_empty_plot_says_so(qtbot: QtBot, make: Make, points: int, words: str) -> None:
    plot = make(empty_text="Nothing here.")
    plot.set_curve("a", STEPS[:points], FALL[:points], role="support")
    settle(qtbot, plot)
    assert plot._view.shown_words() == words
    plot.remove("a")
    settle(qtbot, plot)
    assert plot._view.shown_words() == "Nothing here."


def test_remove_and_clear(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    plot.set_history("old", [(STEPS, FALL)] * 20, role="support", opacity=0.4)
    plot.set_band("band", STEPS, FALL, FALL + 1, role="after")
    items = len(plot._view.box.childGroup.childItems())
    plot.remove("band")
    plot.remove("never there")
    assert len(plot._view.box.childGroup.childItems()) == items - 1
    plot.set_note("outer iteration 3")
    plot.clear()
    settle(qtbot, plot)
    assert plot._note.text() == ""
    assert len(plot._view.box.childGroup.childItems()) == 3  # crosshair, its dots and the rectangle to zoom into
    assert plot._legend.isHidden()


def test_a_key_may_come_to_mean_another_kind(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    plot.set_band("support", STEPS, FALL, FALL + 1, role="after")
    settle(qtbot, plot)
    assert [type(layer).__name__ for layer in plot._layers.values()] == ["BandLayer"]


def test_twenty_curves_of_history_are_few_items_and_fade(qtbot: QtBot, make: Make) -> None:
    plot = make()
    plot.set_history("old", [(STEPS, FALL + i) for i in range(20)], role="support", opacity=0.6)
    settle(qtbot, plot)
    levels = plot._layers["old"]._levels
    assert len(levels) <= 8
    assert levels[0].yData[0] == FALL[0] + 19  # the newest is the most visible
    opacities = [level.opts["pen"].color().alphaF() for level in levels]
    assert opacities == sorted(opacities, reverse=True)
    assert opacities[0] == pytest.approx(0.6, abs=0.01)
    assert sum(np.isnan(level.yData).sum() for level in levels) == 20


def test_the_log_axis_puts_zeros_on_its_lower_edge(qtbot: QtBot, make: Make) -> None:
    plot = make()
    plot.set_curve("a", STEPS, np.array([100, 10, 1, 0.1, 0, -3]), role="support")
    qtbot.mouseClick(tool(plot, "Logarithmic"), Qt.MouseButton.LeftButton)
    settle(qtbot, plot)
    assert plot.log_y()
    assert plot._layers["a"]._raw.yData.tolist() == pytest.approx([2, 1, 0, -1, -1, -1])
    low, high = y_range(plot)
    assert low < -1 < 2 < high


def test_smoothing_shows_its_slider_and_follows_it(qtbot: QtBot, make: Make) -> None:
    plot = make()
    slider = plot.findChild(QSlider)
    support(plot)
    settle(qtbot, plot)
    assert slider.isHidden()
    support(plot, smooth=True)
    settle(qtbot, plot)
    assert slider.isVisible()
    over = plot._layers["support"]._over
    plot.set_smoothing(0.9)
    settle(qtbot, plot)
    first = over.yData.copy()
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    settle(qtbot, plot)
    assert plot.smoothing() == 0.89
    assert not np.array_equal(first, over.yData)
    plot.set_smoothing(0)
    settle(qtbot, plot)
    assert not over.isVisible()
    assert plot._layers["support"]._raw.opts["pen"].color().alphaF() == 1


@pytest.mark.parametrize("weight", [0.5, 0.97])
def test_a_growing_smoothed_curve_is_drawn_as_a_fresh_one(make: Make, weight: float) -> None:
    growing, fresh = make(), make()
    x, y = np.arange(50_000), np.random.default_rng(0).normal(size=50_000)
    for end in (10, 5000, 5001, 30_000, 50_000):
        growing.set_smoothing(weight)
        growing.set_curve("a", x[:end], y[:end], role="outer", smooth=True)
        growing.set_curve("a", x[:end], y[:end], role="outer", smooth=True)
        growing.redraw()
    fresh.set_smoothing(weight)
    fresh.set_curve("a", x, y, role="outer", smooth=True)
    fresh.redraw()
    np.testing.assert_allclose(growing._layers["a"]._over.yData, fresh._layers["a"]._over.yData, rtol=1e-9, atol=1e-12)


# Ranges


def test_the_range_moves_in_steps_and_stays_where_the_user_puts_it(qtbot: QtBot, make: Make) -> None:
    plot = make()
    ranges = set()
    for end in range(100, 3000, 50):
        plot.set_curve("a", np.arange(end), np.ones(end), role="outer")
        plot.redraw()
        ranges.add(plot._view.x_range())
    assert len(ranges) < 18
    fit = tool(plot, "Show all")
    assert not fit.isEnabled()
    wheel(plot)
    assert fit.isEnabled()
    mine = plot._view.box.viewRange()
    plot.set_curve("a", np.arange(9000), np.full(9000, 7.0), role="outer")
    settle(qtbot, plot)
    assert plot._view.box.viewRange() == mine
    qtbot.mouseClick(fit, Qt.MouseButton.LeftButton)
    settle(qtbot, plot)
    assert plot._view.x_range()[1] >= 8999
    assert not fit.isEnabled()


def wheel(plot: Plot) -> None:
    at = QPointF(plot._view.viewport().rect().center())
    event = QWheelEvent(
        at,
        plot._view.viewport().mapToGlobal(at),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plot._view.viewport(), event)


def drag(qtbot: QtBot, plot: Plot, start: QPoint, end: QPoint, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    port = plot._view.viewport()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, modifier, start)
    for part in (0.3, 0.6, 1.0):
        at = start + (end - start) * part
        send_move(port, at, modifier)
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, modifier, end)


def send_move(port: object, at: QPoint, modifier: Qt.KeyboardModifier) -> None:
    event = QMouseEvent(
        QEvent.Type.MouseMove,
        QPointF(at),
        QPointF(port.mapToGlobal(at)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        modifier,
    )
    QApplication.sendEvent(port, event)


def test_a_drag_zooms_into_its_rectangle_and_a_double_click_shows_all(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    settle(qtbot, plot)
    whole = plot._view.box.viewRange()
    drag(qtbot, plot, point(plot, 1, 1.5), point(plot, 3, 0.25))
    settle(qtbot, plot)
    assert plot._view.x_range() == pytest.approx((1, 3), abs=0.05)
    assert y_range(plot) == pytest.approx((0.25, 1.5), abs=0.05)
    port, at = plot._view.viewport(), point(plot, 2, 1)
    qtbot.mouseClick(port, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseDClick(port, Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=at)
    settle(qtbot, plot)
    assert plot._view.box.viewRange() == whole


def test_a_drag_with_shift_pans(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    settle(qtbot, plot)
    low, high = plot._view.x_range()
    drag(qtbot, plot, point(plot, 3, 1), point(plot, 2, 1), Qt.KeyboardModifier.ShiftModifier)
    assert plot._view.x_range() == pytest.approx((low + 1, high + 1), abs=0.1)


def test_keys_zoom_along_x_and_y_follows(qtbot: QtBot, make: Make) -> None:
    plot = make()
    x = np.arange(10_000)
    plot.set_curve("a", x, 1000.0 - x, role="outer", name="a")
    settle(qtbot, plot)
    whole = plot._view.box.viewRange()
    for _ in range(20):
        qtbot.keyClick(plot, Qt.Key.Key_Plus)
    settle(qtbot, plot)
    width = plot._view.x_range()[1] - plot._view.x_range()[0]
    assert width < 150
    assert y_range(plot)[1] - y_range(plot)[0] < 300
    assert len(plot._layers["a"]._raw.xData) < 200  # the points themselves, no bins
    qtbot.keyClick(plot, Qt.Key.Key_Minus)
    assert plot._view.x_range()[1] - plot._view.x_range()[0] > width
    qtbot.keyClick(plot, Qt.Key.Key_0)
    settle(qtbot, plot)
    assert plot._view.box.viewRange() == whole


# Reading


def test_hovering_reads_every_named_curve_at_the_nearest_point(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    plot.set_curve("query", STEPS[::5], FALL[::5] + 1, role="query", name="query")
    plot.set_curve("unnamed", STEPS, FALL + 3, role="inner")
    settle(qtbot, plot)
    qtbot.mouseMove(plot._view.viewport(), point(plot, 2.2, 1))
    qtbot.waitUntil(lambda: plot._legend.position() == "inner step 2")
    assert [(e.name, e.value) for e in plot._legend.entries()] == [("support", "0.5"), ("query", "2.6 at 0")]
    assert plot._view._line.isVisible()
    assert "support 0.5" in plot.accessibleDescription()
    qtbot.mouseMove(plot._title)
    plot._view.left.emit()
    assert plot._legend.position() == ""
    assert not plot._view._line.isVisible()
    assert plot.accessibleDescription() == "support 0.15 at 5; query 1.15 at 5"


def test_keys_walk_the_crosshair(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    plot.set_curve("query", STEPS[1:] + 0.5, FALL[1:], role="query", name="query")
    settle(qtbot, plot)
    qtbot.mouseClick(plot._view.viewport(), Qt.MouseButton.LeftButton, pos=point(plot, 2, 1))
    assert plot.hasFocus()
    plot._view.left.emit()
    seen = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End, Qt.Key.Key_Right, Qt.Key.Key_Home):
        qtbot.keyClick(plot, key)
        seen.append(plot._crosshair)
    assert seen == [0, 1, 1.5, 1, 5.5, 5.5, 0]
    assert plot._legend.position() == "inner step 0"
    qtbot.keyClick(plot, Qt.Key.Key_Escape)
    assert plot._crosshair is None


def test_the_crosshair_of_a_smoothed_curve_gives_both_values(qtbot: QtBot, make: Make) -> None:
    plot = make()
    plot.set_smoothing(0.5)
    plot.set_curve("a", STEPS, np.array([1.0, 2, 2, 2, 2, 2]), role="outer", name="a", smooth=True)
    settle(qtbot, plot)
    plot.setFocus()
    qtbot.keyClick(plot, Qt.Key.Key_Home)
    qtbot.keyClick(plot, Qt.Key.Key_Right)
    assert plot._legend.entries()[0].value == "1.667 (2)"


@pytest.mark.parametrize("width", [260, 380, 900])
def test_many_long_names_leave_room_for_the_curves(qtbot: QtBot, make: Make, width: int) -> None:
    plot = make()
    for i in range(30):
        plot.set_curve(str(i), STEPS, FALL + i, role="outer", name=f"a run with quite a long name, number {i}")
    plot.resize(width, 240)
    settle(qtbot, plot)
    assert plot._view.height() > 120
    assert "number 29" in plot._legend.toolTip()
    qtbot.keyClick(plot, Qt.Key.Key_End)
    spots = plot._legend._spots(plot._legend.width())
    assert spots
    assert all(spot.right() <= plot._legend.width() for spot in spots)


def test_tools_are_reached_by_tab(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot, smooth=True)
    plot._stay()
    settle(qtbot, plot)
    plot.activateWindow()
    plot.setFocus()
    seen = []
    for _ in range(4):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        seen.append(QApplication.focusWidget().accessibleName())
    assert seen == ["Smoothing", "Logarithmic y axis", "Show all again (0, or double click)", "Save the plot"]
    assert all(w.toolTip() for w in (plot._smoothing, plot._log, plot._fit, plot._save))


# Saving


@pytest.fixture
def full(qtbot: QtBot, make: Make) -> Plot:
    plot = make()
    support(plot)
    plot.set_curve("query", STEPS[::2], FALL[::2] + 1, role="query", name="query")
    plot.set_band("interval", STEPS, FALL - 0.1, FALL + 0.1, role="after")
    plot.set_history("earlier", [(STEPS, FALL + 1), (STEPS, FALL + 2)], role="support", opacity=0.5)
    plot.set_note("transductive")
    settle(qtbot, plot)
    return plot


def test_a_picture_has_twice_the_resolution(full: Plot, tmp_path: Path) -> None:
    full.save(tmp_path / "plot.png")
    image = QImage(str(tmp_path / "plot.png"))
    assert (image.width(), image.height()) == (960, 600)
    found = {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())}
    assert {theme.DARK.panel, theme.DARK.support, theme.DARK.query, theme.DARK.text} <= found


def test_a_drawing_holds_its_words_and_clips_its_curves(qtbot: QtBot, full: Plot, tmp_path: Path) -> None:
    for _ in range(8):
        qtbot.keyClick(full, Qt.Key.Key_Plus)
    full.save(str(tmp_path / "plot.SVG"))
    content = (tmp_path / "plot.SVG").read_text("utf-8")
    words = {(element.text or "").strip() for element in ElementTree.fromstring(content).iter("{http://www.w3.org/2000/svg}text")}
    assert {"Inner loop", "transductive", "support", "query", "inner step", "loss"} <= words
    assert "clip-path" in content
    assert QSvgRenderer(str(tmp_path / "plot.SVG")).isValid()


def test_a_table_holds_all_of_it(full: Plot, tmp_path: Path) -> None:
    full.save(tmp_path / "plot.csv")
    with (tmp_path / "plot.csv").open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head == ["inner step", "support", "query", "interval low", "interval high", "earlier 2 back", "earlier 1 back"]
    assert len(rows) == 6
    assert [float(row[1]) for row in rows] == FALL.tolist()
    assert [row[2] for row in rows] == ["2.6", "", "1.5", "", "1.2", ""]


@pytest.mark.parametrize("name", ["plot.pdf", "plot"])
def test_another_ending_is_refused(full: Plot, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"saved as \.png, \.svg or \.csv"):
        full.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_plot_never_shown_can_be_saved(make: Make, tmp_path: Path) -> None:
    plot = make(shown=False)
    support(plot)
    for suffix in ("png", "svg", "csv"):
        plot.save(tmp_path / f"plot.{suffix}")
        assert (tmp_path / f"plot.{suffix}").stat().st_size > 50


def choose(qtbot: QtBot, plot: Plot, words: str, path: Path) -> QFileDialog:
    """Take an item of the save menu and type a name into the dialog."""
    menu = tool(plot, "Save").menu()
    assert isinstance(menu, QMenu)
    next(action for action in menu.actions() if words in action.text()).trigger()
    dialog = plot.findChild(QFileDialog)
    qtbot.waitUntil(dialog.isVisible)
    line = dialog.findChild(QLineEdit)
    line.setText(str(path))
    qtbot.keyClick(line, Qt.Key.Key_Return)
    return dialog


@pytest.mark.parametrize(("words", "suffix"), [("PNG", ".png"), ("SVG", ".svg"), ("CSV", ".csv")])
def test_the_menu_saves(qtbot: QtBot, full: Plot, tmp_path: Path, words: str, suffix: str) -> None:
    choose(qtbot, full, words, tmp_path / "mine")
    qtbot.waitUntil((tmp_path / f"mine{suffix}").is_file)


def test_what_cant_be_written_is_said_in_a_sentence(qtbot: QtBot, full: Plot, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    full._save.chosen.emit(str(tmp_path / "gone" / "plot.png"))
    box = full.findChild(QMessageBox)
    assert box.text() == "plot.png could not be written: No such file or directory."
    box.close()


def test_it_asks_before_it_overwrites(qtbot: QtBot, full: Plot, tmp_path: Path) -> None:
    path = tmp_path / "plot.csv"
    path.write_text("mine")
    dialogs: list[QMessageBox] = []

    def refuse() -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            dialogs.append(box)
            box.button(QMessageBox.StandardButton.No).click()

    timer = QTimer()
    timer.timeout.connect(refuse)
    timer.start(20)
    dialog = choose(qtbot, full, "CSV", path)
    timer.stop()
    assert dialogs
    assert path.read_text() == "mine"
    dialog.close()


def test_titles_follow_the_quantity(make) -> None:
    plot = make()
    plot.set_titles("Validation error", "squared error")
    assert plot.accessibleName() == "Validation error"
    assert plot._view._axes["left"].label.toPlainText().strip() == "squared error"


def test_a_curve_below_zero_is_offered_no_logarithm_but_a_band_may_reach_there(qtbot: QtBot, make: Make) -> None:
    plot = make()
    support(plot)
    plot.set_band("band", STEPS, FALL - 1, FALL + 1, role="support")
    plot.redraw()
    assert tool(plot, "Logarithmic").isEnabled()
    plot.set_curve("query", STEPS, FALL - 1, role="query", name="query")
    plot.redraw()
    assert not tool(plot, "Logarithmic y axis: not for negative values").isEnabled()
