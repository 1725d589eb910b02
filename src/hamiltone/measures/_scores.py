"""Accuracy, UAR and macro-F1 of a list of clips."""

from collections.abc import Collection
from typing import Any

from ._confusion import (
    accuracy_from_confusion,
    confusion_matrix,
    macro_f1_from_confusion,
    observed_classes,
    unweighted_average_recall_from_confusion,
)


def accuracy(truth: Collection[Any], prediction: Collection[Any]) -> float:
    """The share of clips whose class is predicted rightly, in 0..1.

    Raises:
        ValueError: no clips, or lengths that differ.

    >>> accuracy(["sad", "sad", "calm", "angry"], ["sad", "calm", "calm", "calm"])
    0.5
    """
    return float(accuracy_from_confusion(confusion_matrix(truth, prediction, observed_classes(truth, prediction))))


def unweighted_average_recall(truth: Collection[Any], prediction: Collection[Any]) -> float:
    """UAR: the mean recall over the classes present in ``truth``, each class counting the same, in 0..1.

    It is scikit-learn's ``balanced_accuracy_score``; a class that is only predicted lowers the recall of others and
    has none of its own.

    Raises:
        ValueError: no clips, or lengths that differ.

    >>> unweighted_average_recall(["sad", "sad", "sad", "calm"], ["sad", "sad", "sad", "angry"])
    0.5
    """
    counts = confusion_matrix(truth, prediction, observed_classes(truth, prediction))
    return float(unweighted_average_recall_from_confusion(counts))


def macro_f1(truth: Collection[Any], prediction: Collection[Any], labels: Collection[Any]) -> float:
    """The mean F1 over the classes present in ``truth`` or in ``prediction``, in 0..1.

    A class of ``labels`` that neither contains has no F1 and does not count; one that is never hit counts as 0.

    Raises:
        ValueError: no clips, lengths that differ, a label twice, or a class outside ``labels``.

    >>> labels = ["angry", "calm", "happy", "sad"]
    >>> macro_f1(["sad", "sad", "calm", "calm"], ["sad", "sad", "calm", "angry"], labels)
    0.5555555555555555
    """
    return float(macro_f1_from_confusion(confusion_matrix(truth, prediction, labels)))
