"""What differs between runs, in the form's words."""

from compare_cases import digits, sines

from maml_studio.compare.differences import NOTHING, differences


def found(*experiments: object) -> dict[str, tuple[str, ...]]:
    return {one.field: one.values for one in differences(experiments)}  # type: ignore[arg-type]


def test_only_what_differs() -> None:
    assert found(digits(), digits("other")) == {}
    assert found(digits()) == {}
    assert found() == {}
    assert found(digits(), digits(task__shot=5, seed=3)) == {"seed": ("0", "3"), "task.shot": ("1", "5")}


def test_in_the_words_of_the_form() -> None:
    values = found(digits(), digits(algorithm__name="anil", training__transductive=True, data__rotations=True, training__iterations=60000))
    assert values["algorithm.name"] == ("MAML", "ANIL")
    assert values["training.transductive"] == ("off", "on")
    assert values["data.rotations"] == ("off", "on")
    assert values["training.iterations"] == ("2", "60,000")
    titles = {one.field: one.title for one in differences([digits(), digits(algorithm__inner_lr=0.01, algorithm__name="anil")])}
    assert titles["algorithm.name"] == "Algorithm"
    assert titles["algorithm.inner_lr"] == "Algorithm: inner rate α"


def test_what_makes_no_difference_is_left_out() -> None:
    """Another number of steps to halve the rate after, where nothing is halved; a field of one algorithm only."""
    assert found(digits(), digits(training__halve_every=7)) == {}
    values = found(digits(), digits(algorithm__name="protonet"))
    assert values["evaluation.inner_steps"] == ("2", NOTHING)
    assert values["algorithm.inner_lr"][1] == NOTHING


def test_quite_different_runs() -> None:
    values = found(digits(), sines(), digits(task__shot=2))
    assert values["data.source"] == ("Digits (built in)", "Sine waves", "Digits (built in)")
    assert values["task.way"] == ("3", NOTHING, "3")
    assert values["model.hidden"] == (NOTHING, "8", NOTHING)
