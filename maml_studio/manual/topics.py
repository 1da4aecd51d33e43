"""Everything that the manual can show, by key, as Markdown; links between topics read ``help:KEY``."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from ..export.attribution import SOURCES
from ..spec import TABLES
from . import texts
from .fields import PLAIN_TABLES, FieldHelp, all_fields, field_help, settings_of

GROUPS = ("Guide", "Pages", "Algorithms", "Networks", "Data", "Tasks", "Settings")
"""In the order of the contents."""
PAGES = {
    "train": "The Train page",
    "draw": "The Draw page",
    "evaluate": "The Evaluate page",
    "runs": "The Runs page",
    "compare": "The Compare page",
    "insight": "The Insight page",
}
GUIDE = ("first-steps", "words", "norm-modes", "numbers", "own-images", "exports", "files", "cluster")
_VARIANT_GROUPS = {"algorithm": "Algorithms", "model": "Networks", "data": "Data", "task": "Tasks"}
_TABLE_TITLES = {"": "Experiment", "data": "Data", "task": "Task", "model": "Model", "algorithm": "Algorithm"}
_TABLE_TITLES |= {"training": "Training", "evaluation": "Validation"}


@dataclass(frozen=True)
class Topic:
    """One page of the manual.

    Attributes:
        key: such as ``algorithm.maml``, ``algorithm.maml.inner_lr``, ``training.outer_lr``, ``page.draw`` or ``guide.norm-modes``.
        title: a heading.
        group: one of :data:`GROUPS`.
        text: Markdown, its heading included.
        aliases: other words that it is found by, such as a field's dotted name.
        where: for a field, the table that it stands in, such as ``MAML``.
        says: for a field, what its page says whatever table it stands in; empty for other topics.
    """

    key: str
    title: str
    group: str
    text: str
    aliases: tuple[str, ...] = ()
    where: str = ""
    says: str = ""

    @property
    def listed(self) -> bool:
        """Whether the contents show it; a field's page is reached from its table's."""
        return not self.says


@cache
def topics() -> Mapping[str, Topic]:
    """All topics by key, in the order of the contents."""
    found = [*_guide(), *_pages(), *_variants(), *_tables(), *_fields()]
    return {one.key: one for one in sorted(found, key=lambda one: GROUPS.index(one.group))}


def topic(key: str) -> Topic:
    """The topic of a key.

    Raises:
        KeyError: when there is none.
    """
    return topics()[key]


def field_topic(field: str, chosen: Mapping[str, str]) -> Topic | None:
    """The topic of a field as the form has it.

    Args:
        field: such as ``algorithm.inner_lr``; one that selects a table's alternative (``algorithm.name``) gives that alternative's topic.
        chosen: the alternative in use, for each table that has some.
    """
    table, _, name = field.rpartition(".")
    if table not in TABLES:
        return topics().get(field if table else f"experiment.{field}")
    variant = chosen.get(table, "")
    if variant not in TABLES[table]:
        return None
    key = f"{table}.{variant}"
    return topics().get(key if name == settings_of(table, variant).choice else f"{key}.{name}")


def find(words: str) -> list[Topic]:
    """The topics that somebody means who types a key, a field or a title; the likeliest first, empty where nothing fits."""
    wanted = words.strip().casefold()
    exact = [one for one in topics().values() if wanted in (one.key.casefold(), one.title.casefold(), *one.aliases)]
    return _unlike(exact) or search(words)


def search(words: str, most: int = 50) -> list[Topic]:
    """The topics that contain all of these words, the likeliest first; pages that read alike once."""
    wanted = words.casefold().split()
    if not wanted:
        return []
    scored = []
    for place, one in enumerate(topics().values()):
        title, named, text = one.title.casefold(), " ".join(one.aliases), one.text.casefold()
        if all(word in title or word in named or word in text for word in wanted):
            in_title = sum(word in title for word in wanted)
            in_name = sum(word in named for word in wanted)
            scored.append((-2 * in_title - in_name - (title == words.casefold()), place, one))
    return _unlike([one for *_, one in sorted(scored, key=lambda entry: entry[:2])])[:most]


def _unlike(found: list[Topic]) -> list[Topic]:
    """Fields that several alternatives share are one hit."""
    alike: dict[str, list[Topic]] = {}
    for one in found:
        alike.setdefault(one.says or one.key, []).append(one)
    return [replace(first, where=f"{first.where} and {len(more)} more") if more else first for first, *more in alike.values()]


def _guide() -> list[Topic]:
    found = []
    for name in GUIDE:
        text = texts.text(f"guide/{name}")
        found.append(Topic(f"guide.{name}", text.partition("\n")[0].removeprefix("# "), "Guide", text, (name,)))
    return found


def _pages() -> list[Topic]:
    return [
        Topic(f"page.{name}", title, "Pages", f"# {title}\n\n{texts.text(f'page/{name}')}", (f"{name} page",))
        for name, title in PAGES.items()
    ]


def _variants() -> list[Topic]:
    found = []
    for table, variants in TABLES.items():
        for key, settings in variants.items():
            parts = [f"# {settings.title}", f'*{_TABLE_TITLES[table]}* · `{table}.{settings.choice} = "{key}"`']
            parts += [" ".join((inspect.getdoc(settings) or "").split()), texts.text(f"{table}/{key}")]
            if table == "data" and key in SOURCES:
                parts.append(f"**Whose data:** {SOURCES[key].about}")
            parts.append(_needs(settings))
            shown = [name for name in settings.model_fields if name != settings.choice]
            own = sorted(shown, key=lambda name: name not in settings.__annotations__)
            if own:
                parts += ["## Settings", "\n".join(_entry(field_help(table, key, name)) for name in own)]
            others = [f"[{one.title}](help:{table}.{other})" for other, one in variants.items() if other != key]
            parts.append(f"Others: {', '.join(others)}.")
            title = _VARIANT_GROUPS[table]
            found.append(Topic(f"{table}.{key}", settings.title, title, "\n\n".join(filter(None, parts)), (key, key.replace("_", "-"))))
    return found


def _needs(settings: type) -> str:
    """What an algorithm asks of task and network, and what it brings along, from its own settings model."""
    said = []
    if getattr(settings, "needs_classes", False):
        said.append("It needs classes, so that functions won't do.")
    if getattr(settings, "needs_context", False):
        said.append("The network has to offer a context.")
    if getattr(settings, "any_way", False):
        said.append("A trained model takes any number of classes.")
    if brought := getattr(settings, "goes_with", {}):
        said.append(
            "Choosing it also sets " + ", ".join(f"`{field} = {value!r}`" for field, value in brought.items()).replace("'", '"') + "."
        )
    return " ".join(said)


def _tables() -> list[Topic]:
    found = []
    for table in ("", *PLAIN_TABLES):
        names = ("name", "seed") if not table else settings_of(table, "").model_fields
        title = f"{_TABLE_TITLES[table]} settings"
        about = "" if not table else inspect.getdoc(settings_of(table, "")) or ""
        body = "\n".join(_entry(field_help(table, "", name)) for name in names)
        key = table or "experiment"
        found.append(Topic(key, title, "Settings", f"# {title}\n\n{about}\n\n{body}".replace("\n\n\n\n", "\n\n"), (key,)))
    for table, variants in TABLES.items():
        title = f"{_TABLE_TITLES[table]} settings"
        about = field_help(table, next(iter(variants)), next(iter(variants.values())).choice or "").note
        lines = [f"- [{one.title}](help:{table}.{key}): {' '.join((one.__doc__ or '').split())}" for key, one in variants.items()]
        found.append(Topic(table, title, "Settings", "\n\n".join([f"# {title}", about, "\n".join(lines)]), (table, f"{table}s")))
    return found


def _fields() -> list[Topic]:
    return [
        Topic(
            _key(one), one.label, "Settings", _field_text(one), (one.field, one.name), _above(one)[1], f"{one.field} {one.text} {one.note}"
        )
        for one in all_fields()
        if not one.table or one.table in PLAIN_TABLES or one.name != settings_of(one.table, one.variant).choice
    ]


def _key(one: FieldHelp) -> str:
    return ".".join(part for part in (one.table or "experiment", one.variant, one.name) if part)


def _entry(one: FieldHelp) -> str:
    return f"- [{one.label}](help:{_key(one)}): {one.text}"


def _above(one: FieldHelp) -> tuple[str, str]:
    """Key and title of the table that a field stands in."""
    if one.variant:
        return f"{one.table}.{one.variant}", settings_of(one.table, one.variant).title
    return one.table or "experiment", _TABLE_TITLES[one.table]


def _field_text(one: FieldHelp) -> str:
    facts = {
        "In papers": one.symbol,
        "Unit": one.unit,
        "Takes": one.takes,
        "Default": one.default,
        "Presets": one.presets,
    }
    lines = [f"- **{name}:** {value}" for name, value in facts.items() if value]
    key, title = _above(one)
    head = f"# {one.label}\n\n[{title}](help:{key}) · `{one.field}`"
    return "\n\n".join(part for part in (head, one.text, "\n".join(lines), one.note) if part)
