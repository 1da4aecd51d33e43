"""A model that reads strokes, from Python: drawings in, answers out."""

import numpy as np
import pytest
import torch

from maml_studio.api import InputError, random_start
from maml_studio.spec import Experiment, with_changes
from maml_studio.stroke_sequences import to_sequences

EXPERIMENT = with_changes(
    Experiment(), {"data.source": "glyphs", "task.way": 2, "model.name": "recurrent", "model.reads": "strokes", "model.hidden": 16}
)
FLAT, STEEP = ([np.array([start, end])] for start, end in (((0.1, 0.5), (0.9, 0.5)), ((0.5, 0.1), (0.5, 0.9))))


def test_learns_from_drawings_and_from_sequences_alike() -> None:
    trained = random_start(EXPERIMENT)
    adapted = trained.adapt([FLAT, STEEP], ["flat", "steep"], 20)
    assert adapted.support_losses[-1] < adapted.support_losses[0]
    other = [[stroke * 0.5 + 0.2 for stroke in drawing] for drawing in (STEEP, FLAT)]
    answer = adapted.predict(other)
    assert answer.labels == ("steep", "flat")
    for sequences in (to_sequences(other), torch.from_numpy(to_sequences(other))):
        np.testing.assert_array_equal(adapted.predict(sequences).probabilities, answer.probabilities)


@pytest.mark.parametrize(
    ("drawings", "reason"),
    [
        ([], "There are no drawings"),
        (np.zeros((2, 28, 28)), r"This network reads strokes: .* sequences of shape \[n, 64, 3\], not \[2, 28, 28\]"),
        (np.full((1, 64, 3), np.nan), "finite"),
        ([[np.zeros((3, 5))]], r"list of strokes: A stroke must have the shape"),
        ([3], "list of strokes"),
    ],
)
def test_refused(drawings: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        random_start(EXPERIMENT).adapt(drawings, [0] * len(drawings))  # type: ignore[arg-type]
