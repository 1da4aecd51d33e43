"""A Draw page for tests, a model for it, and a hand that draws."""

import itertools
from contextlib import contextmanager

from PySide6.QtCore import QPoint, Qt
from window_cases import tiny

from maml_studio.gui.pages.draw import DrawPage
from maml_studio.spec import load_preset, with_changes
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

LONG = 60_000
CONTROL, SHIFT, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier
SHAPES = [
    [(0.2, 0.2), (0.8, 0.8)],
    [(0.5, 0.1), (0.5, 0.9)],
    [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), (0.2, 0.2)],
]


def train(folder, preset="", **changes):
    """A finished run of a small experiment, or of a preset with these changes."""
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    experiment = with_changes(load_preset(preset), dotted) if preset else tiny(**changes)
    list(run(experiment, folder=RunFolder.create(folder, experiment)))
    return folder


@contextmanager
def open_page(qtbot):
    """A page on the screen; its threads end with it."""
    page = DrawPage()
    qtbot.addWidget(page)
    page.resize(1200, 760)
    page.show()
    qtbot.waitExposed(page)
    page.activateWindow()
    try:
        yield page
    finally:
        page.end()


def draw(qtbot, canvas, shape):
    """A stroke with the mouse through points in units of the canvas."""
    points = [QPoint(round(x * canvas.width()), round(y * canvas.height())) for x, y in shape]
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for before, after in itertools.pairwise(points):
        for share in (0.25, 0.5, 0.75, 1.0):
            qtbot.mouseMove(canvas, QPoint(*(round(a + share * (b - a)) for a, b in ((before.x(), after.x()), (before.y(), after.y())))))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1])


def show_model(qtbot, page, folder):
    """Choose a model and wait until it is there."""
    page.models.offer(folder)
    qtbot.waitUntil(
        lambda: page.session.model is not None and page.session.model.place == str(folder) and page.session.current, timeout=LONG
    )


def draw_classes(qtbot, page, rows=3):
    """One drawing for each of the first classes."""
    for row, shape in zip(page.rows[:rows], itertools.cycle(SHAPES), strict=False):
        draw(qtbot, row.canvases[0], shape)


def open_and_draw(qtbot, page, folder):
    """A model, adapted to one drawing of each of three classes."""
    show_model(qtbot, page, folder)
    draw_classes(qtbot, page)
    qtbot.waitUntil(lambda: adapted(page), timeout=LONG)


def adapted(page):
    """Whether the answer on show is to the drawings as they are, and adapted to them."""
    return page.session.current and page.adapted is not None


def predicted(page):
    """Whether the answer on show is a prediction for the query as it is."""
    return page.session.current and bool(page.bars.probabilities)
