"""How soon the Draw page shows new probabilities after the pen is lifted, and whether adapting ever holds up the pen.

    python tests/benchmarks/drawing_latency.py [REPEATS] [FIELD=VALUE ...]

5-way 5-shot, 5 inner steps, conv4 with 64 channels; the pen moves every 8 ms, as a mouse does. A time ends when the bars are painted.
Prints one JSON object; ``cpu_ms`` is the computing of the whole process from lift to answer, which other programs on the machine do not
lengthen. A display (or Xvfb) makes the painting real; QT_QPA_PLATFORM=offscreen does without.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["MAML_STUDIO_HOME"] = tempfile.mkdtemp(prefix="maml-studio-drawing-")

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from maml_studio.drawings import DrawnClass, DrawnTask, Example
from maml_studio.gui.app import SWITCH_INTERVAL
from maml_studio.gui.canvas import DrawingCanvas
from maml_studio.gui.pages.draw import DrawPage
from maml_studio.spec import load_preset, with_assignments
from maml_studio.training.run_folder import RunFolder
from maml_studio.training.trainer import run

WAY, SHOT, STEPS, PERIOD_MS, MOVES = 5, 5, 5, 8, 25


class Painted(QObject):
    """When the bars were painted last."""

    def __init__(self, bars: QObject) -> None:
        super().__init__(bars)
        self.at = 0.0
        bars.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.at = time.perf_counter()
        return False


class Hand:
    """Moves the pen over a canvas, a point every `PERIOD_MS`; keeps the pauses between points that were taken in."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.pauses: list[float] = []

    def stroke(self, canvas: DrawingCanvas, moves: int = MOVES) -> None:
        """Draw a wobbly line; ends with the pen lifted."""
        side = min(canvas.width(), canvas.height())
        path = (np.cumsum(self._random.normal(0, 0.04, (moves, 2)), 0) + self._random.uniform(0.3, 0.7, 2)).clip(0.05, 0.95) * side
        self._send(canvas, QEvent.Type.MouseButtonPress, path[0])
        left, last = [tuple(point) for point in path[1:]], [time.perf_counter()]

        def move() -> None:
            self._send(canvas, QEvent.Type.MouseMove, left.pop(0))
            now = time.perf_counter()
            self.pauses.append(now - last[0])
            last[0] = now

        timer = QTimer(timerType=Qt.TimerType.PreciseTimer, interval=PERIOD_MS)
        timer.timeout.connect(move)
        timer.start()
        wait_until(lambda: not left)
        timer.stop()
        self._send(canvas, QEvent.Type.MouseButtonRelease, path[-1])

    @staticmethod
    def _send(canvas: DrawingCanvas, kind: QEvent.Type, at: tuple[float, float]) -> None:
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else Qt.MouseButton.LeftButton
        here = QPointF(*at)
        QApplication.sendEvent(canvas, QMouseEvent(kind, here, canvas.mapToGlobal(here), button, held, Qt.KeyboardModifier.NoModifier))


def wait_until(done: object, seconds: float = 60.0) -> None:
    """Let the window live until something is so."""
    end = time.perf_counter() + seconds
    while not done():
        if time.perf_counter() > end:
            raise TimeoutError
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)


def figures(values: list[float]) -> dict[str, float]:
    """Median, 95th percentile and largest, in ms."""
    found = 1000 * np.array(values)
    return {
        name: round(float(value), 1)
        for name, value in zip(("p50", "p95", "max"), [*np.percentile(found, [50, 95]), found.max()], strict=True)
    }


def make_run(folder: Path, changes: list[str]) -> Path:
    """A run of one iteration: how good the model is makes no difference here."""
    small = [f"task.way={WAY}", f"task.shot={SHOT}", "task.query=1", "model.width=64", "training.iterations=1", "training.meta_batch=1"]
    small += ["evaluation.tasks=2", "algorithm.inner_lr=0.01", f"evaluation.inner_steps={STEPS}"]
    experiment = with_assignments(load_preset("digits-maml"), [*small, *changes])
    list(run(experiment, folder=RunFolder.create(folder, experiment)))
    return folder


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    folder = make_run(Path(os.environ["MAML_STUDIO_HOME"]) / "run", sys.argv[2:])
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication([])
    page = DrawPage()
    page.resize(1280, 740)
    page.show()
    random = np.random.default_rng(0)
    hand, painted = Hand(random), Painted(page.bars)

    def drawing() -> Example:
        points = np.cumsum(random.normal(0, 0.03, (60, 2)), 0) + 0.5
        return Example((np.column_stack([points.clip(0.05, 0.95), np.arange(60) / 60]),))

    page.document.set_task(DrawnTask(tuple(DrawnClass(f"{n}", tuple(drawing() for _ in range(SHOT))) for n in range(WAY)), drawing(), SHOT))
    page.models.offer(folder)
    answered: list[float] = []
    page.session.answered.connect(lambda: answered.append(time.perf_counter()))
    wait_until(lambda: page.session.current and bool(page.bars.probabilities))

    def answered_after(change: object) -> tuple[float, float]:
        """Seconds from the lift to the painted bars, and of computing."""
        change()
        lifted, busy = time.perf_counter(), time.process_time()
        wait_until(lambda: page.session.current and bool(page.bars.probabilities) and painted.at >= answered[-1] >= lifted)
        return painted.at - lifted, time.process_time() - busy

    def rest() -> None:
        end = time.perf_counter() + 0.1
        wait = QTimer(interval=10)
        wait.start()
        wait_until(lambda: time.perf_counter() > end)

    def query() -> None:
        page.query.clear()
        hand.stroke(page.query)

    def support() -> None:
        hand.stroke(page.rows[int(random.integers(WAY))].canvases[int(random.integers(SHOT))], 8)

    result: dict[str, object] = {
        "platform": app.platformName(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "settings": sys.argv[2:],
    }
    for name, change in (("query", query), ("support", support)):
        times = []
        for _ in range(repeats):
            times.append(answered_after(change))
            rest()
        result[f"{name}_ms"] = figures([seconds for seconds, _ in times])
        result[f"{name}_cpu_ms"] = figures([cost for _, cost in times])
    for name, before in (("pen_pause_while_adapting_ms", support), ("pen_pause_otherwise_ms", rest)):
        pauses = []
        for _ in range(repeats):
            before()
            hand.pauses = []
            hand.stroke(page.query, 40)
            pauses += hand.pauses
        result[name] = figures(pauses)
    page.end()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
