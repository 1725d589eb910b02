"""Summary of a list of clips for its record: measures with intervals, and the confusion matrix."""

from collections.abc import Collection
from typing import Any

from ._confusion import (
    ConfusionMeasure,
    accuracy_from_confusion,
    grouped_confusion,
    is_missing,
    macro_f1_from_confusion,
    unweighted_average_recall_from_confusion,
)
from ._interval import interval_of_counts

UNKNOWN_SPEAKERS = "not estimable (speakers unknown)"
"""The note of a measure of clips that do not all have a speaker."""

_MEASURES: dict[str, ConfusionMeasure] = {
    "accuracy": accuracy_from_confusion,
    "uar": unweighted_average_recall_from_confusion,
    "macro_f1": macro_f1_from_confusion,
}


def summarise(
    truth: Collection[str],
    prediction: Collection[str],
    speakers: Collection[Any],
    labels: Collection[str],
) -> dict[str, Any]:
    """Accuracy, UAR and macro-F1 with 95 % intervals over speakers, and the confusion matrix, ready for JSON.

    Args:
        truth: the true class of each clip.
        prediction: the predicted class of each clip.
        speakers: the speaker of each clip; None or NaN where that is not known.
        labels: every class once, in the order of the confusion matrix.

    Returns:
        ``{"clips", "speakers", "accuracy", "uar", "macro_f1", "confusion", "labels"}``; each measure is
        ``{"value", "low", "high", "note"}``, where below ``MINIMUM_SPEAKERS`` speakers, or where a clip has none,
        ``low`` and ``high`` are None and the note says so.

    Raises:
        ValueError: no clips, lengths that differ, a label twice, a class outside ``labels``.

    >>> summary = summarise(["sad", "calm"], ["sad", "sad"], ["01", "02"], labels=["calm", "sad"])
    >>> summary["accuracy"]
    {'value': 0.5, 'low': None, 'high': None, 'note': 'not estimable (2 speakers)'}
    >>> summary["confusion"]
    [[0, 1], [0, 1]]
    """
    named = {speaker for speaker in speakers if not is_missing(speaker)}
    nameless = any(map(is_missing, speakers))
    # Any two without a name may be of one voice: all are one cluster then, of which there is no interval.
    counts = grouped_confusion(truth, prediction, labels, ["all"] * len(speakers) if nameless else speakers)
    summary: dict[str, Any] = {"clips": len(truth), "speakers": len(named)}
    for name, measure in _MEASURES.items():
        interval = interval_of_counts(measure, counts)
        summary[name] = {
            "value": interval.estimate,
            "low": interval.low,
            "high": interval.high,
            "note": UNKNOWN_SPEAKERS if nameless else interval.note,
        }
    return summary | {"confusion": counts.sum(0).tolist(), "labels": [str(label) for label in labels]}
