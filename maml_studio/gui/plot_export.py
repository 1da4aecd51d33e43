"""A plot as bytes: a picture, a drawing, a table for a spreadsheet."""

import csv
import io
from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgGenerator

Paint = Callable[[QPainter], None]
_ROWS = 10_000  # turned into text at a time


def png(paint: Paint, size: QSize, ratio: float = 2.0) -> bytes:
    """Return a picture of a plot.

    Args:
        paint: Paints it.
        size: Its size in pixels of the screen.
        ratio: Pixels of the picture to one of the screen.
    """
    image = QImage(size * ratio, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    paint(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data())


def svg(paint: Paint, size: QSize, title: str, resolution: int) -> bytes:
    """Return a plot as vectors; words stay words.

    Args:
        paint: Paints it.
        size: Its size in pixels of the screen.
        title: What programs call it.
        resolution: The screen's logical dots per inch, for what is drawn in points to come out as large as there.
    """
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    # 1.1 rather than the default Tiny 1.2: only that can clip a zoomed curve to its frame.
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setResolution(resolution)
    generator.setTitle(title)
    generator.setDescription("")
    painter = QPainter(generator)
    paint(painter)
    painter.end()
    return bytes(data)


def table(x_title: str, columns: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> bytes:
    """Return curves as comma-separated values: one column of x for all, then one for each curve.

    A curve without a point at some x has an empty cell there, as has a NaN. Where a curve comes to one x twice, so does
    the table; no point is lost.

    Args:
        x_title: Head of the first column.
        columns: Head, x ``[points]`` and y ``[points]`` of each curve.
    """
    places, times = [], []
    for _, x, _ in columns:
        x = np.asarray(x, np.float64)
        order = np.argsort(x, kind="stable")
        run = np.searchsorted(x[order], x[order])  # where the run of equal positions begins
        time = np.empty(len(x), np.int64)
        time[order] = np.arange(len(x)) - run
        places.append(x)
        times.append(time)
    x, time = np.concatenate([*places, np.empty(0)]), np.concatenate([*times, np.empty(0, np.int64)])
    order = np.lexsort((time, x))
    first = np.ones(len(x), bool)
    first[1:] = (np.diff(x[order]) != 0) | (np.diff(time[order]) != 0)
    row = np.empty(len(x), np.int64)
    row[order] = np.cumsum(first) - 1
    x_of_row = x[order][first]
    rows = np.split(row, np.cumsum([len(p) for p in places])[:-1]) if places else []

    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([x_title, *(head for head, _, _ in columns)])
    filled = []
    for (_, _, y), mine in zip(columns, rows, strict=True):
        cells = np.full(len(x_of_row), np.nan, np.result_type(y, np.float32))
        cells[mine] = y
        filled.append(cells)
    for start in range(0, len(x_of_row), _ROWS):
        part = slice(start, start + _ROWS)
        writer.writerows(zip(*(_cells(c[part]) for c in (x_of_row, *filled)), strict=True))
    return stream.getvalue().encode()


def _cells(values: np.ndarray) -> list[str]:
    # float32 keeps its own short digits; a whole number has no ".0".
    return ["" if text == "nan" else text.removesuffix(".0") for text in values.astype(str).tolist()]
