import pytest

from maml_studio.spec import TABLES, Experiment, parse
from maml_studio.spec.editing import applies, with_selection


@pytest.mark.parametrize(
    ("split", "holdout", "shown"),
    [
        ("images", (), {"data.test_fraction", "data.validation_fraction", "data.split_seed"}),
        ("random", (), {"data.test_fraction", "data.validation_fraction", "data.split_seed"}),
        ("author", (), {"data.validation_fraction", "data.split_seed"}),
        ("classes", (), {"data.holdout", "data.validation_fraction", "data.split_seed"}),
        ("alphabets", (), {"data.holdout", "data.test_fraction", "data.validation_fraction", "data.split_seed"}),
        ("alphabets", ("Greek",), {"data.holdout", "data.validation_fraction", "data.split_seed"}),
        ("all", (), set()),
    ],
)
def test_only_what_makes_a_difference_is_shown(split, holdout, shown):
    raw = Experiment().model_dump()
    raw["data"] |= {"split": split, "holdout": holdout}
    fields = {"data.holdout", "data.test_fraction", "data.validation_fraction", "data.split_seed"}
    assert {field for field in fields if applies(raw, field)} == shown


@pytest.mark.parametrize(("norm", "shown"), [("batch", True), ("group", False), (None, False)])
def test_the_norm_mode_matters_with_batch_norm_only(norm, shown):
    raw = Experiment().model_dump()
    raw["model"] = {"norm": norm}
    assert applies(raw, "training.transductive") is shown
    assert applies(raw, "training.iterations")


@pytest.mark.parametrize("first", TABLES["data"])
@pytest.mark.parametrize("second", TABLES["data"])
def test_any_source_can_follow_any_other(first, second):
    raw = with_selection(with_selection(Experiment().model_dump(), "data", first), "data", second)
    assert parse(raw).data.source == second


def test_a_selection_leaves_the_old_values_alone():
    raw = Experiment().model_dump()
    with_selection(raw, "model", "mlp")
    assert raw == Experiment().model_dump()
