"""Intervals over speakers: Student's t with the jackknife's standard error.

Left out one by one, speakers tell the standard error as draws with replacement do, and the same one each time;
``python -m benchmarks.intervals`` measures how often intervals of each kind hold the true value.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ._confusion import ConfusionMeasure, grouped_confusion, observed_classes

MINIMUM_SPEAKERS = 6
"""With fewer speakers no difference, however large, has a p below 0.05 (0.0625 at least for 5)."""


@dataclass(frozen=True)
class Interval:
    """A measure and its confidence interval; ``low`` and ``high`` are None where it is not estimable.

    >>> print(Interval(0.5, 0.4, 0.625, speakers=12))
    0.500 [0.400, 0.625]
    >>> print(Interval(0.5, None, None, speakers=1))
    not estimable (1 speaker)
    """

    estimate: float
    low: float | None
    high: float | None
    speakers: int

    @property
    def note(self) -> str:
        """Why there is no interval, or nothing."""
        if self.low is not None:
            return ""
        return f"not estimable ({self.speakers} speaker{'' if self.speakers == 1 else 's'})"

    def __str__(self) -> str:
        return self.note or f"{self.estimate:.3f} [{self.low:.3f}, {self.high:.3f}]"


def speaker_interval(
    measure: ConfusionMeasure,
    truth: Collection[Any],
    prediction: Collection[Any],
    speakers: Collection[Any],
    *,
    confidence: float = 0.95,
) -> Interval:
    """The t interval of a measure, clustered by speaker.

    Clips of one voice are not independent, so whole speakers are left out, each once, and the measure is computed on
    all clips of the others together (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 11). The interval
    is symmetric in the logarithm of the odds, so that it stays within 0..1. A class that only one speaker says does not
    count without that one, as the measure itself defines. Where all speakers are alike the interval has no width.

    Args:
        measure: a function of confusion counts to 0..1, e.g. ``unweighted_average_recall_from_confusion``.
        truth: the true class of each clip.
        prediction: the predicted class of each clip.
        speakers: the speaker of each clip.
        confidence: how often such intervals hold the value of all speakers.

    Returns:
        The estimate from all clips, and its interval, unless there are fewer than ``MINIMUM_SPEAKERS``.

    Raises:
        ValueError: no clips, lengths that differ, a clip without speaker, ``confidence`` or the measure outside 0..1.
    """
    counts = grouped_confusion(truth, prediction, observed_classes(truth, prediction), speakers)
    return interval_of_counts(measure, counts, confidence=confidence)


def interval_of_counts(
    measure: ConfusionMeasure, counts: Int[np.ndarray, "speakers classes classes"], *, confidence: float = 0.95
) -> Interval:
    """``speaker_interval`` from the speakers' confusion matrices."""
    check_confidence(confidence)
    speakers = len(counts)
    total = counts.sum(0)
    estimate = float(measure(total))
    if not 0 <= estimate <= 1:
        raise ValueError(f"the measure is {estimate:g}; intervals are of measures between 0 and 1")
    if speakers < MINIMUM_SPEAKERS:
        return Interval(estimate, None, None, speakers)
    half = half_width([measure(total - counts)], [speakers - 1], confidence)
    if not half or estimate in (0, 1):
        return Interval(estimate, estimate, estimate, speakers)
    from scipy import special  # noqa: PLC0415 - slow to import

    # The slope of the log odds carries the standard error there.
    low, high = special.expit(special.logit(estimate) + np.array([-half, half]) / (estimate * (1 - estimate)))
    return Interval(estimate, float(low), float(high), speakers)


def check_confidence(confidence: float) -> None:
    """Refuse a confidence that gives no interval."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence} and must lie between 0 and 1")


def half_width(left_out: Sequence[Float[np.ndarray, " _"]], freedom: Sequence[int], confidence: float) -> float:
    """Half of a t interval from the values without each speaker.

    Args:
        left_out: for each population, the values without each of its speakers.
        freedom: degrees of freedom of each population's variance; Satterthwaite's are those of their sum.
        confidence: of the interval.
    """
    variances = np.array([(len(values) - 1) * np.var(values) for values in left_out])
    variance = variances.sum()
    if variance == 0:
        return 0.0
    from scipy import special  # noqa: PLC0415 - slow to import

    joint = variance**2 / np.sum(variances**2 / np.array(freedom))
    return float(special.stdtrit(joint, (1 + confidence) / 2) * np.sqrt(variance))
