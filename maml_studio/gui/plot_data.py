"""What a plot draws of its numbers: min/max bins, smoothing, ranges and ticks. Numpy only.

Everything here grows with the data: of a curve that was appended to, only the new points are looked at.
"""

import math
from collections.abc import Iterable

import numpy as np

BINS = 500  # a curve is drawn as at most this many bins, two points each
LARGEST = 1e100  # beyond it a value is as good as infinite: nothing to draw, and Qt's transforms would overflow
_BLOCK = 64  # points that are summed up once and for all; a power of two, as the bins' sizes are
_SMALL = 4096  # shorter curves are worked through anew each time, which costs less than it could save

Range = tuple[float, float]


def drawable(values: np.ndarray) -> np.ndarray:
    """Return the values as float64, with NaN in place of what can't be drawn (NaN, infinite, above `LARGEST`)."""
    values = np.asarray(values, dtype=np.float64)
    fits = np.abs(values) <= LARGEST
    return values if fits.all() else np.where(fits, values, np.nan)


class Series:
    """The points of one curve, and what is worth drawing of them.

    The arrays are kept by reference and must not be changed in place; a longer view of the same growing buffer, or
    another array that begins with the same values, is taken as appended to and costs only its new points.

    Attributes:
        x: Positions ``[points]``, of any numeric type.
        y: Values ``[points]``; NaN and infinite ones are gaps.
        ordered: Whether x is finite and never falls.
    """

    def __init__(self) -> None:
        self.x = self.y = np.empty(0)
        self.ordered = True
        self._low = self._high = np.empty(0)  # of each whole block

    def set(self, x: np.ndarray, y: np.ndarray) -> int:
        """Take other points on.

        Returns:
            How many leading points are known to be the same as before.

        Raises:
            ValueError: The arrays are not two rows of one length.
        """
        x, y = np.asarray(x), np.asarray(y)
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError(f"x and y of a curve must be two rows of one length, not of shapes {x.shape} and {y.shape}.")
        kept = len(self.y) if len(y) >= _SMALL and _continues(self.x, x) and _continues(self.y, y) else 0
        self.x, self.y = x, y
        self._low, self._high = self._low[: kept // _BLOCK], self._high[: kept // _BLOCK]
        fresh = x[max(kept - 1, 0) :]
        rising = bool(np.all(fresh[1:] >= fresh[:-1])) and (len(fresh) == 0 or bool(np.isfinite(fresh[[0, -1]]).all()))
        self.ordered = rising and (self.ordered or kept == 0)
        return kept

    def extent(self) -> Range | None:
        """Return the least and the greatest x, or None without any."""
        return span(self.x[[0, -1]] if self.ordered and len(self.x) else self.x)

    def bins(self, low: float, high: float, most: int = BINS) -> tuple[np.ndarray, np.ndarray]:
        """Return the polyline to draw between two positions.

        Args:
            low: Left edge, in units of x.
            high: Right edge.
            most: How many bins at most.

        Returns:
            x and y, float64, of at most ``2 * most`` points: the points themselves if there are so few, else the least
            and the greatest value of each bin, in the order in which the curve goes through them. Gaps are NaN.
        """
        first, last = 0, len(self.x)
        if self.ordered:  # and one point beyond each edge, for the line that leads there
            first = max(int(np.searchsorted(self.x, low)) - 1, 0)
            last = min(int(np.searchsorted(self.x, high, side="right")) + 1, last)
        if last - first <= 2 * most:
            return drawable(self.x[first:last]), drawable(self.y[first:last])
        # A power of two, from multiples of itself: a bin that is full stays as it is while points are appended.
        size = 1 << math.ceil(math.log2((last - first) / most))
        if first // size + most <= (last - 1) // size:
            size *= 2
        starts = np.arange(first // size * size, last, size)
        ends = np.append(starts[1:], last) - 1
        if size < _BLOCK:
            values = drawable(self.y[starts[0] : last])
            low_y, high_y = (f.reduceat(values, starts - starts[0]) for f in (np.fmin, np.fmax))
        else:
            lows, highs = self._blocks()
            where, end = starts // _BLOCK, -(-last // _BLOCK)
            low_y, high_y = np.fmin.reduceat(lows[:end], where), np.fmax.reduceat(highs[:end], where)
        rising = self.y[starts] <= self.y[ends]
        x = np.column_stack([self.x[starts], self.x[ends]]).ravel()
        y = np.column_stack([np.where(rising, low_y, high_y), np.where(rising, high_y, low_y)]).ravel()
        return drawable(x), y

    def nearest(self, x: float) -> int | None:
        """Return the index of the point nearest to a position, or None without points."""
        if len(self.x) == 0:
            return None
        if not self.ordered:
            distance = np.abs(drawable(self.x) - x)
            return None if np.isnan(distance).all() else int(np.nanargmin(distance))
        x = min(max(x, self.x[0]), self.x[-1])
        right = int(np.searchsorted(self.x, x))
        left = max(right - 1, 0)
        return left if abs(self.x[left] - x) <= abs(self.x[right] - x) else right

    def _blocks(self) -> tuple[np.ndarray, np.ndarray]:
        """The least and greatest value of each block, the last one being what is there of it."""
        done, whole = len(self._low) * _BLOCK, len(self.y) // _BLOCK * _BLOCK
        if whole > done:
            fresh = drawable(self.y[done:whole]).reshape(-1, _BLOCK)
            self._low = np.concatenate([self._low, np.fmin.reduce(fresh, axis=1)])
            self._high = np.concatenate([self._high, np.fmax.reduce(fresh, axis=1)])
        rest = drawable(self.y[whole:])
        if len(rest) == 0:
            return self._low, self._high
        return np.append(self._low, np.fmin.reduce(rest)), np.append(self._high, np.fmax.reduce(rest))


def _continues(old: np.ndarray, new: np.ndarray) -> bool:
    """Whether an array is the old one with something behind it."""
    if len(new) < len(old) or new.dtype != old.dtype:
        return False
    if new.strides == old.strides and new.ctypes.data == old.ctypes.data:
        return True
    return np.array_equal(old, new[: len(old)], equal_nan=True)


class Smoothing:
    """An exponential moving average that starts without bias, of values that grow at the end.

    ``s[t] = w s[t-1] + (1 - w) y[t]``, divided by ``1 - w**t`` (Kingma and Ba, "Adam", 2015, section 3; TensorBoard
    smooths its curves so). Gaps stay gaps and are passed over.
    """

    def __init__(self) -> None:
        self._reset(0.0)

    def _reset(self, weight: float) -> None:
        # A new buffer each time: whoever holds a view of the old one keeps what he has.
        self._weight, self._buffer, self._done = weight, np.empty(0), 0
        self._sum, self._count = 0.0, 0

    def of(self, values: np.ndarray, kept: int, weight: float) -> np.ndarray:
        """Return the smoothed values ``[points]``, a view that the next call may extend.

        Args:
            values: All values ``[points]``.
            kept: How many leading ones are the same as at the last call.
            weight: w, from 0 (no smoothing) to below 1.
        """
        if weight != self._weight or kept < self._done or len(values) < self._done:
            self._reset(weight)
        if len(values) > len(self._buffer):
            buffer = np.empty(max(2 * len(self._buffer), len(values)))
            buffer[: self._done] = self._buffer[: self._done]
            self._buffer = buffer
        fresh = drawable(values[self._done :])
        there = np.isfinite(fresh)
        number = int(there.sum())
        if number:
            # Older than this a value weighs less than rounding does; and powers that small are slow to work out.
            lasting = math.ceil(math.log(1e-18) / math.log(weight)) if weight else 1
            ages = np.arange(1, min(number, lasting) + 1)
            sums = _scan((1 - weight) * fresh[there], weight)
            sums[: len(ages)] += self._sum * weight**ages
            self._sum = float(sums[-1])
            if self._count < lasting:
                sums[: len(ages)] /= 1 - weight ** (self._count + ages)
            fresh = np.full(len(fresh), np.nan)
            fresh[there] = sums
            self._count += number
        self._buffer[self._done : len(values)] = fresh
        self._done = len(values)
        return self._buffer[: self._done]


def _scan(values: np.ndarray, decay: float, row: int = 32) -> np.ndarray:
    """Return ``s[t] = decay * s[t-1] + values[t]`` from s = 0: row by row, then the rows' last sums in the same way."""
    count = len(values)
    rows = -(-count // row)
    padded = np.zeros(rows * row)
    padded[:count] = values
    ages = np.arange(row)
    powers = np.triu(np.float64(decay) ** np.abs(ages[None, :] - ages[:, None]))
    sums = padded.reshape(rows, row) @ powers
    if rows > 1:
        carried = _scan(sums[:, -1], decay**row, row)
        sums[1:] += carried[:-1, None] * decay ** (ages + 1)
    return sums.ravel()[:count]


def span(*arrays: np.ndarray) -> Range | None:
    """Return the least and the greatest drawable value of some arrays, or None where there is none."""
    ends = [(np.fmin.reduce(v), np.fmax.reduce(v)) for v in map(drawable, arrays) if v.size]
    ends = [(low, high) for low, high in ends if not math.isnan(low)]
    return (float(min(low for low, _ in ends)), float(max(high for _, high in ends))) if ends else None


def log_floor(arrays: Iterable[np.ndarray]) -> float:
    """Return where a log axis ends below: the least positive value, but no more than twelve decades under the greatest.

    What is zero or negative is drawn there.
    """
    found = span(*(np.where(v > 0, v, np.nan) for v in map(drawable, arrays)))
    return max(found[0], found[1] * 1e-12) if found else 0.1


def nice_step(width: float, most: float, factors: tuple[float, ...] = (1, 2, 5, 10)) -> float:
    """Return the least step 1, 2 or 5 times a power of ten of which at most `most` fit into a width."""
    least = max(width / most, 1e-300)
    power = 10.0 ** math.floor(math.log10(least))
    return next((f * power for f in factors if f * power >= least * (1 - 1e-9)), 10 * power)


def nice_range(low: float, high: float, current: Range | None = None) -> Range:
    """Return a range round some values that ends on nice steps; the current one while they fill half of it."""
    if current and current[0] <= low and high <= current[1] and high - low >= 0.5 * (current[1] - current[0]):
        return current
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # all the same: put them in the middle
        around = 0.1 * abs(high) or 0.5
        low, high = low - around, high + around
    step = nice_step(high - low, 5)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def growing_range(low: float, high: float, whole: bool) -> Range:
    """Return a range from `low` on that grows in nice steps as `high` moves out.

    Args:
        low: First position.
        high: Last position.
        whole: Whether positions are whole numbers; of a few, each is a step.
    """
    width = high - low
    if width <= 0:
        return (low, low + 1) if whole or low == 0 else (low - 0.1 * abs(low), low + 0.1 * abs(low))
    if not (whole and width <= 10):
        width = nice_step(width, 1, (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10))
    return low, low + width


def ticks(low: float, high: float, most: float, *, whole: bool = False) -> tuple[float, np.ndarray]:
    """Return the step between ticks and the ticks ``[n]`` of a linear axis."""
    step = nice_step(high - low, max(most, 1))
    step = max(step, 1.0) if whole else step
    return step, step * np.arange(math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6) + 1)


def log_ticks(low: float, high: float, most: float) -> np.ndarray:
    """Return the ticks ``[n]`` of a log axis: values, where `low` and `high` are powers of ten."""
    if high - low < 1 and high < 100:
        values = ticks(10**low, 10**high, most)[1]
        return values[values > 0]
    decades = np.arange(math.floor(low), math.ceil(high) + 1)
    for factors in ((1, 2, 5), (1, 3)):
        values = (10.0 ** decades[:, None] * np.array(factors)).ravel()
        values = values[(values >= 10**low * (1 - 1e-9)) & (values <= 10**high * (1 + 1e-9))]
        if len(values) <= most:
            return values
    return 10.0 ** ticks(low, high, most, whole=True)[1]


def label(value: float, step: float) -> str:
    """Return a tick's words: as many places as the step needs, a power of ten where that would be long."""
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return short(value, 3)
    places = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{places}f}".replace("-", "−")


def short(value: float, digits: int = 4) -> str:
    """Return a value in a few significant digits, with a true minus sign and a short exponent."""
    mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
    return (f"{mantissa}e{int(exponent)}" if e else mantissa).replace("-", "−")
