"""Settings of the meta-learning algorithms."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .fields import Settings, setting


class AlgorithmSettings(Settings):
    """What every algorithm with an inner loop of gradient steps has."""

    choice: ClassVar[str | None] = "name"

    inner_lr: float = setting(
        0.1, title="Inner rate", symbol="α", help="Step size of the inner loop, which adapts to one task.", ge=0, le=100
    )
    inner_steps: int = setting(
        1,
        title="Inner steps",
        symbol="k",
        unit="steps",
        help="Gradient steps on the support set while training.",
        ge=0,
        le=1000,
    )


class Maml(AlgorithmSettings):
    """Model-agnostic meta-learning with the exact second-order outer gradient (Finn 2017, 1703.03400)."""

    title: ClassVar[str] = "MAML"
    name: Literal["maml"] = setting("maml", title="Algorithm", help="How the initialisation is meta-learned.")


class Fomaml(AlgorithmSettings):
    """First-order MAML: the query gradient at the adapted weights, taken as it is (Finn 2017, 1703.03400, section 5.2)."""

    title: ClassVar[str] = "FOMAML"
    name: Literal["fomaml"] = setting("fomaml", title="Algorithm", help="How the initialisation is meta-learned.")


Algorithm = Annotated[Maml | Fomaml, Field(discriminator="name")]
