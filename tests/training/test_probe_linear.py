"""What linear probes measure, beside scikit-learn itself."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hamiltone.measures import accuracy_from_confusion, speaker_interval
from hamiltone.training._probe_linear import probe_layer
from hamiltone.training._probe_targets import Target

CLIPS = 240


def target(speakers: int, labels: int = 4, note: str = "") -> Target:
    rng = np.random.default_rng(0)
    asked = np.ones(CLIPS + 20, dtype=bool)
    asked[::13] = False
    names = np.array([f"speaker {number}" for number in range(speakers)], dtype=object)
    who = rng.permutation(np.arange(CLIPS) % speakers)
    what = np.array(["calm", "glad", "mad", "sad"][:labels], dtype=object)[rng.permutation(np.arange(CLIPS) % labels)]
    return Target(asked, what, names[who], rng.integers(0, 5, CLIPS), "speaker", note)


def test_it_is_scikit_learns_cross_validation() -> None:
    asked = target(8)
    rng = np.random.default_rng(1)
    values = rng.normal(3, 20, (len(asked.asked), 30))
    values[asked.asked, :4] += 20 * (asked.classes[:, None] == np.array(asked.labels))
    values[:, 7] = 1.5  # a channel that never fires
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=5000))
    cross_validation = PredefinedSplit(asked.folds)
    predicted = np.asarray(cross_val_predict(model, values[asked.asked], asked.classes, cv=cross_validation))
    result = probe_layer(values, asked)
    assert result.accuracy == pytest.approx(accuracy_score(asked.classes, predicted))
    assert result.uar == pytest.approx(balanced_accuracy_score(asked.classes, predicted))
    assert result.chance < result.accuracy < 1
    interval = speaker_interval(accuracy_from_confusion, asked.classes, predicted, asked.speakers)
    assert (result.low, result.high) == (interval.low, interval.high)
    assert result.model_dump(include={"classes", "clips", "folds", "apart", "note"}) == {
        "classes": 4,
        "clips": CLIPS,
        "folds": 5,
        "apart": "speaker",
        "note": "",
    }


def test_a_feature_that_tells_the_class_is_read_without_a_mistake() -> None:
    asked = target(8)
    values = np.random.default_rng(2).normal(0, 1e-3, (len(asked.asked), 12))
    values[asked.asked, :4] += asked.classes[:, None] == np.array(asked.labels)
    result = probe_layer(values, asked)
    assert result.accuracy == result.uar == result.low == 1


@pytest.mark.parametrize("features", [5, 400])
def test_noise_gives_about_chance(features: int) -> None:
    asked = target(8)
    result = probe_layer(np.random.default_rng(3).normal(size=(len(asked.asked), features)), asked)
    assert result.chance == 0.25
    assert abs(result.accuracy - 0.25) < 4 * np.sqrt(0.25 * 0.75 / CLIPS)


def test_features_without_any_variation_give_the_commonest_class() -> None:
    asked = target(8, labels=2)
    result = probe_layer(np.ones((len(asked.asked), 3)), asked)
    assert result.uar == pytest.approx(0.5, abs=0.1)


def test_the_scale_of_a_feature_does_not_count() -> None:
    asked = target(8)
    values = np.random.default_rng(4).normal(size=(len(asked.asked), 10))
    values[asked.asked, 0] += asked.classes == "mad"
    scaled = values * np.logspace(-6, 6, 10) + 100
    assert probe_layer(values, asked).accuracy == pytest.approx(probe_layer(scaled, asked).accuracy, abs=2 / CLIPS)


def test_below_six_speakers_there_is_no_interval_and_the_note_says_so() -> None:
    result = probe_layer(np.random.default_rng(5).normal(size=(CLIPS + 20, 3)), target(5, note="one left out"))
    assert result.low is None
    assert result.high is None
    assert result.note == "interval not estimable (5 speakers); one left out"
