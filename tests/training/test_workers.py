"""Chunks on several cores: the same gradient as from one thread, in the same order whatever is done first."""

import threading

import pytest
import torch
from run_cases import assert_same_runs, digits, finish, resume, sines, stop_after, suited

from maml_studio.algorithms import ALGORITHMS
from maml_studio.data import Episodes, open_tasks, silent
from maml_studio.spec import TABLES, Experiment, with_changes
from maml_studio.training.checkpoint import load_checkpoint
from maml_studio.training.chunks import LEAST_WORK, chunk_size, chunks_at_once, usable_cores
from maml_studio.training.control import Control
from maml_studio.training.evaluation import evaluate
from maml_studio.training.events import Finished, Stopped
from maml_studio.training.guard import Guard
from maml_studio.training.run_folder import LATEST, RunFolder
from maml_studio.training.trainer import Trainer, run
from maml_studio.training.workers import Workers, workers_for

CPU = torch.device("cpu")
TASKS = 7
ENOUGH = {"model__width": 32, "training__meta_batch": 12}
"""Makes of the small experiment on digits one that is worth several threads."""


@pytest.fixture
def workers():
    crew = Workers(3)
    yield crew
    crew.close()


def numbered(count: int) -> list[Episodes]:
    return [Episodes(*(torch.full((1, 1), float(number)) for _ in range(5))) for number in range(count)]


def number_of(chunk: Episodes) -> int:
    return int(chunk.support_x.item())


def test_results_come_in_order_whichever_is_done_first(workers):
    second_done = threading.Event()

    def work(chunk: Episodes) -> int:
        if number_of(chunk) == 0:
            assert second_done.wait(30)
        elif number_of(chunk) == 1:
            second_done.set()
        return number_of(chunk)

    taken: list[int] = []
    workers.each(numbered(10), work, taken.append)
    assert taken == list(range(10))


def test_a_chunk_is_asked_for_when_a_thread_is_free(workers):
    """So that a pause, which is where chunks come from, holds what was not begun."""
    asked, done = 0, 0

    def chunks():
        nonlocal asked
        for chunk in numbered(10):
            assert asked - done < workers.count
            asked += 1
            yield chunk

    def take(_: int) -> None:
        nonlocal done
        done += 1

    workers.each(chunks(), number_of, take)
    assert done == 10


def test_an_error_comes_when_nobody_works_any_more(workers):
    release, working = threading.Event(), []

    def work(chunk: Episodes) -> int:
        if number_of(chunk) == 0:
            release.set()
            raise RuntimeError("out of memory")
        assert release.wait(30)
        working.append(number_of(chunk))
        return 0

    with pytest.raises(RuntimeError, match="out of memory"):
        workers.each(numbered(3), work, lambda result: None)
    assert sorted(working) == [1, 2]


def test_its_threads_compute_on_their_share_of_the_cores():
    crew, seen = Workers(2), []
    crew.each(numbered(2), lambda chunk: torch.get_num_threads(), seen.append)
    crew.close()
    assert seen == [max(1, usable_cores() // 2)] * 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chunks")]


def in_double(experiment: Experiment, count: int) -> Trainer:
    control = Control()
    tasks = open_tasks(experiment.data, silent)
    trainer = Trainer(experiment, tasks, Guard(None, experiment, control, None), control)
    trainer.workers = Workers(count)
    trainer.algorithm.learner.module.double()
    trainer.state.meta = {name: value.detach().double().requires_grad_() for name, value in trainer.state.meta.items()}
    return trainer


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if not TABLES["algorithm"][name].pools_tasks])
def test_the_gradient_of_several_threads_is_that_of_one(name):
    """Against chunks of one task each in one thread, the plain loop; in double precision."""
    base = digits(model__norm="batch") if TABLES["algorithm"][name].needs_classes else sines()
    experiment = with_changes(suited(base, name), {"training.meta_batch": TASKS})
    found = []
    for count, size in ((1, 1), (3, 2)):
        trainer = in_double(experiment, count)
        drawn, _ = trainer.training_tasks.draw(trainer.state.generator)
        columns = {name: value.double() if value.is_floating_point() else value for name, value in vars(drawn).items()}
        result = trainer.gradient(type(drawn)(**columns), size)
        trainer.workers.close()
        assert result is not None
        gradient, scores = result
        assert scores.tasks == TASKS
        rows = [scores.query_loss, *scores.support_losses, *scores.query_losses, *scores.notes.values()]
        found.append(torch.cat([value.flatten() for value in gradient.values()] + [torch.tensor(rows, dtype=torch.float64).nan_to_num()]))
    one, several = found
    assert (several - one).abs().max() / one.abs().max() < 1e-10


def test_an_evaluation_scores_the_same(workers):
    experiment = digits()
    trainer = in_double(experiment, 1)
    meta = {name: value.float() for name, value in trainer.state.meta.items()}
    trainer.algorithm.learner.module.float()
    options = {"tasks": 50, "steps": 2, "transductive": True, "seed": 0}
    alone, together = (
        evaluate(trainer.algorithm, meta, trainer.validation_sampler, experiment, workers=crew, **options) for crew in (None, workers)
    )
    assert alone is not None
    assert together is not None
    torch.testing.assert_close(together.query_loss, alone.query_loss)
    asked: list[int] = []

    def may_go_on(done: int) -> bool:
        asked.append(done)
        return len(asked) < 2

    many = {**options, "tasks": 1000}
    assert evaluate(trainer.algorithm, meta, trainer.validation_sampler, experiment, workers=workers, may_go_on=may_go_on, **many) is None
    assert len(asked) == 2


def test_how_many():
    big = digits(**ENOUGH)
    assert workers_for(big, CPU) == min(12, usable_cores())
    assert workers_for(big, CPU, processes=usable_cores()) == 1
    assert workers_for(big, torch.device("cuda")) == 1
    assert [chunks_at_once(big, cores) for cores in (1, 2, 5, 100)] == [1, 2, 5, 12]
    assert chunks_at_once(sines(), 8) == 1
    assert chunks_at_once(suited(big, "joint"), 8) == 1
    assert chunks_at_once(big, 8, kept=1) == 1
    assert chunks_at_once(sines(), 8, kept=LEAST_WORK) == 4


def test_they_share_the_meta_batch_and_the_budget():
    big = digits(**ENOUGH)
    assert chunk_size(big) >= 12
    assert [chunk_size(big, workers=count) for count in (2, 3, 5, 12)] == [6, 4, 3, 1]
    wide = with_changes(big, {"model.width": 256, "training.meta_batch": 1000})
    assert 1 <= chunk_size(wide, workers=4) <= -(-chunk_size(wide) // 4)


def test_a_run_keeps_how_its_tasks_were_shared_out(tmp_path):
    """Resumed where there are other cores, it adds its gradients up as before: bit for bit."""
    experiment = digits(**ENOUGH, training__iterations=6, evaluation__every=3)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish(experiment, whole)
    control = Control()
    folder = RunFolder.create(broken, experiment)
    assert isinstance(stop_after(2, run(experiment, folder=folder, control=control), control)[-1], Stopped)
    assert load_checkpoint(folder.checkpoint_path(LATEST)).progress["workers"] == workers_for(experiment, CPU)
    assert isinstance(resume(broken)[-1], Finished)
    assert_same_runs(whole, broken)
