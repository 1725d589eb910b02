"""Bootstrap intervals, clustered by speaker.

``scipy.stats.bootstrap`` on the indices of speakers is the same method, but from the same seed it draws other speakers,
which would change the intervals of every record.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from ._confusion import ConfusionMeasure, grouped_confusion, observed_classes

MINIMUM_SPEAKERS = 6
"""With fewer speakers there are too few different resamples (126 for 5) for the ends of a 95 % interval."""


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
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile bootstrap of a measure, clustered by speaker.

    Clips of one voice are not independent, so whole speakers are drawn with replacement, as many as there are, and the
    measure is computed on all their clips together (Davison and Hinkley, Bootstrap Methods and their Application,
    section 3.8). A class that a resample lacks does not count in it, as the measure itself defines.

    Args:
        measure: a function of confusion counts, e.g. ``unweighted_average_recall_from_confusion``.
        truth: the true class of each clip.
        prediction: the predicted class of each clip.
        speakers: the speaker of each clip.
        resamples: how many times speakers are drawn.
        confidence: the share of resamples within the interval.
        seed: of the draws; the same clips in any order give the same interval.

    Returns:
        The estimate from all clips, and its interval, unless there are fewer than ``MINIMUM_SPEAKERS``.

    Raises:
        ValueError: no clips, lengths that differ, a clip without speaker, ``resamples`` below 1, or ``confidence``
            outside 0..1.
    """
    counts = grouped_confusion(truth, prediction, observed_classes(truth, prediction), speakers)
    return interval_of_counts(measure, counts, resamples=resamples, confidence=confidence, seed=seed)


def interval_of_counts(
    measure: ConfusionMeasure,
    counts: Int[np.ndarray, "speakers classes classes"],
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """``speaker_interval`` from the speakers' confusion matrices."""
    check_resampling(resamples, confidence)
    speakers, classes, _ = counts.shape
    estimate = float(measure(counts.sum(0)))
    if speakers < MINIMUM_SPEAKERS:
        return Interval(estimate, None, None, speakers)
    taken = speaker_draws(np.random.default_rng(seed), speakers, resamples)
    resampled = (taken @ counts.reshape(speakers, -1)).reshape(resamples, classes, classes)
    return percentile_interval(estimate, measure(resampled), confidence, speakers)


def check_resampling(resamples: int, confidence: float) -> None:
    """Refuse a number of resamples or a confidence that gives no interval."""
    if resamples < 1:
        raise ValueError(f"resamples is {resamples} and must be at least 1")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence} and must lie between 0 and 1")


def speaker_draws(
    generator: np.random.Generator, speakers: int, resamples: int
) -> Int[np.ndarray, "resamples speakers"]:
    """How often each speaker is taken when as many as there are are drawn with replacement: multinomial."""
    return generator.multinomial(speakers, np.full(speakers, 1 / speakers), size=resamples)


def percentile_interval(
    estimate: float, resampled: Float[np.ndarray, " resamples"], confidence: float, speakers: int
) -> Interval:
    """The estimate with the central share of the resampled values around it."""
    low, high = np.quantile(resampled, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, float(low), float(high), speakers)
