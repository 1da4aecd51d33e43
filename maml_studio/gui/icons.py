"""Our own icons: SVG files in one colour, ``currentColor``, tinted by role when they are painted.

They are painted from the vectors at the size and pixel ratio asked for, in the colour of the theme in use, so they are
crisp at any scale and take on another scheme by themselves.
"""

from functools import lru_cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from .. import paths
from . import theme


def icon(name: str, role: str = "text") -> QIcon:
    """Return the icon ``resources/icons/NAME.svg`` in the colour of a role (`theme.Theme`).

    Raises:
        ValueError: There is no such icon.
    """
    _source(name)
    return QIcon(_Engine(name, role))


@lru_cache
def _source(name: str) -> str:
    file = paths.resource("icons", f"{name}.svg")
    if not file.is_file():
        raise ValueError(f"There is no icon {name!r}: resources/icons has no {name}.svg.")
    return file.read_text("utf-8")


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    return QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))


_clones: list[QIconEngine] = []


class _Engine(QIconEngine):
    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name, self._role = name, role

    def clone(self) -> QIconEngine:
        # PySide6 6.10 does not hand a clone over to Qt and would collect it while an icon uses it: a crash at the next
        # paint. Qt clones only an icon that somebody adds a pixmap to, so keeping these costs next to nothing.
        _clones.append(_Engine(self._name, self._role))
        return _clones[-1]

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        colours = theme.current()
        colour = colours.color(self._role)
        if mode == QIcon.Mode.Selected:
            colour = colours.color("on_accent")
        elif mode == QIcon.Mode.Disabled:
            colour = QColor(colours.muted)
            painter.setOpacity(0.45)
        side = min(rect.width(), rect.height())
        square = QRectF(0, 0, side, side)
        square.moveCenter(QRectF(rect).center())
        _renderer(self._name, colour.name()).render(painter, square)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap
