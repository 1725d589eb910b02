"""Summary of a list of clips for its record: measures with intervals, and the confusion matrix."""

from collections.abc import Collection
from typing import Any

from ._confusion import (
    ConfusionMeasure,
    accuracy_from_confusion,
    grouped_confusion,
    macro_f1_from_confusion,
    unweighted_average_recall_from_confusion,
)
from ._interval import interval_of_counts

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
        speakers: the speaker of each clip.
        labels: every class once, in the order of the confusion matrix.

    Returns:
        ``{"clips", "speakers", "accuracy", "uar", "macro_f1", "confusion", "labels"}``; each measure is
        ``{"value", "low", "high", "note"}``, where below ``MINIMUM_SPEAKERS`` speakers ``low`` and ``high`` are None
        and the note says so.

    Raises:
        ValueError: no clips, lengths that differ, a label twice, a class outside ``labels``, a clip without speaker.

    >>> summary = summarise(["sad", "calm"], ["sad", "sad"], ["01", "02"], labels=["calm", "sad"])
    >>> summary["accuracy"]
    {'value': 0.5, 'low': None, 'high': None, 'note': 'not estimable (2 speakers)'}
    >>> summary["confusion"]
    [[0, 1], [0, 1]]
    """
    counts = grouped_confusion(truth, prediction, labels, speakers)
    summary: dict[str, Any] = {"clips": len(truth), "speakers": len(counts)}
    for name, measure in _MEASURES.items():
        interval = interval_of_counts(measure, counts)
        summary[name] = {
            "value": interval.estimate,
            "low": interval.low,
            "high": interval.high,
            "note": interval.note,
        }
    return summary | {"confusion": counts.sum(0).tolist(), "labels": [str(label) for label in labels]}
