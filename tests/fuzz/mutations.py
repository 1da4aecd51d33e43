"""Files that somebody or something spoiled: bytes flipped, cut and spliced, trees with odd values in odd places."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

QUICK, LONG = 300, 10_000


def cases(count: int) -> settings:
    """The same cases every time, without a clock and without a folder of examples in the tree."""
    return settings(max_examples=count, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Refused:
    """What a reader said of a file that it did not take."""

    sentence: str


def read(reader: Callable[[Path], Any], path: Path, content: bytes, error: type[Exception]) -> Any:
    """What the reader makes of the content, or its refusal: its own error, one short line that names the file."""
    path.write_bytes(content)
    try:
        return reader(path)
    except error as refusal:
        sentence = str(refusal)
        assert str(path) in sentence
        assert len(sentence.splitlines()) == 1
        assert sentence.isprintable()
        assert len(sentence) < 2000
        return Refused(sentence)


def as_json(tree: Any) -> bytes:
    """A tree as JSON; NaN and infinities too, as Python's own reader takes them."""
    try:
        return json.dumps(tree).encode()
    except (RecursionError, ValueError):
        return b"[" * 100_000


ODD_TEXTS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["", "\0", "\n", "\ud800", "\u202e", "../../etc/passwd", "/", "C:\\x", "con", "é" * 300, "x" * 5000, "[31m", "🜁"]),
)
ODD_NUMBERS = st.one_of(
    st.sampled_from(
        [0, -1, 1, 2**31, 2**63, -(2**63) - 1, 2**64, 10**30, 16**4000, 1e308, 1e-308, -0.0, 0.5, math.nan, math.inf, -math.inf]
    ),
    st.integers(),
    st.floats(),
)
ODD_LEAVES = st.one_of(st.none(), st.booleans(), ODD_NUMBERS, ODD_TEXTS)


def _deep(depth: int, table: bool) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if table else [value]
    return value


ODD_VALUES = st.one_of(
    ODD_LEAVES,
    st.lists(ODD_LEAVES, max_size=3),
    st.dictionaries(ODD_TEXTS, ODD_LEAVES, max_size=3),
    st.builds(_deep, st.sampled_from([3, 60, 300]), st.booleans()),
    st.sampled_from([[0] * 5000, [[0]] * 1000, [{}] * 500, {str(n): n for n in range(500)}]),
)


@st.composite
def spoiled_trees(draw: st.DrawFn, tree: Any) -> Any:
    """A tree of tables, lists and leaves with up to four places replaced, removed, renamed, doubled or added."""
    for _ in range(draw(st.integers(1, 4))):
        places = list(_places(tree))
        tree = _changed(draw, tree, draw(st.sampled_from(places)))
    return tree


def _places(tree: Any, path: tuple[Any, ...] = ()) -> Any:
    """The ways to all values, but for those in the middle of long lists, which are alike."""
    yield path
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _places(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in list(enumerate(tree))[:4]:
            yield from _places(value, (*path, index))


def _changed(draw: st.DrawFn, tree: Any, path: tuple[Any, ...]) -> Any:
    if not path:
        return draw(ODD_VALUES) if draw(st.integers(0, 9)) == 0 else _grown(draw, tree)
    key, *rest = path
    if not isinstance(tree, dict | list):
        return tree
    result = tree.copy()
    if rest:
        result[key] = _changed(draw, tree[key], tuple(rest))
        return result
    match draw(st.sampled_from(["value", "value", "value", "remove", "rename", "double", "inside"])):
        case "remove":
            del result[key]
        case "rename" if isinstance(result, dict):
            result[draw(ODD_TEXTS)] = result.pop(key)
        case "double" if isinstance(result, list):
            result.insert(key, result[key])
        case "inside":
            result[key] = _changed(draw, result[key], ())
        case _:
            result[key] = draw(ODD_VALUES)
    return result


def _grown(draw: st.DrawFn, tree: Any) -> Any:
    if isinstance(tree, dict):
        return tree | {draw(ODD_TEXTS): draw(ODD_VALUES)}
    if isinstance(tree, list):
        return [*tree, draw(ODD_VALUES)]
    return [tree]


@st.composite
def spoiled_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Content with up to six bytes, ends or stretches spoiled."""
    for _ in range(draw(st.integers(1, 6))):
        at, to = sorted(draw(st.tuples(st.integers(0, len(content)), st.integers(0, len(content)))))
        match draw(st.sampled_from(["flip", "flip", "cut", "remove", "double", "move", "insert", "overwrite"])):
            case "flip":
                content = content[:at] + bytes(value ^ draw(st.integers(1, 255)) for value in content[at : at + 1]) + content[at + 1 :]
            case "cut":
                content = content[:to]
            case "remove":
                content = content[:at] + content[to:]
            case "double":
                content = content[:to] + content[at:to][:2000] + content[to:]
            case "move":
                content = content[to:] + content[:to]
            case "insert":
                content = content[:at] + draw(ODD_BYTES) + content[at:]
            case "overwrite":
                piece = draw(ODD_BYTES)
                content = content[:at] + piece + content[at + len(piece) :]
    return content


ODD_BYTES = st.one_of(
    st.binary(max_size=16),
    st.sampled_from(
        [b"\0" * 64, b"\xff" * 64, b"[" * 500, b'{"a":' * 500, b"9" * 5000, b"1e999", b"NaN", b'"', b"'''", b"\xef\xbb\xbf", b"\r"]
    ),
)
