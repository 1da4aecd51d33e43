import json

import numpy as np
import pytest

from maml_studio.training.confusion import FULL, PAIRS, STRANGER, ConfusedPair, count_confusion, label_names

NAMES = ("a", "b", "c", "d")


def test_answers_are_counted_by_the_sources_own_classes() -> None:
    """The same label is another class in every task."""
    classes = np.array([[2, 0], [0, 3], [3, 2]])
    truth = np.array([[0, 0, 1, 1]] * 3)
    answers = np.array([[0, 1, 1, 1], [1, 1, 1, 0], [1, 0, 1, 1]])
    confusion = count_confusion(classes, truth, answers, NAMES)
    # c: c and a; a: a, a. Then a: d, d; d: d, a. Then d: c, d; c: c, c.
    assert confusion.counts is not None
    assert confusion.counts.tolist() == [[2, 0, 0, 2], [0, 0, 0, 0], [1, 0, 3, 0], [1, 0, 1, 2]]
    assert confusion.counts.sum() == truth.size
    assert confusion.pairs[0] == ConfusedPair("a", "d", 2, 2)
    assert [pair.count for pair in confusion.pairs] == [2, 1, 1, 1]
    assert confusion.pairs[1:] == (ConfusedPair("c", "a", 1, 2), ConfusedPair("d", "a", 1, 2), ConfusedPair("d", "c", 1, 2))
    json.dumps(confusion.to_json())


@pytest.mark.parametrize(("names", "full"), [(FULL, True), (FULL + 1, False)])
def test_of_many_classes_the_most_confused_pairs_are_told(names: int, full: bool) -> None:
    rng = np.random.default_rng(0)
    classes = np.stack([rng.permutation(names)[:5] for _ in range(200)])
    truth = np.tile(np.repeat(np.arange(5), 3), (200, 1))
    answers = rng.integers(0, 5, truth.shape)
    confusion = count_confusion(classes, truth, answers, tuple(f"class {i}" for i in range(names)))
    assert (confusion.counts is not None) == full
    assert ("counts" in confusion.to_json()) == full
    assert len(confusion.names) == (names if full else 0)
    assert len(confusion.pairs) == PAIRS
    assert [pair.count for pair in confusion.pairs] == sorted((pair.count for pair in confusion.pairs), reverse=True)
    assert all(0 < pair.count <= pair.chances for pair in confusion.pairs)


def test_one_against_the_rest_has_two_rows() -> None:
    confusion = count_confusion(np.array([[3], [1]]), np.array([[0, 1], [0, 1]]), np.array([[0, 0], [1, 1]]), NAMES)
    assert confusion.names == ("the rest", "the class")
    assert confusion.counts is not None
    assert confusion.counts.tolist() == [[1, 1], [1, 1]]
    assert confusion.pairs[0] == ConfusedPair("the rest", "the class", 1, 2)


def test_an_answer_that_is_no_class_of_the_task_is_told_apart() -> None:
    confusion = count_confusion(np.array([[0, 1]]), np.array([[0, 1]]), np.array([[0, 4]]), NAMES)
    assert confusion.names == (*NAMES, STRANGER)
    assert confusion.pairs == (ConfusedPair("b", STRANGER, 1, 1),)


def test_labels_have_names() -> None:
    assert label_names(np.array([2, 0]), NAMES) == ("c", "a")
    assert label_names(np.array([2]), NAMES) == ("not c", "c")
