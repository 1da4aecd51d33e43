"""How long it takes from the click on Runs until 2,000 runs are listed, for the first time on a machine and later.

    python tests/benchmarks/runs_list.py RUN_FOLDER... [--runs 2000]

The runs are copies of real ones: their settings, and the last 200 KB of their metrics. Prints one JSON object: wall time, and the computing
of the whole process, which other programs on the machine do not lengthen.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["MAML_STUDIO_HOME"] = tempfile.mkdtemp(prefix="maml-studio-list-")

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from maml_studio.gui.app import SWITCH_INTERVAL
from maml_studio.gui.main_window import MainWindow
from maml_studio.paths import cache_dir, config_dir, runs_dir

TAIL = 200_000


def make_runs(sources: Sequence[Path], count: int) -> None:
    """Fill the folder of runs."""
    parts = [((one / "experiment.toml").read_bytes(), (one / "metrics.jsonl").read_bytes()[-TAIL:]) for one in sources]
    for number in range(count):
        folder = runs_dir() / f"2026-{1 + number % 12:02}-{1 + number % 28:02}-{number % 24:02}{number % 60:02}00-run-{number}"
        (folder / "checkpoints").mkdir(parents=True)
        for name, content in zip(("experiment.toml", "metrics.jsonl"), parts[number % len(parts)], strict=True):
            (folder / name).write_bytes(content)


def rest(app: QApplication) -> None:
    """Let the window live until it has had nothing to do for a second."""
    since, busy = time.monotonic(), time.process_time()
    while time.monotonic() < since + 1:
        app.processEvents()
        time.sleep(0.02)
        if time.process_time() > busy + 0.1:
            since, busy = time.monotonic(), time.process_time()


def click_to_list(app: QApplication, count: int) -> dict[str, float]:
    """Open the window, let it come to rest, click on Runs, and wait until all runs are there and painted."""
    window = MainWindow()
    window.resize(1280, 800)
    window.show()
    window.build_pages()
    rest(app)
    bar, page = window.tabs.bar, window.runs_page
    at: QPoint = bar.tabRect(window.tabs.indexOf(page)).center()
    wall, busy = time.perf_counter(), time.process_time()
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=at)
    while page.proxy.rowCount() < count:
        app.processEvents()
        time.sleep(0.002)
    page.table.viewport().repaint()
    found = {"wall_s": round(time.perf_counter() - wall, 3), "computing_s": round(time.process_time() - busy, 3)}
    window.close_at_once()
    window.deleteLater()
    app.processEvents()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--runs", type=int, default=2000)
    arguments = parser.parse_args()
    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication([])
    try:
        make_runs(arguments.sources, arguments.runs)
        result = {"platform": app.platformName(), "cores": os.cpu_count(), "load": os.getloadavg()[0], "runs": arguments.runs}
        for name in ("first", "first_again", "later"):
            shutil.rmtree(config_dir(), ignore_errors=True)  # otherwise the window opens with the page that it closed with
            if name != "later":
                shutil.rmtree(cache_dir() / "run-index", ignore_errors=True)
            result[name] = click_to_list(app, arguments.runs)
        print(json.dumps(result, indent=1))
    finally:
        shutil.rmtree(os.environ["MAML_STUDIO_HOME"], ignore_errors=True)


if __name__ == "__main__":
    main()
