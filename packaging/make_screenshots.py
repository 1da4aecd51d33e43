"""Make the README's screenshots from the running app: train the default preset, draw a task, try the model, take the pages' pictures.

python packaging/make_screenshots.py [dark|light]
"""

import itertools
import math
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["MAML_STUDIO_HOME"] = tempfile.mkdtemp(prefix="maml-studio-screenshots-")

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication

from maml_studio.drawings import DrawnClass, DrawnTask, Example
from maml_studio.gui.app import SWITCH_INTERVAL
from maml_studio.gui.main_window import MainWindow
from maml_studio.gui.settings import Memory

HERE = Path(__file__).resolve().parent / "screenshots"
ITERATIONS = 150


def circle(x: float, y: float, radius: float, points: int = 40) -> np.ndarray:
    angle = np.linspace(0, 2 * math.pi, points)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle), angle], 1)


def line(*corners: tuple[float, float]) -> np.ndarray:
    legs = [np.linspace(a, b, 12) for a, b in itertools.pairwise(corners)]
    points = np.concatenate(legs)
    return np.column_stack([points, np.arange(len(points)) / 60])


SHAPES = {
    "star": [line((0.5, 0.12), (0.72, 0.85), (0.15, 0.4), (0.85, 0.4), (0.28, 0.85), (0.5, 0.12))],
    "house": [line((0.2, 0.45), (0.5, 0.15), (0.8, 0.45), (0.8, 0.85), (0.2, 0.85), (0.2, 0.45), (0.8, 0.45))],
    "sun": [circle(0.5, 0.5, 0.2)]
    + [
        line((0.5 + 0.27 * math.cos(a), 0.5 + 0.27 * math.sin(a)), (0.5 + 0.42 * math.cos(a), 0.5 + 0.42 * math.sin(a)))
        for a in np.linspace(0, 2 * math.pi, 9)[:-1]
    ],
    "wave": [np.stack([(t := np.linspace(0, 1, 40)) * 0.8 + 0.1, 0.5 + 0.2 * np.sin(4 * math.pi * t), t], 1)],
    "cross": [line((0.2, 0.2), (0.8, 0.8)), line((0.8, 0.2), (0.2, 0.8))],
}


def wobbly(strokes: list[np.ndarray], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [stroke + np.column_stack([rng.normal(0, 0.012, (len(stroke), 2)), np.zeros(len(stroke))]) for stroke in strokes]


def example(strokes: list[np.ndarray], seed: int) -> Example:
    return Example(strokes=tuple(wobbly(strokes, seed)))


def wait_until(condition: object) -> None:
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: condition() and loop.quit())  # type: ignore[operator]
    timer.start(50)
    loop.exec()
    timer.stop()


def main() -> None:
    scheme = sys.argv[1] if len(sys.argv) > 1 else "dark"
    HERE.mkdir(exist_ok=True)
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication([])
    memory = Memory()
    memory.scheme = scheme
    window = MainWindow(memory)
    window.resize(1280, 800)
    window.show()
    window.build_pages()
    wait_until(lambda: window.train_page.preview.task is not None)
    window.start_run()
    wait_until(lambda: window.run.iteration >= ITERATIONS)
    window.session.pause()
    app.processEvents()
    window.grab().save(str(HERE / f"train-{scheme}.png"))
    page = window.draw_page
    window.tabs.setCurrentWidget(page)
    classes = [DrawnClass(name, (example(strokes, number),)) for number, (name, strokes) in enumerate(SHAPES.items())]
    page.files.restore(DrawnTask(tuple(classes), example(SHAPES["house"], 99)), None)
    wait_until(lambda: page.bars.probabilities)
    wait_until(lambda: not page.walk.plot._dirty)
    window.grab().save(str(HERE / f"draw-{scheme}.png"))
    print(page.bars.probabilities)
    window.session.stop()
    wait_until(lambda: not window.session.running)
    tried = window.evaluate_page
    window.tabs.setCurrentWidget(tried)
    wait_until(lambda: (experiment := tried.form.experiment()) is not None and experiment.data.source == "digits")
    tried.form.tasks.setValue(100)
    tried.evaluate_button.click()
    wait_until(lambda: tried.results.report is not None)
    wait_until(lambda: not tried.results.plot._dirty)
    window.grab().save(str(HERE / f"evaluate-{scheme}.png"))
    window.close_at_once()


if __name__ == "__main__":
    main()
