"""Strokes as pen moves: equal steps, in the drawing's own box, nothing lost and never NaN."""

import numpy as np
import pytest

from maml_studio.stroke_sequences import FEATURES, LENGTH, to_sequence, to_sequences

SQUARE = np.array([[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8], [0.2, 0.2]])
LINE = np.array([[0.1, 0.5, 0.0], [0.9, 0.5, 1.0]])


def places(sequence: np.ndarray) -> np.ndarray:
    return sequence[:, :2].cumsum(0)


def test_a_line_in_equal_steps() -> None:
    sequence = to_sequence([LINE])
    assert sequence.shape == (LENGTH, FEATURES)
    assert sequence.dtype == np.float32
    np.testing.assert_allclose(sequence[0], [-5, 0, 0])  # from the middle of the box to its left side, pen up
    np.testing.assert_allclose(sequence[1:, 0], 10 / 63, rtol=1e-5)
    np.testing.assert_allclose(sequence[1:, 1], 0, atol=1e-6)
    assert (sequence[1:, 2] == 1).all()


def test_steps_are_equal_however_the_hand_was_reported() -> None:
    t = np.linspace(0, 1, 200) ** 3  # many points where the pen is slow
    slow = np.stack([0.2 + 0.6 * t, 0.3 + 0.1 * t], 1)
    np.testing.assert_allclose(to_sequence([slow]), to_sequence([slow[[0, -1]]]), atol=1e-4)
    np.testing.assert_allclose(to_sequence([np.repeat(slow, 3, 0)]), to_sequence([slow]), atol=1e-4)


@pytest.mark.parametrize(("scale", "shift"), [(0.5, 0.0), (1.0, 0.2), (0.4, 0.6), (3.0, -1.0)])
def test_place_and_size_do_not_matter(scale: float, shift: float) -> None:
    np.testing.assert_allclose(to_sequence([SQUARE * scale + shift]), to_sequence([SQUARE]), atol=1e-4)


def test_time_is_no_part_of_it() -> None:
    timed = np.column_stack([SQUARE, np.linspace(0, 3, 5)])
    np.testing.assert_array_equal(to_sequence([timed]), to_sequence([SQUARE]))


def test_the_box_is_ten_units_and_its_middle_zero() -> None:
    xy = places(to_sequence([SQUARE]))
    np.testing.assert_allclose(xy.min(0), -5, atol=0.2)
    np.testing.assert_allclose(xy.max(0), 5, atol=0.2)
    np.testing.assert_allclose(xy[[0, -1]], -5, atol=1e-4)


def test_strokes_share_the_points_by_length() -> None:
    sequence = to_sequence([LINE, LINE[:, :2] * [0.5, 1.0], LINE + 0.1])
    starts = np.flatnonzero(sequence[:, 2] == 0)
    np.testing.assert_array_equal(starts, [0, 26, 39])  # one each, and of 61 others 24.4, 12.2 and 24.4
    np.testing.assert_allclose(places(sequence)[starts[1]], places(sequence)[0] + [-0.05 * 10 / 0.95, 0], atol=1e-3)


def test_a_dot_beside_a_line_is_one_point() -> None:
    dot = np.array([[0.5, 0.1, 0.0]])
    sequence = to_sequence([LINE, dot])
    assert sequence[-1, 2] == 0
    np.testing.assert_allclose(places(sequence)[-1], [0, -2.5], atol=1e-4)
    assert (sequence[:, 2] == 0).sum() == 2


@pytest.mark.parametrize("dot", [[[0.3, 0.7]], [[0.3, 0.7]] * 5, [[0.3, 0.7, 0.0], [0.3, 0.7, 0.2]]])
def test_a_dot_alone(dot: list[list[float]]) -> None:
    sequence = to_sequence([np.array(dot)])
    np.testing.assert_array_equal(sequence[:, :2], 0)
    np.testing.assert_array_equal(sequence[:, 2], [0] + [1] * 63)


def test_a_trembling_dot_is_not_magnified() -> None:
    tap = np.array([[0.5, 0.5], [0.51, 0.5], [0.505, 0.51]])
    assert np.abs(places(to_sequence([tap]))).max() < 0.3


@pytest.mark.parametrize("nothing", [[], [np.empty((0, 3))]])
def test_nothing_is_all_zeros(nothing: list[np.ndarray]) -> None:
    np.testing.assert_array_equal(to_sequence(nothing), np.zeros((LENGTH, FEATURES)))


def test_of_too_many_strokes_the_longest_are_kept_in_order() -> None:
    strokes = [np.array([[x, 0.1], [x, 0.1 + (0.01 if number % 5 == 0 else 0.5)]]) for number, x in enumerate(np.linspace(0, 1, 80))]
    sequence = to_sequence(strokes)
    assert (sequence[:, 2] == 0).all()  # a point for each
    assert (np.diff(places(sequence)[:, 0]) > 0).all()
    np.testing.assert_allclose(places(sequence)[:, 1], -0.0, atol=2.6)


def test_many_at_once() -> None:
    drawings = [[SQUARE], [], [LINE, SQUARE]]
    together = to_sequences(drawings)
    for sequence, strokes in zip(together, drawings, strict=True):
        np.testing.assert_array_equal(sequence, to_sequence(strokes))
    assert to_sequences([]).shape == (0, LENGTH, FEATURES)
    assert np.isfinite(together).all()


@pytest.mark.parametrize(
    ("stroke", "reason"),
    [(np.zeros((3, 4)), r"shape \[points, 3\]"), (np.zeros(3), r"shape \[points, 3\]"), (np.array([[0.0, np.nan]]), "not finite")],
)
def test_refused(stroke: np.ndarray, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        to_sequence([stroke])
