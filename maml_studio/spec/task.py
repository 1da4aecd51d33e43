"""Settings of one task: how many classes, how many examples of each to learn from and to be asked about."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .fields import Settings, setting


class TaskSettings(Settings):
    """What every kind of task has."""

    choice: ClassVar[str | None] = "kind"
    regression: ClassVar[bool] = False

    shot: int = setting(
        1, title="Shots", symbol="K", unit="per class", help="Labelled examples of each class in the support set.", ge=1, le=100
    )
    query: int = setting(
        5, title="Queries", unit="per class", help="Examples of each class that the adapted model is asked about.", ge=1, le=100
    )


class NWay(TaskSettings):
    """N-way K-shot classification: tell N new classes apart from K examples of each (Vinyals 2016, 1606.04080)."""

    title: ClassVar[str] = "N-way K-shot"
    kind: Literal["n_way"] = setting("n_way", title="Kind", help="What has to be learned in one task.")
    way: int = setting(5, title="Ways", symbol="N", unit="classes", help="Number of classes in a task.", ge=2, le=100)


class OneVsRest(TaskSettings):
    """One class against all others: "is it a 7?" Half of the examples are of the class, half of any other."""

    title: ClassVar[str] = "One against the rest"
    kind: Literal["one_vs_rest"] = setting("one_vs_rest", title="Kind", help="What has to be learned in one task.")


class Regression(TaskSettings):
    """K-shot regression: fit a function from K points."""

    title: ClassVar[str] = "Regression"
    regression: ClassVar[bool] = True
    kind: Literal["regression"] = setting("regression", title="Kind", help="What has to be learned in one task.")
    shot: int = setting(10, title="Shots", symbol="K", unit="points", help="Points of the function in the support set.", ge=1, le=1000)
    query: int = setting(10, title="Queries", unit="points", help="Points that the adapted model is asked about.", ge=1, le=1000)


Task = Annotated[NWay | OneVsRest | Regression, Field(discriminator="kind")]


def outputs(task: TaskSettings) -> int:
    """Number of outputs that a model for this task has: classes, or one number for regression."""
    if isinstance(task, NWay):
        return task.way
    return 1 if task.regression else 2
