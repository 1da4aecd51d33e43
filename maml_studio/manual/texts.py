"""The written part of the manual: Markdown files under ``resources/help``."""

import re
from functools import cache

from ..paths import resource

_HEADING = re.compile(r"^## (.+)$", re.M)
_FOLDED = re.compile(r"(?<!\n)\n {0,2}(?![\n\s]|- |\d+\. |\||#)")


def names(folder: str) -> list[str]:
    """The files of a folder, without their endings."""
    return sorted(path.stem for path in resource("help", folder).glob("*.md"))


@cache
def text(name: str) -> str:
    """A file such as ``algorithm/maml``, each paragraph on one line; empty where there is none."""
    return _folded(_raw(name))


@cache
def sections(name: str) -> dict[str, str]:
    """A file's texts by their second headings."""
    parts = _HEADING.split(_raw(name))
    return {heading.strip(): _folded(body) for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def _raw(name: str) -> str:
    path = resource("help", *f"{name}.md".split("/"))
    return path.read_text("utf-8") if path.is_file() else ""


def _folded(text: str) -> str:
    return _FOLDED.sub(" ", text).strip()
