"""The bootstrap over speakers against a naive loop, and what it must hold to."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
def test_interval_equals_a_loop_that_pools_the_clips(measure, slow_measure):
    truth, prediction, names = spoken_clips(seed=1)
    speakers = np.unique(names)
    draws = np.random.default_rng(7).multinomial(len(speakers), [1 / len(speakers)] * len(speakers), size=120)
    values = []
    for draw in draws:
        pooled = np.concatenate([np.flatnonzero(names == name) for name in np.repeat(speakers, draw)])
        values.append(slow_measure(truth[pooled], prediction[pooled]))
    low, high = np.quantile(values, [0.05, 0.95])
    found = speaker_interval(measure, truth, prediction, names, resamples=120, confidence=0.9, seed=7)
    assert found.speakers == 9
    assert found.estimate == pytest.approx(slow_measure(truth, prediction), abs=1e-12)
    np.testing.assert_allclose(bounds(found), [low, high], atol=1e-12)


def clustered_trial(generator, speakers, clips):
    """Speakers recognised with chances of their own (mean 0.6), so that clips of one speaker go together."""
    right = generator.random((speakers, clips)) < generator.beta(3, 2, speakers)[:, None]
    return np.where(right, "sad", "calm").ravel(), np.repeat(np.arange(speakers), clips)


def covers(interval, value):
    low, high = bounds(interval)
    return low <= value <= high


def test_interval_covers_the_true_value_about_as_often_as_it_says():
    generator = np.random.default_rng(11)
    speakers, clips, trials = 24, 40, 200
    truth = np.full(speakers * clips, "sad")
    covered = 0
    for trial in range(trials):
        prediction, names = clustered_trial(generator, speakers, clips)
        interval = speaker_interval(accuracy_from_confusion, truth, prediction, names, resamples=400, seed=trial)
        covered += covers(interval, 0.6)
    assert 0.88 < covered / trials < 0.985


def test_an_interval_that_ignores_speakers_would_be_too_narrow():
    generator = np.random.default_rng(12)
    speakers, clips, trials = 24, 40, 40
    truth = np.full(speakers * clips, "sad")
    of_speakers = of_clips = 0
    for _ in range(trials):
        prediction, names = clustered_trial(generator, speakers, clips)
        of_speakers += covers(speaker_interval(accuracy_from_confusion, truth, prediction, names, resamples=200), 0.6)
        every_clip = np.arange(len(truth))
        of_clips += covers(speaker_interval(accuracy_from_confusion, truth, prediction, every_clip, resamples=50), 0.6)
    assert of_speakers / trials > 0.85
    assert of_clips / trials < 0.7


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(MINIMUM_SPEAKERS, 12), st.randoms(use_true_random=False))
def test_the_order_of_clips_and_the_names_of_classes_do_not_matter(seed, speakers, random):
    truth, prediction, names = spoken_clips(seed, speakers, clips=8)
    order = np.array(random.sample(range(len(truth)), len(truth)))
    renamed = dict(zip(LABELS, random.sample(LABELS, len(LABELS)), strict=True))
    for measure in (unweighted_average_recall_from_confusion, macro_f1_from_confusion):
        one = speaker_interval(measure, truth, prediction, names, resamples=50)
        other = speaker_interval(
            measure,
            [renamed[item] for item in truth[order]],
            [renamed[item] for item in prediction[order]],
            names[order],
            resamples=50,
        )
        assert other.speakers == one.speakers == speakers
        assert other.estimate == pytest.approx(one.estimate, abs=1e-12)
        np.testing.assert_allclose(bounds(other), bounds(one), atol=1e-12)
        assert 0 <= bounds(one)[0] <= bounds(one)[1] <= 1


def test_a_higher_confidence_is_a_wider_interval_and_the_seed_counts():
    clips = spoken_clips(seed=2)
    narrow = bounds(speaker_interval(accuracy_from_confusion, *clips, confidence=0.5))
    wide = bounds(speaker_interval(accuracy_from_confusion, *clips, confidence=0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert speaker_interval(accuracy_from_confusion, *clips) == speaker_interval(accuracy_from_confusion, *clips)
    assert speaker_interval(accuracy_from_confusion, *clips, seed=1) != speaker_interval(
        accuracy_from_confusion, *clips, seed=2
    )


def test_perfect_predictions_have_an_interval_of_no_width():
    truth, _, names = spoken_clips(seed=4)
    assert speaker_interval(macro_f1_from_confusion, truth, truth, names) == Interval(1.0, 1.0, 1.0, 9)


@pytest.mark.parametrize("speakers", [1, 2, MINIMUM_SPEAKERS - 1, MINIMUM_SPEAKERS])
def test_few_speakers_are_not_estimable(speakers):
    found = speaker_interval(accuracy_from_confusion, *spoken_clips(seed=3, speakers=speakers))
    if speakers >= MINIMUM_SPEAKERS:
        assert found.note == ""
        assert found.low is not None
        return
    assert (found.low, found.high) == (None, None)
    assert str(found) == found.note == f"not estimable ({speakers} speaker{'s' if speakers > 1 else ''})"


@pytest.mark.parametrize("resamples", [0, -1])
def test_resamples_must_be_positive(resamples):
    with pytest.raises(ValueError, match="resamples"):
        speaker_interval(accuracy_from_confusion, *spoken_clips(seed=0), resamples=resamples)


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
    summary = summarise(truth, prediction, names, labels, seed=5)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert (summary["clips"], summary["speakers"], summary["labels"]) == (180, 9, labels)
    assert summary["confusion"] == confusion_matrix(truth, prediction, labels).tolist()
    for name, measure in (
        ("accuracy", accuracy_from_confusion),
        ("uar", unweighted_average_recall_from_confusion),
        ("macro_f1", macro_f1_from_confusion),
    ):
        interval = speaker_interval(measure, truth, prediction, names, seed=5)
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


def test_the_summary_needs_all_labels():
    with pytest.raises(ValueError, match="truth contains"):
        summarise(*spoken_clips(seed=6), labels=["sad"])
