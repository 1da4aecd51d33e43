"""The outer loop's step size in the course of training."""

import math

from ..spec import Experiment


def outer_lr(experiment: Experiment, iteration: int) -> float:
    """The outer loop's step size at an iteration.

    Constant; half a cosine (Loshchilov 2017, 1608.03983) or a straight line (Reptile's ε) down to the end's; or halved every so often
    (ProtoNet), never below it.
    """
    settings = experiment.training
    first, last, done = settings.outer_lr, settings.outer_lr_end, iteration / settings.iterations
    match settings.schedule:
        case "cosine":
            return last + (first - last) * 0.5 * (1 + math.cos(math.pi * done))
        case "linear":
            return last + (first - last) * (1 - done)
        case "halving":
            return max(last, first * 0.5 ** (iteration // settings.halve_every))
        case _:
            return first
