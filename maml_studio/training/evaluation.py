"""Try adapted models on fixed tasks, at every inner step."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ..algorithms import Algorithm, InnerStep, Params
from ..data import Episodes, Part, Sampler
from ..spec import Experiment, UserModule
from .chunks import chunk_size
from .events import StepScore
from .workers import Workers

TEST_SEED_OFFSET = 1_000_003


@dataclass(frozen=True)
class TaskScores:
    """What tasks scored before the first inner step and after each: ``[tasks, points]``, a point for every entry of the inner loop.

    Attributes:
        support_loss: mean loss of the support set.
        query_loss: mean loss of the query set.
        accuracy: share of right answers; NaN for regression.
        answers: what each query was answered at every point: class labels ``[tasks, points, queries]``, int16 since many tasks at many
            points are kept, or values ``[tasks, points, queries, outputs]`` for regression.
    """

    support_loss: Tensor
    query_loss: Tensor
    accuracy: Tensor
    answers: Tensor | None = None

    @classmethod
    def joined(cls, parts: "Sequence[TaskScores]") -> "TaskScores":
        """The scores of several chunks of tasks as one."""
        answers = [part.answers for part in parts if part.answers is not None]
        return cls(
            torch.cat([part.support_loss for part in parts]),
            torch.cat([part.query_loss for part in parts]),
            torch.cat([part.accuracy for part in parts]),
            torch.cat(answers) if len(answers) == len(parts) else None,
        )

    def summary(self) -> tuple[StepScore, ...]:
        """Means over the tasks with their 95% intervals."""
        scores = []
        for step in range(self.query_loss.shape[1]):
            loss, loss_ci = mean_ci95(self.query_loss[:, step])
            accuracy, accuracy_ci = mean_ci95(self.accuracy[:, step])
            known = not math.isnan(accuracy)
            scores.append(
                StepScore(
                    step,
                    loss,
                    loss_ci,
                    self.support_loss[:, step].mean().item(),
                    accuracy if known else None,
                    accuracy_ci if known else None,
                )
            )
        return tuple(scores)


def mean_ci95(values: Tensor) -> tuple[float, float]:
    """Mean over tasks ``[tasks]`` and the half width of its 95% interval, 1.96 σ/√n."""
    values = values.double()
    deviation = values.std().item() if len(values) > 1 else math.nan
    return values.mean().item(), 1.96 * deviation / math.sqrt(len(values))


def task_seed(seed: int, part: Part) -> int:
    """Seed of the tasks of a part, so that test tasks are never the validation tasks that chose the best checkpoint.

    It matters where the parts draw from one endless supply, as the sine waves do.
    """
    return seed + TEST_SEED_OFFSET if part == "test" else seed


def norm_mode(experiment: Experiment, transductive: bool) -> str:
    """What normalises a query: ``transductive`` or ``support`` statistics for batch norm, else the norm's own name."""
    if experiment.model.batch_norm:
        return "transductive" if transductive else "support"
    norm = getattr(experiment.model, "norm", "own")
    if norm == "own":
        return "the module's own norm" if isinstance(experiment.model, UserModule) else "no norm"
    return "no norm" if norm == "none" else f"{norm} norm"


def score_tasks(algorithm: Algorithm, meta: Params, episodes: Episodes, steps: int, transductive: bool) -> TaskScores:
    """Adapt to each task and look at its query set before and after every inner step."""
    return score_path(algorithm, algorithm.adapt(meta, episodes, steps), episodes, transductive)


def score_path(algorithm: Algorithm, path: Sequence[InnerStep], episodes: Episodes, transductive: bool) -> TaskScores:
    """Look at the query sets at every point of an inner loop; an algorithm without steps has one point only."""
    learner = algorithm.learner
    losses, accuracies, answers = [], [], []
    with torch.no_grad():
        for point in path:
            outputs = learner.query_outputs(point.params, episodes, transductive)
            losses.append(learner.loss(outputs, episodes.query_y))
            accuracies.append(learner.accuracy(outputs, episodes.query_y))
            answers.append(outputs if episodes.query_y.is_floating_point() else outputs.argmax(-1).to(torch.int16))
    return TaskScores(
        torch.stack([point.support_loss for point in path], 1).cpu(),
        torch.stack(losses, 1).cpu(),
        torch.stack(accuracies, 1).cpu(),
        torch.stack(answers, 1).cpu(),
    )


def draw_tasks(sampler: Sampler, tasks: int, generator: torch.Generator) -> Episodes:
    """The next tasks, drawn one by one, so that neither a chunk's size nor the number of tasks decides which ones they are."""
    drawn = [sampler.sample(1, generator) for _ in range(tasks)]
    columns = ([getattr(one, field.name) for one in drawn] for field in fields(Episodes))
    return Episodes(*(torch.cat(column) for column in columns))


def evaluate(
    algorithm: Algorithm,
    meta: Params,
    sampler: Sampler,
    experiment: Experiment,
    *,
    tasks: int,
    steps: int,
    transductive: bool,
    seed: int,
    workers: Workers | None = None,
    may_go_on: Callable[[int], bool] = lambda done: True,
) -> TaskScores | None:
    """Score ``tasks`` tasks, the same ones for the same seed.

    Args:
        algorithm: adapts.
        meta: the meta-parameters.
        sampler: draws the tasks.
        experiment: whose task decides how many go side by side.
        tasks: how many.
        steps: inner steps; scores are taken before the first and after each.
        transductive: where a query's batch-norm statistics come from.
        seed: draws the tasks.
        workers: who works on chunks of tasks; this thread alone if None.
        may_go_on: called with the number of tasks begun before each chunk; False gives up.

    Returns:
        The scores, or None when it was given up.
    """
    generator = torch.Generator().manual_seed(seed)
    workers = workers or Workers()
    size = chunk_size(experiment, workers=workers.count)
    parts: list[TaskScores] = []
    whole = True

    def chunks() -> Iterator[Episodes]:
        nonlocal whole
        for done in range(0, tasks, size):
            whole = may_go_on(done)
            if not whole:
                return
            yield draw_tasks(sampler, min(size, tasks - done), generator).to(algorithm.learner.device)

    workers.each(chunks(), lambda episodes: score_tasks(algorithm, meta, episodes, steps, transductive), parts.append)
    return TaskScores.joined(parts) if whole else None
