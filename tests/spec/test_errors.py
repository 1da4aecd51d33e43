import pytest

from maml_studio.spec import Experiment, SpecError, from_toml, parse

CASES = [
    # numbers
    ("seed = -1", "seed", "should be 0 or more, not -1"),
    ("seed = 1.5", "seed", "should be a whole number, not 1.5"),
    ("seed = 1.0", "seed", "should be a whole number, not 1.0"),
    ("seed = true", "seed", "should be a whole number, not True"),
    ('seed = "1"', "seed", "should be a whole number, not '1'"),
    ("seed = 1979-05-27", "seed", "should be a whole number, not datetime.date(1979, 5, 27)"),
    ("seed = 99999999999999999999999", "seed", "should be 2147483647 or less, not 99999999999999999999999"),
    ("training.outer_lr = 0.0", "training.outer_lr", "should be above 0, not 0.0"),
    ("training.outer_lr = nan", "training.outer_lr", "should be a finite number, not nan"),
    ("training.outer_lr = inf", "training.outer_lr", "should be a finite number, not inf"),
    ('training.outer_lr = "fast"', "training.outer_lr", "should be a number, not 'fast'"),
    ('task = { kind = "n_way", way = 1 }', "task.way", "should be 2 or more, not 1"),
    ('data = { source = "digits", test_fraction = 1.0 }', "data.test_fraction", "should be below 1, not 1.0"),
    # words, choices, switches
    ("name = 3", "name", "should be text, not 3"),
    ('name = ""', "name", "should not be empty"),
    (f'name = "{"x" * 101}"', "name", "should not be longer than 100"),
    ('name = "a/b"', "name", 'should be usable as a folder name, without any of <>:"/\\|?* and outer spaces'),
    ('name = ".."', "name", 'should be usable as a folder name, without any of <>:"/\\|?* and outer spaces'),
    ('training.schedule = "square"', "training.schedule", "should be one of constant, cosine, linear or halving, not 'square'"),
    ("training.transductive = 1", "training.transductive", "should be true or false, not 1"),
    ('data = { source = "emnist", split = "alphabets" }', "data.split", None),
    # lists
    ('data = { source = "folder", holdout = "a" }', "data.holdout", "should be a list in square brackets, not 'a'"),
    ('data = { source = "folder", holdout = ["a", 1, 2] }', "data.holdout", "(entry 2) should be text, not 1"),
    ('model = { name = "mlp", hidden = [40, 0] }', "model.hidden", "(entry 2) should be 1 or more, not 0"),
    (f'model = {{ name = "mlp", hidden = {[1] * 17} }}', "model.hidden", "should not be longer than 16"),
    # tables
    ("data = 3", "data", "should be a table such as [data], not 3"),
    ("training = 3", "training", "should be a table such as [training], not 3"),
    ('[[data]]\nsource = "digits"', "data", "should be a table such as [data], not [{'source': 'digits'}]"),
    ('[data]\nsplit = "images"', "data.source", "is missing; it says which kind of data the table is about"),
    ('[model]\nname = "resnet"', "model.name", None),
    ("foo = 1", "foo", "is not a setting"),
    ("[foo]\nbar = 1", "foo", "is not a setting"),
    ("training.foo = 1", "training.foo", "is not a setting of this table"),
    ('data = { source = "digits", path = "x" }', "data.path", "is not a setting of this table"),
    # what does not go together
    (
        'data = { source = "sinusoid", amplitude_min = 9.0 }\ntask.kind = "regression"\nmodel.name = "mlp"',
        "data.amplitude_min",
        "should not be above amplitude_max (5.0), not 9.0",
    ),
    (
        'data = { source = "digits", test_fraction = 0.9 }',
        "data.validation_fraction",
        "and data.test_fraction (0.9) should together stay below 1, to leave something to train on",
    ),
    ('data.source = "sinusoid"', "task.kind", "should be regression, since sine waves have no classes"),
    ('task.kind = "regression"', "task.kind", "should be n_way or one_vs_rest, since digits has classes and no function to fit"),
    (
        'data.source = "sinusoid"\ntask.kind = "regression"',
        "model.name",
        "should be mlp: conv4 needs images, and sinusoid has none",
    ),
    (
        'data = { source = "omniglot", holdout = ["Greek"] }',
        "data.holdout",
        "is used by the splits classes and alphabets only; empty it or change data.split",
    ),
    (
        'data = { source = "omniglot", split = "classes" }',
        "data.holdout",
        "should name at least one class to hold out; or choose the split random",
    ),
]


@pytest.mark.parametrize(("text", "field", "message"), CASES, ids=[case[0][:40] for case in CASES])
def test_one_wrong_value_gives_one_sentence_that_names_the_field(text, field, message):
    with pytest.raises(SpecError) as caught:
        from_toml(text, "my.toml")
    (problem,) = caught.value.problems
    assert problem.field == field
    if message is not None:
        assert problem.message == message
    assert str(caught.value) == f"my.toml: {problem}"
    assert "\n" not in str(problem)
    assert "pydantic" not in str(problem)
    assert "Input" not in str(problem)


def test_several_wrong_fields_are_all_named():
    with pytest.raises(SpecError) as caught:
        from_toml("seed = -1\nfoo = 2\n[training]\niterations = 0\nclip = true")
    assert {problem.field for problem in caught.value.problems} == {"seed", "foo", "training.iterations", "training.clip"}
    assert str(caught.value).count(";") == 3


def test_a_long_value_is_shortened():
    with pytest.raises(SpecError) as caught:
        parse({"seed": "x" * 10_000})
    assert len(str(caught.value)) < 120


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Experiment().seed = 3
