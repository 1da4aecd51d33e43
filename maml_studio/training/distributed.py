"""One run over several processes, machines too: ``torchrun --nproc-per-node N -m maml_studio train FILE.toml``.

Every process (a *rank*) draws the same meta-batch from the same generator and works on its own share of the tasks; the outer gradient is
the sum over ranks, weighted by tasks, so all of them take the same optimizer step and stay equal without a copy being sent (data
parallelism as in Li and others 2020, "PyTorch Distributed", 2006.15704, without buckets: a meta-learned network is small, its inner
loop is long). The first rank alone writes the run folder, prints and validates; what it finds is broadcast.

Agreements go over gloo on the CPU, the gradient too, or over NCCL where it lies on a GPU. Unmeasured: NCCL, and more than one machine. An
elastic restart (``--max-restarts``) takes the run up at its last checkpoint, given ``--run-dir``; with gloo on one machine that was seen.
"""

import contextlib
import importlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ..algorithms import Params
from ..data import Episodes
from ..spec import Experiment
from ..spec.errors import Problem, SpecError
from ..spec.sharing import unshareable
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .chunk_scores import ChunkScores

Result = TypeVar("Result")


class RankError(Exception):
    """Another process of the run is gone, or could not do its part; one sentence."""


class Ranks:
    """The processes of one run, seen from one of them; by itself it is the only one, and every method gives back what it is given.

    Args:
        rank: number of this process, from 0.
        size: how many there are.
        local_rank: its number on this machine, and that of its GPU.
        local_size: how many there are on this machine.
    """

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int = 0, local_size: int = 1) -> None:
        self.rank, self.size, self.local_rank, self.local_size = rank, size, local_rank, local_size
        self.lost = False
        """Whether the run ended because of another process, which has said why, or can't any more."""

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, prints and validates."""
        return self.rank == 0

    def check(self, experiment: Experiment) -> None:
        """Refuse what can't be shared.

        Raises:
            SpecError: naming the field.
        """
        if problem := unshareable(experiment, self.size):
            raise SpecError([problem])

    def agree(self, willing: bool) -> bool:
        """Whether every process is willing; all of them get the same answer.

        Raises:
            RankError: when a process is gone.
        """
        if self.size == 1:
            return willing
        flag = torch.tensor([int(willing)])
        with self._together():
            dist.all_reduce(flag, dist.ReduceOp.MIN)
        return bool(flag.item())

    def in_turns(self, work: Callable[[], Result]) -> Result:
        """Do something that may fill a cache, a download say: one process of each machine first, then the others.

        Raises:
            RankError: when another process could not do it; what this one's own raises comes as it is.
        """
        done: list[Result] = []
        error: Exception | None = None
        for mine in (self.local_rank == 0, self.local_rank > 0):
            if mine:
                try:
                    done.append(work())
                except Exception as own:
                    error = own
            if not self.agree(error is None):
                self.lost = error is None
                raise error or RankError("Another process of this run could not read the data")
        return done[0]

    def share(self, episodes: Episodes) -> Episodes:
        """This process's part of a meta-batch: tasks in a row, as many as any other has, or one more."""
        return episodes if self.size == 1 else episodes.pick(torch.arange(len(episodes)).tensor_split(self.size)[self.rank])

    def gather(self, values: Tensor) -> Tensor:
        """Values of each process's share, ``[tasks of the share]``, as those of all tasks in their order, ``[tasks]``.

        Raises:
            RankError: when a process is gone.
        """
        if self.size == 1:
            return values
        counts = torch.zeros(self.size, dtype=torch.int64)
        counts[self.rank] = len(values)
        self._sum(counts)
        place = int(counts[: self.rank].sum())
        everywhere = values.new_zeros(int(counts.sum()))
        everywhere[place : place + len(values)] = values
        return self._sum(everywhere)

    def add_up(self, gradient: Params, scores: ChunkScores, tasks: int) -> tuple[Params, ChunkScores]:
        """Gradient and scores of the whole meta-batch.

        Args:
            gradient: what this process's tasks add to it: their sum over ``tasks``.
            scores: the means over its tasks.
            tasks: how many the meta-batch has.

        Raises:
            RankError: when a process is gone.
        """
        if self.size == 1:
            return gradient, scores
        flat = self._sum(torch.cat([value.flatten() for value in gradient.values()]))
        parts = torch.split(flat, [value.numel() for value in gradient.values()])
        whole = {name: part.view_as(value) for (name, value), part in zip(gradient.items(), parts, strict=True)}
        return whole, self._mean(scores, tasks)

    def _mean(self, scores: ChunkScores, tasks: int) -> ChunkScores:
        rows = (
            [scores.query_loss, scores.query_accuracy, scores.accuracy_before],
            scores.support_losses,
            scores.query_losses,
            scores.notes.values(),
        )
        values = torch.tensor([value for row in rows for value in row], dtype=torch.float64)
        self._sum(values.mul_(scores.tasks / tasks))
        (loss, accuracy, before), support, query, notes = (part.tolist() for part in torch.split(values, [len(row) for row in rows]))
        return replace(
            scores,
            tasks=tasks,
            query_loss=loss,
            query_accuracy=accuracy,
            accuracy_before=before,
            support_losses=tuple(support),
            query_losses=tuple(query),
            notes=dict(zip(scores.notes, notes, strict=True)),
        )

    def from_first(self, value: Any) -> Any:
        """The first process's plain values, such as JSON knows; what the others hand over is not looked at.

        Raises:
            RankError: when a process is gone.
        """
        if self.size == 1:
            return value
        content = self._bytes(json.dumps(value).encode() if self.first else b"")
        return value if self.first else json.loads(content)

    def checkpoint_from_first(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        """The first process's checkpoint, so that no disk has to be shared.

        Raises:
            RankError: when a process is gone.
        """
        if self.size == 1:
            return checkpoint
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "checkpoint.safetensors"
            if self.first and checkpoint:
                save_checkpoint(file, checkpoint)
            content = self._bytes(file.read_bytes() if file.exists() else b"")
            if self.first or not content:
                return checkpoint if self.first else None
            file.write_bytes(content)
            return load_checkpoint(file)

    def _bytes(self, content: bytes) -> bytes:
        length = torch.tensor([len(content)])
        with self._together():
            dist.broadcast(length, 0)
            letters = torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.zeros(int(length), dtype=torch.uint8)
            if len(letters):
                dist.broadcast(letters, 0)
        return letters.numpy().tobytes()

    def _sum(self, values: Tensor) -> Tensor:
        with self._together():
            dist.all_reduce(values)
        return values

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # what both backends raise, of a process that is gone or has not answered for half an hour
            self.lost = True
            raise RankError(f"Another of the {self.size} processes of this run is gone") from error


def launched() -> bool:
    """Whether torchrun, or something that sets the same environment, started several processes."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "MASTER_ADDR" in os.environ


def restarted() -> bool:
    """Whether torchrun has started the processes once more, after one of them was lost."""
    return _attempt() > 0


def _attempt() -> int:
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


@contextmanager
def joined() -> Iterator[Ranks]:
    """Meet the other processes that torchrun started, and leave them at the end; alone where it started none.

    Raises:
        SpecError: when a machine has fewer GPUs than processes.
        RankError: when they don't meet.
    """
    if not launched():
        yield Ranks()
        return
    # Before a group exists: the defaults of its functions would keep the group, and gloo's threads, beyond their end; and a thread that
    # lets go of its last tensor while the interpreter closes aborts the process (1 of 23 with torch 2.14).
    importlib.import_module("torch.distributed.nn.functional")
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local_rank, local_size = int(os.environ.get("LOCAL_RANK", rank)), int(os.environ.get("LOCAL_WORLD_SIZE", size))
    cuda = torch.cuda.is_available()
    if cuda:
        if torch.cuda.device_count() < local_size:
            raise SpecError([Problem("--nproc-per-node", f"should be {torch.cuda.device_count()} at most, one process for each GPU")])
        torch.cuda.set_device(local_rank)
    ranks = Ranks(rank, size, local_rank, local_size)
    try:
        store, *_ = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
        # A prefix for each attempt: after a restart torchrun's store still has the addresses of the processes that were lost.
        store = dist.PrefixStore(f"attempt-{_attempt()}", store)  # type: ignore[attr-defined]
        dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", store=store, rank=rank, world_size=size)
    except RuntimeError as error:
        raise RankError(f"The {size} processes of this run could not meet: {str(error).splitlines()[0]}") from error
    try:
        yield ranks
        # Nobody hangs up on one that still writes.
        with contextlib.suppress(RankError):
            ranks.agree(True)
    finally:
        dist.destroy_process_group()
