import itertools
import subprocess
import sys
import tomllib

import pytest

from maml_studio.spec import (
    SELECTORS,
    TABLES,
    Conv4,
    Digits,
    Experiment,
    Fomaml,
    Mlp,
    NWay,
    Omniglot,
    OneVsRest,
    Regression,
    Sinusoid,
    SpecError,
    from_toml,
    load,
    load_preset,
    outputs,
    parse,
    parse_assignment,
    preset_names,
    to_toml,
    with_assignments,
    with_changes,
)

VARIANTS = [(table, value) for table, variants in TABLES.items() for value in variants]


NO_WIDTH = "model.width is not a setting; there are model.name, model.hidden, model.activation, model.context"


def with_variant(table: str, value: str) -> Experiment:
    """An experiment that holds this table, and whatever it takes to go with it."""
    raw = Experiment().model_dump()
    variant = TABLES[table][value]
    raw[table] = variant().model_dump()
    for field, brought in getattr(variant, "goes_with", {}).items():
        other, key = field.split(".")
        raw[other][key] = brought
    if getattr(variant, "regression", False):
        raw |= {"data": Sinusoid().model_dump(), "task": Regression().model_dump(), "model": Mlp().model_dump()}
    return parse(raw)


def test_the_spec_is_free_of_torch_and_qt():
    code = "import maml_studio.spec, sys; print([m for m in ('torch', 'torchvision', 'PySide6', 'numpy') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_and_says_its_name(name):
    experiment = load_preset(name)
    assert experiment.name == name
    assert from_toml(to_toml(experiment)) == experiment


def test_the_default_preset_is_the_first():
    assert preset_names()[0] == "digits-maml"
    with pytest.raises(SpecError, match=r"^preset should be one of digits-maml, .*, not '\.\./x'$"):
        load_preset("../x")


@pytest.mark.parametrize(("table", "value"), VARIANTS)
def test_every_table_survives_toml(table, value):
    experiment = with_variant(table, value)
    text = to_toml(experiment)
    assert from_toml(text) == experiment
    assert to_toml(from_toml(text)) == text


@pytest.mark.parametrize(("table", "value"), VARIANTS)
def test_the_selecting_field_stands_first(table, value):
    raw = tomllib.loads(to_toml(with_variant(table, value)))
    for selector in SELECTORS:
        name, key = selector.split(".")
        assert next(iter(raw[name])) == key


def test_values_of_every_kind_survive_toml():
    changes = {
        "name": "a 'name' — ünïcode",
        "data.source": "folder",
        "data.path": 'C:\\pictures\\"new"\n',
        "data.split": "classes",
        "data.holdout": ("Greek/α", "b,c"),
        "model.name": "mlp",
        "model.hidden": (1, 2, 3),
        "algorithm.inner_lr": 1e-17,
        "training.outer_lr": 1 / 3,
    }
    experiment = with_changes(Experiment(), changes)
    assert from_toml(to_toml(experiment)) == experiment


def test_missing_fields_take_their_defaults():
    assert from_toml("") == Experiment()
    assert from_toml('[data]\nsource = "omniglot"').data == Omniglot()


@pytest.mark.parametrize(("task", "expected"), [(NWay(way=7), 7), (OneVsRest(), 2), (Regression(), 1)])
def test_outputs(task, expected):
    assert outputs(task) == expected


def test_a_file_is_loaded_and_named_when_it_is_wrong(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text(to_toml(Experiment(seed=7)), encoding="utf-8")
    assert load(file).seed == 7
    file.write_text("seed = -1")
    with pytest.raises(SpecError) as caught:
        load(file)
    assert str(caught.value) == f"{file}: seed should be 0 or more, not -1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "should be a text file in UTF-8"),
        (b"#" * (1 << 21), "should be an experiment file of less than 1 MB"),
        (b"seed = ", "should be TOML"),
        (b"a = " + b"[" * 100_000, "should be TOML"),
        (None, "can't be read: No such file or directory"),
        ("folder", "can't be read: Is a directory"),
    ],
)
def test_a_file_that_is_no_experiment(tmp_path, content, reason):
    file = tmp_path / "a.toml"
    if content == "folder":
        file.mkdir()
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(SpecError, match=reason) as caught:
        load(file)
    assert str(caught.value).startswith(str(file))
    assert "\n" not in str(caught.value)


def test_a_changed_selector_resets_its_table_and_keeps_what_both_have():
    before = with_changes(Experiment(), {"algorithm.inner_lr": 0.7, "algorithm.inner_steps": 4})
    assert with_changes(before, {"algorithm.name": "fomaml"}).algorithm == Fomaml(inner_lr=0.7, inner_steps=4)
    wide = with_changes(Experiment(), {"model.width": 8, "model.norm": "layer"})
    assert with_changes(wide, {"model.name": "mlp"}).model == Mlp()
    assert with_changes(with_changes(wide, {"model.name": "mlp"}), {"model.name": "conv4"}).model == Conv4()


def test_a_kept_value_that_the_new_table_does_not_allow_takes_its_default():
    digits = with_changes(Experiment(), {"data.split": "images", "data.rotations": True})
    assert digits.data == Digits(rotations=True)
    after = with_changes(digits, {"data.source": "omniglot"}).data
    assert after.split == Omniglot().split
    assert after.rotations is True


def test_a_selector_that_stays_changes_nothing():
    before = with_changes(Experiment(), {"model.width": 8})
    assert with_changes(before, {"model.name": "conv4"}) == before


def test_the_order_of_assignments_does_not_matter():
    words = ["data.source=sinusoid", "task.kind=regression", "model.name=mlp", "model.hidden=[8]", "data.phase_max=1.5", "task.shot=3"]
    wanted = with_assignments(Experiment(), words)
    assert (wanted.data, wanted.model, wanted.task.shot) == (Sinusoid(phase_max=1.5), Mlp(hidden=(8,)), 3)
    for order in itertools.permutations(words):
        assert with_assignments(Experiment(), order) == wanted


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("task.shot=5", "task.shot", 5),
        ("algorithm.inner_lr=1e-3", "algorithm.inner_lr", 0.001),
        ("data.rotations=true", "data.rotations", True),
        ("algorithm.name=fomaml", "algorithm.name", "fomaml"),
        (' name = "x" ', "name", "x"),
        ("data.holdout=['a', 'b=c']", "data.holdout", ["a", "b=c"]),
        ("data.path=a=b", "data.path", "a=b"),
        ("data.path=", "data.path", ""),
    ],
)
def test_parse_assignment(text, field, value):
    assert parse_assignment(text) == (field, value)


@pytest.mark.parametrize("text", ["task.shot", "", "=5", " =5"])
def test_an_assignment_without_both_sides(text):
    with pytest.raises(SpecError, match="--set should read FIELD=VALUE"):
        with_assignments(Experiment(), [text])


def test_a_number_may_be_a_word_where_a_word_is_wanted():
    experiment = with_assignments(Experiment(), ["data.source=folder", "data.path=2024", "name=7", "seed=7"])
    assert (experiment.data.path, experiment.name, experiment.seed) == ("2024", "7", 7)


DIGITS = ", ".join(f"data.{name}" for name in Digits.model_fields)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["foo=1"], "foo is not a setting; there are name, seed"),
        (["data.foo=1"], f"data.foo is not a setting; there are {DIGITS}"),
        (["foo.bar=1"], "foo.bar is not a setting"),
        (["seed.x=1"], "seed.x is not a setting"),
        (["a.b.c=1"], "a.b.c is not a setting"),
        (["data=3"], "data should be a table such as [data], not 3"),
        (["algorithm.name=foo"], "algorithm.name should be one of maml, fomaml, not 'foo'"),
        (["algorithm.name=3"], "algorithm.name should be one of maml, fomaml, not 3"),
        (["model.name=mlp", "model.width=3"], NO_WIDTH),
        (["model.width=3", "model.name=mlp"], NO_WIDTH),
        (["model.hidden=[0]", "model.name=mlp"], "model.hidden (entry 1) should be 1 or more, not 0"),
        (["task.shot=many"], "task.shot should be a whole number, not 'many'"),
        (["data.path=2024"], f"data.path is not a setting; there are {DIGITS}"),
        (["task.shots=5"], "task.shots is not a setting; did you mean task.shot?"),
    ],
)
def test_assignments_that_are_refused(words, sentence):
    with pytest.raises(SpecError) as caught:
        with_assignments(Experiment(), words)
    assert str(caught.value).replace(", ".join(TABLES["algorithm"]), "maml, fomaml") == sentence
