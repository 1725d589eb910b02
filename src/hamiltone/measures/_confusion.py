"""Confusion matrices, and the measures as functions of them."""

import math
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from jaxtyping import Float, Int

ConfusionMeasure = Callable[[np.ndarray], np.ndarray]
"""Confusion counts (..., class, class), rows the truth -> one value per matrix (...)."""


def confusion_matrix(
    truth: Collection[Any], prediction: Collection[Any], labels: Collection[Any]
) -> Int[np.ndarray, "classes classes"]:
    """Count the clips: rows are the true classes, columns the predicted ones, both in the order of ``labels``.

    Args:
        truth: the true class of each clip.
        prediction: the predicted class of each clip.
        labels: every class once; classes without a clip keep their row and column of zeros.

    Raises:
        ValueError: no clips, lengths that differ, a label twice, or a class outside ``labels``.

    >>> confusion_matrix(["sad", "sad", "calm"], ["sad", "calm", "calm"], labels=["calm", "sad", "angry"]).tolist()
    [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    """
    return grouped_confusion(truth, prediction, labels, ["all"] * len(truth))[0]


def grouped_confusion(
    truth: Collection[Any], prediction: Collection[Any], labels: Collection[Any], groups: Collection[Any]
) -> Int[np.ndarray, "groups classes classes"]:
    """One confusion matrix per group (speaker), in the sorted order of the groups.

    Raises:
        ValueError: as ``confusion_matrix``; also a group that is missing (None or NaN) or cannot be sorted.
    """
    if len(truth) == 0:
        raise ValueError("there are no clips to measure")
    for name, other in (("prediction", prediction), ("speakers", groups)):
        if len(other) != len(truth):
            raise ValueError(f"truth has {len(truth)} clips and {name} has {len(other)}")
    classes = len(labels)
    rows, columns = _codes(truth, labels, "truth"), _codes(prediction, labels, "prediction")
    group = _codes(groups, _sorted_groups(groups), "speakers")
    flat = np.ravel_multi_index((group, rows, columns), (int(group.max()) + 1, classes, classes))
    counts = np.bincount(flat, minlength=(int(group.max()) + 1) * classes * classes)
    return counts.reshape(-1, classes, classes)


def is_missing(value: Any) -> bool:
    """Whether a cell of a table says nothing: None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def observed_classes(*sequences: Collection[Any]) -> list[Any]:
    """Every class that occurs, once, in the order of its first occurrence."""
    try:
        return list(dict.fromkeys(item for sequence in sequences for item in sequence))
    except TypeError as error:
        raise ValueError(f"classes must be a flat sequence of names or numbers: {error}") from None


def accuracy_from_confusion(confusion: Int[np.ndarray, "*batch classes classes"]) -> Float[np.ndarray, "*batch"]:
    """The share of clips on the diagonal.

    >>> accuracy_from_confusion(np.array([[3, 1], [0, 4]])).item()
    0.875
    """
    return np.asarray(_diagonal(confusion).sum(-1) / _filled(confusion).sum((-2, -1)))


def unweighted_average_recall_from_confusion(
    confusion: Int[np.ndarray, "*batch classes classes"],
) -> Float[np.ndarray, "*batch"]:
    """The mean recall over the classes that the truth (of each matrix) contains.

    >>> unweighted_average_recall_from_confusion(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]])).item()
    0.75
    """
    clips = _filled(confusion).sum(-1)
    return _mean_where(_diagonal(confusion) / np.maximum(clips, 1), clips > 0)


def macro_f1_from_confusion(confusion: Int[np.ndarray, "*batch classes classes"]) -> Float[np.ndarray, "*batch"]:
    """The mean F1 over the classes that the truth or the prediction (of each matrix) contains.

    >>> macro_f1_from_confusion(np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0]])).round(4).item()
    0.6667
    """
    either = _filled(confusion).sum(-1) + confusion.sum(-2)
    return _mean_where(2 * _diagonal(confusion) / np.maximum(either, 1), either > 0)


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _filled(confusion: np.ndarray) -> np.ndarray:
    if confusion.ndim < 2 or confusion.shape[-1] != confusion.shape[-2]:
        raise ValueError(f"a confusion matrix is square, (..., class, class), and this has shape {confusion.shape}")
    if not confusion.sum((-2, -1)).all():
        raise ValueError("a confusion matrix without clips has no measure")
    return confusion


def _mean_where(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return np.asarray((values * counted).sum(-1) / counted.sum(-1))


def _sorted_groups(groups: Collection[Any]) -> list[Any]:
    found = observed_classes(groups)
    if any(is_missing(group) for group in found):
        raise ValueError("a clip has no speaker: intervals are clustered by speaker")
    try:
        return sorted(found)
    except TypeError:
        raise ValueError("speakers must be all names or all numbers") from None


def _codes(values: Collection[Any], labels: Collection[Any], name: str) -> Int[np.ndarray, " clips"]:
    index = {label: code for code, label in enumerate(observed_classes(labels))}
    if len(index) != len(labels):
        raise ValueError(f"a label stands twice in {list(labels)}")
    try:
        return np.array([index[value] for value in values], dtype=np.int64)
    except (KeyError, TypeError):
        strange = next(value for value in values if not _known(value, index))
        raise ValueError(f"{name} contains {strange!r}, which is none of the labels {list(labels)}") from None


def _known(value: Any, index: dict[Any, int]) -> bool:
    try:
        return value in index
    except TypeError:
        return False
