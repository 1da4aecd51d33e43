"""The app's icon as bitmaps, from its drawing: PNG in the usual sizes, and the files that Windows and macOS want.

python packaging/icons.py resources/icons/app.svg FOLDER      needs PySide6 and Pillow
"""

import sys
from pathlib import Path

from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)


def write_icons(drawing: Path, folder: Path) -> None:
    """Writes ``maml-studio-SIZE.png``, ``maml-studio.ico`` and ``maml-studio.icns``; each size is painted from the vectors.

    Raises:
        ValueError: the drawing is no SVG.
    """
    renderer = QSvgRenderer(str(drawing))
    if not renderer.isValid():
        raise ValueError(f"{drawing} is no SVG that Qt can paint")
    folder.mkdir(parents=True, exist_ok=True)
    files = {size: folder / f"maml-studio-{size}.png" for size in SIZES} | {1024: folder / "large.png"}
    for size, file in files.items():
        image = QImage(size, size, QImage.Format.Format_ARGB32)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        if not image.save(str(file)):
            raise ValueError(f"{file} can't be written")
    pictures = {size: Image.open(file) for size, file in files.items()}
    pictures[256].save(folder / "maml-studio.ico", append_images=[pictures[size] for size in (16, 24, 32, 48, 64, 128)])
    pictures[1024].save(folder / "maml-studio.icns", append_images=[pictures[size] for size in (16, 32, 64, 128, 256, 512)])


if __name__ == "__main__":
    write_icons(Path(sys.argv[1]), Path(sys.argv[2]))
