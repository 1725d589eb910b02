"""Paired tests and intervals against enumerations written out, scipy and loops over pooled clips."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from hamiltone.measures import (
    MINIMUM_SPEAKERS,
    PairedClips,
    accuracy_from_confusion,
    holm,
    macro_f1_from_confusion,
    mean_paired_interval,
    paired_interval,
    paired_permutation_test,
    unweighted_average_recall_from_confusion,
)

LABELS = ["angry", "calm", "happy"]


def two_methods(seed, speakers=8, clips=6, gain=0.25):
    """Clips of speakers who differ, a baseline, and a method that is right somewhat more often."""
    generator = np.random.default_rng(seed)
    names = np.repeat([f"{number:02d}" for number in range(speakers)], clips)
    truth = generator.choice(LABELS, len(names), p=[0.5, 0.3, 0.2])
    skill = np.repeat(generator.uniform(0.2, 0.7, speakers), clips)
    baseline = np.where(generator.random(len(names)) < skill, truth, generator.choice(LABELS, len(names)))
    prediction = np.where(generator.random(len(names)) < skill + gain, truth, generator.choice(LABELS, len(names)))
    return truth, prediction, baseline, names


def slow_accuracy(truth, prediction):
    return metrics.accuracy_score(truth, prediction)


def slow_uar(truth, prediction):
    return metrics.recall_score(truth, prediction, labels=np.unique(truth), average="macro")


def slow_f1(truth, prediction):
    present = np.unique(np.concatenate([truth, prediction]))
    return metrics.f1_score(truth, prediction, labels=present, average="macro")


MEASURES = [
    (accuracy_from_confusion, slow_accuracy),
    (unweighted_average_recall_from_confusion, slow_uar),
    (macro_f1_from_confusion, slow_f1),
]


@pytest.mark.parametrize(("measure", "slow_measure"), MEASURES)
@pytest.mark.parametrize("seed", [0, 1])
def test_p_is_the_share_of_all_swaps_written_out(measure, slow_measure, seed):
    truth, prediction, baseline, names = two_methods(seed, speakers=6)
    differences = []
    for pattern in itertools.product([False, True], repeat=6):
        swapped = np.isin(names, np.unique(names)[list(pattern)])
        one, other = np.where(swapped, baseline, prediction), np.where(swapped, prediction, baseline)
        differences.append(slow_measure(truth, one) - slow_measure(truth, other))
    observed = slow_measure(truth, prediction) - slow_measure(truth, baseline)
    expected = np.mean(np.abs(differences) >= abs(observed) - 1e-9)
    found = paired_permutation_test(measure, truth, prediction, baseline, names)
    assert found.difference == pytest.approx(observed, abs=1e-12)
    assert found.p == pytest.approx(expected, abs=1e-12)
    assert 0 < expected < 1
    assert (found.speakers, found.note) == (6, "")


def test_swaps_that_are_counted_in_portions_give_the_same(monkeypatch):
    clips = two_methods(3)
    whole = paired_permutation_test(unweighted_average_recall_from_confusion, *clips)
    monkeypatch.setattr("hamiltone.measures._paired._COUNTS_AT_ONCE", 9 * 100)  # 256 swaps of 3 classes: 100, 100, 56
    assert paired_permutation_test(unweighted_average_recall_from_confusion, *clips) == whole


@pytest.mark.parametrize("speakers", [7, 12])
def test_accuracy_agrees_with_scipy(speakers):
    truth, prediction, baseline, names = two_methods(4, speakers=speakers, gain=0.1)
    right = [
        np.array([np.sum((named == truth)[names == name]) for name in np.unique(names)])
        for named in (prediction, baseline)
    ]
    expected = stats.permutation_test(
        right, lambda one, other, axis: (one - other).sum(axis), permutation_type="samples", n_resamples=2**speakers
    )
    found = paired_permutation_test(accuracy_from_confusion, truth, prediction, baseline, names)
    # Doubled tails and sizes agree: the distribution of swaps is symmetric about zero.
    assert found.p == pytest.approx(expected.pvalue, abs=1e-12)
    assert found.difference == pytest.approx(expected.statistic / len(truth))


def test_beyond_twelve_speakers_a_seeded_sample_comes_close_to_all_swaps():
    truth, prediction, baseline, names = two_methods(2, speakers=13, gain=0.15)
    right = [
        np.array([np.sum((named == truth)[names == name]) for name in np.unique(names)])
        for named in (prediction, baseline)
    ]
    gains = right[0] - right[1]
    signs = np.array(list(itertools.product([1, -1], repeat=13)))
    exact = np.mean(np.abs(signs @ gains) >= abs(gains.sum()))
    found = paired_permutation_test(accuracy_from_confusion, truth, prediction, baseline, names)
    assert found.p is not None
    assert 0.01 < exact < 0.9
    assert found.p == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 10_000))
    assert (found.p * 10_001) == pytest.approx(round(found.p * 10_001), abs=1e-6)
    other = paired_permutation_test(accuracy_from_confusion, truth, prediction, baseline, names, seed=1)
    assert other.p != found.p


def test_the_sampled_p_is_never_zero():
    names = np.repeat([f"{number:02d}" for number in range(24)], 2)
    truth = np.full(48, "sad")
    found = paired_permutation_test(accuracy_from_confusion, truth, truth, np.full(48, "calm"), names, permutations=999)
    assert found.difference == 1
    assert found.p == pytest.approx(1 / 1000)


def test_a_test_that_forgot_the_speakers_would_find_too_much():
    """One difference per speaker, repeated on many clips, is no better supported than on one."""
    names = np.repeat([f"{number:02d}" for number in range(8)], 50)
    truth = np.full(400, "sad")
    prediction = np.where(np.isin(names, ["00", "01", "02", "03", "04", "05"]), "sad", "calm")
    baseline = np.where(np.isin(names, ["06", "07"]), "sad", "calm")
    of_speakers = paired_permutation_test(accuracy_from_confusion, truth, prediction, baseline, names)
    of_clips = paired_permutation_test(accuracy_from_confusion, truth, prediction, baseline, np.arange(400))
    once = paired_permutation_test(accuracy_from_confusion, truth[::50], prediction[::50], baseline[::50], names[::50])
    assert of_speakers.p == once.p == pytest.approx(2 * stats.binom.cdf(2, 8, 0.5))
    assert of_clips.p is not None
    assert of_clips.p < 0.001


def test_under_the_null_small_p_are_as_rare_as_they_say():
    generator = np.random.default_rng(5)
    names = np.repeat(np.arange(8), 10)
    truth = np.full(80, "sad")
    below = 0
    for _ in range(300):
        skill = np.repeat(generator.beta(2, 2, (2, 8)), 10, axis=1)
        one, other = np.where(generator.random((2, 80)) < skill, "sad", "calm")
        found = paired_permutation_test(accuracy_from_confusion, truth, one, other, names)
        assert found.p is not None
        below += found.p <= 0.1
    assert 0.04 < below / 300 < 0.16


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(MINIMUM_SPEAKERS, 14), st.randoms(use_true_random=False))
def test_order_names_and_sides_do_not_matter(seed, speakers, random):
    truth, prediction, baseline, names = two_methods(seed, speakers, clips=4)
    order = np.array(random.sample(range(len(truth)), len(truth)))
    for measure in (accuracy_from_confusion, unweighted_average_recall_from_confusion):
        one = paired_permutation_test(measure, truth, prediction, baseline, names, permutations=200)
        other = paired_permutation_test(
            measure, truth[order], prediction[order], baseline[order], names[order], permutations=200
        )
        turned = paired_permutation_test(measure, truth, baseline, prediction, names, permutations=200)
        assert one.p == other.p == turned.p
        assert one.difference == pytest.approx(-turned.difference)
        interval = paired_interval(measure, truth, prediction, baseline, names)
        opposite = paired_interval(measure, truth, baseline, prediction, names)
        assert interval.low is not None
        assert opposite.high is not None
        assert interval.low == pytest.approx(-opposite.high)
        assert interval.estimate == pytest.approx(one.difference)


def test_alike_methods_differ_by_nothing():
    truth, prediction, _, names = two_methods(3)
    found = paired_permutation_test(accuracy_from_confusion, truth, prediction, prediction, names)
    assert (found.difference, found.p) == (0, 1)
    interval = paired_interval(accuracy_from_confusion, truth, prediction, prediction, names)
    assert (interval.estimate, interval.low, interval.high) == (0, 0, 0)


@pytest.mark.parametrize("speakers", [1, 2, 5])
def test_few_speakers_are_not_estimable(speakers):
    clips = two_methods(6, speakers=speakers)
    test = paired_permutation_test(accuracy_from_confusion, *clips)
    interval = paired_interval(accuracy_from_confusion, *clips)
    note = f"not estimable ({speakers} speaker{'' if speakers == 1 else 's'})"
    assert (test.p, interval.low, interval.high) == (None, None, None)
    assert str(test) == str(interval) == test.note == interval.note == note
    assert (
        test.difference
        == interval.estimate
        == pytest.approx(slow_accuracy(clips[0], clips[1]) - slow_accuracy(clips[0], clips[2]))
    )


@pytest.mark.parametrize(("measure", "slow_measure"), MEASURES)
def test_the_interval_equals_a_loop_that_leaves_speakers_out(measure, slow_measure):
    truth, prediction, baseline, names = two_methods(8, speakers=9, clips=12)
    values = np.array(
        [
            slow_measure(truth[others], prediction[others]) - slow_measure(truth[others], baseline[others])
            for others in (names != name for name in np.unique(names))
        ]
    )
    half = stats.t(8).ppf(0.95) * np.sqrt(8 / 9 * np.sum((values - values.mean()) ** 2))
    estimate = slow_measure(truth, prediction) - slow_measure(truth, baseline)
    found = paired_interval(measure, truth, prediction, baseline, names, confidence=0.9)
    assert (found.low, found.high) == pytest.approx((estimate - half, estimate + half), abs=1e-12)


def gains(truth, prediction, baseline, names):
    """What each speaker's accuracy gains."""
    right = (prediction == truth).astype(float) - (baseline == truth)
    return np.array([right[names == name].mean() for name in np.unique(names)])


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(MINIMUM_SPEAKERS, 12), st.floats(0.5, 0.99))
def test_with_as_many_clips_of_each_speaker_it_is_the_paired_t_interval_of_scipy(seed, speakers, confidence):
    clips = two_methods(seed, speakers)
    expected = stats.ttest_1samp(gains(*clips), 0).confidence_interval(confidence)
    found = paired_interval(accuracy_from_confusion, *clips, confidence=confidence)
    assert (found.low, found.high) == pytest.approx((max(expected.low, -1), min(expected.high, 1)), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.estimate <= found.high <= 1


def test_a_large_gain_of_some_speakers_stays_within_1():
    names = np.repeat(np.arange(6), 4)
    truth = np.full(24, "sad")
    found = paired_interval(accuracy_from_confusion, truth, truth, np.where(names < 5, "calm", "sad"), names)
    assert (found.estimate, found.high) == (pytest.approx(5 / 6), 1)
    assert found.low == pytest.approx(stats.ttest_1samp([1, 1, 1, 1, 1, 0], 0).confidence_interval().low)


def test_pairing_narrows_what_both_methods_share():
    truth, _, _, names = two_methods(9, speakers=12, clips=20)
    hard = np.isin(names, np.unique(names)[:6])
    baseline = np.where(hard, "wrong", truth)
    prediction = baseline.copy()
    prediction[np.flatnonzero(hard)[::20]] = truth[np.flatnonzero(hard)[::20]]
    found = paired_interval(accuracy_from_confusion, truth, prediction, baseline, names)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low < 0.05


def test_a_mean_of_differences_leaves_each_speaker_out_within_its_population():
    first, second = two_methods(10, speakers=6), two_methods(11, speakers=7)
    comparisons = [PairedClips(*first, population="a", weight=3.0), PairedClips(*second, population="b")]
    expected = [slow_uar(t, p) - slow_uar(t, b) for t, p, b, _ in (first, second)]
    variances = []
    for place, (truth, prediction, baseline, names) in enumerate((first, second)):
        values = []
        for name in np.unique(names):
            parts, rest = list(expected), names != name
            parts[place] = slow_uar(truth[rest], prediction[rest]) - slow_uar(truth[rest], baseline[rest])
            values.append((3 * parts[0] + parts[1]) / 4)
        variances.append((len(values) - 1) / len(values) * np.sum((np.array(values) - np.mean(values)) ** 2))
    freedom = sum(variances) ** 2 / (variances[0] ** 2 / 5 + variances[1] ** 2 / 6)
    half = stats.t(freedom).ppf(0.975) * np.sqrt(sum(variances))
    estimate = (3 * expected[0] + expected[1]) / 4
    found = mean_paired_interval(unweighted_average_recall_from_confusion, comparisons)
    assert (found.estimate, found.speakers) == (pytest.approx(estimate), 6)
    assert (found.low, found.high) == pytest.approx((estimate - half, estimate + half), abs=1e-12)


def test_of_two_populations_it_is_the_interval_of_welch():
    first, second = two_methods(12, speakers=7, clips=20), two_methods(13, speakers=12, clips=8)
    turned = second[0], second[2], second[1], second[3]
    welch = stats.ttest_ind(gains(*first), gains(*second), equal_var=False).confidence_interval()
    found = mean_paired_interval(accuracy_from_confusion, [PairedClips(*first, "a"), PairedClips(*turned, "b")])
    assert (found.low, found.high) == pytest.approx((welch.low / 2, welch.high / 2), abs=1e-12)


def test_the_same_speakers_in_two_comparisons_are_the_same_people():
    """A difference and its opposite cancel if, and only if, speakers are left out of both at once."""
    truth, prediction, baseline, names = two_methods(12)
    there, back = (truth, prediction, baseline, names), (truth, baseline, prediction, names)
    one = mean_paired_interval(accuracy_from_confusion, [PairedClips(*there, "a"), PairedClips(*back, "a")])
    apart = mean_paired_interval(accuracy_from_confusion, [PairedClips(*there, "a"), PairedClips(*back, "b")])
    assert one.low == pytest.approx(0, abs=1e-12)
    assert one.high == pytest.approx(0, abs=1e-12)
    assert apart.low is not None
    assert apart.low < -0.01


def test_a_comparison_on_few_of_many_speakers_counts_for_them_alone():
    many, few = two_methods(13, speakers=40, clips=2), two_methods(14, speakers=6)
    one, two = gains(*many), gains(*few)
    # Without one of the six: the mean of their gains moves by its deviation over five, that of the forty over 39.
    moves = (one.mean() - one) / 39
    moves[:6] += (two.mean() - two) / 5
    error = np.sqrt(39 / 40 * np.sum((moves / 2 - np.mean(moves / 2)) ** 2))
    comparisons = [PairedClips(*many), PairedClips(*few)]
    found = mean_paired_interval(accuracy_from_confusion, comparisons)
    assert found.estimate == pytest.approx((one.mean() + two.mean()) / 2)
    assert found.high == pytest.approx(found.estimate + stats.t(5).ppf(0.975) * error)
    scarce = mean_paired_interval(accuracy_from_confusion, [*comparisons, PairedClips(*two_methods(1, speakers=2))])
    assert (scarce.low, scarce.note) == (None, "not estimable (2 speakers)")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": 1.0}, "confidence"),
        ({"comparisons": []}, "no differences"),
        ({"comparisons": [PairedClips(*two_methods(0), weight=0.0)]}, "positive"),
    ],
)
def test_mistakes_of_a_mean_are_named(changes, message):
    comparisons = changes.pop("comparisons", [PairedClips(*two_methods(0))])
    with pytest.raises(ValueError, match=message):
        mean_paired_interval(accuracy_from_confusion, comparisons, **changes)


def test_mistakes_of_a_test_are_named():
    truth, prediction, baseline, names = two_methods(0)
    with pytest.raises(ValueError, match="permutations"):
        paired_permutation_test(accuracy_from_confusion, truth, prediction, baseline, names, permutations=0)
    with pytest.raises(ValueError, match="prediction has 47"):
        paired_permutation_test(accuracy_from_confusion, truth, prediction, baseline[:-1], names)
    with pytest.raises(ValueError, match="no clips"):
        paired_interval(accuracy_from_confusion, [], [], [], [])


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; the last must not fall below 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([None, 0.02, None, 0.9, 0.6]) == [None, pytest.approx(0.06), None, 1.0, 1.0]
    assert holm([]) == []
    assert holm([None]) == [None]
    with pytest.raises(ValueError, match="no p-value"):
        holm([0.5, 1.5])
    with pytest.raises(ValueError, match="no p-value"):
        holm([float("nan")])


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


@settings(max_examples=100, deadline=None)
@given(P_VALUES, st.floats(0.001, 0.5), st.randoms(use_true_random=False))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values, level, random):
    adjusted = [value for value in holm(p_values) if value is not None]
    assert len(adjusted) == len(p_values)
    bonferroni = [min(1.0, value * len(p_values)) for value in p_values]
    assert all(raw <= value <= most for raw, value, most in zip(p_values, adjusted, bonferroni, strict=True))
    rejected = set()
    for step, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] * (len(p_values) - step) > level:
            break
        rejected.add(place)
    assert rejected == {place for place, value in enumerate(adjusted) if value <= level}
    order = random.sample(range(len(p_values)), len(p_values))
    assert holm([p_values[place] for place in order]) == [adjusted[place] for place in order]
