"""When runs can be compared as they are, why not, and what would make it so."""

import pytest
from compare_cases import digits, sines

from maml_studio.compare.common import CommonTasks, may_have_seen, obstacles, refusal, shared_tasks, suggested_tasks
from maml_studio.spec import SpecError


def test_the_same_tasks_whatever_was_trained() -> None:
    runs = [digits(), digits(algorithm__name="anil", seed=7, training__iterations=9, evaluation__inner_steps=5, evaluation__tasks=50)]
    common = shared_tasks(runs, 300)
    assert common == CommonTasks.of(digits(), 300)
    assert [common.applied(run).evaluation.inner_steps for run in runs] == [2, 5]
    assert "300 test tasks of Digits (built in), 3-way 1-shot, 2 queries per class" in common.about


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"task__shot": 5}, "their shots differ: 1 (one), 5 (other)"),
        ({"task__way": 4}, "their ways differ: 3 (one), 4 (other)"),
        ({"task__query": 3}, "their queries differ: 2 (one), 3 (other)"),
        ({"data__split_seed": 4}, "their data differ: split seed 0 (one), split seed 4 (other)"),
        ({"data__source": "glyphs"}, "their data differ: Digits (built in) (one), Glyphs (invented) (other)"),
        ({"task__kind": "one_vs_rest"}, "their kind of task differ: N-way K-shot (one), One against the rest (other)"),
        ({"evaluation__seed": 9}, "their task seed differ: 1 (one), 9 (other)"),
        ({"evaluation__transductive": True}, "their norm mode differ: support (one), transductive (other)"),
    ],
)
def test_each_obstacle_has_its_sentence(changes: dict[str, object], sentence: str) -> None:
    runs = {"one": digits(), "same": digits(), "other": digits(**changes)}
    assert sentence in obstacles(runs)
    assert shared_tasks(list(runs.values())) is None


def test_a_network_without_batch_norm_has_no_say_in_the_norm_mode() -> None:
    plain = digits(model__norm="layer", evaluation__transductive=True)
    common = shared_tasks([plain, digits()])
    assert common is not None
    assert not common.transductive


def test_suggested_tasks_suit_all() -> None:
    runs = [digits(task__way=5), digits(task__way=3, evaluation__transductive=True), digits(task__way=2, algorithm__name="protonet")]
    common = suggested_tasks(runs)
    assert (common.task.way, common.transductive) == (3, False)  # type: ignore[union-attr]
    assert not any(refusal(common, run) for run in runs)
    assert suggested_tasks(runs, runs[1]).task.way == 3  # type: ignore[union-attr]


def test_what_a_run_cannot_be_tried_on() -> None:
    assert refusal(CommonTasks.of(digits(task__way=5)), digits()) == "tells at most 3 classes apart, not 5"
    assert refusal(CommonTasks.of(digits(task__way=5)), digits(algorithm__name="protonet")) == ""
    assert refusal(CommonTasks.of(digits()), sines()) == "fits functions and tells no classes apart"
    assert refusal(CommonTasks.of(sines()), digits()) == "tells classes apart and fits no functions"
    strokes = CommonTasks.of(digits())
    reader = digits(data__source="glyphs", model__name="recurrent", model__reads="strokes")
    with pytest.raises(SpecError, match=r"model\.reads"):
        strokes.applied(reader)


def test_other_tasks_keep_the_rest_of_a_run() -> None:
    varied = digits(algorithm__name="protonet", training__vary_way=4, training__vary_shot=2)
    common = CommonTasks.of(digits(task__way=5, task__shot=5))
    applied = common.applied(varied)
    assert (applied.task, applied.model, applied.algorithm) == (common.task, varied.model, varied.algorithm)


def test_the_same_data_divided_otherwise_may_have_been_seen() -> None:
    common = CommonTasks.of(digits(data__split_seed=4))
    assert may_have_seen(common, digits())
    assert not may_have_seen(common, digits(data__split_seed=4))
    assert not may_have_seen(common, digits(data__source="glyphs"))
    assert not may_have_seen(CommonTasks.of(sines()), sines(data__seed=1) if "seed" in type(sines().data).model_fields else sines())
