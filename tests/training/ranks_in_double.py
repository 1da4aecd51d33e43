"""What ``test_distributed.py`` starts as two processes: the outer gradient in double precision, shared, against that of one process."""

import sys
from pathlib import Path

import torch
from run_cases import digits, sines, suited

from maml_studio.algorithms import ALGORITHMS
from maml_studio.data import open_tasks, silent
from maml_studio.spec import TABLES, Experiment, with_changes
from maml_studio.training.control import Control
from maml_studio.training.distributed import Ranks, joined
from maml_studio.training.guard import Guard
from maml_studio.training.trainer import Trainer

WHOLE = 7
"""Tasks in a meta-batch: the shares are 4 and 3."""


def case(name: str) -> Experiment:
    base = digits(model__norm="group") if TABLES["algorithm"][name].needs_classes else sines()  # type: ignore[attr-defined]
    return with_changes(suited(base, name), {"training.meta_batch": WHOLE, "training.tail": 1.0 if name == "joint" else 0.8})


def in_double(experiment: Experiment, ranks: Ranks) -> Trainer:
    control = Control()
    tasks = open_tasks(experiment.data, silent)
    trainer = Trainer(experiment, tasks, Guard(None, experiment, control, None), control, ranks=ranks)
    trainer.algorithm.learner.module.double()
    trainer.state.meta = {name: value.detach().double().requires_grad_() for name, value in trainer.state.meta.items()}
    return trainer


def largest_difference(experiment: Experiment, ranks: Ranks) -> float:
    """Of the gradients and scores of two processes from those of one, relative to the gradient's size."""
    found, accuracies = [], list[float]()
    for trainer in (in_double(experiment, ranks), in_double(experiment, Ranks())):
        drawn, _ = trainer.training_tasks.draw(trainer.state.generator)
        columns = {name: value.double() if value.is_floating_point() else value for name, value in vars(drawn).items()}
        episodes = trainer._worst(type(drawn)(**columns), 2)
        assert episodes is not None
        assert len(episodes) == (WHOLE if experiment.training.tail == 1 else 6)
        result = trainer.gradient(episodes, WHOLE if experiment.algorithm.pools_tasks else 4)
        assert result is not None
        gradient, scores = result
        assert all(value.dtype == torch.float64 for value in gradient.values())
        assert scores.tasks == len(episodes)
        accuracies.append(scores.query_accuracy)
        rows = [scores.query_loss, *scores.support_losses, *scores.query_losses, *scores.notes.values()]
        found.append(torch.cat([value.flatten() for value in gradient.values()] + [torch.tensor(rows, dtype=torch.float64).nan_to_num()]))
    # An accuracy is a mean in single precision.
    torch.testing.assert_close(*map(torch.tensor, accuracies), equal_nan=True)
    shared, alone = found
    return float((shared - alone).abs().max() / alone.abs().max())


def main() -> None:
    torch.set_num_threads(1)
    with joined() as ranks:
        assert ranks.size == 2
        assert ranks.agree(True)
        assert not ranks.agree(ranks.first)
        assert ranks.from_first({"nan": [None, 0.1]} if ranks.first else None) == {"nan": [None, 0.1]}
        assert ranks.gather(torch.arange(4.0) if ranks.first else torch.arange(4.0, 7.0)).tolist() == list(range(7))
        for name in ALGORITHMS:
            difference = largest_difference(case(name), ranks)
            if ranks.first:
                print(name, difference, flush=True)
    # One left behind may abort the process while the interpreter closes.
    names = [(thread / "comm").read_text() for thread in Path("/proc/self/task").iterdir()]
    assert not any("gloo" in name for name in names), names


if __name__ == "__main__":
    sys.exit(main())
