"""Classification tasks out of a pool of images, a whole meta-batch in one gather."""

import torch
from torch import Tensor

from ..spec import NWay, OneVsRest, TaskSettings
from .bank import DataError, Pool
from .episodes import Episodes, Sampler, sample_distinct


def image_sampler(pool: Pool, task: TaskSettings, part: str) -> Sampler:
    """A sampler for the task's kind.

    Raises:
        DataError: when the pool has too few classes, or a class too few images, for the task.
    """
    match task:
        case NWay():
            return NWaySampler(pool, task, part)
        case OneVsRest():
            return OneVsRestSampler(pool, task, part)
    raise DataError(f"task.kind should be n_way or one_vs_rest for images, not {type(task).__name__}")


def _check_images(pool: Pool, needed: int, part: str) -> None:
    smallest = int(pool.counts.argmin())
    count = int(pool.counts[smallest])
    if count < needed:
        raise DataError(
            f"task.shot + task.query should be {count} or less: class {pool.class_names[smallest]!r} has {count} images for {part}, "
            f"and the task needs {needed} of each class"
        )


class NWaySampler:
    """N-way K-shot tasks: classes in random order get the labels 0 to N-1."""

    def __init__(self, pool: Pool, task: NWay, part: str) -> None:
        if task.way > len(pool.class_names):
            raise DataError(f"task.way should be {len(pool.class_names)} or less: there are that many classes for {part}, not {task.way}")
        _check_images(pool, task.shot + task.query, part)
        self.class_names = pool.class_names
        self._pool, self._task = pool, task

    def sample(self, tasks: int, generator: torch.Generator) -> Episodes:
        """See :class:`Sampler`."""
        pool, task = self._pool, self._task
        population = torch.full((tasks,), len(pool.class_names))
        classes = sample_distinct(population, task.way, generator)
        offsets = sample_distinct(pool.counts[classes], task.shot + task.query, generator)
        positions = pool.starts[classes].unsqueeze(-1) + offsets
        images = _gather(pool, positions, pool.turns[classes].unsqueeze(-1).expand_as(positions))
        labels = torch.arange(task.way).expand(tasks, task.way)
        return Episodes(
            images[:, :, : task.shot].flatten(1, 2),
            labels.repeat_interleave(task.shot, 1),
            images[:, :, task.shot :].flatten(1, 2),
            labels.repeat_interleave(task.query, 1),
            classes,
        )


class OneVsRestSampler:
    """Two-class tasks: label 1 is one class, label 0 any image of the others."""

    def __init__(self, pool: Pool, task: OneVsRest, part: str) -> None:
        if len(pool.class_names) < 2:
            raise DataError(f"task.kind one_vs_rest needs two classes or more for {part}; there is {len(pool.class_names)}")
        _check_images(pool, task.shot + task.query, part)
        self.class_names = pool.class_names
        self._pool, self._task = pool, task

    def sample(self, tasks: int, generator: torch.Generator) -> Episodes:
        """See :class:`Sampler`; ``classes`` holds the one class."""
        pool, task = self._pool, self._task
        k = task.shot + task.query
        target = torch.randint(len(pool.class_names), (tasks,), generator=generator)
        count, start = pool.counts[target], pool.starts[target]
        own = start.unsqueeze(-1) + sample_distinct(count, k, generator)
        # The others are everything but one stretch of the index: draw from the rest and step over that stretch.
        other = sample_distinct(len(pool.index) - count, k, generator)
        other = torch.where(other >= start.unsqueeze(-1), other + count.unsqueeze(-1), other)
        positions = torch.stack([other, own], 1)
        class_of = torch.bucketize(positions, pool.starts[1:], right=True)
        images = _gather(pool, positions, pool.turns[class_of])
        labels = torch.arange(2).expand(tasks, 2)
        return Episodes(
            images[:, :, : task.shot].flatten(1, 2),
            labels.repeat_interleave(task.shot, 1),
            images[:, :, task.shot :].flatten(1, 2),
            labels.repeat_interleave(task.query, 1),
            target.unsqueeze(1),
        )


def _gather(pool: Pool, positions: Tensor, turns: Tensor) -> Tensor:
    """Images at positions of the pool's index, turned, as float32 ``[..., 1, H, W]`` in [0, 1]; or pen moves, ``[..., 64, 3]``."""
    images = pool.images[pool.index[positions]]
    if images.is_floating_point():
        return _turned_moves(images, turns)
    for turn in (1, 2, 3):
        turned = turns == turn
        if bool(turned.any()):
            images[turned] = images[turned].rot90(turn, (-2, -1))
    return images.unsqueeze(-3).to(torch.float32).div_(255)


def _turned_moves(moves: Tensor, turns: Tensor) -> Tensor:
    """Pen moves turned as ``rot90`` turns images, against the clock; y points downwards."""
    for _ in range(int(turns.max()) if turns.numel() else 0):
        dx, dy, pen = moves.unbind(-1)
        once = torch.stack([dy, -dx, pen], -1)
        moves = torch.where((turns > 0)[..., None, None], once, moves)
        turns = turns - 1
    return moves
