"""Accuracy, UAR, macro-F1 and the confusion matrix against scikit-learn."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from hamiltone.measures import (
    accuracy,
    accuracy_from_confusion,
    confusion_matrix,
    macro_f1,
    macro_f1_from_confusion,
    unweighted_average_recall,
    unweighted_average_recall_from_confusion,
)

LABELS = ["neutral", "calm", "happy", "sad", "angry"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


def sklearn_uar(truth, prediction):
    return metrics.recall_score(truth, prediction, labels=sorted(set(truth)), average="macro")


def sklearn_f1(truth, prediction):
    present = sorted({*truth, *prediction})
    return metrics.f1_score(truth, prediction, labels=present, average="macro")


@settings(max_examples=100, deadline=None)
@given(PAIRS)
def test_measures_equal_scikit_learn(pairs):
    truth, prediction = (list(side) for side in zip(*pairs, strict=True))
    assert math.isclose(accuracy(truth, prediction), metrics.accuracy_score(truth, prediction), abs_tol=1e-12)
    assert math.isclose(unweighted_average_recall(truth, prediction), sklearn_uar(truth, prediction), abs_tol=1e-12)
    assert math.isclose(macro_f1(truth, prediction, LABELS), sklearn_f1(truth, prediction), abs_tol=1e-12)
    expected = metrics.confusion_matrix(truth, prediction, labels=LABELS)
    np.testing.assert_array_equal(confusion_matrix(truth, prediction, LABELS), expected)


def test_uar_is_the_balanced_accuracy_where_no_class_is_absent():
    generator = np.random.default_rng(3)
    truth, prediction = np.concatenate([np.arange(8), generator.integers(0, 8, 292)]), generator.integers(0, 8, 300)
    expected = metrics.balanced_accuracy_score(truth, prediction)
    assert math.isclose(unweighted_average_recall(truth, prediction), expected, abs_tol=1e-12)


@settings(max_examples=30, deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_clips_and_labels_and_the_names_do_not_matter(pairs, random):
    truth, prediction = (list(side) for side in zip(*pairs, strict=True))
    shuffled = random.sample(pairs, len(pairs))
    names = dict(zip(LABELS, random.sample(range(len(LABELS)), len(LABELS)), strict=True))
    other_truth, other_prediction = ([names[item] for item in side] for side in zip(*shuffled, strict=True))
    codes = list(names.values())
    assert accuracy(truth, prediction) == accuracy(other_truth, other_prediction)
    uar, other_uar = (
        unweighted_average_recall(truth, prediction),
        unweighted_average_recall(other_truth, other_prediction),
    )
    assert math.isclose(uar, other_uar, abs_tol=1e-12)
    assert math.isclose(
        macro_f1(truth, prediction, LABELS), macro_f1(other_truth, other_prediction, codes), abs_tol=1e-12
    )


def test_a_batch_of_matrices_gives_the_value_of_each():
    batch = np.random.default_rng(5).integers(0, 4, size=(2, 3, 5, 5))
    batch[0, 0] = np.diag([1, 0, 0, 2, 0])
    for measure in (
        accuracy_from_confusion,
        unweighted_average_recall_from_confusion,
        macro_f1_from_confusion,
    ):
        together = measure(batch)
        assert together.shape == (2, 3)
        assert together[0, 0] == 1
        for place in np.ndindex(2, 3):
            assert together[place] == measure(batch[place])


def test_absent_classes_count_as_documented():
    truth, prediction = ["sad", "sad", "calm"], ["sad", "angry", "calm"]
    assert unweighted_average_recall(truth, prediction) == 0.75  # sad 1/2, calm 1; angry is not in the truth
    assert math.isclose(macro_f1(truth, prediction, LABELS), (2 / 3 + 1 + 0) / 3)  # sad, calm, angry
    assert (
        accuracy(["sad"], ["sad"]) == unweighted_average_recall(["sad"], ["sad"]) == macro_f1(["sad"], ["sad"], LABELS)
    )


def test_tables_and_arrays_are_accepted():
    table = pd.DataFrame({"truth": ["sad", "calm", "sad"], "prediction": ["sad", "sad", "sad"]})
    assert accuracy(table["truth"], table["prediction"]) == pytest.approx(2 / 3)
    assert accuracy(table["truth"].to_numpy(), np.array(["sad", "sad", "sad"])) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("truth", "prediction", "labels", "message"),
    [
        ([], [], LABELS, "no clips"),
        (["sad"], ["sad", "calm"], LABELS, "truth has 1 clips and prediction has 2"),
        (["sad"], ["bored"], LABELS, "prediction contains 'bored'"),
        (["bored"], ["sad"], LABELS, "truth contains 'bored'"),
        ([float("nan")], ["sad"], LABELS, "truth contains nan"),
        ([["sad"]], ["sad"], LABELS, r"truth contains \['sad'\]"),
        (["sad"], ["sad"], ["sad", "sad"], "twice"),
    ],
)
def test_mistakes_are_named(truth, prediction, labels, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(truth, prediction, labels)
    with pytest.raises(ValueError, match=message):
        macro_f1(truth, prediction, labels)


def test_unhashable_classes_are_a_value_error():
    with pytest.raises(ValueError, match="flat sequence"):
        accuracy([["sad"]], [["sad"]])


@pytest.mark.parametrize(
    "measure", [accuracy_from_confusion, unweighted_average_recall_from_confusion, macro_f1_from_confusion]
)
def test_an_empty_matrix_has_no_measure(measure):
    with pytest.raises(ValueError, match="without clips"):
        measure(np.zeros((4, 3, 3), dtype=int))
