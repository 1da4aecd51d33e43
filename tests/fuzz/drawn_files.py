"""Spoiled files of drawn tasks, and the pictures inside them."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from mutations import Refused, read, spoiled_bytes, spoiled_trees

from maml_studio.drawings import DrawingError, DrawnClass, DrawnTask, Example, read_drawn, to_json
from maml_studio.drawings.pictures import to_png

STROKE = np.array([[0.1, 0.2, 0.0], [0.5, 0.6, 0.1], [0.9, 0.4, 0.2]])
PICTURE = (np.arange(144).reshape(12, 12) * 1.7).astype(np.uint8)
TASK = DrawnTask(
    (
        DrawnClass("star", (Example((STROKE, STROKE[:2])), Example())),
        DrawnClass("bücher", (Example(picture=PICTURE), Example(picture=PICTURE, to_place=True))),
    ),
    Example((STROKE,)),
    shots=2,
    model="glyphs",
    steps=3,
    title="two classes",
)
WHOLE = to_json(TASK)
TREE = json.loads(WHOLE)
PNG = to_png(PICTURE)


def _text(tree: Any, *, ensure_ascii: bool = True) -> bytes:
    try:
        return json.dumps(tree, ensure_ascii=ensure_ascii).encode(
            "utf-8", "surrogatepass"
        )  # NaN and infinities too, as Python's own reader takes them
    except (RecursionError, ValueError):
        return b"[" * 100_000


def _with_picture(png: bytes) -> bytes:
    tree = TREE | {"classes": [{"name": "picture", "examples": [{"picture": base64.b64encode(png).decode()}]}]}
    return json.dumps(tree).encode()


FILES = st.one_of(
    spoiled_bytes(WHOLE),
    spoiled_trees(TREE).map(_text),
    spoiled_trees(TREE | {"preview": ""}).map(lambda tree: _text(tree, ensure_ascii=False)),
    spoiled_bytes(PNG).map(_with_picture),
)


def check(folder: Path, content: bytes) -> DrawnTask | Refused:
    """A drawn task that can be written and read again, or a refusal."""
    found: DrawnTask | Refused = read(read_drawn, folder / "task.drawn.json", content, DrawingError)
    if isinstance(found, DrawnTask):
        again = folder / "again.drawn.json"
        again.write_bytes(to_json(found))
        assert read_drawn(again) == found
    return found
