"""Which classes were taken for which, counted over many tasks by the names of the source's own classes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]

FULL = 20
"""Up to so many classes the whole matrix can be read; of more, the most confused pairs."""
PAIRS = 20
STRANGER = "none of the task's"
"""What an answer is that stands for no class of its task: a network may have more outputs than the task has classes."""


@dataclass(frozen=True)
class ConfusedPair:
    """A class that was taken for another.

    Attributes:
        true: the class that it was.
        predicted: the class that it was taken for.
        count: how often.
        chances: queries of the true class in tasks that had the other class too.
    """

    true: str
    predicted: str
    count: int
    chances: int


@dataclass(frozen=True)
class Confusion:
    """Answers counted by true and predicted class.

    Attributes:
        names: the classes; empty where there are too many to read them all.
        counts: ``[classes, classes]``, a row for each true class; None where there are too many.
        pairs: the most confused pairs, the most frequent mistake first.
    """

    names: tuple[str, ...]
    counts: Numbers | None
    pairs: tuple[ConfusedPair, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        matrix = {} if self.counts is None else {"classes": list(self.names), "counts": self.counts.tolist()}
        return {**matrix, "pairs": [vars(pair) for pair in self.pairs]}


def label_names(classes: Numbers, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """What the labels 0, 1, … of one task stand for.

    Args:
        classes: ``[way]`` numbers of the source's classes; a single one is a task of one class against the rest.
        class_names: the source's classes.
    """
    if len(classes) == 1:
        name = class_names[classes[0]]
        return f"not {name}", name
    return tuple(class_names[number] for number in classes)


def count_confusion(classes: Numbers, truth: Numbers, answers: Numbers, class_names: tuple[str, ...]) -> Confusion:
    """Count over many tasks.

    Args:
        classes: ``[tasks, way]`` the class behind each label; ``[tasks, 1]`` for one class against the rest.
        truth: ``[tasks, queries]`` labels.
        answers: ``[tasks, queries]`` labels.
        class_names: one name per class of the source.
    """
    if classes.shape[1] == 1:
        classes, class_names = np.tile(np.arange(2), (len(classes), 1)), ("the rest", "the class")
    strange = answers >= classes.shape[1]
    if strange.any():
        class_names = (*class_names, STRANGER)
    true = np.take_along_axis(classes, truth, 1)
    given = np.take_along_axis(classes, np.where(strange, 0, answers), 1)
    given = np.where(strange, len(class_names) - 1, given)
    width = len(class_names)
    codes, counts = np.unique(true * width + given, return_counts=True)
    rows, columns = codes // width, codes % width
    wrong = np.flatnonzero(rows != columns)
    # Equal counts in the order of the classes, so that a report is the same each time.
    most = wrong[np.argsort(-counts[wrong], kind="stable")][:PAIRS]
    pairs = tuple(
        ConfusedPair(class_names[a], class_names[b], int(n), _chances(classes, true, a, b, b == width - 1 and bool(strange.any())))
        for a, b, n in zip(rows[most], columns[most], counts[most], strict=True)
    )
    matrix = None
    if width <= FULL:
        matrix = np.zeros((width, width), np.int64)
        matrix[rows, columns] = counts
    return Confusion(() if matrix is None else class_names, matrix, pairs)


def _chances(classes: Numbers, true: Numbers, a: int, b: int, always: bool) -> int:
    met = np.ones(len(classes), bool) if always else (classes == b).any(1)
    return int((true[met] == a).sum())
