"""Spoiled files of a user's words about a run."""

import json
from pathlib import Path

from hypothesis import strategies as st
from mutations import Refused, as_json, read, spoiled_bytes, spoiled_trees

from maml_studio.training.run_about import ABOUT, About, AboutError, read_about, write_about

TREE = {"title": "the good one – βω", "starred": True, "tags": ["paper", "wide net"], "notes": "seen at\nthe talk, αβ"}
WHOLE = json.dumps(TREE, ensure_ascii=False, indent=2).encode()

FILES = st.one_of(spoiled_bytes(WHOLE), spoiled_trees(TREE).map(as_json))


def check(folder: Path, content: bytes) -> About | Refused:
    """Words that can be written and read again, and shown in one line where they are a title or a tag; or a refusal."""
    found: About | Refused = read(lambda path: read_about(path.parent), folder / ABOUT, content, AboutError)
    if isinstance(found, About):
        (folder / "again").mkdir(exist_ok=True)
        write_about(folder / "again", found)
        assert read_about(folder / "again") == found
        assert all(len(words.splitlines()) < 2 and "\x1b" not in words for words in (found.title, *found.tags))
        found.notes.encode()
    return found
