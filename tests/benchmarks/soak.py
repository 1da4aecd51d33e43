"""Two hours in the window, and what is left of memory, threads, timers and file handles afterwards.

    python tests/benchmarks/soak.py [--minutes 120] [--out FILE.json]

Starts an X server of its own (Xvfb), opens the real window there and walks through it with the mouse (xdotool): see soak_user.py. Every
minute one line is printed and the JSON is written anew; a second series is taken at the end of each round, when nothing is under way and
the same page is on show, and the verdict is the slope of that one after the warm-up.
"""

import argparse
import ctypes
import datetime
import gc
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ["MAML_STUDIO_HOME"] = tempfile.mkdtemp(prefix="maml-studio-soak-")
os.environ["XDG_DATA_HOME"] = os.environ["MAML_STUDIO_HOME"] + "/share"  # the trash

import numpy as np
import psutil

WARM_UP_S = 20 * 60
LIMITS = {
    "rss_MB": 12.0,
    "in_use_MB": 3.0,
    "python_threads": 1,
    "os_threads": 1,
    "file_handles": 1,
    "timers": 2,
    "running_timers": 1,
    "widgets": 5,
    "python_blocks": 10_000,
}
"""How much an hour each may grow, by the lower end of the slope's 95 % interval."""


class _MallInfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


def in_use_bytes() -> int:
    """What the program has asked malloc for and not given back; the rest of the resident memory are files, and room that malloc keeps."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallInfo
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)


@contextmanager
def display() -> Any:
    """An X server of our own, in the environment."""
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"], pass_fds=[write])
    os.close(write)
    with os.fdopen(read) as pipe:
        os.environ["DISPLAY"] = f":{pipe.readline().strip()}"
    os.environ["QT_QPA_PLATFORM"] = "xcb"
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def trend(seconds: np.ndarray, values: np.ndarray) -> dict[str, float]:
    """Slope per hour with half its 95 % interval, by least squares."""
    hours = seconds / 3600
    away = hours - hours.mean()
    slope = float((away * values).sum() / (away**2).sum())
    rest = values - values.mean() - slope * away
    error = float(np.sqrt((rest**2).sum() / max(len(values) - 2, 1) / (away**2).sum()))
    return {"slope_per_hour": round(slope, 3), "ci95": round(1.96 * error, 3)}


def verdict(rests: list[dict[str, float]], warm_up: float = WARM_UP_S) -> dict[str, Any]:
    """Whether each series is flat after the warm-up."""
    later = [one for one in rests if one["seconds"] >= warm_up]
    if len(later) < 5:
        return {"flat": None, "why": f"only {len(later)} rounds after the warm-up"}
    seconds = np.array([one["seconds"] for one in later])
    found: dict[str, Any] = {}
    for name, limit in LIMITS.items():
        values = np.array([one[name] for one in later], float)
        line = trend(seconds, values)
        flat = line["slope_per_hour"] - line["ci95"] <= limit
        found[name] = {"first": values[0], "last": values[-1], "median": float(np.median(values)), **line, "limit": limit, "flat": flat}
    return {"flat": all(one["flat"] for one in found.values()), "rounds": len(later), "series": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the X server and the folder go too
    try:
        with display():
            soak(60 * arguments.minutes, arguments.out)
    finally:
        shutil.rmtree(os.environ["MAML_STUDIO_HOME"], ignore_errors=True)


def soak(length: float, out: Path | None) -> None:
    """Run the window for so many seconds."""
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QApplication
    from soak_user import User

    from maml_studio.gui.app import SWITCH_INTERVAL, keep_every_move
    from maml_studio.gui.main_window import MainWindow

    sys.setswitchinterval(SWITCH_INTERVAL)
    app = QApplication([])
    keep_every_move(app)
    window = MainWindow()
    window.setGeometry(0, 0, 1280, 800)
    window.show()
    window.build_pages()
    Path(os.environ["XDG_DATA_HOME"]).mkdir()  # Qt finds no trash where there is no such folder
    process, began = psutil.Process(), time.monotonic()
    minutes: list[dict[str, float]] = []
    rests: list[dict[str, float]] = []
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "minutes_asked": length / 60,
    }

    def look() -> dict[str, float]:
        # None of these keeps anything alive: gc.get_objects() would hand out tuples that other threads are still filling, and
        # findChildren(QObject) leaves a Python object behind for each of Qt's own.
        timers = window.findChildren(QTimer)
        return {
            "seconds": round(time.monotonic() - began),
            "rss_MB": round(process.memory_info().rss / 1e6, 1),
            "in_use_MB": round(in_use_bytes() / 1e6, 1),
            "python_threads": threading.active_count(),
            "os_threads": process.num_threads(),
            "file_handles": process.num_fds(),
            "timers": len(timers),
            "running_timers": sum(one.isActive() for one in timers),
            "widgets": len(QApplication.allWidgets()),
            "python_blocks": sys.getallocatedblocks(),
            "cpu_s": round(sum(process.cpu_times()[:2])),
        }

    def rested() -> None:
        gc.collect()
        rests.append(look())

    user = User(window, rested)

    def write() -> None:
        result.update(
            seconds=round(time.monotonic() - began),
            rounds=user.rounds,
            runs=user.runs,
            strokes=user.strokes,
            stuck=user.stuck,
            problems=dict(user.problems),
            verdict=verdict(rests),
            at_rest=rests,
            every_minute=minutes,
        )
        if out is not None:
            text = json.dumps(result, indent=1)
            part = out.with_name(f".{out.name}.part")
            part.write_text(text + "\n", encoding="utf-8")
            part.replace(out)

    def minute() -> None:
        minutes.append(look())
        print(json.dumps(minutes[-1] | {"round": user.rounds, "doing": user.place}), flush=True)
        write()
        if minutes[-1]["seconds"] >= length or user.stuck:
            user.end()
            window.close_at_once()

    clock = QTimer(interval=60_000)
    clock.timeout.connect(minute)
    clock.start()
    window.preview.checked.connect(user.begin)
    app.exec()
    clock.stop()
    left = [one.name for one in threading.enumerate() if one is not threading.main_thread() and not isinstance(one, threading._DummyThread)]
    result["threads_left_after_closing"] = left
    write()
    print(json.dumps({key: value for key, value in result.items() if key not in ("at_rest", "every_minute")}, indent=1))


if __name__ == "__main__":
    main()
