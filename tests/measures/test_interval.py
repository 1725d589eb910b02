"""Intervals over speakers against a naive loop and scipy, and what they must hold to."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from hamiltone.measures import (
    MINIMUM_SPEAKERS,
    Interval,
    accuracy_from_confusion,
    confusion_matrix,
    macro_f1_from_confusion,
    speaker_interval,
    summarise,
    unweighted_average_recall_from_confusion,
)

LABELS = ["angry", "calm", "happy", "sad"]


def spoken_clips(seed, speakers=9, clips=20):
    """Clips of speakers who differ: some are recognised well, some are not; some say only few emotions."""
    generator = np.random.default_rng(seed)
    names = np.repeat([f"{number:02d}" for number in range(speakers)], clips)
    truth = np.concatenate([generator.choice(LABELS[: 2 + speaker % 3], clips) for speaker in range(speakers)])
    skill = np.repeat(generator.uniform(0.2, 0.95, speakers), clips)
    prediction = np.where(generator.random(len(truth)) < skill, truth, generator.choice(LABELS, len(truth)))
    return truth, prediction, names


def bounds(interval):
    """The two ends of an interval that must be there."""
    assert interval.low is not None
    assert interval.high is not None
    return np.array([interval.low, interval.high])


def sklearn_accuracy(truth, prediction):
    return metrics.accuracy_score(truth, prediction)


def sklearn_uar(truth, prediction):
    return metrics.recall_score(truth, prediction, labels=np.unique(truth), average="macro")


def sklearn_f1(truth, prediction):
    present = np.unique(np.concatenate([truth, prediction]))
    return metrics.f1_score(truth, prediction, labels=present, average="macro")


@pytest.mark.parametrize(
    ("measure", "slow_measure"),
    [
        (accuracy_from_confusion, sklearn_accuracy),
        (unweighted_average_recall_from_confusion, sklearn_uar),
        (macro_f1_from_confusion, sklearn_f1),
    ],
)
def test_interval_equals_a_loop_that_leaves_speakers_out(measure, slow_measure):
    truth, prediction, names = spoken_clips(seed=1)
    values = np.array([slow_measure(truth[names != name], prediction[names != name]) for name in np.unique(names)])
    estimate = slow_measure(truth, prediction)
    error = np.sqrt(8 / 9 * sum((value - values.mean()) ** 2 for value in values))
    half = stats.t(8).ppf(0.95) * error / (estimate * (1 - estimate))
    odds = estimate / (1 - estimate) * np.exp([-half, half])
    found = speaker_interval(measure, truth, prediction, names, confidence=0.9)
    assert found.speakers == 9
    assert found.estimate == pytest.approx(estimate, abs=1e-12)
    np.testing.assert_allclose(bounds(found), odds / (1 + odds), atol=1e-12)


def clustered_trial(generator, speakers, clips):
    """Speakers recognised with chances of their own (mean 0.6), so that clips of one speaker go together."""
    right = generator.random((speakers, clips)) < generator.beta(3, 2, speakers)[:, None]
    return np.where(right, "sad", "calm").ravel(), np.repeat(np.arange(speakers), clips)


def covers(interval, value):
    low, high = bounds(interval)
    return low <= value <= high


@pytest.mark.parametrize(("speakers", "trials"), [(MINIMUM_SPEAKERS, 500), (24, 300)])
def test_interval_covers_the_true_value_about_as_often_as_it_says(speakers, trials):
    generator = np.random.default_rng(11)
    truth = np.full(speakers * 40, "sad")
    covered = 0
    for _ in range(trials):
        interval = speaker_interval(accuracy_from_confusion, truth, *clustered_trial(generator, speakers, 40))
        covered += covers(interval, 0.6)
    assert 0.92 < covered / trials < 0.98


def test_an_interval_that_ignores_speakers_would_be_too_narrow():
    generator = np.random.default_rng(12)
    speakers, clips, trials = 24, 40, 40
    truth = np.full(speakers * clips, "sad")
    of_speakers = of_clips = 0
    for _ in range(trials):
        prediction, names = clustered_trial(generator, speakers, clips)
        of_speakers += covers(speaker_interval(accuracy_from_confusion, truth, prediction, names), 0.6)
        every_clip = np.arange(len(truth))
        of_clips += covers(speaker_interval(accuracy_from_confusion, truth, prediction, every_clip), 0.6)
    assert of_speakers / trials > 0.85
    assert of_clips / trials < 0.7


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(MINIMUM_SPEAKERS, 12), st.randoms(use_true_random=False))
def test_the_order_of_clips_and_the_names_of_classes_do_not_matter(seed, speakers, random):
    truth, prediction, names = spoken_clips(seed, speakers, clips=8)
    order = np.array(random.sample(range(len(truth)), len(truth)))
    renamed = dict(zip(LABELS, random.sample(LABELS, len(LABELS)), strict=True))
    for measure in (unweighted_average_recall_from_confusion, macro_f1_from_confusion):
        one = speaker_interval(measure, truth, prediction, names)
        other = speaker_interval(
            measure,
            [renamed[item] for item in truth[order]],
            [renamed[item] for item in prediction[order]],
            names[order],
        )
        assert other.speakers == one.speakers == speakers
        assert other.estimate == pytest.approx(one.estimate, abs=1e-12)
        np.testing.assert_allclose(bounds(other), bounds(one), atol=1e-12)
        low, high = bounds(one)
        assert 0 <= low <= one.estimate <= high <= 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(MINIMUM_SPEAKERS, 9), st.integers(2, 4))
def test_more_speakers_who_are_alike_narrow_the_interval(seed, speakers, times):
    truth, prediction, names = spoken_clips(seed, speakers, clips=8)
    more = np.concatenate([np.char.add(names, f"-{time}") for time in range(times)])
    for measure in (accuracy_from_confusion, unweighted_average_recall_from_confusion, macro_f1_from_confusion):
        few = speaker_interval(measure, truth, prediction, names)
        many = speaker_interval(measure, np.tile(truth, times), np.tile(prediction, times), more)
        assert many.estimate == pytest.approx(few.estimate)
        assert np.diff(bounds(many)) < np.diff(bounds(few))


def test_a_higher_confidence_is_a_wider_interval():
    clips = spoken_clips(seed=2)
    narrow = bounds(speaker_interval(accuracy_from_confusion, *clips, confidence=0.5))
    wide = bounds(speaker_interval(accuracy_from_confusion, *clips, confidence=0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(
    "measure", [accuracy_from_confusion, unweighted_average_recall_from_confusion, macro_f1_from_confusion]
)
def test_all_right_and_all_wrong_have_intervals_of_no_width(measure):
    truth, _, names = spoken_clips(seed=4)
    assert speaker_interval(measure, truth, truth, names) == Interval(1.0, 1.0, 1.0, 9)
    assert speaker_interval(measure, truth, np.full(len(truth), "bored"), names) == Interval(0.0, 0.0, 0.0, 9)


def test_one_mistake_leaves_room_on_both_sides():
    truth, _, names = spoken_clips(seed=4)
    prediction = truth.copy()
    prediction[0] = "bored"
    low, high = bounds(speaker_interval(accuracy_from_confusion, truth, prediction, names))
    assert low < 1 - 1 / len(truth) < high < 1


def test_of_one_class_recall_is_accuracy():
    _, prediction, names = spoken_clips(seed=4)
    truth = np.full(len(names), "sad")
    recall = speaker_interval(unweighted_average_recall_from_confusion, truth, prediction, names)
    assert recall == speaker_interval(accuracy_from_confusion, truth, prediction, names)


def test_without_its_only_speaker_a_class_does_not_count():
    names = np.repeat(np.arange(8), 4)
    truth = np.where(names == 0, "calm", "sad")
    prediction = np.where(names % 2, "sad", "happy")
    found = speaker_interval(unweighted_average_recall_from_confusion, truth, prediction, names)
    values = np.array([4 / 7, *[3 / 12] * 4, *[4 / 12] * 3])  # recall of sad alone, then half of it: calm has none
    half = stats.t(7).ppf(0.975) * np.sqrt(7 / 8 * np.sum((values - values.mean()) ** 2))
    assert found.estimate == pytest.approx(2 / 7)
    odds = 2 / 5 * np.exp(np.array([-half, half]) / (2 / 7 * 5 / 7))
    np.testing.assert_allclose(bounds(found), odds / (1 + odds), atol=1e-12)


def test_a_measure_beyond_1_is_refused():
    with pytest.raises(ValueError, match="measure is 180"):
        speaker_interval(lambda counts: counts.sum((-2, -1)), *spoken_clips(seed=3))


@pytest.mark.parametrize("speakers", [1, 2, MINIMUM_SPEAKERS - 1, MINIMUM_SPEAKERS])
def test_few_speakers_are_not_estimable(speakers):
    found = speaker_interval(accuracy_from_confusion, *spoken_clips(seed=3, speakers=speakers))
    if speakers >= MINIMUM_SPEAKERS:
        assert found.note == ""
        assert found.low is not None
        return
    assert (found.low, found.high) == (None, None)
    assert str(found) == found.note == f"not estimable ({speakers} speaker{'s' if speakers > 1 else ''})"


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_confidence_must_lie_between_0_and_1(confidence):
    with pytest.raises(ValueError, match="confidence"):
        speaker_interval(accuracy_from_confusion, *spoken_clips(seed=0), confidence=confidence)


@pytest.mark.parametrize(
    ("speakers", "message"),
    [
        (["01"], "speakers has 1"),
        (["01", None], "no speaker"),
        (["01", float("nan")], "no speaker"),
        (["01", 2], "all names"),
    ],
)
def test_speakers_must_be_known(speakers, message):
    with pytest.raises(ValueError, match=message):
        speaker_interval(accuracy_from_confusion, ["sad", "sad"], ["sad", "sad"], speakers)


def test_the_summary_says_what_the_parts_say():
    truth, prediction, names = spoken_clips(seed=6)
    labels = [*LABELS, "bored"]
    summary = summarise(truth, prediction, names, labels)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["clips"], summary["speakers"], summary["labels"]) == (180, 9, labels)
    assert summary["confusion"] == confusion_matrix(truth, prediction, labels).tolist()
    for name, measure in (
        ("accuracy", accuracy_from_confusion),
        ("uar", unweighted_average_recall_from_confusion),
        ("macro_f1", macro_f1_from_confusion),
    ):
        interval = speaker_interval(measure, truth, prediction, names)
        expected = {"value": interval.estimate, "low": interval.low, "high": interval.high, "note": ""}
        assert summary[name] == pytest.approx(expected)


def test_the_summary_of_two_speakers_says_that_there_is_no_interval():
    summary = summarise(*spoken_clips(seed=6, speakers=2), LABELS)
    for name in ("accuracy", "uar", "macro_f1"):
        assert summary[name] | {"value": None} == {
            "value": None,
            "low": None,
            "high": None,
            "note": "not estimable (2 speakers)",
        }


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_the_summary_of_clips_without_speakers_has_measures_and_no_intervals(missing):
    truth, prediction, names = spoken_clips(seed=6)
    known = summarise(truth, prediction, names, LABELS)
    names = [missing, *names[1:]]
    summary = summarise(truth, prediction, names, LABELS)
    assert summary["confusion"] == known["confusion"]
    assert summary["speakers"] == len(set(names) - {missing})
    for name in ("accuracy", "uar", "macro_f1"):
        assert summary[name] == {
            "value": known[name]["value"],
            "low": None,
            "high": None,
            "note": "not estimable (speakers unknown)",
        }


def test_the_summary_needs_all_labels():
    with pytest.raises(ValueError, match="truth contains"):
        summarise(*spoken_clips(seed=6), labels=["sad"])
