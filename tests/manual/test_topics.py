"""The manual has something to say about everything that can be set, and what it says is what the settings say."""

import re
import subprocess
import sys

import pytest

from maml_studio import manual
from maml_studio.algorithms import ALGORITHMS
from maml_studio.manual import texts
from maml_studio.manual.fields import FieldHelp, all_fields, settings_of
from maml_studio.paths import resource
from maml_studio.spec import TABLES

FIELDS = {".".join(filter(None, (one.table, one.variant, one.name))): one for one in all_fields()}
SYMBOLS = {
    "task.way": "N",
    "task.shot": "K",
    "algorithm.inner_lr": "α",
    "algorithm.inner_steps": "k",
    "algorithm.multi_step": "E",
    "algorithm.lam": "λ",
    "algorithm.rate_min": "α",
    "algorithm.rate_max": "α",
    "training.outer_lr": "β",
    "training.outer_lr_end": "β",
    "training.vary_way": "N",
    "training.vary_shot": "K",
    "evaluation.inner_steps": "k",
    "data.amplitude_min": "A",
    "data.amplitude_max": "A",
    "data.phase_max": "p",
}
"""What the papers call them."""
NO_ADVICE = ("kind", "name", "source", "split", "path", "holdout", "arguments")
"""Fields whose sensible value is the user's affair alone."""


def page(one: FieldHelp) -> manual.Topic:
    selects = one.table in TABLES and one.name == settings_of(one.table, one.variant).choice
    key = ".".join(filter(None, (one.table or "experiment", one.variant, "" if selects else one.name)))
    return manual.topic(key)


@pytest.mark.parametrize("one", FIELDS.values(), ids=FIELDS)
def test_every_field_is_explained_and_its_page_shows_all_of_it(one: FieldHelp) -> None:
    assert one.title
    assert one.text.endswith((".", "?"))
    assert len(one.note) > 40
    assert one.symbol == SYMBOLS.get(one.field, "")
    shown = page(one)
    if shown.listed:
        return  # it chooses a table, whose own page is shown
    assert shown.title == one.label
    for part in (one.text, one.symbol, one.unit, one.takes, one.default, one.presets, one.note, f"`{one.field}`"):
        assert part in shown.text
    assert "**Sensible:**" in one.note or one.name in NO_ADVICE


def test_every_note_belongs_to_a_field() -> None:
    for table in texts.names("fields"):
        known = {name for one in all_fields() if (one.table or "experiment") == table for name in (one.name, f"{one.variant}.{one.name}")}
        assert set(texts.sections(f"fields/{table}")) <= known


def test_a_note_of_one_table_comes_before_that_of_all() -> None:
    assert "Adam" in FIELDS["algorithm.reptile.inner_lr"].note
    assert "Adam" not in FIELDS["algorithm.maml.inner_lr"].note
    assert "(sinusoid-maml)" in FIELDS["algorithm.maml.inner_lr"].presets


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_s_page_has_paper_idea_the_three_answers_and_settings(name: str) -> None:
    text = manual.topic(f"algorithm.{name}").text
    assert re.search(r"arXiv \d{4}\.\d{5}", text)
    for part in ("The idea.", "What adapts, and how fast.", "Where a task starts.", "How the outer gradient is made.", "When to take it."):
        assert f"**{part}**" in text
    for field in TABLES["algorithm"][name].model_fields:
        assert field == "name" or f"(help:algorithm.{name}.{field})" in text


@pytest.mark.parametrize(("table", "variant"), [(table, key) for table, variants in TABLES.items() for key in variants])
def test_every_alternative_has_a_text_of_its_own(table: str, variant: str) -> None:
    assert len(texts.text(f"{table}/{variant}")) > 80
    assert texts.text(f"{table}/{variant}") in manual.topic(f"{table}.{variant}").text


def test_nothing_written_is_left_out() -> None:
    whole = "\n".join(one.text for one in manual.topics().values())
    for path in resource("help").rglob("*.md"):
        if path.parent.name != "fields":
            assert texts.text(f"{path.parent.name}/{path.stem}") in whole, path


def test_all_links_lead_somewhere() -> None:
    links = {link for one in manual.topics().values() for link in re.findall(r"\(help:([^)]*)\)", one.text)}
    assert len(links) > 100
    assert links <= set(manual.topics())


def test_whose_data_it_is_stands_on_a_source_s_page() -> None:
    assert "CC BY 4.0" in manual.topic("data.digits").text
    assert "Lake" in manual.topic("data.omniglot").text


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("algorithm.inner_lr", "algorithm.maml.inner_lr"),
        ("outer_lr", "training.outer_lr"),
        ("maml", "algorithm.maml"),
        ("Proto-MAML", "algorithm.proto_maml"),
        ("proto-maml", "algorithm.proto_maml"),
        ("λ", "algorithm.imaml.lam"),
        ("norm modes", "guide.norm-modes"),
        ("cg steps", "algorithm.imaml.cg_steps"),
        ("draw page", "page.draw"),
    ],
)
def test_what_is_meant_is_found_first(words: str, first: str) -> None:
    assert manual.find(words)[0].key == first


def test_a_field_that_many_share_is_found_once() -> None:
    found = [one for one in manual.search("multi-step loss until") if one.title.startswith("Multi-step")]
    assert len({one.says for one in found}) == len(found) < 5
    assert found[0].where.endswith("more")


def test_nothing_is_found_where_nothing_is_meant() -> None:
    assert manual.search("  ") == []
    assert manual.find("zzzz") == []
    assert manual.field_topic("algorithm.lam", {"algorithm": "maml"}) is None
    assert manual.field_topic("algorithm.lam", {}) is None
    with pytest.raises(KeyError):
        manual.topic("nothing")


def test_it_needs_neither_torch_nor_qt() -> None:
    program = "import sys, maml_studio.manual as m; m.topics(); print(sorted({'torch', 'PySide6'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"
