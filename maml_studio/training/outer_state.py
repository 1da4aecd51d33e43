"""All that outer steps change: what a checkpoint has to keep, so that a run goes on bit for bit."""

import copy
from typing import Any

import torch

from ..algorithms import Params
from ..spec import Experiment
from .checkpoint import Checkpoint, CheckpointError, check_shapes

MOST_WORKERS = 1024
ADAM_SLOTS = ("step", "exp_avg", "exp_avg_sq")


class OuterState:
    """Meta-parameters, optimizer, generator, and the plain values of a run.

    Attributes:
        iteration: outer steps done.
        meta: the meta-parameters by name, changed in place.
        optimizer: steps on them.
        generator: draws the training tasks.
        progress: seconds, the first loss, the best score and the like, and the last validation.
    """

    def __init__(self, experiment: Experiment, meta: Params) -> None:
        self.meta = meta
        optimizer = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[experiment.training.optimizer]
        self.optimizer = optimizer(list(meta.values()), lr=experiment.training.outer_lr)
        self.generator = torch.Generator().manual_seed(experiment.seed)
        self.iteration = 0
        self.progress: dict[str, Any] = {
            "seconds": 0.0,
            "first_loss": None,
            "exploded": 0,
            "best": None,
            "stale": 0,
            "scores": None,
        }

    def before_step(self) -> tuple[torch.Tensor, dict[str, Any]]:
        """What a step changes before it is taken."""
        return self.generator.get_state(), copy.copy(self.progress)

    def take_back(self, before: tuple[torch.Tensor, dict[str, Any]]) -> None:
        """Forget a step that was begun and not taken; its meta-batch is drawn again."""
        generator, progress = before
        self.generator.set_state(generator)
        self.progress = progress

    def checkpoint(self, experiment: Experiment, frame: dict[str, Any] | None) -> Checkpoint:
        """The state as a checkpoint; it shares its tensors, so it is written before the next step."""
        state = self.optimizer.state
        optimizer = {f"{name}/{slot}": value for name, tensor in self.meta.items() for slot, value in state.get(tensor, {}).items()}
        return Checkpoint(experiment, self.iteration, self.meta, optimizer, self.generator.get_state(), self.progress, frame)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to the state of a checkpoint.

        Raises:
            CheckpointError: naming what does not fit.
        """
        check_shapes(checkpoint, self.meta, "the checkpoint")
        with torch.no_grad():
            for name, value in self.meta.items():
                value.copy_(checkpoint.meta[name])
        for name, tensor in self.meta.items():
            slots = {slot: checkpoint.optimizer.get(f"{name}/{slot}") for slot in ADAM_SLOTS}
            present = {slot: value for slot, value in slots.items() if value is not None}
            if present and not _fits(present, tensor):
                raise CheckpointError(f"the checkpoint: the optimizer's state of {name} does not fit the network")
            if present:
                self.optimizer.state[tensor] = {
                    slot: value if slot == "step" else value.to(tensor.device) for slot, value in present.items()
                }
        try:
            if checkpoint.generator is not None:
                self.generator.set_state(checkpoint.generator)
        except (RuntimeError, TypeError):
            raise CheckpointError("the checkpoint: the state of its random generator can't be used") from None
        if not _is_progress(checkpoint.progress):
            raise CheckpointError("the checkpoint: its progress can't be read")
        self.iteration = checkpoint.iteration
        self.progress |= checkpoint.progress


def _fits(slots: dict[str, torch.Tensor], tensor: torch.Tensor) -> bool:
    """Whether Adam can go on from these: a count of steps, and moments of the tensor's shape, all finite."""
    if len(slots) < len(ADAM_SLOTS) or not all(
        value.is_floating_point() and bool(value.float().isfinite().all()) for value in slots.values()
    ):
        return False
    return (
        slots["step"].shape == ()
        and bool(slots["step"] >= 0)
        and all(slots[slot].shape == tensor.shape and slots[slot].dtype == tensor.dtype for slot in ADAM_SLOTS[1:])
        and bool((slots["exp_avg_sq"] >= 0).all())
    )


def _is_progress(progress: dict[str, Any]) -> bool:
    """Whether the plain values are of the types that training counts with."""
    counts = all(type(progress.get(name, 0)) in (int, float) for name in ("seconds", "exploded", "stale", "flat"))
    return (
        counts
        and all(type(progress.get(name)) in (int, float, type(None)) for name in ("first_loss", "best"))
        and type(progress.get("workers", 1)) is int
        and 1 <= progress.get("workers", 1) <= MOST_WORKERS
        and _are_scores(progress.get("scores"))
    )


def _are_scores(scores: Any) -> bool:
    """Whether the last validation has what is asked of it when a run goes on."""
    if scores is None:
        return True
    steps = scores.get("steps") if isinstance(scores, dict) else None
    return (
        "iteration" in scores
        and isinstance(steps, list)
        and bool(steps)
        and isinstance(steps[-1], dict)
        and isinstance(steps[-1].get("query_loss"), int | float)
        and isinstance(steps[-1].get("accuracy"), int | float | None)
    )
