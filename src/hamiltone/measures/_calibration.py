"""Calibration: temperature scaling, reliability bins and the expected calibration error.

Source: Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks (ICML 2017).
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 20.0


@dataclass(frozen=True)
class ReliabilityBin:
    """The clips whose highest probability lies above ``low`` and up to ``high``.

    Attributes:
        low: the bin's lower end.
        high: its upper end.
        clips: how many they are.
        confidence: the mean of their highest probabilities; NaN without clips.
        accuracy: the share of them that is predicted rightly; NaN without clips.
    """

    low: float
    high: float
    clips: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Doubt:
    """What it costs and brings to give no answer where the highest probability is too low.

    Attributes:
        clips: how many there are.
        unsure: how many of them get no answer.
        error: the share of wrong ones among the others; NaN without others.
        error_unsure: the share of those without an answer whose most probable class is wrong; NaN without any.
    """

    clips: int
    unsure: int
    error: float
    error_unsure: float


def fit_temperature(logits: Float[np.ndarray, "clip label"], classes: Int[np.ndarray, " clip"]) -> float:
    """The temperature T for which softmax(logits / T) gives the classes the highest likelihood.

    Fit it on clips that the network was not trained on. It changes no decision on a single row, only how sure it is.

    Args:
        logits: class scores before the softmax.
        classes: the index of each row's true class.

    Returns:
        T, within 0.05 to 20; near an end where there is no optimum, as when every row is right.

    Raises:
        ValueError: no rows, or a class out of range.

    >>> scores = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]])  # right three times of four: odds of 3
    >>> round(fit_temperature(scores, np.array([0, 0, 0, 1])), 3), round(4 / math.log(3), 3)
    (3.641, 3.641)
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow to import
    from scipy.special import logsumexp  # noqa: PLC0415

    _check(logits, classes)
    scores = logits.astype(np.float64)
    of_truth = scores[np.arange(len(classes)), classes]

    def loss(log_temperature: float) -> float:
        temperature = math.exp(log_temperature)
        return float(np.mean(np.asarray(logsumexp(scores / temperature, axis=1)) - of_truth / temperature))

    # The loss is convex in 1 / T, so it has one valley in log T, too.
    bounds = math.log(LEAST_TEMPERATURE), math.log(MOST_TEMPERATURE)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7})
    return math.exp(float(found.x))


def temperature_range(
    logits: Float[np.ndarray, "clip label"], temperature: float, *, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Where the temperature may lie of which ``temperature`` is the estimate by these rows; None: anywhere.

    The rows count as independent; those of one speaker are alike, so that less is known than this tells.

    Args:
        logits: that it was fitted to.
        temperature: what :func:`fit_temperature` gave.
        confidence: of the interval: normal, in log T, by the likelihood's curvature.

    Returns:
        The lowest and the highest; None where one of them is beyond what is searched, as where there is no optimum.
    """
    from scipy.special import ndtri, softmax  # noqa: PLC0415 - slow to import

    scores = logits / temperature
    chances = softmax(scores, axis=1)
    variances = (chances * scores**2).sum(1) - (chances * scores).sum(1) ** 2
    half = ndtri((1 + confidence) / 2) / math.sqrt(max(variances.sum(), np.finfo(float).tiny))
    low, high = (float(np.exp(math.log(temperature) + one)) for one in np.clip([-half, half], -100, 100))
    return (low, high) if low > LEAST_TEMPERATURE and high < MOST_TEMPERATURE else None


def reliability_bins(
    probabilities: Float[np.ndarray, "clip label"], classes: Int[np.ndarray, " clip"], bins: int = 10
) -> list[ReliabilityBin]:
    """Clips by their highest probability, in bins of equal width: in a calibrated model confidence equals accuracy.

    Args:
        probabilities: of each class; a row sums to 1.
        classes: the index of each row's true class.
        bins: how many between 0 and 1.

    Raises:
        ValueError: no rows, a class out of range, or no bins.

    >>> [low, high] = reliability_bins(np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]), np.array([0, 0, 0]), bins=2)
    >>> low.clips, low.accuracy, high.clips, high.accuracy, round(high.confidence, 3)
    (1, 1.0, 2, 0.5, 0.85)
    """
    _check(probabilities, classes)
    if bins < 1:
        raise ValueError(f"bins is {bins} and must be at least 1")
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == classes
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    return [
        ReliabilityBin(
            float(edges[index]),
            float(edges[index + 1]),
            int(inside.sum()),
            float(confidence[inside].mean()) if inside.any() else math.nan,
            float(right[inside].mean()) if inside.any() else math.nan,
        )
        for index in range(bins)
        for inside in [place == index]
    ]


def expected_calibration_error(
    probabilities: Float[np.ndarray, "clip label"], classes: Int[np.ndarray, " clip"], bins: int = 10
) -> float:
    """ECE: how far confidence is from accuracy, the mean over reliability bins, each weighed by its clips; in 0..1.

    Raises:
        ValueError: as ``reliability_bins``.

    >>> round(expected_calibration_error(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), bins=2), 3)
    0.35
    """
    filled = [one for one in reliability_bins(probabilities, classes, bins) if one.clips]
    return sum(one.clips * abs(one.confidence - one.accuracy) for one in filled) / len(classes)


def doubt(probabilities: Float[np.ndarray, "clip label"], classes: Int[np.ndarray, " clip"], below: float) -> Doubt:
    """What comes of it to be unsure where the highest probability is below a score.

    Raises:
        ValueError: no rows, or a class out of range.

    Source: Geifman and El-Yaniv, Selective Classification for Deep Neural Networks (NeurIPS 2017): coverage and risk.

    >>> doubt(np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.45, 0.55]]), np.array([0, 1, 0, 0]), below=0.6)
    Doubt(clips=4, unsure=1, error=0.3333333333333333, error_unsure=1.0)
    """
    _check(probabilities, classes)
    wrong = probabilities.argmax(axis=1) != classes
    unsure = probabilities.max(axis=1) < below
    shares = [float(wrong[part].mean()) if part.any() else math.nan for part in (~unsure, unsure)]
    return Doubt(len(classes), int(unsure.sum()), *shares)


def _check(rows: Float[np.ndarray, "clip label"], classes: Int[np.ndarray, " clip"]) -> None:
    if not len(rows):
        raise ValueError("no clips to calibrate on")
    if classes.min() < 0 or classes.max() >= rows.shape[1]:
        raise ValueError(f"classes must be 0 to {rows.shape[1] - 1}, not {classes.min()} to {classes.max()}")
