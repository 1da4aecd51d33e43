import pytest

from maml_studio.spec import TABLES, Experiment, load_preset, parse, with_assignments
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


@pytest.mark.parametrize("name", TABLES["algorithm"])
def test_the_command_line_chooses_an_algorithm_as_the_form_does(name):
    preset = load_preset("digits-maml")
    by_form = parse(with_selection(preset.model_dump(), "algorithm", name))
    assert with_assignments(preset, [f"algorithm.name={name}"]) == by_form
    for field, value in TABLES["algorithm"][name].goes_with.items():
        table, key = field.split(".")
        assert getattr(getattr(by_form, table), key) == value


def test_what_is_said_on_the_command_line_wins_over_what_an_algorithm_brings():
    words = ["evaluation.inner_steps=7", "algorithm.name=reptile", "training.outer_lr=0.5", "algorithm.inner_lr=0.2"]
    experiment = with_assignments(load_preset("digits-maml"), words)
    assert (experiment.evaluation.inner_steps, experiment.training.outer_lr, experiment.algorithm.inner_lr) == (7, 0.5, 0.2)
    assert experiment.training.optimizer == "sgd"


def test_an_algorithm_finds_the_network_that_is_chosen_with_it():
    experiment = with_assignments(load_preset("sinusoid-maml"), ["algorithm.name=cavia", "model.name=mlp"])
    assert experiment.model.context > 0


def test_the_steps_of_an_evaluation_go_back_with_the_algorithm_that_brought_them():
    raw = Experiment().model_dump()
    there = with_selection(raw, "algorithm", "imaml")
    assert there["evaluation"]["inner_steps"] == 16
    assert with_selection(there, "algorithm", "maml")["evaluation"] == raw["evaluation"]


@pytest.mark.parametrize(
    ("name", "table", "value", "renamed"),
    [
        ("digits-maml", "algorithm", "proto_maml", "digits-proto-maml"),
        ("digits-maml", "data", "fashion_mnist", "fashion-mnist-maml"),
        ("digits-maml", "model", "tutorial_cnn", "digits-maml"),
        ("my idea", "algorithm", "anil", "my idea"),
        ("notmaml", "algorithm", "anil", "notmaml"),
    ],
)
def test_a_preset_name_follows_what_it_names(name, table, value, renamed):
    raw = Experiment().model_dump() | {"name": name}
    assert with_selection(raw, table, value)["name"] == renamed
