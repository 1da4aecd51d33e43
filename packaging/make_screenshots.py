"""Make the README's screenshots from the running app.

    python packaging/make_screenshots.py [dark|light]
    python packaging/make_screenshots.py [dark|light] --runs RUN_FOLDER...

Without runs: trains the default preset, draws a task, tries the model, and takes the pictures of Train, Draw and Evaluate. With runs:
copies them, and takes the pictures of Runs, Compare and Insight with them. Compared are those of the first one's tasks, with what was
measured on them before ("maml-studio compare" keeps it beside the runs) or is measured then; looked into are the first one and, where there
is one, the first that fits functions.
"""

import argparse
import itertools
import math
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
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
from maml_studio.paths import runs_dir
from maml_studio.training.run_about import About, write_about
from maml_studio.training.run_index import METRICS, RunSummary, summarise

HERE = Path(__file__).resolve().parent / "screenshots"
ITERATIONS = 150
COMPARED, TASKS = 6, 300


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


def picture(window: MainWindow, name: str) -> None:
    """Take the window's picture when it has come to rest."""
    rest(0.6)
    window.grab().save(str(HERE / f"{name}-{window.memory.scheme}.png"))


def rest(seconds: float) -> None:
    """Let the window live so long."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def copy_runs(sources: Sequence[Path]) -> list[RunSummary]:
    """The runs as if they had been made here, by the time of their last event, the first one with a star and words."""
    made = []
    for source in sources:
        when = datetime.fromtimestamp((source / METRICS).stat().st_mtime).astimezone()
        run = summarise(source)
        if run is None:
            raise SystemExit(f"{source} is no run")
        folder = runs_dir() / f"{when:%Y-%m-%d-%H%M%S}-{run.experiment}"
        shutil.copytree(source, folder)
        made.append(folder)
    words = "What the others are compared with."
    write_about(made[0], About(starred=True, tags=("paper", "baseline"), notes=words))
    return [run for run in map(summarise, made) if run is not None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scheme", nargs="?", choices=("dark", "light"), default="dark")
    parser.add_argument("--runs", type=Path, nargs="+", metavar="RUN_FOLDER")
    arguments = parser.parse_args()
    HERE.mkdir(exist_ok=True)
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication([])
    memory = Memory()
    memory.scheme = arguments.scheme
    runs = copy_runs(arguments.runs) if arguments.runs else []
    window = MainWindow(memory)
    window.resize(1280, 800)
    window.show()
    window.build_pages()
    wait_until(lambda: window.train_page.preview.task is not None)
    app.processEvents()
    if runs:
        show_runs(window, runs)
    else:
        show_training(window)
    window.close_at_once()


def show_runs(window: MainWindow, runs: Sequence[RunSummary]) -> None:
    """Runs, Compare and Insight."""
    first = runs[0]
    window.show_page("runs")
    page = window.runs_page
    wait_until(lambda: page.proxy.rowCount() == len(runs))
    page.table.choose(first)
    picture(window, "runs")
    alike = [run.folder for run in runs if (run.source, run.task) == (first.source, first.task)]
    window.compare_runs(alike[:COMPARED])
    compare = window.pages["compare"]
    compare.tasks.setValue(TASKS)
    wait_until(lambda: compare.results.comparison is not None or compare.measure_button.isEnabled())
    compare.measure()
    wait_until(lambda: not compare.running)
    picture(window, "compare")
    window.show_page("insight")
    look_into(window, first, ("layers", "plane"))
    functions = [run for run in runs if run.source == "sinusoid"]
    if functions:
        look_into(window, functions[0], ("function",))


def look_into(window: MainWindow, run: RunSummary, cards: Sequence[str]) -> None:
    """Answer Insight's questions for a run, and take a picture with each of these cards at the top."""
    page = window.pages["insight"]
    page.models.offer(run.folder, choose=False)
    page.models.choose(str(run.folder))
    wait_until(lambda: page.look_button.isEnabled() and page._place == str(run.folder))
    page.look()
    wait_until(lambda: not page.running)
    rest(0.5)
    for name in cards:
        bar = page.scroll.verticalScrollBar()
        bar.setValue(0 if name == "layers" else page.cards[name].y())
        picture(window, "insight" if name == "layers" else f"insight-{name}")


def show_training(window: MainWindow) -> None:
    """Train, Draw and Evaluate."""
    window.start_run()
    wait_until(lambda: window.run.iteration >= ITERATIONS)
    window.session.pause()
    picture(window, "train")
    page = window.draw_page
    window.tabs.setCurrentWidget(page)
    classes = [DrawnClass(name, (example(strokes, number),)) for number, (name, strokes) in enumerate(SHAPES.items())]
    page.files.restore(DrawnTask(tuple(classes), example(SHAPES["house"], 99)), None)
    wait_until(lambda: page.bars.probabilities)
    wait_until(lambda: not page.walk.plot._dirty)
    picture(window, "draw")
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
    picture(window, "evaluate")


if __name__ == "__main__":
    main()
