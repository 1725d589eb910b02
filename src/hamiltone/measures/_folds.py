"""Means over folds, each of other speakers, where what was measured is a number of a fold and no count of clips."""

from collections.abc import Mapping

import numpy as np

from ._interval import Interval

_LEAST = 3


def mean_over_folds(values: Mapping[tuple[int, int], float]) -> Interval:
    """The mean with its 95 % t interval over folds; seeds of a fold count as one.

    Args:
        values: by fold and seed, at least one.

    Returns:
        The mean, and its interval unless there are fewer than three folds or they are all alike; what is drawn anew
        are folds here, so ``speakers`` is their number.

    >>> print(mean_over_folds({(0, 0): 0.5, (0, 1): 0.7, (1, 0): 0.7, (2, 0): 0.5}))
    0.600 [0.352, 0.848]
    """
    from scipy.stats import ttest_1samp  # noqa: PLC0415 - slow to import

    folds = sorted({fold for fold, _ in values})
    means = np.array([np.mean([value for (of, _), value in values.items() if of == fold]) for fold in folds])
    mean = float(means.mean())
    if len(means) < _LEAST or np.ptp(means) == 0:
        return Interval(mean, None, None, len(means))
    low, high = ttest_1samp(means, 0.0).confidence_interval(0.95)
    return Interval(mean, float(low), float(high), len(means))
