"""The outer loop as a generator of events; it knows no algorithm, no network and no data source by name."""

import contextlib
import math
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ..algorithms import Algorithm, Params, build_algorithm
from ..algorithms.recursion import outer_gradient_of
from ..data import Cancelled, DataError, Episodes, Progress, Sampler, Tasks, open_tasks, silent
from ..models import ModelError, build_for
from ..spec import Experiment, advice
from . import validation
from .checkpoint import Checkpoint, CheckpointError
from .chunk_scores import ChunkScores, mean_scores, score_chunk
from .chunks import chunk_size
from .control import Control
from .distributed import RankError, Ranks
from .divergence import DivergedError, check_step
from .evaluation import evaluate, norm_mode
from .events import Diverged, Event, Failed, Finished, Loading, OuterStep, Started, Stopped
from .guard import Guard, HeldError
from .initial import start_from
from .machine import DeviceError, free_memory, prepare_thread, resolve_device
from .memory import goes_flat
from .outer_state import OuterState
from .run_folder import BEST, LATEST, RunFolder, RunFolderError, RunInUseError
from .schedule import outer_lr
from .tensorboard import TensorBoardError
from .training_tasks import TrainingTasks
from .workers import Workers, workers_for

Result = TypeVar("Result")

TRACE_EVERY = 10
"""Query losses along the inner loop cost a forward pass each, so only every tenth outer step has them (and each single step)."""


def run(
    experiment: Experiment,
    *,
    folder: RunFolder | None = None,
    control: Control | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
    ranks: Ranks | None = None,
) -> Iterator[Event]:
    """Meta-train, and report.

    Args:
        experiment: what to do; nothing else decides it.
        folder: where events and checkpoints go; None keeps nothing.
        control: pause, step and stop from another thread.
        checkpoint: go on from here.
        progress: told how far loading the data is.
        ranks: the processes that share the work; None: this one alone. Only the first has a folder.

    Yields:
        Events, the last of them the only terminal one: Finished, Stopped or Failed.

    Raises:
        RunInUseError: when another program trains in the folder, where nothing is changed then.
    """
    control = control or Control()
    iteration = checkpoint.iteration if checkpoint else 0
    ranks = ranks or Ranks()
    prepare_thread(ranks.local_size)
    guard: Guard | None = None
    try:
        if folder:
            folder.lock()
        guard = Guard(folder, experiment, control, checkpoint.iteration if checkpoint else None)
        for event in _run(experiment, guard, control, checkpoint, progress, ranks):
            iteration = getattr(event, "iteration", iteration)
            yield from guard.append(event)
            yield event
    except RunInUseError:
        raise
    except Cancelled:
        yield _last(Stopped(iteration), folder)
    except DivergedError as diverged:
        yield _last(Diverged(iteration, str(diverged)), folder)
        yield _last(Failed(iteration, str(diverged)), folder)
    except (DataError, DeviceError, CheckpointError, RunFolderError, ModelError, TensorBoardError, HeldError, RankError) as error:
        yield _last(Failed(iteration, str(error)), folder)
    except OSError as error:
        yield _last(Failed(iteration, f"{error.filename or 'A file'} can't be written or read: {error.strerror or error}"), folder)
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        yield _last(
            Failed(iteration, "There is not enough memory; a smaller meta-batch, width or number of inner steps needs less"),
            folder,
        )
    finally:
        if guard:
            guard.close()
        if folder:
            folder.close()


def _out_of_memory(error: Exception) -> bool:
    # Torch has no one class for it: a bare RuntimeError on the CPU and on Apple's GPUs.
    return isinstance(error, MemoryError) or any(words in str(error) for words in ("DefaultCPUAllocator", "out of memory"))


def _last(event: Event, folder: RunFolder | None) -> Event:
    if folder:
        # The disk may be what failed; whoever drives hears of it all the same.
        with contextlib.suppress(OSError):
            folder.append(event)
    return event


def _run(
    experiment: Experiment, guard: Guard, control: Control, checkpoint: Checkpoint | None, progress: Progress, ranks: Ranks
) -> Iterator[Event]:
    def tell(message: str, share: float) -> None:
        if control.stopped:
            raise Cancelled
        progress(message, share)

    yield Loading("Loading the data", -1)
    try:
        tasks = ranks.in_turns(lambda: open_tasks(experiment.data, tell, strokes=experiment.model.reads_strokes))
    except RankError:
        if control.stopped:
            raise Cancelled from None
        raise
    yield from Trainer(experiment, tasks, guard, control, checkpoint, ranks).events()


class Trainer:
    """One run: what it learns from, what it learns, and in which order things happen."""

    def __init__(
        self,
        experiment: Experiment,
        tasks: Tasks,
        guard: Guard,
        control: Control,
        checkpoint: Checkpoint | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.experiment, self.guard, self.control = experiment, guard, control
        self.ranks = ranks or Ranks()
        self.training_tasks = TrainingTasks(tasks, experiment)
        self.validation_sampler: Sampler = tasks.sampler("validation", experiment.task)
        self.frame = tasks.frame()
        self.device = resolve_device(experiment.training.device)
        self.algorithm: Algorithm = build_algorithm(experiment, build_for(experiment).to(self.device))
        self.state = OuterState(experiment, self.algorithm.meta_parameters(len(self.training_tasks.class_names)))
        self.note = " ".join(advice(experiment))
        self._held = 0.0
        # Decided once and kept with the state: both ways give the same gradient but for rounding.
        free = free_memory(self.device) // (self.ranks.local_size if self.device.type == "cpu" else 1)
        self.state.progress["flat"] = 0 if checkpoint else int(not self.ranks.agree(not goes_flat(experiment, free)))
        # How the tasks are shared out decides in which order gradients are added up: kept with the state as well.
        self.state.progress["workers"] = 1 if checkpoint else workers_for(experiment, self.device, self.ranks.local_size)
        if checkpoint:
            self.state.restore(checkpoint)
        elif experiment.training.start_from:
            self.note = " ".join([start_from(self.state.meta, Path(experiment.training.start_from)), *advice(experiment)])
        if self.ranks.size > 1:
            self.note = f"{self.ranks.size} processes share each meta-batch. {self.note}".rstrip()
        self.outer_gradient = outer_gradient_of(self.algorithm, flat=bool(self.state.progress["flat"]))
        self.workers = Workers(self.state.progress["workers"], self.ranks.local_size)

    def events(self) -> Iterator[Event]:
        """Train to the end."""
        try:
            yield from self._events()
        finally:
            self.workers.close()

    def _events(self) -> Iterator[Event]:
        settings, state = self.experiment.training, self.state
        yield Started(
            state.iteration,
            settings.iterations,
            str(self.device),
            sum(value.numel() for value in state.meta.values()),
            norm_mode(self.experiment, settings.transductive),
            self.note,
        )
        reason = yield from self._look()
        if state.iteration and not reason and not self.control.stopped:
            # Where a run goes on, the checkpoint that it went on from comes after what was left undone then.
            yield from self._save_if_due()
        while not reason:
            before = state.before_step()
            try:
                step = self._outer_step() if self.ranks.agree(self.control.may_begin_step()) else None
            except (DivergedError, RankError):
                # The step was not taken: these weights are still good, and worth having.
                state.take_back(before)
                yield from self._save_latest()
                raise
            if step is None:
                # A meta-batch cut in the middle is drawn again when the run goes on.
                state.take_back(before)
                yield from self._save_latest()
                yield Stopped(state.iteration)
                return
            yield step
            reason = yield from self._look()
            # A stop may have cut a validation short, which then comes before the checkpoint when the run goes on.
            if not reason and not self.control.stopped:
                yield from self._save_if_due()
        yield from self._save_latest()
        yield Finished(state.iteration, reason)

    def _look(self) -> Generator[Event, None, str]:
        """Validate where that is due and not done yet; why the run should end now, if it should.

        A validation given up because of a stop is still due when the run goes on.
        """
        state, iterations = self.state, self.experiment.training.iterations
        if validation.is_due(self.experiment, state.iteration):
            if not validation.is_done(state.progress, state.iteration):
                yield from self._validate_on_first()
            if not validation.is_done(state.progress, state.iteration):
                return ""
            if reason := validation.reached(self.experiment, state.progress):
                return reason
        return f"all {iterations} iterations done" if state.iteration >= iterations else ""

    def _validate_on_first(self) -> Iterator[Event]:
        """The first process validates alone, in the same chunks as without others, and tells them what it found."""
        if self.ranks.first:
            yield from self._validate()
        try:
            self.state.progress = self.ranks.from_first(self.state.progress)
        except RankError:
            yield from self._save_latest()
            raise

    def _outer_step(self) -> OuterStep | None:
        """One step of the outer loop; None when the end was asked for in its middle."""
        started, held = time.perf_counter(), self._held
        state = self.state
        drawn, task = self.training_tasks.draw(state.generator)
        size = chunk_size(self.experiment, task, self.workers.count)
        episodes = self._worst(drawn.to(self.device), size)
        if episodes is None:
            return None
        found = self.gradient(episodes, size)
        if found is None:
            return None
        total, scores = found
        norm = self._apply(total, scores.query_loss)
        state.iteration += 1
        self._count_time(started, held)
        return OuterStep(
            iteration=state.iteration,
            query_loss=scores.query_loss,
            query_accuracy=_known(scores.query_accuracy),
            support_losses=scores.support_losses,
            query_losses=scores.query_losses,
            accuracy_before=_known(scores.accuracy_before),
            gradient_norm=norm,
            outer_lr=state.optimizer.param_groups[0]["lr"],
            tasks=len(episodes),
            seconds=state.progress["seconds"],
            notes=scores.notes,
        )

    def gradient(self, episodes: Episodes, size: int) -> tuple[Params, ChunkScores] | None:
        """The outer gradient of a meta-batch and its scores, from chunks of ``size`` tasks; None when the end was asked for."""
        state, settings = self.state, self.experiment.training
        trace = self.control.stepping or state.iteration % TRACE_EVERY == 0
        total: Params = {name: torch.zeros_like(value) for name, value in state.meta.items()}
        parts: list[ChunkScores] = []

        def work(chunk: Episodes) -> tuple[Params, ChunkScores]:
            outer = self.outer_gradient(state.meta, chunk, transductive=settings.transductive, iteration=state.iteration)
            return outer.gradient, score_chunk(self.algorithm.learner, outer, chunk, trace, settings.transductive)

        def take(result: tuple[Params, ChunkScores]) -> None:
            gradient, scores = result
            for name, value in gradient.items():
                total[name] += value * (scores.tasks / len(episodes))
            parts.append(scores)

        if not self._in_chunks(episodes, size, work, take):
            return None
        return self.ranks.add_up(total, mean_scores(parts), len(episodes))

    def _worst(self, episodes: Episodes, size: int) -> Episodes | None:
        """The tasks that the tail average learns from, whose query loss is largest after adapting; None when the end was asked for."""
        settings = self.experiment.training
        count = math.ceil(settings.tail * len(episodes))
        if count == len(episodes):
            return episodes
        losses: list[Tensor] = []

        def work(chunk: Episodes) -> Tensor:
            adapted = self.algorithm.adapt(self.state.meta, chunk, getattr(self.experiment.algorithm, "inner_steps", 0))[-1].params
            with torch.no_grad():
                outputs = self.algorithm.learner.query_outputs(adapted, chunk, settings.transductive)
                return self.algorithm.learner.loss(outputs, chunk.query_y)

        if not self._in_chunks(episodes, size, work, losses.append):
            return None
        return episodes.pick(self.ranks.gather(torch.cat(losses)).topk(count).indices.sort().values)

    def _in_chunks(self, episodes: Episodes, size: int, work: Callable[[Episodes], Result], take: Callable[[Result], None]) -> bool:
        """Work on this process's share of the tasks; False when the end was asked for, here or in another process."""
        whole = True

        def chunks() -> Iterator[Episodes]:
            nonlocal whole
            for chunk in self.ranks.share(episodes).chunks(size):
                whole = self._may_go_on()
                if not whole:
                    return
                yield chunk

        self.workers.each(chunks(), work, take)
        return self.ranks.agree(whole)

    def _may_go_on(self, *, within_step: bool = True) -> bool:
        """Ask the control, and note how long a pause lasted: it is no time of training."""
        began = time.perf_counter()
        allowed = self.control.may_go_on(within_step=within_step)
        self._held += time.perf_counter() - began
        return allowed

    def _count_time(self, started: float, held: float) -> None:
        self.state.progress["seconds"] += time.perf_counter() - started - (self._held - held)

    def _apply(self, gradient: Params, query_loss: float) -> float:
        """The optimizer's step, unless the numbers say that it would only do harm; the gradient's norm before clipping."""
        state, settings = self.state, self.experiment.training
        for name, value in state.meta.items():
            value.grad = gradient[name]
        norm = torch.nn.utils.clip_grad_norm_(list(state.meta.values()), settings.clip or math.inf).item()
        check_step(self.experiment, state.progress, state.iteration + 1, query_loss, norm)
        for group in state.optimizer.param_groups:
            group["lr"] = outer_lr(self.experiment, state.iteration)
        state.optimizer.step()
        return norm

    def _validate(self) -> Iterator[Event]:
        settings, state = self.experiment.evaluation, self.state
        started, held = time.perf_counter(), self._held
        scores = evaluate(
            self.algorithm,
            state.meta,
            self.validation_sampler,
            self.experiment,
            tasks=settings.tasks,
            steps=settings.inner_steps,
            transductive=settings.transductive,
            seed=settings.seed,
            workers=self.workers,
            may_go_on=lambda done: self._may_go_on(within_step=False),
        )
        if scores is None:
            return
        self._count_time(started, held)
        event = validation.note(self.experiment, state.progress, state.iteration, scores)
        yield event
        if event.best:
            yield from self._save(BEST)

    def _save_if_due(self) -> Iterator[Event]:
        if self.state.iteration % self.experiment.training.checkpoint_every == 0:
            yield from self._save_latest()

    def _save_latest(self) -> Iterator[Event]:
        if self.guard.saved_at != self.state.iteration:
            yield from self._save(LATEST)

    def _save(self, kind: str) -> Iterator[Event]:
        yield from self.guard.save(kind, self.state.checkpoint(self.experiment, self.frame.to_dict() if self.frame else None))


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
