"""Numbers and lists as the paragraphs write them."""

import math
from collections.abc import Sequence


def count(number: int, thing: str) -> str:
    """``1 inner step``, ``3 inner steps``."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def number(value: float) -> str:
    """A few significant digits."""
    return f"{value:.3g}" if math.isfinite(value) else "no number"


def share(value: float) -> str:
    """A share in per cent, small ones with their digits."""
    percent = 100 * value
    if not math.isfinite(percent):
        return "no number"
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %"


def times(ratio: float) -> str:
    """How many times: ``40 times``, ``1.6 times``."""
    if not math.isfinite(ratio):
        return "infinitely many times"
    return f"{ratio:,.0f} times" if ratio >= 10 else f"{ratio:.1f} times"


def names(items: Sequence[str], most: int = 4) -> str:
    """``a``, ``a and b``, ``a, b and c``; the rest of a long list as a number."""
    if len(items) > most:
        return f"{', '.join(items[: most - 1])} and {len(items) - most + 1} more"
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def fixed(mean: float, ci95: float, places: int = 3) -> str:
    """A similarity, in so many places: ``0.997 ± 0.001``."""
    return f"{mean:.{places}f}" if math.isnan(ci95) else f"{mean:.{places}f} ± {ci95:.{places}f}"


def signed(text: str) -> str:
    """A number's words with a true minus sign."""
    return text.replace("-", "−")


def interval(mean: float, ci95: float, digits: int = 3) -> str:
    """``0.34 ± 0.03``."""
    if not math.isfinite(mean):
        return "no number any more"
    return f"{mean:.{digits}g}" if math.isnan(ci95) else f"{mean:.{digits}g} ± {ci95:.2g}"


def percent(mean: float, ci95: float) -> str:
    """An accuracy: ``89.3 ± 1.3 %``."""
    return f"{100 * mean:.1f} %" if math.isnan(ci95) else f"{100 * mean:.1f} ± {100 * ci95:.1f} %"


def loss(value: float) -> str:
    """A loss in three digits, never as a power of ten unless it is one."""
    return f"{value:.3g}" if math.isfinite(value) else "no number any more"
