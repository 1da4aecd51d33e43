"""A drawn task as one JSON file: strokes as numbers, pictures as PNG, names, settings and a preview for other programs.

    {"format": "maml-studio-drawn", "version": 1, "title": "", "shots": 1, "model": "", "steps": null,
     "classes": [{"name": "star", "examples": [{"strokes": [[[x, ...], [y, ...], [t, ...]], ...]}, {"picture": "<base64>"}]}],
     "query": {"strokes": []}, "preview": "<base64>"}

A stroke is three lists, as in Google's "Quick, Draw!" data. The reader trusts nothing: size and number of lists are looked at before
anything is unpacked.
"""

import base64
import binascii
import json
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, ValidationError

from ..files import write_whole
from .document import MAX_CLASSES, MAX_EXAMPLES, MAX_POINTS, MAX_STROKES, DrawingError, DrawnClass, DrawnTask, Example
from .pictures import from_png, to_png
from .preview import preview_png

SUFFIX = ".drawn.json"
FORMAT, VERSION = "maml-studio-drawn", 1
MAX_BYTES = 64 << 20
MAX_MEMORY = 512 << 20
# What one of them takes while a file is read, measured; in the file, "[]," is 3 bytes and "1," is 2. A field that is not known costs most.
_MEMORY = {b"[": 170, b"{": 170, b":": 900, b",": 30}
_MAX_PNG = 128 << 10  # characters


def write_drawn(path: Path, task: DrawnTask) -> None:
    """Write a drawn task, whole or not at all; an older file of that name is replaced.

    Raises:
        DrawingError: when the file would be too large to be read again.
        OSError: when it can't be written.
    """
    write_whole(path, to_json(task))


def to_json(task: DrawnTask, *, preview: bool = True) -> bytes:
    """The file's content.

    Args:
        task: what is drawn.
        preview: with a small picture for other programs, which takes most of the time.

    Raises:
        DrawingError: when it is too large.
    """
    head = {
        "format": FORMAT,
        "version": VERSION,
        "title": task.title,
        "shots": task.shots,
        "model": task.model,
        "steps": task.steps,
    }
    # Piece by piece: the whole in one call would hold up the other threads, a hand that draws among them, for a tenth of a second.
    classes = ",".join(f'{{"name":{_text(one.name)},"examples":[{",".join(map(_example_text, one.examples))}]}}' for one in task.classes)
    picture = base64.b64encode(preview_png(task)).decode() if preview else ""
    content = f'{_text(head)[:-1]},"classes":[{classes}],"query":{_example_text(task.query)},"preview":"{picture}"}}'.encode()
    if len(content) > MAX_BYTES or _memory(content) > MAX_MEMORY:
        raise DrawingError(f"so many drawings don't fit into one file of {MAX_BYTES >> 20} MB; use several")
    return content


def read_drawn(path: Path) -> DrawnTask:
    """Read what `write_drawn` wrote.

    Raises:
        DrawingError: naming the file and what is wrong with it.
    """
    content = _content(path)
    try:
        head = _Head.model_validate_json(content)
        if head.format != FORMAT:
            raise DrawingError(f"is no drawn task: its format should be {FORMAT}")
        if head.version > VERSION:
            raise DrawingError(f"was written by a newer version of MAML Studio (file version {head.version}); update to open it")
        return _File.model_validate_json(content).task()
    except ValidationError as error:
        raise DrawingError(f"{path}: {_sentence(error)}") from None
    except DrawingError as error:
        raise DrawingError(f"{path}: {error}") from None


def _content(path: Path) -> bytes:
    try:
        # Asked before opening: a pipe would wait for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise DrawingError(f"{path}: is no file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, DrawingError):
            raise
        raise DrawingError(f"{path}: can't be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MAX_BYTES:
        raise DrawingError(f"{path}: is larger than {MAX_BYTES >> 20} MB; a drawn task is not")
    if _memory(content) > MAX_MEMORY:
        raise DrawingError(f"{path}: holds more lists or numbers than a drawn task can")
    return content


def _memory(content: bytes) -> int:
    """About as many bytes as reading it takes, known without reading it."""
    return sum(content.count(mark) * bytes_each for mark, bytes_each in _MEMORY.items())


def _text(raw: object) -> str:
    return json.dumps(raw, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _example_text(example: Example) -> str:
    return _text(_plain(example))


def _plain(example: Example) -> dict[str, Any]:
    if example.picture is None:
        return {"strokes": [stroke.T.tolist() for stroke in example.strokes]}
    picture = base64.b64encode(to_png(example.picture)).decode()
    return {"picture": picture, "to_place": True} if example.to_place else {"picture": picture}


def _stroke(columns: tuple[list[float], list[float], list[float]]) -> npt.NDArray[np.float64]:
    if len({len(column) for column in columns}) != 1:
        raise ValueError("should have as many x as y and t")
    return np.array(columns, np.float64).T


def _picture(text: str) -> npt.NDArray[np.uint8]:
    try:
        return from_png(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        reason = "it is no base64" if isinstance(error, binascii.Error) else str(error)
        raise ValueError(f"should be a PNG in base64: {reason}") from None


_Numbers = Annotated[list[float], FailFast(), Field(max_length=MAX_POINTS)]
# Lists become arrays stroke by stroke, so that never more than one stroke is there as Python numbers.
_Stroke = Annotated[tuple[_Numbers, _Numbers, _Numbers], FailFast(), AfterValidator(_stroke)]
_Picture = Annotated[str, Field(max_length=_MAX_PNG), AfterValidator(_picture)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class _Head(_Part):
    model_config = ConfigDict(extra="ignore")

    format: str = ""
    version: int = 1


class _Example(_Part):
    strokes: Annotated[list[_Stroke], FailFast(), Field(max_length=MAX_STROKES)] = []
    picture: _Picture | None = None
    to_place: bool = False


# Below, mypy knows the types of before the validators.
def _example(raw: _Example) -> Example:
    return Example(tuple(raw.strokes), raw.picture, raw.to_place)  # type: ignore[arg-type]


_AnExample = Annotated[_Example, AfterValidator(_example)]


class _Class(_Part):
    name: str
    examples: Annotated[list[_AnExample], FailFast(), Field(max_length=MAX_EXAMPLES)] = []


def _class(raw: _Class) -> DrawnClass:
    return DrawnClass(raw.name, tuple(raw.examples))  # type: ignore[arg-type]


class _File(_Part):
    format: Literal["maml-studio-drawn"]
    version: int = Field(ge=1)
    title: str = ""
    shots: int = 1
    model: str = ""
    steps: int | None = None
    classes: Annotated[list[Annotated[_Class, AfterValidator(_class)]], FailFast(), Field(max_length=MAX_CLASSES)]
    query: _AnExample = Field(default_factory=Example)  # type: ignore[assignment]
    preview: str = ""

    def task(self) -> DrawnTask:
        return DrawnTask(tuple(self.classes), self.query, self.shots, self.model, self.steps, self.title)  # type: ignore[arg-type]


def _sentence(error: ValidationError) -> str:
    item = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if item["type"] == "json_invalid":
        return "is no JSON, or was cut short"
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{_short(part)}" for part in item["loc"]).lstrip(".")
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input ").replace("array", "list")
    match item["type"]:
        case "too_long" if message.startswith("Tuple"):
            message = "should be three lists: x, y and t"
        case "missing" if isinstance(item["loc"][-1], int):
            message = "should be there: a stroke is three lists, x, y and t"
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            message = "is no field of a drawn task"
        case "model_type":
            message = "should be a table in curly brackets"
        case _:
            message = message[:1].lower() + message[1:]
    return f"{where}: {message}" if where else message


def _short(field: str) -> str:
    """A field's name, which may be anything in a file that somebody else made."""
    return field if field.isidentifier() and len(field) <= 40 else repr(field[:40])
