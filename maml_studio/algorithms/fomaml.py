"""First-order MAML: as MAML, but the outer gradient is the query gradient at the adapted weights, taken as it is.

Finn, Abbeel and Levine 2017, 1703.03400, section 5.2: the inner gradients count as constants, so that each factor (I − α H) of MAML's
outer gradient becomes the identity and no second derivative is needed.
"""

from .base import Algorithm


class Fomaml(Algorithm):
    """First-order MAML."""

    order = 1
