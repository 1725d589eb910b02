"""Means over folds against Student's t written out."""

import numpy as np
import pytest
from scipy.stats import t

from hamiltone.measures import mean_over_folds


def test_the_mean_over_folds_is_that_of_students_t() -> None:
    rng = np.random.default_rng(0)
    values = {(fold, seed): float(rng.random()) for fold in range(6) for seed in range(3)}
    folds = np.array([np.mean([values[fold, seed] for seed in range(3)]) for fold in range(6)])
    half = t.ppf(0.975, 5) * folds.std(ddof=1) / np.sqrt(6)
    found = mean_over_folds(values)
    assert found.estimate == pytest.approx(folds.mean())
    assert (found.low, found.high) == (pytest.approx(folds.mean() - half), pytest.approx(folds.mean() + half))
    assert mean_over_folds({(0, 0): 0.5, (1, 0): 0.7}).low is None
    alike = mean_over_folds({(fold, 0): 0.5 for fold in range(6)})
    assert (alike.estimate, alike.low, alike.speakers) == (0.5, None, 6)
