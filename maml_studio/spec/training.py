"""Settings of the outer loop and of the evaluation beside it."""

from typing import Literal

from .fields import Settings, setting

TRANSDUCTIVE_HELP = (
    "On: each batch of queries is normalised by its own statistics, as in MAML's paper. "
    "Off: by those of the support set, so that one query's answer does not depend on the others. Only batch norm makes a difference."
)


class Training(Settings):
    """The outer loop: Adam on the meta-learned parameters."""

    iterations: int = setting(1000, title="Iterations", unit="outer steps", help="Steps of the outer loop.", ge=1, le=10_000_000)
    meta_batch: int = setting(
        16, title="Meta-batch", unit="tasks", help="Tasks whose outer gradients are averaged in one step.", ge=1, le=4096
    )
    outer_lr: float = setting(0.001, title="Outer rate", symbol="β", help="Adam's step size in the outer loop.", gt=0, le=10)
    schedule: Literal["constant", "cosine"] = setting(
        "constant",
        title="Schedule",
        help="Keep the outer rate, or let it fall to zero along half a cosine.",
        labels={"constant": "constant", "cosine": "cosine"},
    )
    clip: float = setting(
        0.0,
        title="Clip gradient at",
        help="Largest norm of the outer gradient; 0 leaves it alone.",
        ge=0,
        le=1e9,
        advanced=True,
    )
    transductive: bool = setting(True, title="Transductive norm", help=TRANSDUCTIVE_HELP)
    checkpoint_every: int = setting(
        500,
        title="Checkpoint every",
        unit="iterations",
        help="How often the latest state is saved.",
        ge=1,
        le=10_000_000,
        advanced=True,
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = setting(
        "auto",
        title="Device",
        help="Where to compute. Automatic takes a GPU where there is one.",
        labels={"auto": "automatic", "cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU"},
        advanced=True,
    )
    patience: int = setting(
        0,
        title="Patience",
        unit="validations",
        help="End after this many validations without a better one; 0 never does.",
        ge=0,
        le=100_000,
        advanced=True,
    )
    stop_at: float = setting(
        0.0,
        title="Stop at",
        help="End when validation reaches this: an accuracy such as 0.95, or for regression a squared error; 0 never does.",
        ge=0,
        le=1e9,
        advanced=True,
    )


class Evaluation(Settings):
    """Validation during training, and the evaluation afterwards."""

    every: int = setting(100, title="Validate every", unit="iterations", help="How often validation tasks are tried.", ge=1, le=10_000_000)
    tasks: int = setting(
        100, title="Validation tasks", unit="tasks", help="Tasks of one validation; always the same ones.", ge=2, le=100_000
    )
    inner_steps: int = setting(
        3,
        title="Inner steps",
        symbol="k",
        unit="steps",
        help="Gradient steps on the support set when it is tried.",
        ge=0,
        le=1000,
    )
    transductive: bool = setting(True, title="Transductive norm", help=TRANSDUCTIVE_HELP)
    best_by: Literal["score", "loss"] = setting(
        "score",
        title="Best by",
        help="What the best checkpoint is best at: the accuracy (or error) after adaptation, or the query loss.",
        labels={"score": "accuracy or error", "loss": "loss"},
        advanced=True,
    )
    seed: int = setting(1, title="Task seed", help="Draws the validation and test tasks.", ge=0, le=2**31 - 1, advanced=True)
