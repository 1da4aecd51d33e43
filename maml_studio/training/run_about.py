"""What a user adds to a run: its title, star, tags and notes, in ``about.json`` of the run's folder."""

import json
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import write_whole

ABOUT = "about.json"
MAX_BYTES = 1 << 20
MAX_TITLE, MAX_TAGS, MAX_TAG = 200, 50, 50


class AboutError(ValueError):
    """An ``about.json`` that can't be read; one sentence."""


@dataclass(frozen=True)
class About:
    """A user's own words about a run.

    Attributes:
        title: stands in place of the experiment's name; empty: none.
        starred: whether it is one of the favourites.
        tags: short words to find it by, in the order given.
        notes: any text.
    """

    title: str = ""
    starred: bool = False
    tags: tuple[str, ...] = ()
    notes: str = ""


def read_about(folder: Path) -> About:
    """The words about a run; empty ones where nobody has written any.

    Raises:
        AboutError: when the file can't be read or holds something else; the file is left as it is.
    """
    path = folder / ABOUT
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return About()
    except OSError as error:
        raise AboutError(f"{path}: can't be read: {error.strerror or error}") from None
    if len(content) > MAX_BYTES:
        raise AboutError(f"{path}: should be less than 1 MB")
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        raise AboutError(f"{path}: should be a JSON object with title, starred, tags and notes") from None
    return _checked(raw, path)


def _checked(raw: Any, path: Path) -> About:
    if not isinstance(raw, dict):
        raise AboutError(f"{path}: should be a JSON object with title, starred, tags and notes")
    title, starred, tags, notes = raw.get("title", ""), raw.get("starred", False), raw.get("tags", []), raw.get("notes", "")
    if not isinstance(title, str):
        raise AboutError(f"{path}: title should be text")
    if not isinstance(starred, bool):
        raise AboutError(f"{path}: starred should be true or false")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise AboutError(f"{path}: tags should be a list of words")
    if not isinstance(notes, str):
        raise AboutError(f"{path}: notes should be text")
    return About(clean_title(title), starred, clean_tags(tags), _whole(notes))


def write_about(folder: Path, about: About) -> None:
    """Write the words about a run, whole or not at all.

    Raises:
        OSError: when they can't be written; the old ones are then as they were.
    """
    raw = {"title": clean_title(about.title), "starred": about.starred, "tags": clean_tags(about.tags), "notes": _whole(about.notes)}
    text = json.dumps(raw, ensure_ascii=False, indent=2).encode()
    if len(text) > MAX_BYTES:
        raise OSError(f"{folder / ABOUT}: notes should be shorter than 1 MB")
    write_whole(folder / ABOUT, text)


def clean_title(text: str) -> str:
    """A title on one line, without outer spaces and control codes, of a length that a list can show."""
    return _one_line(text)[:MAX_TITLE].strip()


def clean_tags(tags: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """Tags without empty ones and doubles; commas part them where a user types them, so none holds one."""
    words = (_one_line(tag.replace(",", " "))[:MAX_TAG].strip() for tag in tags)
    return tuple(dict.fromkeys(word for word in words if word))[:MAX_TAGS]


def _whole(text: str) -> str:
    """Text without halves of surrogate pairs, which can be typed and pasted, and are no UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in _whole(text)).split())
