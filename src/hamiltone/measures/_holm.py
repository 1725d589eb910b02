"""Holm correction of p-values."""

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values for their number, so that the chance of any false finding among them stays below the level.

    Holm's step-down procedure (A simple sequentially rejective multiple test procedure, 1979): the i-th smallest of m
    is multiplied by m - i + 1, none comes out smaller than one before it, none above 1.

    Args:
        p_values: one per test; None where a test was not possible, which stays None and does not count.

    Returns:
        The adjusted values, in the order given.

    Raises:
        ValueError: a value outside 0..1.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]
    """
    for value in p_values:
        if value is not None and (math.isnan(value) or not 0 <= value <= 1):
            raise ValueError(f"{value} is no p-value: it must lie in 0..1")
    ordered = sorted((value, place) for place, value in enumerate(p_values) if value is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for done, (value, place) in enumerate(ordered):
        highest = max(highest, min(1.0, value * (len(ordered) - done)))
        adjusted[place] = highest
    return adjusted
