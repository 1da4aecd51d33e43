"""What a plot draws of its numbers."""

import csv
import io
import itertools
import math

import numpy as np
import pytest

from maml_studio.gui import plot_data, plot_export
from maml_studio.gui.plot_data import Series, Smoothing


def noisy(points: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=points)


@pytest.mark.parametrize("points", [0, 1, 2, 999, 1000, 1001, 20_000, 32_000, 32_001, 100_000, 1_000_000])
def test_bins_are_few_and_keep_the_extremes(points: int) -> None:
    x, y = np.arange(points), noisy(points)
    series = Series()
    series.set(x, y)
    drawn_x, drawn_y = series.bins(0, points)
    assert len(drawn_x) == len(drawn_y) <= 2 * plot_data.BINS
    if points:
        assert (drawn_y.min(), drawn_y.max()) == (y.min(), y.max())
        assert (drawn_x[0], drawn_x[-1]) == (0, points - 1)
        assert (np.diff(drawn_x) >= 0).all()


@pytest.mark.parametrize("points", [20_000, 300_000])
def test_a_rising_curve_is_drawn_through_its_own_points(points: int) -> None:
    x = np.arange(points)
    for y in (np.sqrt(x), -np.sqrt(x)):
        series = Series()
        series.set(x, y)
        drawn_x, drawn_y = series.bins(0, points)
        assert np.array_equal(drawn_y, y[drawn_x.astype(int)])


def test_bins_of_a_part_are_finer_and_reach_over_its_edges() -> None:
    x, y = np.arange(100_000), noisy(100_000)
    series = Series()
    series.set(x, y)
    drawn_x, drawn_y = series.bins(50_000.5, 50_100.5)
    assert drawn_x[0] == 50_000
    assert drawn_x[-1] == 50_101
    assert np.array_equal(drawn_y, y[50_000:50_102])
    assert all(len(part) == 0 for part in Series().bins(0, 1))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("points", [100, 50_000])
def test_what_cant_be_drawn_is_a_gap(bad: float, points: int) -> None:
    y = noisy(points)
    y[10:80] = bad
    y[points // 2 :] = bad
    series = Series()
    series.set(np.arange(points), y)
    drawn_x, drawn_y = series.bins(0, points)
    assert np.isnan(drawn_y[drawn_x > points // 2 + plot_data._BLOCK * 2]).all()
    good = y[np.abs(y) < 1e100]
    assert plot_data.span(drawn_y) == (good.min(), good.max())


@pytest.mark.parametrize("shared", [True, False], ids=["one growing buffer", "new arrays"])
@pytest.mark.parametrize("step", [1, 63, 64, 1000])
def test_appending_gives_the_bins_of_a_fresh_curve(shared: bool, step: int) -> None:
    buffer_x, buffer_y = np.arange(60_000), noisy(60_000)
    buffer_y[45_000:45_300] = np.nan
    series = Series()
    kept = []
    for end in (40_000, 40_000 + step, 40_000 + 2 * step, 60_000):
        x, y = buffer_x[:end], buffer_y[:end]
        kept.append(series.set(x, y) if shared else series.set(x.copy(), y.copy()))
        fresh = Series()
        fresh.set(x, y)
        for mine, other in zip(series.bins(0, 60_000), fresh.bins(0, 60_000), strict=True):
            assert np.array_equal(mine, other, equal_nan=True)
    assert kept == [0, 40_000, 40_000 + step, 40_000 + 2 * step]


@pytest.mark.parametrize("change", ["another value", "shorter", "another x", "other type"])
def test_another_curve_is_not_taken_for_the_same_with_more(change: str) -> None:
    x, y = np.arange(50_000.0), noisy(50_000)
    series = Series()
    series.set(x[:40_000], y[:40_000])
    series.bins(0, 50_000)
    x, y = x.copy(), y.copy()
    if change == "another value":
        y[7] = 9.0
    elif change == "shorter":
        x, y = x[:30_000], -y[:30_000]
    elif change == "another x":
        x += 1
    else:
        y = -y.astype(np.float32)
    assert series.set(x, y) == 0
    drawn = series.bins(-1, 60_000)[1]
    assert (drawn.min(), drawn.max()) == (y.min(), y.max())


def test_short_curves_may_even_be_changed_in_place() -> None:
    x, y = np.arange(6), np.zeros(6)
    series = Series()
    series.set(x, y)
    y[:] = 3
    series.set(x, y)
    assert series.bins(0, 5)[1].tolist() == [3] * 6


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1]), ([[1]], [[1]]), (1, 2)])
def test_rows_of_other_lengths_are_refused(x: object, y: object) -> None:
    with pytest.raises(ValueError, match="two rows of one length"):
        Series().set(np.array(x), np.array(y))


@pytest.mark.parametrize(("at", "index"), [(-5, 0), (0.4, 0), (0.6, 1), (9, 3), (4, 2), (math.inf, 3)])
def test_nearest(at: float, index: int) -> None:
    series = Series()
    series.set(np.array([0, 1, 3, 10]), np.zeros(4))
    assert series.nearest(at) == index


def test_nearest_without_order_and_without_points() -> None:
    series = Series()
    assert series.nearest(0) is None
    assert series.extent() is None
    series.set(np.array([5.0, np.nan, 1.0]), np.zeros(3))
    assert not series.ordered
    assert series.nearest(1.2) == 2
    assert series.extent() == (1, 5)
    assert len(series.bins(0, 1)[0]) == 3


def reference(values: np.ndarray, weight: float) -> np.ndarray:
    out, total, count = [], 0.0, 0
    for value in values:
        if not abs(value) <= 1e100:
            out.append(np.nan)
            continue
        count += 1
        total = weight * total + (1 - weight) * value
        out.append(total / (1 - weight**count))
    return np.array(out)


@pytest.mark.parametrize("weight", [0.0, 0.01, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("points", [0, 1, 31, 32, 33, 1100, 5000])
def test_smoothing_is_the_loop_that_one_would_write(weight: float, points: int) -> None:
    values = noisy(points) + 3
    values[5:9] = [np.nan, np.inf, -np.inf, np.nan] if points > 9 else values[5:9]
    np.testing.assert_allclose(Smoothing().of(values, 0, weight), reference(values, weight), rtol=1e-12)


def test_smoothing_goes_on_where_it_was() -> None:
    values = noisy(9000)
    values[4000:4100] = np.nan
    smoothing = Smoothing()
    done = 0
    for end in (1, 40, 41, 4050, 4060, 9000):
        smoothed = smoothing.of(values[:end], done, 0.97)
        done = end
        np.testing.assert_allclose(smoothed, reference(values[:end], 0.97), rtol=1e-11)
    held = smoothed.copy()
    np.testing.assert_allclose(smoothing.of(values, 9000, 0.5), reference(values, 0.5), rtol=1e-11)
    assert np.array_equal(smoothed, held, equal_nan=True)  # another weight leaves the old view alone
    np.testing.assert_allclose(smoothing.of(-values, 0, 0.5), reference(-values, 0.5), rtol=1e-11)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.3, 0.31), (-5, 1e6), (2, 2), (0, 0), (-1e-9, 1e-9), (1e99, -1e99), (7, 7 + 1e-15)])
def test_a_nice_range_holds_its_values(low: float, high: float) -> None:
    low, high = sorted((low, high))
    found = plot_data.nice_range(low, high)
    assert found[0] <= low + 1e-12 * abs(low)
    assert high - 1e-12 * abs(high) <= found[1]
    assert found[0] < found[1]


def test_a_nice_range_stays_until_it_is_left_or_far_too_wide() -> None:
    first = plot_data.nice_range(0.1, 1.9)
    assert first == (0.0, 2.0)
    assert plot_data.nice_range(0.2, 1.5, first) == first
    assert plot_data.nice_range(0.2, 2.1, first) != first
    assert plot_data.nice_range(0.1, 0.2, first) == pytest.approx((0.1, 0.2))


def test_a_growing_range_moves_seldom_and_never_back() -> None:
    ends = [plot_data.growing_range(1, high, True)[1] for high in range(2, 5000)]
    assert all(end >= high for end, high in zip(ends, range(2, 5000), strict=True))
    assert all(later >= earlier for earlier, later in itertools.pairwise(ends))
    assert len(set(ends)) < 45
    assert plot_data.growing_range(0, 7, True) == (0, 7)
    assert plot_data.growing_range(0, 0, True) == (0, 1)
    assert plot_data.growing_range(2.0, 2.0, False) == (1.8, 2.2)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("low", "high"), [(0, 5), (0, 3000), (-0.1, 1.1), (1e-6, 3e-6)])
def test_ticks_are_few_and_within(low: float, high: float, whole: bool) -> None:
    step, values = plot_data.ticks(low, high, 6, whole=whole)
    assert len(values) <= 7
    assert all(low - step * 1e-5 <= v <= high + step * 1e-5 for v in values)
    assert not whole or all(v == round(v) for v in values)


@pytest.mark.parametrize("most", [2, 5, 10])
@pytest.mark.parametrize(("low", "high"), [(-4, 2), (-0.3, 0.2), (-12, 0), (0.1, 0.101), (-1, 1), (98, 100)])
def test_log_ticks_are_few_and_within(low: float, high: float, most: int) -> None:
    values = np.log10(plot_data.log_ticks(low, high, most))
    assert len(values) <= most + 1
    assert all(low - 1e-6 <= v <= high + 1e-6 for v in values)


@pytest.mark.parametrize(
    ("value", "step", "words"),
    [
        (0, 1, "0"),
        (0, 0.2, "0.0"),
        (-0.25, 0.05, "−0.25"),
        (20000, 5000, "20000"),
        (2e6, 1e6, "2e6"),
        (3e-6, 1e-6, "3e−6"),
        (100, 50, "100"),
    ],
)
def test_labels(value: float, step: float, words: str) -> None:
    assert plot_data.label(value, step) == words


@pytest.mark.parametrize(
    ("values", "floor"), [([0, -1, 3, 0.5], 0.5), ([0, -1], 0.1), ([], 0.1), ([np.nan], 0.1), ([1e-300, 1], 1e-12), ([np.inf, 2], 2)]
)
def test_the_log_axis_ends_at_the_least_positive_value(values: list[float], floor: float) -> None:
    assert plot_data.log_floor([np.array(values, float)]) == floor


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def test_a_table_has_one_row_for_each_x() -> None:
    content = plot_export.table(
        "outer iteration",
        [
            ("loss, query", np.arange(1, 5), np.array([1.5, np.nan, 0.25, 1.0])),
            ("float32", np.array([2, 4]), np.array([0.1, 0.2], np.float32)),
        ],
    )
    assert rows(content) == [
        ["outer iteration", "loss, query", "float32"],
        ["1", "1.5", ""],
        ["2", "", "0.1"],
        ["3", "0.25", ""],
        ["4", "1", "0.2"],
    ]


def test_a_table_loses_no_point_and_no_digit() -> None:
    x = np.array([2, 1, 2, 2, 3])
    y = noisy(5)
    found = rows(plot_export.table("x", [("a", x, y), ("b", np.array([2]), np.array([7]))]))[1:]
    assert [row[0] for row in found] == ["1", "2", "2", "2", "3"]
    assert [float(row[1]) for row in found] == y[[1, 0, 2, 3, 4]].tolist()
    assert [row[2] for row in found] == ["", "7", "", "", ""]
    assert rows(plot_export.table("x", [])) == [["x"]]
