"""Paired comparison of two methods on the same clips: a permutation test and intervals, clustered by speaker.

``scipy.stats.permutation_test`` is the oracle of the tests, but no substitute: from the same seed it swaps other
speakers, and gives a difference that is zero up to rounding (of two UARs) a p below 1.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from ._confusion import ConfusionMeasure, grouped_confusion, observed_classes
from ._interval import MINIMUM_SPEAKERS, Interval, check_confidence, half_width

MOST_SPEAKERS_ENUMERATED = 12
"""Up to here all 2^n ways of swapping speakers are tried (4,096 for 12); beyond, a random sample of them."""

_ROUNDING = 1e-9
_COUNTS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class PairedTest:
    """A difference (method minus baseline) and its two-sided p; ``p`` is None where it is not estimable.

    >>> print(PairedTest(0.031, 0.25, speakers=12))
    +0.031 (p = 0.2500)
    >>> print(PairedTest(0.031, None, speakers=2))
    not estimable (2 speakers)
    """

    difference: float
    p: float | None
    speakers: int

    @property
    def note(self) -> str:
        """Why there is no p, or nothing."""
        return "" if self.p is not None else Interval(self.difference, None, None, self.speakers).note

    def __str__(self) -> str:
        return self.note or f"{self.difference:+.3f} (p = {self.p:.4f})"


@dataclass(frozen=True)
class PairedClips:
    """The answers of two methods to the same clips, one entry of each sequence per clip.

    Clips of several seeds or folds stand one after the other; a speaker is one cluster over all of them.

    Attributes:
        truth: the true classes.
        prediction: the classes that the method names.
        baseline: the classes that the baseline names.
        speakers: who speaks.
        population: the speakers' origin (a corpus): equal names are one person within one population only.
        weight: how much the difference counts in a mean of several.
    """

    truth: Collection[Any]
    prediction: Collection[Any]
    baseline: Collection[Any]
    speakers: Collection[Any]
    population: str = ""
    weight: float = 1.0


def paired_permutation_test(
    measure: ConfusionMeasure,
    truth: Collection[Any],
    prediction: Collection[Any],
    baseline: Collection[Any],
    speakers: Collection[Any],
    *,
    permutations: int = 10_000,
    seed: int = 0,
) -> PairedTest:
    """Test whether a method differs from its baseline, by swapping the two for whole speakers.

    If the methods were alike, each speaker's answers might as well have come from the other one. The statistic is the
    difference of the measure on all clips; p is the share of swaps with a difference at least as large in size
    (Good, Permutation, Parametric and Bootstrap Tests of Hypotheses, section 3.6). Clips of one voice are not
    independent and are never swapped apart. Predictions of several seeds or folds are given one after the other.

    Args:
        measure: a function of confusion counts, e.g. ``unweighted_average_recall_from_confusion``.
        truth: the true class of each clip.
        prediction: the class that the method names.
        baseline: the class that the baseline names.
        speakers: the speaker of each clip.
        permutations: how many random swaps beyond ``MOST_SPEAKERS_ENUMERATED`` speakers, where
            p = (1 + those as large) / (1 + permutations); up to there all swaps are counted and p is exact.
        seed: of the random swaps; the same clips in any order give the same p.

    Returns:
        The difference from all clips and p, unless there are fewer than ``MINIMUM_SPEAKERS``.

    Raises:
        ValueError: no clips, lengths that differ, a clip without speaker, or ``permutations`` below 1.

    >>> from hamiltone.measures import accuracy_from_confusion
    >>> truth, speakers = ["sad"] * 7, list("abcdefg")
    >>> print(paired_permutation_test(accuracy_from_confusion, truth, ["sad"] * 7, ["calm"] * 7, speakers))
    +1.000 (p = 0.0156)
    """
    if permutations < 1:
        raise ValueError(f"permutations is {permutations} and must be at least 1")
    counts = _paired_counts(PairedClips(truth, prediction, baseline, speakers))
    number = counts.shape[1]
    observed = float(_differences(measure, counts.sum(1, keepdims=True))[0])
    if number < MINIMUM_SPEAKERS:
        return PairedTest(observed, None, number)
    if exact := number <= MOST_SPEAKERS_ENUMERATED:
        swaps = (np.arange(2**number)[:, None] >> np.arange(number)) % 2 == 1
    else:
        swaps = np.random.default_rng(seed).random((permutations, number)) < 0.5
    as_large = int(np.sum(np.abs(_swapped(measure, counts, swaps)) >= abs(observed) - _ROUNDING))
    p = as_large / len(swaps) if exact else (as_large + 1) / (len(swaps) + 1)
    return PairedTest(observed, p, number)


def paired_interval(
    measure: ConfusionMeasure,
    truth: Collection[Any],
    prediction: Collection[Any],
    baseline: Collection[Any],
    speakers: Collection[Any],
    *,
    confidence: float = 0.95,
) -> Interval:
    """The t interval, clustered by speaker, of the difference between a method and its baseline, within -1..1.

    Args:
        measure: a function of confusion counts.
        truth: the true class of each clip.
        prediction: the class that the method names.
        baseline: the class that the baseline names.
        speakers: the speaker of each clip.
        confidence: how often such intervals hold the difference for all speakers.

    Returns:
        The difference (method minus baseline), and its interval unless there are fewer than ``MINIMUM_SPEAKERS``.

    Raises:
        ValueError: as ``speaker_interval``.
    """
    clips = PairedClips(truth, prediction, baseline, speakers)
    return mean_paired_interval(measure, [clips], confidence=confidence)


def mean_paired_interval(
    measure: ConfusionMeasure, comparisons: Sequence[PairedClips], *, confidence: float = 0.95
) -> Interval:
    """The weighted mean of several differences and its interval, clustered by speaker.

    Each speaker of a population is left out of all its comparisons at once: whom several of them were tested on
    counts as one and the same person. A population has as many degrees of freedom as its smallest comparison.

    Returns:
        The mean difference; no interval if any comparison has fewer than ``MINIMUM_SPEAKERS``. ``speakers`` is the
        number of the comparison that has the fewest.

    Raises:
        ValueError: as ``speaker_interval``; also no comparisons, or weights that are not positive.
    """
    if not comparisons:
        raise ValueError("there are no differences to average")
    check_confidence(confidence)
    weights = np.array([clips.weight for clips in comparisons], dtype=np.float64)
    if not (weights > 0).all():
        raise ValueError("weights of differences must be positive")
    counts = [_paired_counts(clips) for clips in comparisons]
    estimates = np.array([_differences(measure, count.sum(1, keepdims=True))[0] for count in counts])
    estimate = float(np.average(estimates, weights=weights))
    fewest = min(count.shape[1] for count in counts)
    if fewest < MINIMUM_SPEAKERS:
        return Interval(estimate, None, None, fewest)
    left_out, freedom = [], []
    for population in sorted({clips.population for clips in comparisons}):
        members = [place for place, clips in enumerate(comparisons) if clips.population == population]
        people = sorted({speaker for place in members for speaker in comparisons[place].speakers})
        # One row for each speaker who is left out, one column for each comparison: most do not change.
        values = np.tile(estimates, (len(people), 1))
        for place in members:
            rows = [people.index(speaker) for speaker in sorted(set(comparisons[place].speakers))]
            values[rows, place] = _differences(measure, counts[place].sum(1, keepdims=True) - counts[place])
        left_out.append(np.average(values, axis=1, weights=weights))
        freedom.append(min(counts[place].shape[1] for place in members) - 1)
    half = half_width(left_out, freedom, confidence)
    return Interval(estimate, max(estimate - half, -1.0), min(estimate + half, 1.0), fewest)


def _paired_counts(clips: PairedClips) -> Int[np.ndarray, "2 speakers classes classes"]:
    labels = observed_classes(clips.truth, clips.prediction, clips.baseline)
    return np.stack(
        [grouped_confusion(clips.truth, named, labels, clips.speakers) for named in (clips.prediction, clips.baseline)]
    )


def _differences(
    measure: ConfusionMeasure, counts: Int[np.ndarray, "2 batch classes classes"]
) -> Float[np.ndarray, " batch"]:
    method, baseline = measure(counts)
    return method - baseline


def _swapped(
    measure: ConfusionMeasure,
    counts: Int[np.ndarray, "2 speakers classes classes"],
    swaps: Bool[np.ndarray, "swaps speakers"],
) -> Float[np.ndarray, " swaps"]:
    """The difference under each pattern of swapped speakers, in portions that fit into memory."""
    method, baseline = counts.reshape(2, counts.shape[1], -1)
    classes = counts.shape[-1]
    portion = max(1, _COUNTS_AT_ONCE // classes**2)
    found = []
    for start in range(0, len(swaps), portion):
        moved = swaps[start : start + portion].astype(np.int64) @ (baseline - method)
        both = np.stack([method.sum(0) + moved, baseline.sum(0) - moved])
        found.append(_differences(measure, both.reshape(2, -1, classes, classes)))
    return np.concatenate(found)
