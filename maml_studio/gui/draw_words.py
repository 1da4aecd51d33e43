"""What the Draw page says about a model and about what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .adapt_worker import DrawResult
from .draw_document import DrawDocument
from .model_chooser import told_training

if TYPE_CHECKING:
    from ..api import Trained

NO_MODEL = "There is no model yet. Train one on the Train page (a minute is enough to begin with), or open a checkpoint."


def model_note(trained: Trained, place: str) -> str:
    """What a model is and can do, chosen from that place."""
    most = trained.most_classes
    classes = "any number of classes" if most is None else f"{most} classes at most"
    return f"{classes}, {trained.experiment.algorithm.title}, {told_training(place, trained.experiment, trained.iteration)}"


def norm(trained: Trained) -> str:
    """What normalises a query."""
    return "support statistics" if trained.experiment.model.batch_norm else "none that looks at other images"


def too_many(trained: Trained, classes: int) -> str:
    """Why some classes wait; empty where the model tells that many apart."""
    most = trained.most_classes
    if most is None or classes <= most:
        return ""
    return f"{trained.refusal(classes)}. The classes below wait for another model; nothing is lost."


def missing(result: DrawResult | None, document: DrawDocument, *, model: bool) -> str:
    """Why there is no prediction yet, and what to do.

    Args:
        result: the last answer.
        document: what is drawn.
        model: whether one is chosen.
    """
    if not model:
        return NO_MODEL
    if result is None:
        return "Loading the model."
    classes = document.classes[: result.used]
    done = sum(bool(document.examples(one)) for one in classes)
    if done == len(classes):
        return "Adapting to your drawings."
    return f"Give every class a drawing ({done} of {len(classes)} have one); the model then adapts by itself."
