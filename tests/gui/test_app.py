"""How the application is set up."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget

from maml_studio.gui.app import AfterPainting, keep_every_move

COMPRESSIONS = (Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, Qt.ApplicationAttribute.AA_CompressTabletEvents)

STARTED = """
from PySide6.QtCore import QCoreApplication, Qt, QTimer
from PySide6.QtWidgets import QApplication
from maml_studio.gui import app, main_window
QTimer.singleShot(0, lambda: (print("compresses", QApplication.testAttribute(Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents)),
                              QCoreApplication.quit()))
main_window.MainWindow.build_pages = lambda window: None
app.main([])
"""


def test_no_move_of_a_pen_is_lost(qapp):
    before = [qapp.testAttribute(one) for one in COMPRESSIONS]
    for one in COMPRESSIONS:
        qapp.setAttribute(one, on=True)
    keep_every_move(qapp)
    assert not any(qapp.testAttribute(one) for one in COMPRESSIONS)
    for one, on in zip(COMPRESSIONS, before, strict=True):
        qapp.setAttribute(one, on=on)


class Painted(QWidget):
    def __init__(self, happened: list[str]) -> None:
        super().__init__()
        self.happened = happened

    def paintEvent(self, event: QPaintEvent) -> None:
        self.happened.append("painted")


@pytest.mark.parametrize("shown", [True, False])
def test_what_takes_long_comes_after_the_first_painting(qtbot, shown):
    """And for a window that is never painted, half a second later."""
    happened: list[str] = []
    window = Painted(happened)
    qtbot.addWidget(window)
    AfterPainting(window, lambda: happened.append("built"))
    if shown:
        window.show()
    qtbot.waitUntil(lambda: "built" in happened)
    assert happened[0] == ("painted" if shown else "built")
    window.repaint()
    QCoreApplication.processEvents()
    assert happened.count("built") == 1


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="there is no Xvfb: apt install xvfb")
def test_on_x11_too(tmp_path):
    display = f":{200 + os.getpid() % 700}"
    with subprocess.Popen(["Xvfb", display, "-screen", "0", "800x600x24"], stderr=subprocess.DEVNULL) as server:
        try:
            end = time.monotonic() + 60
            ended = None
            while (ended is None or ended.returncode) and time.monotonic() < end:  # until the server is up
                env = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "MAML_STUDIO_HOME": str(tmp_path)}
                ended = subprocess.run([sys.executable, "-c", STARTED], env=env, capture_output=True, text=True, check=False, timeout=120)
            assert ended.stdout.strip() == "compresses False", ended.stderr
        finally:
            server.terminate()
