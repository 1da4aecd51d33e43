"""Settings of the outer loop and of the evaluation beside it."""

from typing import Literal

from .fields import Settings, setting

TRANSDUCTIVE_HELP = (
    "On: each batch of queries is normalised by its own statistics, as in MAML's paper. "
    "Off: by those of the support set, so that one query's answer does not depend on the others. Only batch norm makes a difference."
)


class Training(Settings):
    """The outer loop: gradient steps on the meta-learned parameters."""

    iterations: int = setting(1000, title="Iterations", unit="outer steps", help="Steps of the outer loop.", ge=1, le=10_000_000)
    meta_batch: int = setting(
        16, title="Meta-batch", unit="tasks", help="Tasks whose outer gradients are averaged in one step.", ge=1, le=4096
    )
    optimizer: Literal["adam", "sgd"] = setting(
        "adam",
        title="Outer optimizer",
        help="Adam, or plain gradient descent, which for Reptile is the paper's step of size ε.",
        labels={"adam": "Adam", "sgd": "gradient descent"},
    )
    outer_lr: float = setting(0.001, title="Outer rate", symbol="β", help="Step size of the outer loop (Reptile's ε).", gt=0, le=10)
    schedule: Literal["constant", "cosine", "linear", "halving"] = setting(
        "constant",
        title="Schedule",
        help="Keep the outer rate, let it fall along half a cosine or a straight line, or halve it now and then.",
        labels={"constant": "constant", "cosine": "cosine", "linear": "linear", "halving": "halving"},
    )
    outer_lr_end: float = setting(
        0.0,
        title="Outer rate at the end",
        symbol="β",
        help="Where a cosine or a line ends, and what halving stops at.",
        ge=0,
        le=10,
        advanced=True,
    )
    halve_every: int = setting(
        2000, title="Halve every", unit="iterations", help="How often the rate is halved.", ge=1, le=10_000_000, advanced=True
    )
    objective: Literal["loss", "soft_accuracy"] = setting(
        "loss",
        title="Meta-objective",
        help="What the outer loop makes small: the query loss, or one minus the mean probability of the true class, which is accuracy made "
        "differentiable.",
        labels={"loss": "query loss", "soft_accuracy": "soft accuracy"},
        advanced=True,
    )
    tail: float = setting(
        1.0,
        title="Worst share",
        help="Learn from this share of each meta-batch only, the tasks whose query loss is largest after adapting (tail average); 1: all. "
        "The live curves show the tasks that are learned from.",
        gt=0,
        le=1,
        advanced=True,
    )
    vary_way: int = setting(
        0,
        title="Ways up to",
        symbol="N",
        unit="classes",
        help="Training tasks have any number of classes from the task's to this one; 0: always the task's. Needs an algorithm whose head "
        "takes any number.",
        ge=0,
        le=100,
        advanced=True,
    )
    vary_shot: int = setting(
        0,
        title="Shots up to",
        symbol="K",
        unit="per class",
        help="Training tasks have any number of shots from the task's to this one; 0: always the task's.",
        ge=0,
        le=100,
        advanced=True,
    )
    start_from: str = setting(
        "",
        title="Start from",
        help="A checkpoint or run of MAML Studio, or a .safetensors file of plain weights: training starts with its weights wherever name "
        "and shape agree. Empty: random weights.",
        max_length=4096,
        opens="Weights (*.safetensors)",
        advanced=True,
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
    memory: Literal["auto", "unrolled", "flat"] = setting(
        "auto",
        title="Memory",
        help="How the outer gradient through the inner steps is made: with the graphs of all of them, which is fastest, or one step after "
        "the other from the end, exact too and 5 to 25% slower, in memory that does not grow with the steps. Automatic decides at the "
        "start of the run by what is free.",
        labels={"auto": "automatic", "unrolled": "all steps at once", "flat": "one step at a time"},
        advanced=True,
    )
    tensorboard: bool = setting(
        False,
        title="TensorBoard",
        help="Write event files for TensorBoard as well, into the run's folder tensorboard. Needs the package tensorboard.",
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
