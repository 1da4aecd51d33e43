"""Every way in which a run can go and end."""

import math
import threading
from itertools import pairwise
from pathlib import Path
from queue import Queue

import pytest
import torch
from run_cases import AtChunk, checked, digits, finish, sines, stop_after, stored, three_chunks

from maml_studio.data import open_tasks
from maml_studio.spec import Experiment, with_changes
from maml_studio.training.checkpoint import load_checkpoint
from maml_studio.training.chunks import chunk_size, chunks_at_once, usable_cores
from maml_studio.training.control import Control
from maml_studio.training.events import (
    TERMINAL,
    Checkpointed,
    Diverged,
    Event,
    Failed,
    Finished,
    Loading,
    OuterStep,
    Started,
    Stopped,
    Validation,
    to_line,
)
from maml_studio.training.guard import Guard
from maml_studio.training.run_folder import BEST, LATEST, RunFolder
from maml_studio.training.schedule import outer_lr
from maml_studio.training.trainer import TRACE_EVERY, Trainer, run

SOON = 30.0


@pytest.mark.parametrize("experiment", [sines(), digits()], ids=["sines", "digits"])
def test_a_whole_run(tmp_path: Path, experiment: Experiment) -> None:
    seen = finish(experiment, tmp_path / "run")
    assert seen[-1] == Finished(6, "all 6 iterations done")
    assert isinstance(seen[0], Loading)
    started = next(event for event in seen if isinstance(event, Started))
    assert (started.iteration, started.iterations, started.device) == (0, 6, "cpu")
    steps = [event for event in seen if isinstance(event, OuterStep)]
    assert [event.iteration for event in steps] == [1, 2, 3, 4, 5, 6]
    assert [event.iteration for event in seen if isinstance(event, Validation)] == [0, 2, 4, 6]
    latest = [event.iteration for event in seen if isinstance(event, Checkpointed) and event.kind == LATEST]
    assert set(latest) == {3, 6}
    for event in steps:
        assert len(event.support_losses) == experiment.algorithm.inner_steps + 1
        assert event.tasks == 4
        assert event.gradient_norm > 0
        assert (event.query_accuracy is None) == experiment.regression
    assert all(a.seconds <= b.seconds for a, b in pairwise(steps))
    # What was yielded is what was written.
    folder = RunFolder.open(tmp_path / "run")
    assert list(folder.events()) == stored(seen)
    assert folder.experiment == experiment
    last = folder.load_checkpoint(LATEST)
    assert (last.iteration, last.experiment) == (6, experiment)
    assert (last.frame is None) == experiment.regression


def test_it_learns() -> None:
    seen = finish(sines(training__iterations=150, training__outer_lr=0.01, evaluation__every=150, evaluation__tasks=50))
    first, last = (event.scores[-1].query_loss for event in seen if isinstance(event, Validation))
    assert last < 0.8 * first


def test_inner_loop_is_traced_now_and_then() -> None:
    steps = [event for event in finish(digits(training__iterations=TRACE_EVERY + 2)) if isinstance(event, OuterStep)]
    traced = [event for event in steps if event.query_losses]
    assert [event.iteration for event in traced] == [1, TRACE_EVERY + 1]
    assert all(event.query_losses[-1] == pytest.approx(event.query_loss) for event in traced)
    assert all((event.accuracy_before is not None) == bool(event.query_losses) for event in steps)


def test_without_a_folder_nothing_is_saved() -> None:
    assert not any(isinstance(event, Checkpointed) for event in finish(sines()))


@pytest.mark.parametrize("iteration", [1, 2, 5])
def test_stopped_between_steps(tmp_path: Path, iteration: int) -> None:
    control, folder = Control(), RunFolder.create(tmp_path / "run", sines())
    seen = checked(stop_after(iteration, run(sines(), folder=folder, control=control), control))
    assert seen[-1] == Stopped(iteration)
    assert folder.load_checkpoint(LATEST).iteration == iteration
    assert list(folder.events()) == stored(seen)


def test_stopped_before_it_began(tmp_path: Path) -> None:
    control = Control()
    control.stop()
    seen = finish(digits(), tmp_path / "run", control=control)
    assert isinstance(seen[-1], Stopped)
    assert not any(isinstance(event, OuterStep) for event in seen)


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_stopped_in_the_middle_of_a_meta_batch(tmp_path: Path, chunk: int) -> None:
    """The step under way is dropped, and the state saved is the one before it."""
    experiment = three_chunks(digits(training__iterations=3, evaluation__every=3))
    reference = [event for event in finish(experiment) if isinstance(event, OuterStep)]
    # One question for the validation at the start, then one for each chunk: three of them, or more where there are several cores.
    size = chunk_size(experiment, workers=chunks_at_once(experiment, usable_cores()))
    control = AtChunk({1 + math.ceil(experiment.training.meta_batch / size) + chunk: Control.stop})
    folder = RunFolder.create(tmp_path / "run", experiment)
    seen = checked(run(experiment, folder=folder, control=control))
    assert seen[-1] == Stopped(1)
    steps = [event for event in seen if isinstance(event, OuterStep)]
    assert [event.query_loss for event in steps] == [reference[0].query_loss]
    assert folder.load_checkpoint(LATEST).iteration == 1


@pytest.mark.parametrize(
    ("experiment", "reason"),
    [
        (sines(training__stop_at=1e6), "validation error reached"),
        (digits(training__stop_at=0.01), "validation accuracy reached"),
        (sines(training__patience=2, training__outer_lr=1e-12), "2 validations without a better one"),
    ],
    ids=["error", "accuracy", "patience"],
)
def test_wished_for_ends(tmp_path: Path, experiment: Experiment, reason: str) -> None:
    experiment = experiment.model_copy(update={"evaluation": experiment.evaluation.model_copy(update={"every": 1})})
    seen = finish(experiment, tmp_path / "run")
    last = seen[-1]
    assert isinstance(last, Finished)
    assert last.reason.startswith(reason)
    assert last.iteration < 6
    assert RunFolder.open(tmp_path / "run").load_checkpoint(LATEST).iteration == last.iteration


def test_best_checkpoint_is_the_best(tmp_path: Path) -> None:
    experiment = sines(training__iterations=12, training__outer_lr=0.05, evaluation__every=1)
    seen = finish(experiment, tmp_path / "run")
    scores = {event.iteration: event.scores[-1].query_loss for event in seen if isinstance(event, Validation)}
    best = [event.iteration for event in seen if isinstance(event, Validation) and event.best]
    # The random start is looked at, and never the best.
    assert best == [i for i in scores if i and all(scores[j] > scores[i] for j in range(1, i))]
    assert RunFolder.open(tmp_path / "run").load_checkpoint(BEST).iteration == min(scores, key=scores.__getitem__)


@pytest.mark.parametrize(
    "experiment",
    [
        sines(algorithm__inner_lr=100.0, algorithm__inner_steps=5),
        sines(training__outer_lr=10.0, algorithm__inner_steps=3),
        digits(algorithm__inner_lr=100.0, algorithm__inner_steps=5, model__norm="none"),
    ],
    ids=["sines-inner", "sines-outer", "digits-inner"],
)
@pytest.mark.parametrize("checkpoint_every", [1, 1000])
def test_divergence(tmp_path: Path, experiment: Experiment, checkpoint_every: int) -> None:
    """It ends in one sentence that says what to try, and the last checkpoint is still good."""
    experiment = with_changes(
        experiment, {"training.iterations": 200, "training.checkpoint_every": checkpoint_every, "evaluation.every": 200}
    )
    seen = finish(experiment, tmp_path / "run")
    diverged, failed = seen[-2:]
    assert isinstance(diverged, Diverged)
    assert isinstance(failed, Failed)
    assert diverged.message == failed.message
    assert f"{experiment.algorithm.inner_lr:g}" in failed.message
    assert f"{experiment.training.outer_lr:g}" in failed.message
    assert "\n" not in failed.message
    folder = RunFolder.open(tmp_path / "run")
    # As lines, since NaN is not equal to itself.
    assert [to_line(event) for event in folder.events()] == [to_line(event) for event in stored(seen)]
    kept = folder.load_checkpoint(LATEST)
    assert kept.iteration == diverged.iteration
    assert all(value.isfinite().all() for value in kept.meta.values())


def test_data_that_cannot_fill_a_task(tmp_path: Path) -> None:
    seen = finish(digits(task__way=11), tmp_path / "run")
    assert isinstance(seen[-1], Failed)
    assert "task.way" in seen[-1].message
    assert list(RunFolder.open(tmp_path / "run").events()) == stored(seen)


def test_device_that_is_not_there() -> None:
    device = "cuda" if not torch.cuda.is_available() else "mps"
    seen = finish(sines(training__device=device))
    assert isinstance(seen[-1], Failed)
    assert seen[-1].message.startswith("training.device should be auto or cpu")


def test_weights_of_another_network(tmp_path: Path) -> None:
    finish(sines(), tmp_path / "run")
    checkpoint = RunFolder.open(tmp_path / "run").load_checkpoint(LATEST)
    seen = finish(sines(model__hidden=[9]), checkpoint=checkpoint)
    assert isinstance(seen[-1], Failed)
    assert "linear1.weight has shape [8, 1], and the network's is [9, 1]" in seen[-1].message


def test_out_of_memory() -> None:
    """Torch's own error of a buffer that no machine has."""

    def exhaust(control: Control) -> None:
        torch.empty(1 << 60)

    seen = finish(sines(), control=AtChunk({3: exhaust}))
    assert isinstance(seen[-1], Failed)
    assert "not enough memory" in seen[-1].message


def test_a_defect_is_not_hidden() -> None:
    def wrong(control: Control) -> None:
        raise RuntimeError("a defect")

    with pytest.raises(RuntimeError, match="a defect"):
        list(run(sines(), control=AtChunk({3: wrong})))


class Driven:
    """A run in its own thread, as in the window."""

    def __init__(self, experiment: Experiment, control: Control) -> None:
        self.events: Queue[Event] = Queue()
        self.thread = threading.Thread(target=self._drive, args=(experiment, control), daemon=True)
        self.thread.start()

    def _drive(self, experiment: Experiment, control: Control) -> None:
        for event in run(experiment, control=control):
            self.events.put(event)

    def until(self, kind: type[Event] | tuple[type[Event], ...]) -> Event:
        while not isinstance(event := self.events.get(timeout=SOON), kind):
            pass
        return event

    def holds(self) -> bool:
        self.thread.join(0.05)
        return self.thread.is_alive() and self.events.empty()


def test_pause_between_chunks() -> None:
    experiment = three_chunks(digits(training__iterations=2, evaluation__every=2))
    held = threading.Event()

    def hold(control: Control) -> None:
        control.pause()
        held.set()

    control = AtChunk({3: hold})  # the second chunk of the first step
    driven = Driven(experiment, control)
    assert held.wait(SOON)
    driven.until(Validation)
    assert driven.holds()
    assert control.asked == 3
    control.resume()
    assert driven.until(TERMINAL) == Finished(2, "all 2 iterations done")


def test_a_pause_does_not_change_what_is_learned() -> None:
    experiment = three_chunks(digits(training__iterations=2, evaluation__every=2))
    losses = [event.query_loss for event in finish(experiment) if isinstance(event, OuterStep)]
    control = AtChunk({3: lambda control: (control.pause(), control.step())})
    driven = Driven(experiment, control)
    first = driven.until(OuterStep)
    control.resume()
    second = driven.until(OuterStep)
    assert [event.query_loss for event in (first, second) if isinstance(event, OuterStep)] == losses
    driven.until(TERMINAL)


def test_single_steps() -> None:
    experiment = three_chunks(digits(training__iterations=4, evaluation__every=2))
    control = Control()
    control.step()
    driven = Driven(experiment, control)
    for iteration in (1, 2):
        event = driven.until(OuterStep)
        assert isinstance(event, OuterStep)
        assert event.iteration == iteration
        assert len(event.query_losses) == experiment.algorithm.inner_steps + 1
        if iteration == 2:
            driven.until(Validation)
        assert driven.holds()
        control.step()
    driven.until(OuterStep)
    assert driven.holds()
    control.stop()
    assert driven.until(TERMINAL) == Stopped(3)


def trainer(experiment: Experiment) -> Trainer:
    return Trainer(experiment, open_tasks(experiment.data), Guard(None, experiment, Control(), None), Control())


def test_cosine_schedule() -> None:
    experiment = sines(training__iterations=8, training__outer_lr=0.5, training__schedule="cosine")
    rates = [outer_lr(experiment, iteration) for iteration in range(9)]
    assert rates == pytest.approx([0.25 * (1 + math.cos(math.pi * iteration / 8)) for iteration in range(9)])
    assert (rates[0], rates[4], rates[8]) == (0.5, pytest.approx(0.25), pytest.approx(0.0))
    assert {outer_lr(sines(training__outer_lr=0.5), iteration) for iteration in range(9)} == {0.5}


def test_schedule_is_the_one_used() -> None:
    experiment = sines(training__schedule="cosine")
    used = [event.outer_lr for event in finish(experiment) if isinstance(event, OuterStep)]
    assert used == [outer_lr(experiment, iteration) for iteration in range(6)]


@pytest.mark.parametrize("clip", [0.0, 0.01, 1e6])
def test_clipping(clip: float) -> None:
    """The norm told is the one before clipping; what Adam sees is no longer than the limit."""
    subject = trainer(sines(training__clip=clip))
    for event in subject.events():
        if isinstance(event, OuterStep):
            applied = torch.cat([value.grad.flatten() for value in subject.state.meta.values() if value.grad is not None]).norm().item()
            limit = clip if 0 < clip < event.gradient_norm else event.gradient_norm
            assert applied == pytest.approx(limit, rel=1e-4)
            assert event.gradient_norm > 0.01


def test_outer_step_is_adam_on_the_mean_gradient() -> None:
    """The first step, written out: the gradient over the whole meta-batch at once, and Adam by hand."""
    experiment = three_chunks(digits(training__iterations=1))
    subject = trainer(experiment)
    before = {name: value.detach().clone() for name, value in subject.state.meta.items()}
    episodes, _ = subject.training_tasks.draw(torch.Generator().manual_seed(experiment.seed))
    expected = subject.algorithm.outer_gradient(subject.state.meta, episodes, transductive=True)
    event = next(event for event in subject.events() if isinstance(event, OuterStep))
    assert event.query_loss == pytest.approx(expected.query_loss.mean().item(), rel=1e-5)
    assert event.query_accuracy == pytest.approx(expected.query_accuracy.mean().item(), rel=1e-5)
    largest = max(value.abs().max() for value in expected.gradient.values())
    for name, value in subject.state.meta.items():
        assert value.grad is not None
        torch.testing.assert_close(value.grad, expected.gradient[name], rtol=0, atol=1e-4 * largest.item())
        by_hand = before[name] - experiment.training.outer_lr * value.grad / (value.grad.abs() + 1e-8)
        torch.testing.assert_close(value.detach(), by_hand, rtol=1e-4, atol=1e-7)


def test_a_run_left_alone_closes_its_file(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", sines())
    events = run(sines(), folder=folder)
    seen = [next(events) for _ in range(5)]
    events.close()
    assert list(folder.events()) == stored(seen)
    assert folder._metrics is None


def test_checkpoint_is_readable_while_training(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", sines())
    for event in run(sines(training__checkpoint_every=1), folder=folder):
        if isinstance(event, Checkpointed):
            assert load_checkpoint(folder.checkpoint_path(event.kind)).iteration == event.iteration
