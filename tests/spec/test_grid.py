import pytest

from maml_studio.spec import SpecError, load_preset
from maml_studio.spec.grid import Axis, grid, parse_axes, parse_axis, size

BASE = load_preset("digits-maml")


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("algorithm.inner_lr = 0.1, 0.4", Axis("algorithm.inner_lr", (0.1, 0.4))),
        ("seed=0,1,2", Axis("seed", (0, 1, 2))),
        ("algorithm.name=maml, anil", Axis("algorithm.name", ("maml", "anil"))),
        ("training.transductive=true,false", Axis("training.transductive", (True, False))),
        ('data.holdout=["a, b"], ["c"]', Axis("data.holdout", (["a, b"], ["c"]))),
        ("seed=3", Axis("seed", (3,))),
    ],
)
def test_axes_are_read(text, axis):
    assert parse_axis(text) == axis


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["seed"], "should read FIELD=VALUE,VALUE"),
        (["=1,2"], "should read FIELD=VALUE,VALUE"),
        (["seed="], "should read FIELD=VALUE,VALUE"),
        (["seed=1,,2"], "a value before and after each comma"),
        (["seed=1,2,1"], "has a value twice"),
        (["seed=1,2", "seed=3"], "is in the grid twice"),
    ],
)
def test_what_is_no_axis_is_told(texts, words):
    with pytest.raises(SpecError, match=words):
        parse_axes(texts)


def test_every_combination_once_with_a_name_of_its_own():
    axes = parse_axes(["algorithm.inner_lr=0.1,0.4", "", "seed=0,1,2"])
    found = grid(BASE, axes)
    assert size(axes) == len(found) == 6
    assert [(one.algorithm.inner_lr, one.seed) for one in found] == [(0.1, 0), (0.1, 1), (0.1, 2), (0.4, 0), (0.4, 1), (0.4, 2)]
    assert found[3].name == "digits-maml inner_lr=0.4 seed=0"
    assert len({one.name for one in found}) == 6


def test_without_axes_there_is_the_experiment_itself():
    assert grid(BASE, []) == [BASE]


def test_algorithms_with_their_own_fields():
    found = grid(BASE, parse_axes(["algorithm.name=maml,fomaml", "algorithm.inner_steps=1,2"]))
    assert [(one.algorithm.name, one.algorithm.inner_steps) for one in found] == [("maml", 1), ("maml", 2), ("fomaml", 1), ("fomaml", 2)]


def test_a_name_that_no_folder_can_have_is_mended():
    assert grid(BASE, [Axis("training.start_from", ("a/b c",))])[0].name == "digits-maml start_from=a_b_c"
    long = grid(BASE, [Axis("training.start_from", ("x" * 200, "y" * 200))])
    assert [one.name for one in long] == ["digits-maml 001", "digits-maml 002"]
    assert [one.name for one in grid(BASE, [Axis("name", ("a", "b"))])] == ["a", "b"]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([f"seed={','.join(map(str, range(201)))}"], "should have 200 runs at most, not 201"),
        (["seeds=1,2"], "with seeds = 1: seeds is not a setting; did you mean seed"),
        (["algorithm.inner_lr=0.1,fast"], "with algorithm.inner_lr = fast: algorithm.inner_lr should be a number, not 'fast'"),
        (["algorithm.name=maml,cavia", "model.name=tutorial_cnn"], "with algorithm.name = cavia, model.name = tutorial_cnn: "),
    ],
)
def test_a_grid_that_cannot_be_is_refused_with_the_combination(texts, words):
    with pytest.raises(SpecError) as caught:
        grid(BASE, parse_axes(texts))
    assert words in str(caught.value)


def test_an_absurd_grid_is_refused_before_it_is_made():
    values = tuple(range(100_000))
    with pytest.raises(SpecError, match="not 10,000,000,000"):
        grid(BASE, [Axis("seed", values), Axis("evaluation.seed", values)])
