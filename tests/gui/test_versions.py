"""Guards against versions of Qt's bindings that are known to bite."""

import sys

from PySide6.QtCore import QObject, Signal


class Sender(QObject):
    said = Signal(bool)


def test_emit_drops_no_reference():
    # PySide6 6.12 on Python 3.11 drops one at every emit, until True itself is freed and the process dies.
    sender, heard = Sender(), []
    sender.said.connect(heard.append)
    before = sys.getrefcount(True)
    for _ in range(50):
        sender.said.emit(True)
    assert sys.getrefcount(True) >= before
    assert heard == [True] * 50
