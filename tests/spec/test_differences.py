import pytest

from maml_studio.spec import load_preset, preset_names, with_changes
from maml_studio.spec.differences import Difference, differences, flat, from_nearest_preset

BASE = load_preset("digits-maml")


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_differs_from_itself_in_nothing(name):
    found, settings = from_nearest_preset(load_preset(name))
    assert settings == []
    assert load_preset(found).model_copy(update={"name": name}) == load_preset(name)


def test_what_was_changed_is_told_and_names_are_not():
    mine = with_changes(BASE, {"name": "mine", "task.shot": 5, "seed": 3})
    assert from_nearest_preset(mine) == ("digits-maml", [Difference("seed", "Seed", 3, 0), Difference("task.shot", "Shots", 5, 1)])


def test_settings_that_the_other_has_not_are_told():
    found = {one.field: one.usual for one in differences(with_changes(BASE, {"algorithm.name": "imaml"}), BASE)}
    assert found["algorithm.name"] == "maml"
    assert all(found[field] is None for field in found.keys() - flat(BASE).keys())
    assert found.keys() - flat(BASE).keys()


def test_all_settings_by_their_names():
    assert flat(BASE)["algorithm.inner_lr"] == BASE.algorithm.inner_lr
    assert flat(BASE)["seed"] == BASE.seed
