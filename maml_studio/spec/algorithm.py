"""Settings of the meta-learning algorithms, and what each of them asks of task and network."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from .errors import wrong_field
from .fields import Settings, setting

CONTEXT = 100
"""Length of CAVIA's context for images in its paper; long enough for functions too."""
NAME: dict[str, Any] = {"title": "Algorithm", "help": "How the network is meta-learned."}


class AlgorithmSettings(Settings):
    """What every algorithm says of itself."""

    choice: ClassVar[str | None] = "name"
    needs_classes: ClassVar[bool] = False
    """It sets its head by class, so that a function to fit won't do."""
    needs_context: ClassVar[bool] = False
    """The network has to offer a context input."""
    any_way: ClassVar[bool] = False
    """A task may have any number of classes, whatever the network was built for."""
    goes_with: ClassVar[Mapping[str, Any]] = {}
    """Settings of other tables that choosing it in the form brings along."""
    pools_tasks: ClassVar[bool] = False
    """The tasks of a meta-batch are one batch of examples, which is not to be cut into chunks."""

    @property
    def steps_in_training(self) -> int:
        """Passes of the support set through the network that one task takes in training."""
        return 1

    @property
    def shots_in_training(self) -> int:
        """Support examples per class in training; 0: as many as the task says."""
        return 0


class InnerRate(AlgorithmSettings):
    """One step size for everything that adapts."""

    inner_lr: float = setting(
        0.1, title="Inner rate", symbol="α", help="Step size of the inner loop, which adapts to one task.", ge=0, le=100
    )


class InnerSteps(AlgorithmSettings):
    """Gradient steps on the support set."""

    inner_steps: int = setting(
        1,
        title="Inner steps",
        symbol="k",
        unit="steps",
        help="Gradient steps on the support set while training.",
        ge=0,
        le=1000,
    )

    @property
    def steps_in_training(self) -> int:
        """The inner steps."""
        return self.inner_steps


class QueryLoss(InnerSteps):
    """Learns from the query loss after the inner loop, or after each of its steps."""

    multi_step: int = setting(
        0,
        title="Multi-step loss until",
        symbol="E",
        unit="iterations",
        help="Until then the query losses after every inner step count, all alike at first and the last one more and more "
        "(Antoniou 2019, 1810.09502, section 4); 0: only the last one ever counts.",
        ge=0,
        le=10_000_000,
        advanced=True,
    )


class Unrolled(QueryLoss):
    """Differentiates through the whole inner loop."""

    first_order_until: int = setting(
        0,
        title="First order until",
        unit="iterations",
        help="Until then the inner gradients count as constants, which is faster (derivative-order annealing, Antoniou 2019, "
        "1810.09502); 0: exact from the beginning.",
        ge=0,
        le=10_000_000,
        advanced=True,
    )


class Maml(Unrolled, InnerRate):
    """Model-agnostic meta-learning with the exact second-order outer gradient (Finn 2017, 1703.03400)."""

    title: ClassVar[str] = "MAML"
    name: Literal["maml"] = setting("maml", **NAME)


class Fomaml(QueryLoss, InnerRate):
    """First-order MAML: the query gradient at the adapted weights, taken as it is (Finn 2017, 1703.03400, section 5.2)."""

    title: ClassVar[str] = "FOMAML"
    name: Literal["fomaml"] = setting("fomaml", **NAME)


class Reptile(InnerSteps, InnerRate):
    """Moves the initialisation towards where training on a task leads (Nichol 2018, 1803.02999). Its outer rate is the paper's ε."""

    title: ClassVar[str] = "Reptile"
    goes_with: ClassVar[Mapping[str, Any]] = {
        "training.optimizer": "sgd",
        "training.outer_lr": 1.0,
        "training.schedule": "linear",
        "evaluation.inner_steps": 30,
    }
    name: Literal["reptile"] = setting("reptile", **NAME)
    inner_lr: float = setting(
        0.001, title="Inner rate", symbol="α", help="Step size of the inner loop, which adapts to one task.", ge=0, le=100
    )
    inner_steps: int = setting(
        5, title="Inner steps", symbol="k", unit="steps", help="Minibatch steps on a task while training.", ge=0, le=1000
    )
    optimizer: Literal["adam", "sgd"] = setting(
        "adam",
        title="Inner optimizer",
        help="Adam without momentum (β1 = 0), as in the paper, or plain gradient descent. Each task starts it afresh.",
        labels={"adam": "Adam, β1 = 0", "sgd": "gradient descent"},
    )
    batch: int = setting(
        10, title="Inner batch", unit="examples", help="Examples of one inner step in training; at most all of the task's.", ge=1, le=10_000
    )
    test_batch: int = setting(
        5, title="Batch when tried", unit="examples", help="Examples of one inner step when adapting to a new task.", ge=1, le=10_000
    )
    train_shots: int = setting(
        10,
        title="Training shots",
        unit="per class",
        help="Examples per class that a training task has, more than the test task's as in the paper; 0: as many as the task says.",
        ge=0,
        le=1000,
    )

    @property
    def shots_in_training(self) -> int:
        """Shots of its own."""
        return self.train_shots


class Imaml(InnerSteps, InnerRate):
    """Implicit MAML: the outer gradient from the inner problem's solution alone, without its path (Rajeswaran 2019, 1909.04630)."""

    title: ClassVar[str] = "iMAML"
    goes_with: ClassVar[Mapping[str, Any]] = {"evaluation.inner_steps": 16}
    name: Literal["imaml"] = setting("imaml", **NAME)
    inner_steps: int = setting(
        16, title="Inner steps", symbol="k", unit="steps", help="Most gradient steps on the regularised support loss.", ge=0, le=1000
    )
    lam: float = setting(
        2.0,
        title="Pull to the start",
        symbol="λ",
        help="Strength of the term (λ/2)‖φ − θ‖² that keeps the adapted weights near the initialisation.",
        gt=0,
        le=1e6,
    )
    tolerance: float = setting(
        0.001,
        title="Tolerance",
        help="A task's inner loop ends when the norm of its gradient is below this; 0: never before its last step.",
        ge=0,
        le=100,
    )
    cg_steps: int = setting(
        5, title="CG steps", unit="steps", help="Conjugate-gradient steps that solve (I + H/λ) x = g for the outer gradient.", ge=1, le=1000
    )
    damping: float = setting(
        0.0, title="CG damping", help="Added to the diagonal of I + H/λ, for Hessians that are far from positive.", ge=0, le=1e6
    )

    @property
    def steps_in_training(self) -> int:
        """Only the last point and its Hessian are kept, whatever the number of steps."""
        return 2


class MetaSgd(Unrolled):
    """Learns a rate for every single weight beside the initialisation; rates may turn negative (Li 2017, 1707.09835)."""

    title: ClassVar[str] = "Meta-SGD"
    goes_with: ClassVar[Mapping[str, Any]] = {"evaluation.inner_steps": 1}
    name: Literal["meta_sgd"] = setting("meta_sgd", **NAME)
    rate_min: float = setting(0.005, title="Rates from", symbol="α", help="Smallest rate at the start of training.", ge=-100, le=100)
    rate_max: float = setting(0.1, title="Rates to", symbol="α", help="Largest rate at the start of training.", ge=-100, le=100)

    @model_validator(mode="after")
    def _ordered(self) -> "MetaSgd":
        if self.rate_min > self.rate_max:
            raise wrong_field("algorithm.rate_min", f"should not be above rate_max ({self.rate_max}), not {self.rate_min}")
        return self


class Anil(Unrolled, InnerRate):
    """Almost no inner loop: only the head adapts (Raghu 2020, 1909.09157)."""

    title: ClassVar[str] = "ANIL"
    name: Literal["anil"] = setting("anil", **NAME)


class Boil(Unrolled, InnerRate):
    """Body only in the inner loop: the head stays as it is (Oh 2021, 2008.08882)."""

    title: ClassVar[str] = "BOIL"
    name: Literal["boil"] = setting("boil", **NAME)


class ProtoMaml(Unrolled, InnerRate):
    """MAML whose head starts at the class means of each task (Triantafillou 2020, 1903.03096)."""

    title: ClassVar[str] = "Proto-MAML"
    needs_classes: ClassVar[bool] = True
    any_way: ClassVar[bool] = True
    name: Literal["proto_maml"] = setting("proto_maml", **NAME)


class UnicornMaml(Unrolled, InnerRate):
    """MAML whose head rows all start from one vector: blind to the classes' order (Ye and Chao 2022, 2106.16245)."""

    title: ClassVar[str] = "Unicorn-MAML"
    goes_with: ClassVar[Mapping[str, Any]] = {"evaluation.inner_steps": 5}
    needs_classes: ClassVar[bool] = True
    any_way: ClassVar[bool] = True
    name: Literal["unicorn_maml"] = setting("unicorn_maml", **NAME)
    inner_steps: int = setting(
        5,
        title="Inner steps",
        symbol="k",
        unit="steps",
        help="Gradient steps on the support set while training; two or more, since the first one moves the head alone.",
        ge=0,
        le=1000,
    )


class Mamlpp(Unrolled, InnerRate):
    """MAML++: a learned rate per tensor and step, the multi-step loss, first order to begin with (Antoniou 2019, 1810.09502)."""

    title: ClassVar[str] = "MAML++"
    goes_with: ClassVar[Mapping[str, Any]] = {"evaluation.inner_steps": 5}
    name: Literal["mamlpp"] = setting("mamlpp", **NAME)
    inner_steps: int = setting(
        5, title="Inner steps", symbol="k", unit="steps", help="Gradient steps on the support set while training.", ge=1, le=1000
    )
    multi_step: int = setting(
        500,
        title="Multi-step loss until",
        symbol="E",
        unit="iterations",
        help="Until then the query losses after every inner step count, all alike at first and the last one more and more; "
        "0: only the last one ever counts.",
        ge=0,
        le=10_000_000,
    )
    first_order_until: int = setting(
        0,
        title="First order until",
        unit="iterations",
        help="Until then the inner gradients count as constants, which is faster (derivative-order annealing).",
        ge=0,
        le=10_000_000,
    )


class Cavia(Unrolled, InnerRate):
    """Only a context vector adapts, from zero; the network itself is shared by all tasks (Zintgraf 2019, 1810.03642)."""

    title: ClassVar[str] = "CAVIA"
    needs_context: ClassVar[bool] = True
    goes_with: ClassVar[Mapping[str, Any]] = {"model.context": CONTEXT, "evaluation.inner_steps": 2}
    name: Literal["cavia"] = setting("cavia", **NAME)
    inner_lr: float = setting(
        1.0, title="Inner rate", symbol="α", help="Step size of the inner loop, which moves the context.", ge=0, le=1000
    )


class ProtoNet(AlgorithmSettings):
    """Prototypical networks, a baseline without inner loop: the nearest class mean (Snell 2017, 1703.05175)."""

    title: ClassVar[str] = "ProtoNet"
    needs_classes: ClassVar[bool] = True
    any_way: ClassVar[bool] = True
    name: Literal["protonet"] = setting("protonet", **NAME)


class Joint(InnerRate):
    """Joint training, the baseline of ordinary learning: all training classes in one network, fine-tuned on each new task."""

    title: ClassVar[str] = "Joint training"
    any_way: ClassVar[bool] = True
    pools_tasks: ClassVar[bool] = True
    name: Literal["joint"] = setting("joint", **NAME)
    inner_lr: float = setting(0.01, title="Fine-tuning rate", symbol="α", help="Step size when adapting to a new task.", ge=0, le=100)
    adapts: Literal["all", "head"] = setting(
        "all",
        title="Fine-tunes",
        help="What adapts to a new task: the whole network, or only a new head on the features that it learned.",
        labels={"all": "the whole network", "head": "the head only"},
    )


Algorithm = Annotated[
    Maml | Fomaml | Reptile | Imaml | MetaSgd | Anil | Boil | ProtoMaml | UnicornMaml | Mamlpp | Cavia | ProtoNet | Joint,
    Field(discriminator="name"),
]
"""Every algorithm's settings, told apart by name."""
