"""Image files and class folders to read."""

from pathlib import Path

from PIL import Image, ImageDraw


def draw(path: Path, *, ink: int = 0, paper: int = 255, size: tuple[int, int] = (40, 40), mode: str = "L") -> Path:
    """A vertical bar in the left half: recognisable when it is turned, transposed, inverted or cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size, paper)
    width, height = size
    ImageDraw.Draw(image).rectangle((width // 4, height // 5, width // 4 + width // 8, height - height // 5), fill=ink)
    image.convert(mode).save(path)
    return path


def draw_classes(root: Path, *names: str, count: int = 3, **options: int) -> Path:
    for name in names:
        for number in range(count):
            draw(root / name / f"{number:02}.png", **options)
    return root
