"""The outer loop as a generator of events; it knows no algorithm, no network and no data source by name."""

import contextlib
import math
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import torch

from ..algorithms import Algorithm, Params, build_algorithm
from ..data import Cancelled, DataError, Episodes, Progress, Sampler, Tasks, open_tasks, silent
from ..models import ModelError, build_for
from ..spec import Experiment, advice
from .checkpoint import Checkpoint, CheckpointError, check_shapes
from .chunk_scores import ChunkScores, mean_scores, score_chunk
from .chunks import chunk_size
from .control import Control
from .evaluation import evaluate, norm_mode
from .events import Checkpointed, Diverged, Event, Failed, Finished, Loading, OuterStep, Started, StepScore, Stopped, Validation
from .initial import start_from
from .machine import DeviceError, prepare_thread, resolve_device
from .run_folder import BEST, LATEST, RunFolder, RunFolderError
from .schedule import outer_lr
from .training_tasks import TrainingTasks

TRACE_EVERY = 10
"""Query losses along the inner loop cost a forward pass each, so only every tenth outer step has them (and each single step)."""
ADAM_SLOTS = ("step", "exp_avg", "exp_avg_sq")
EXPLODED = 1000.0
"""A loss this many times the first one, for several steps in a row, does not come back."""
EXPLODED_STEPS = 10


class _ExplodedError(Exception):
    """The numbers ran away; its text says what to try."""


def run(
    experiment: Experiment,
    *,
    folder: RunFolder | None = None,
    control: Control | None = None,
    checkpoint: Checkpoint | None = None,
    progress: Progress = silent,
) -> Iterator[Event]:
    """Meta-train, and report.

    Args:
        experiment: what to do; nothing else decides it.
        folder: where events and checkpoints go; None keeps nothing.
        control: pause, step and stop from another thread.
        checkpoint: go on from here.
        progress: told how far loading the data is.

    Yields:
        Events, the last of them the only terminal one: Finished, Stopped or Failed.
    """
    control = control or Control()
    iteration = checkpoint.iteration if checkpoint else 0
    prepare_thread()
    try:
        for event in _run(experiment, folder, control, checkpoint, progress):
            iteration = getattr(event, "iteration", iteration)
            if folder:
                folder.append(event)
            yield event
    except Cancelled:
        yield _last(Stopped(iteration), folder)
    except _ExplodedError as exploded:
        yield _last(Diverged(iteration, str(exploded)), folder)
        yield _last(Failed(iteration, str(exploded)), folder)
    except (DataError, DeviceError, CheckpointError, RunFolderError, ModelError) as error:
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
    experiment: Experiment, folder: RunFolder | None, control: Control, checkpoint: Checkpoint | None, progress: Progress
) -> Iterator[Event]:
    def tell(message: str, share: float) -> None:
        if control.stopped:
            raise Cancelled
        progress(message, share)

    yield Loading("Loading the data", -1)
    tasks = open_tasks(experiment.data, tell, strokes=experiment.model.reads_strokes)
    yield from Trainer(experiment, tasks, folder, control, checkpoint).events()


class Trainer:
    """One run's state: meta-parameters, optimizer, generator, and the best score so far."""

    def __init__(
        self, experiment: Experiment, tasks: Tasks, folder: RunFolder | None, control: Control, checkpoint: Checkpoint | None
    ) -> None:
        self.experiment, self.folder, self.control = experiment, folder, control
        self.training_tasks = TrainingTasks(tasks, experiment)
        self.validation_sampler: Sampler = tasks.sampler("validation", experiment.task)
        self.frame = tasks.frame()
        self.device = resolve_device(experiment.training.device)
        self.algorithm: Algorithm = build_algorithm(experiment, build_for(experiment).to(self.device))
        self.meta: Params = self.algorithm.meta_parameters(len(self.training_tasks.class_names))
        optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[experiment.training.optimizer]
        self.optimizer = optimizer(list(self.meta.values()), lr=experiment.training.outer_lr)
        self.note = " ".join(advice(experiment))
        self.generator = torch.Generator().manual_seed(experiment.seed)
        self.iteration = 0
        self._saved_at: int | None = None
        self._held = 0.0
        self.progress: dict[str, Any] = {
            "seconds": 0.0,
            "first_loss": None,
            "exploded": 0,
            "best": None,
            "stale": 0,
            "scores": None,
        }
        if checkpoint:
            self._restore(checkpoint)
        elif experiment.training.start_from:
            self.note = " ".join([start_from(self.meta, Path(experiment.training.start_from)), *advice(experiment)])

    def events(self) -> Iterator[Event]:
        """Train to the end."""
        settings = self.experiment.training
        yield Started(
            self.iteration,
            settings.iterations,
            str(self.device),
            sum(value.numel() for value in self.meta.values()),
            norm_mode(self.experiment, settings.transductive),
            self.note,
        )
        reason = yield from self._look()
        if self.iteration and not reason:
            # Where a run goes on, the checkpoint that it went on from comes after what was left undone then.
            yield from self._save_if_due()
        while not reason:
            before = self.generator.get_state()
            try:
                step = self._outer_step() if self.control.may_begin_step() else None
            except _ExplodedError:
                # The step was not taken: these weights are still good, and worth having where none were saved yet.
                self.generator.set_state(before)
                if self.folder and not self.folder.checkpoint_path(LATEST).exists():
                    yield from self._save(LATEST)
                raise
            if step is None:
                # A meta-batch cut in the middle is drawn again when the run goes on.
                self.generator.set_state(before)
                if self._saved_at != self.iteration:
                    yield from self._save(LATEST)
                yield Stopped(self.iteration)
                return
            yield step
            reason = yield from self._look()
            # A stop may have cut a validation short, which then comes before the checkpoint when the run goes on.
            if not reason and not self.control.stopped:
                yield from self._save_if_due()
        yield from self._save(LATEST)
        yield Finished(self.iteration, reason)

    def _look(self) -> Generator[Event, None, str]:
        """Validate where that is due and not done yet; why the run should end now, if it should.

        A validation given up because of a stop is still due when the run goes on.
        """
        iterations = self.experiment.training.iterations
        due = self.iteration % self.experiment.evaluation.every == 0 or self.iteration >= iterations
        if due and not self._validated:
            yield from self._validate()
            if not self._validated:
                return ""
            if reason := self._reached():
                return reason
        return f"all {iterations} iterations done" if self.iteration >= iterations else ""

    @property
    def _validated(self) -> bool:
        scores = self.progress["scores"]
        return scores is not None and scores["iteration"] == self.iteration

    def _outer_step(self) -> OuterStep | None:
        """One step of the outer loop; None when the end was asked for in its middle."""
        started, held = time.perf_counter(), self._held
        settings = self.experiment.training
        drawn, task = self.training_tasks.draw(self.generator)
        size = chunk_size(self.experiment, task)
        episodes = self._worst(drawn.to(self.device), size)
        if episodes is None:
            return None
        trace = self.control.stepping or self.iteration % TRACE_EVERY == 0
        total: Params = {name: torch.zeros_like(value) for name, value in self.meta.items()}
        parts: list[ChunkScores] = []
        for chunk in episodes.chunks(size):
            if not self._may_go_on():
                return None
            outer = self.algorithm.outer_gradient(self.meta, chunk, transductive=settings.transductive, iteration=self.iteration)
            for name, value in outer.gradient.items():
                total[name] += value * (len(chunk) / len(episodes))
            parts.append(score_chunk(self.algorithm.learner, outer, chunk, trace, settings.transductive))
        scores = mean_scores(parts)
        norm = self._apply(total, scores.query_loss)
        self.iteration += 1
        self.progress["seconds"] += time.perf_counter() - started - (self._held - held)
        return OuterStep(
            iteration=self.iteration,
            query_loss=scores.query_loss,
            query_accuracy=_known(scores.query_accuracy),
            support_losses=scores.support_losses,
            query_losses=scores.query_losses,
            accuracy_before=_known(scores.accuracy_before),
            gradient_norm=norm,
            outer_lr=self.optimizer.param_groups[0]["lr"],
            tasks=len(episodes),
            seconds=self.progress["seconds"],
            notes=scores.notes,
        )

    def _worst(self, episodes: Episodes, size: int) -> Episodes | None:
        """The tasks that the tail average learns from, whose query loss is largest after adapting; None when the end was asked for."""
        settings = self.experiment.training
        count = math.ceil(settings.tail * len(episodes))
        if count == len(episodes):
            return episodes
        losses = []
        for chunk in episodes.chunks(size):
            if not self._may_go_on():
                return None
            adapted = self.algorithm.adapt(self.meta, chunk, getattr(self.experiment.algorithm, "inner_steps", 0))[-1].params
            with torch.no_grad():
                outputs = self.algorithm.learner.query_outputs(adapted, chunk, settings.transductive)
                losses.append(self.algorithm.learner.loss(outputs, chunk.query_y))
        return episodes.pick(torch.cat(losses).topk(count).indices.sort().values)

    def _may_go_on(self, *, within_step: bool = True) -> bool:
        """Ask the control, and note how long a pause lasted: it is no time of training."""
        began = time.perf_counter()
        allowed = self.control.may_go_on(within_step=within_step)
        self._held += time.perf_counter() - began
        return allowed

    def _apply(self, gradient: Params, query_loss: float) -> float:
        """Adam's step, unless the numbers say that it would only do harm."""
        settings = self.experiment.training
        for name, value in self.meta.items():
            value.grad = gradient[name]
        norm = torch.nn.utils.clip_grad_norm_(list(self.meta.values()), settings.clip or math.inf).item()
        self._check(query_loss, norm)
        for group in self.optimizer.param_groups:
            group["lr"] = outer_lr(self.experiment, self.iteration)
        self.optimizer.step()
        return norm

    def _check(self, query_loss: float, norm: float) -> None:
        advice = (
            f"try a smaller {_inner_rate(self.experiment)}outer rate (now {self.experiment.training.outer_lr:g}) or training.clip = 10; "
            "the last good checkpoint is kept"
        )
        if not math.isfinite(query_loss) or not math.isfinite(norm):
            what = "query loss" if not math.isfinite(query_loss) else "outer gradient"
            raise _ExplodedError(f"The {what} was no longer a number at iteration {self.iteration + 1}: {advice}")
        first = self.progress["first_loss"]
        if first is None:
            self.progress["first_loss"] = first = max(query_loss, 1.0)
        self.progress["exploded"] = self.progress["exploded"] + 1 if query_loss > EXPLODED * first else 0
        if self.progress["exploded"] >= EXPLODED_STEPS:
            raise _ExplodedError(f"The query loss had grown to {query_loss:.3g} by iteration {self.iteration + 1}: {advice}")

    def _validate(self) -> Iterator[Event]:
        settings = self.experiment.evaluation
        started, held = time.perf_counter(), self._held
        mode = norm_mode(self.experiment, settings.transductive)
        scores = evaluate(
            self.algorithm,
            self.meta,
            self.validation_sampler,
            self.experiment,
            tasks=settings.tasks,
            steps=settings.inner_steps,
            transductive=settings.transductive,
            seed=settings.seed,
            may_go_on=lambda done: self._may_go_on(within_step=False),
        )
        if scores is None:
            return
        self.progress["seconds"] += time.perf_counter() - started - (self._held - held)
        summary = scores.summary()
        # The random start is validated to be seen beside what follows; there is nothing in it worth keeping as the best.
        best = self.iteration > 0 and self._note_best(summary[-1])
        self.progress["scores"] = {
            "iteration": self.iteration,
            "tasks": settings.tasks,
            "norm_mode": mode,
            "steps": [vars(score) for score in summary],
        }
        yield Validation(
            self.iteration,
            summary,
            settings.tasks,
            mode,
            best,
            self.progress["seconds"],
        )
        if best:
            yield from self._save(BEST)

    def _note_best(self, last: StepScore) -> bool:
        by_accuracy = self.experiment.evaluation.best_by == "score" and last.accuracy is not None
        score = last.accuracy if by_accuracy else -last.query_loss
        assert score is not None
        best = self.progress["best"]
        better = math.isfinite(score) and (best is None or score > best)
        self.progress["stale"] = 0 if better else self.progress["stale"] + 1
        if better:
            self.progress["best"] = score
        return better

    def _reached(self) -> str:
        settings = self.experiment.training
        last = self.progress["scores"]["steps"][-1]
        if settings.stop_at > 0:
            if last["accuracy"] is not None and last["accuracy"] >= settings.stop_at:
                return f"validation accuracy reached {last['accuracy']:.4g}"
            if last["accuracy"] is None and last["query_loss"] <= settings.stop_at:
                return f"validation error reached {last['query_loss']:.4g}"
        if settings.patience and self.progress["stale"] >= settings.patience:
            return f"{settings.patience} validations without a better one"
        return ""

    def _save_if_due(self) -> Iterator[Event]:
        if self.iteration % self.experiment.training.checkpoint_every == 0:
            yield from self._save(LATEST)

    def _save(self, kind: str) -> Iterator[Event]:
        if self.folder:
            self.folder.save_checkpoint(kind, self._checkpoint())
            if kind == LATEST:
                self._saved_at = self.iteration
            yield Checkpointed(self.iteration, kind)

    def _checkpoint(self) -> Checkpoint:
        state = self.optimizer.state
        optimizer = {f"{name}/{slot}": value for name, tensor in self.meta.items() for slot, value in state.get(tensor, {}).items()}
        return Checkpoint(
            self.experiment,
            self.iteration,
            self.meta,
            optimizer,
            self.generator.get_state(),
            self.progress,
            self.frame.to_dict() if self.frame else None,
        )

    def _restore(self, checkpoint: Checkpoint) -> None:
        check_shapes(checkpoint, self.meta, "the checkpoint")
        with torch.no_grad():
            for name, value in self.meta.items():
                value.copy_(checkpoint.meta[name])
        for name, tensor in self.meta.items():
            slots = {slot: checkpoint.optimizer.get(f"{name}/{slot}") for slot in ADAM_SLOTS}
            present = {slot: value for slot, value in slots.items() if value is not None}
            if present and (len(present) < len(slots) or any(v.shape not in ((), tensor.shape) for v in present.values())):
                raise CheckpointError(f"the checkpoint: the optimizer's state of {name} does not fit the network")
            if present:
                self.optimizer.state[tensor] = {slot: value if slot == "step" else value.to(self.device) for slot, value in present.items()}
        try:
            if checkpoint.generator is not None:
                self.generator.set_state(checkpoint.generator)
        except (RuntimeError, TypeError):
            raise CheckpointError("the checkpoint: the state of its random generator can't be used") from None
        if {type(value) for value in checkpoint.progress.values()} - {int, float, type(None), dict}:
            raise CheckpointError("the checkpoint: its progress can't be read")
        self.iteration = checkpoint.iteration
        self.progress |= checkpoint.progress


def _inner_rate(experiment: Experiment) -> str:
    rate = getattr(experiment.algorithm, "inner_lr", None)
    return "" if rate is None else f"inner rate (now {rate:g}), a smaller "


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
