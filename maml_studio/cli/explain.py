"""The verb ``explain``: the window's help in the terminal."""

import re
from typing import Annotated

import typer
from rich.markdown import Markdown

from ..manual import GROUPS, Topic, find, search, topics
from .output import CommandError, Json, Output

_LINK = re.compile(r"\[([^\]]+)\]\(help:[^)]+\)")
MOST = 10


def explain(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]", help="A setting, an algorithm, a page, or words to find.")] = None,
    json_file: Json = "",
) -> None:
    """Explain a setting, an algorithm, a data source or a page.

    Without words it lists what there is. The texts are those of the window's help (F1).
    """
    output = Output(json_file)
    wanted = " ".join(words or [])
    if not wanted:
        for group in GROUPS:
            listed = [f"{one.key} ({one.title})" for one in topics().values() if one.group == group and one.listed]
            output.console.print(f"{group}: {', '.join(listed)}")
        output.result({"topics": [one.key for one in topics().values()]})
        return
    found = find(wanted)
    if not found:
        raise CommandError(f"the manual has nothing about {wanted!r}; maml-studio explain lists what it has")
    first, others = found[0], found[1:] or search(wanted)
    output.console.print(Markdown(_LINK.sub(r"\1", first.text)) if output.console.is_terminal else _LINK.sub(r"\1", first.text))
    if more := [_short(one) for one in others if one.key != first.key][:MOST]:
        output.console.print(f"\nSee also: {', '.join(more)}")
    output.result(
        {"key": first.key, "title": first.title, "text": first.text, "others": [one.key for one in others if one.key != first.key]}
    )


def _short(one: Topic) -> str:
    return f"{one.key} ({one.title})"
