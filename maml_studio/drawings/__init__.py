"""What somebody drew, as a document: classes of examples, a query, settings; its file and its folders of images. No torch, no Qt."""

from .document import (
    MAX_CLASSES,
    MAX_EXAMPLES,
    MAX_NAME,
    MAX_SHOTS,
    MAX_STEPS,
    DrawingError,
    DrawnClass,
    DrawnTask,
    Example,
)
from .file import MAX_BYTES, SUFFIX, read_drawn, to_json, write_drawn
from .folders import export_folders, folder_names
from .pictures import ink_of
from .preview import preview_png

__all__ = [
    "MAX_BYTES",
    "MAX_CLASSES",
    "MAX_EXAMPLES",
    "MAX_NAME",
    "MAX_SHOTS",
    "MAX_STEPS",
    "SUFFIX",
    "DrawingError",
    "DrawnClass",
    "DrawnTask",
    "Example",
    "export_folders",
    "folder_names",
    "ink_of",
    "preview_png",
    "read_drawn",
    "to_json",
    "write_drawn",
]
