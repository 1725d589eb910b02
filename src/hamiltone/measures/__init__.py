"""Measures of classification: accuracy, UAR and F1, intervals and paired tests over speakers, calibration.

Every measure is a function of the confusion matrix, with any batch dimensions in front, so the values without each
speaker are one call on the total less the speakers' confusion matrices. Clips are what is counted, never frames.

    >>> truth, prediction = ["sad", "sad", "sad", "angry"], ["sad", "sad", "angry", "angry"]
    >>> accuracy(truth, prediction)
    0.75
    >>> print(speaker_interval(accuracy_from_confusion, truth, prediction, ["01", "01", "02", "02"]))
    not estimable (2 speakers)
"""

from ._calibration import (
    Doubt,
    ReliabilityBin,
    doubt,
    expected_calibration_error,
    fit_temperature,
    reliability_bins,
    temperature_range,
)
from ._confusion import (
    ConfusionMeasure,
    accuracy_from_confusion,
    confusion_matrix,
    macro_f1_from_confusion,
    unweighted_average_recall_from_confusion,
)
from ._folds import mean_over_folds
from ._holm import holm
from ._interval import MINIMUM_SPEAKERS, Interval, speaker_interval
from ._paired import (
    MOST_SPEAKERS_ENUMERATED,
    PairedClips,
    PairedTest,
    mean_paired_interval,
    paired_interval,
    paired_permutation_test,
)
from ._scores import accuracy, macro_f1, unweighted_average_recall
from ._summary import UNKNOWN_SPEAKERS, summarise

__all__ = [
    "MINIMUM_SPEAKERS",
    "MOST_SPEAKERS_ENUMERATED",
    "UNKNOWN_SPEAKERS",
    "ConfusionMeasure",
    "Doubt",
    "Interval",
    "PairedClips",
    "PairedTest",
    "ReliabilityBin",
    "accuracy",
    "accuracy_from_confusion",
    "confusion_matrix",
    "doubt",
    "expected_calibration_error",
    "fit_temperature",
    "holm",
    "macro_f1",
    "macro_f1_from_confusion",
    "mean_over_folds",
    "mean_paired_interval",
    "paired_interval",
    "paired_permutation_test",
    "reliability_bins",
    "speaker_interval",
    "summarise",
    "temperature_range",
    "unweighted_average_recall",
    "unweighted_average_recall_from_confusion",
]
