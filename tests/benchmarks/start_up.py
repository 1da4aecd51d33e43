"""Time from the start of the process to the first window on the screen, and to its pages.

    python tests/benchmarks/start_up.py [RUNS]

Prints one JSON object with the medians over several starts (the first, which warms the disk cache, left out).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = """
import sys, time
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication
from maml_studio.gui import app, main_window

class Watcher(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and isinstance(watched, main_window.MainWindow):
            print("painted", time.time(), flush=True)
            QApplication.instance().removeEventFilter(self)
        return False

build = main_window.MainWindow.build_pages
def built(window):
    build(window)
    print("pages", time.time(), flush=True)
    window.preview.checked.connect(lambda: (print("task", time.time(), flush=True), window.close()))
main_window.MainWindow.build_pages = built
qt = QApplication(["maml-studio"])
watcher = Watcher()
qt.installEventFilter(watcher)
sys.exit(app.main([]))
"""


def start() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        began = time.time()
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=os.environ | {"MAML_STUDIO_HOME": home}, capture_output=True, text=True, check=True
        )
    return {word: float(moment) - began for word, moment in (line.split() for line in done.stdout.splitlines())}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    start()
    times = [start() for _ in range(runs)]
    print(json.dumps({word: round(statistics.median(one[word] for one in times), 2) for word in times[0]} | {"runs": runs}))


if __name__ == "__main__":
    main()
