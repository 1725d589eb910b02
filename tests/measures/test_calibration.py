"""Temperature, reliability and ECE: against conditions that the optimum must meet, and against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from hamiltone.measures import (
    doubt,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
    temperature_range,
)


def sample(seed: int, temperature: float, clips: int = 400, labels: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and classes that follow softmax(logits / temperature)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (clips, labels))
    chances = softmax(logits / temperature, axis=1).cumsum(axis=1)
    classes = (rng.random((clips, 1)) > chances[:, :-1]).sum(axis=1)
    return logits, classes


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 4.0))
@settings(deadline=None, max_examples=40)
def test_at_the_optimum_the_score_of_the_truth_is_the_expected_one(seed: int, temperature: float) -> None:
    """The derivative of the likelihood by 1 / T is the mean of (score of the truth - expected score)."""
    logits, classes = sample(seed, temperature)
    fitted = fit_temperature(logits, classes)
    expected = (softmax(logits / fitted, axis=1) * logits).sum(axis=1).mean()
    assert logits[np.arange(len(classes)), classes].mean() == pytest.approx(expected, abs=1e-4)


def test_the_temperature_that_made_the_classes_is_found() -> None:
    logits, classes = sample(1, 2.5, clips=20_000)
    assert fit_temperature(logits, classes) == pytest.approx(2.5, rel=0.05)


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 2.0), st.floats(-5, 5))
@settings(deadline=None, max_examples=25)
def test_it_goes_with_the_scale_of_the_scores_and_not_with_their_offset(seed: int, scale: float, add: float) -> None:
    logits, classes = sample(seed, 1.5)
    assert fit_temperature(logits * scale + add, classes) == pytest.approx(
        scale * fit_temperature(logits, classes), rel=1e-3
    )


def test_where_all_are_right_or_wrong_it_ends_at_the_bound() -> None:
    scores = np.eye(3) * 2
    for classes, end in ((np.arange(3), 0.05), (np.array([1, 2, 0]), 20.0)):
        fitted = fit_temperature(scores, classes)
        assert fitted == pytest.approx(end, rel=0.25)
        assert temperature_range(scores, fitted) is None


def test_the_range_is_that_of_the_likelihoods_curvature() -> None:
    logits, classes = sample(3, 1.5, clips=50)
    fitted = fit_temperature(logits, classes)

    def loss(log_temperature: float) -> float:
        return -log_softmax(logits / np.exp(log_temperature), axis=1)[np.arange(50), classes].sum()

    at, step = np.log(fitted), 1e-3
    error = 1 / np.sqrt((loss(at + step) - 2 * loss(at) + loss(at - step)) / step**2)
    for confidence, deviations in ((0.95, 1.959964), (0.5, 0.674490)):
        expected = np.exp([at - deviations * error, at + deviations * error])
        assert temperature_range(logits, fitted, confidence=confidence) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("temperature", [0.06, 15.0])
def test_a_range_with_one_end_beyond_what_is_searched_is_none(temperature: float) -> None:
    logits = sample(3, 1.5, clips=10)[0] * temperature  # told so loosely that one end alone is out of bounds
    low, high = temperature_range(logits / temperature, 1.0) or (math.nan, math.nan)
    assert (low * temperature < 0.05) != (high * temperature > 20)
    assert temperature_range(logits, temperature) is None


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 10))
@settings(deadline=None, max_examples=60)
def test_doubt_is_what_a_loop_over_clips_gives(seed: int, clips: int, tenths: int) -> None:
    logits, classes = sample(seed, 1.0, clips)
    probabilities = softmax(logits, axis=1).round(1)  # rounded, so that some are just at the bound
    below = tenths / 10
    wrong: dict[bool, list[bool]] = {True: [], False: []}
    for row, truth in zip(probabilities, classes, strict=True):
        wrong[bool(max(row) < below)].append(bool(np.argmax(row) != truth))
    found = doubt(probabilities, classes, below)
    assert (found.clips, found.unsure) == (clips, len(wrong[True]))
    for share, its in ((found.error, wrong[False]), (found.error_unsure, wrong[True])):
        assert share == pytest.approx(sum(its) / len(its)) if its else math.isnan(share)


def test_the_range_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(400):
        logits, classes = sample(seed, 2.0, clips=100)
        low, high = temperature_range(logits, fit_temperature(logits, classes)) or (0.0, 0.0)
        held += low < 2.0 < high
    assert 0.92 < held / 400 < 0.98


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 15))
@settings(deadline=None, max_examples=60)
def test_ece_is_what_a_loop_over_clips_gives(seed: int, clips: int, bins: int) -> None:
    logits, classes = sample(seed, 1.0, clips)
    probabilities = softmax(logits, axis=1)
    groups: dict[int, list[int]] = {}
    for clip, row in enumerate(probabilities):
        groups.setdefault(math.ceil(max(row) * bins), []).append(clip)
    expected = 0.0
    for members in groups.values():
        right = sum(int(np.argmax(probabilities[clip])) == classes[clip] for clip in members)
        expected += abs(sum(max(probabilities[clip]) for clip in members) - right) / clips
    assert expected_calibration_error(probabilities, classes, bins) == pytest.approx(expected, abs=1e-12)
    listed = reliability_bins(probabilities, classes, bins)
    assert sum(one.clips for one in listed) == clips
    assert all(one.low - 1e-12 <= one.confidence <= one.high + 1e-12 for one in listed if one.clips)


def test_a_fitted_temperature_calibrates() -> None:
    logits, classes = sample(3, 3.0, clips=5000)
    before = expected_calibration_error(softmax(logits, axis=1), classes)
    after = expected_calibration_error(softmax(logits / fit_temperature(logits, classes), axis=1), classes)
    assert before > 0.2
    assert after < 0.05


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="no clips"):
        fit_temperature(np.zeros((0, 2)), np.zeros(0, int))
    with pytest.raises(ValueError, match="0 to 1, not 0 to 2"):
        expected_calibration_error(np.full((2, 2), 0.5), np.array([0, 2]))
    with pytest.raises(ValueError, match="at least 1"):
        reliability_bins(np.full((1, 2), 0.5), np.array([0]), bins=0)
