"""How late a 5 ms timer of the window fires while a preset trains.

    python tests/benchmarks/window_lateness.py PRESET [SECONDS] [FIELD=VALUE ...]

Prints one JSON object. A display (or Xvfb) makes the painting real; QT_QPA_PLATFORM=offscreen does without.
"""

import json
import os
import sys
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["MAML_STUDIO_HOME"] = tempfile.mkdtemp(prefix="maml-studio-lateness-")

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from maml_studio.gui.app import SWITCH_INTERVAL
from maml_studio.gui.main_window import MainWindow
from maml_studio.spec import load_preset, with_assignments

PERIOD = 0.005


def main() -> None:
    preset = sys.argv[1]
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 60.0
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication([])
    window = MainWindow()
    window.resize(1280, 800)
    window.form.set_experiment(with_assignments(load_preset(preset), ["training.iterations=10000000", *sys.argv[3:]]))
    window.show()
    window.build_pages()
    late: list[float] = []
    last = [0.0]
    result: dict[str, int] = {}

    def tick() -> None:
        now = time.perf_counter()
        if last[0]:
            late.append(now - last[0] - PERIOD)
        last[0] = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(round(1000 * PERIOD))
    timer.timeout.connect(tick)

    def end() -> None:
        timer.stop()
        result["tasks_per_s"] = round(window.run.tasks_per_second() or 0)
        result["points_per_curve"] = len(window.run.outer_x.array())
        window.close_at_once()

    def begin() -> None:
        if window.run.iteration < 5:
            QTimer.singleShot(200, begin)
            return
        timer.start()
        QTimer.singleShot(round(1000 * seconds), end)

    def start() -> None:
        # Once: each question leaves a timer behind, and settings that can't be trained are checked again and again.
        window.preview.checked.disconnect(start)
        window.start_run()
        if window.session.running:
            begin()
        else:
            window.close_at_once()

    window.preview.checked.connect(start)
    app.exec()
    if not late:
        sys.exit("These settings can't be trained.")
    milliseconds = 1000 * np.maximum(late, 0)
    print(
        json.dumps(
            {
                "preset": preset,
                "settings": sys.argv[3:],
                "platform": app.platformName(),
                "seconds": seconds,
                "ticks": len(late),
                "median_ms": round(float(np.median(milliseconds)), 2),
                "p99_ms": round(float(np.percentile(milliseconds, 99)), 2),
                "max_ms": round(float(milliseconds.max()), 2),
                "cores": os.cpu_count(),
                **result,
            }
        )
    )


if __name__ == "__main__":
    main()
