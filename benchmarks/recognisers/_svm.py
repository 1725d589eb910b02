"""Linear support vector machine on functionals: its cost chosen, and its scores calibrated, by inner folds of speakers."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from hamiltone.measures import fit_temperature, unweighted_average_recall

INNER_FOLDS = 5
Features = Float[np.ndarray, "utterance feature"]
Scores = Float[np.ndarray, "utterance label"]


@dataclass(frozen=True)
class SvmFit:
    """A machine that was fitted.

    Attributes:
        pipeline: scaler and machine.
        labels: how many classes there are.
        cost: C, as chosen.
        temperature: of the scores.
        inner_uar: recall of the inner folds with that C.
        seconds: what choosing and fitting took.
    """

    pipeline: Pipeline
    labels: int
    cost: float
    temperature: float
    inner_uar: float
    seconds: float

    def probabilities(self, features: Features) -> Scores:
        """The calibrated score of each class."""
        return softmax(decisions(self.pipeline, features, self.labels) / self.temperature, axis=1)

    @property
    def parameters(self) -> int:
        """How many numbers it keeps: weights, biases, means and deviations."""
        scaler, machine = self.pipeline[0], self.pipeline[-1]
        return sum(values.size for values in (machine.coef_, machine.intercept_, scaler.mean_, scaler.scale_))


def normalised_per_speaker(features: Features, speakers: Sequence[str]) -> Features:
    """Features less their mean over each speaker's clips, by their deviation there; what does not vary becomes 0."""
    result = np.zeros_like(features, dtype=np.float64)
    for speaker in sorted(set(speakers)):
        own = np.array([name == speaker for name in speakers])
        values = features[own].astype(np.float64)
        deviation = values.std(axis=0)
        result[own] = (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return result


def fit_svm(
    features: Features, classes: Int[np.ndarray, " utterance"], speakers: Sequence[str], labels: int, grid: Sequence[float]
) -> SvmFit:
    """Choose C by the recall (UAR) of inner folds of speakers, calibrate on those, and fit on all.

    Of costs that are equally good the smallest is taken. One temperature (Guo et al. 2017), as of a network, is fitted
    to the scores that the inner folds give the clips that they did not hear: it changes no decision.

    Args:
        features: of everything but what tests.
        classes: the index of each clip's class.
        speakers: of each clip.
        labels: how many classes there are.
        grid: costs.
    """
    began = time.perf_counter()
    folds = list(GroupKFold(min(INNER_FOLDS, len(set(speakers)))).split(features, classes, speakers))
    best: tuple[float, float, Scores] | None = None
    for cost in sorted(grid):
        heard = np.zeros((len(classes), labels))
        for train, tested in folds:
            heard[tested] = decisions(_fitted(features[train], classes[train], cost), features[tested], labels)
        uar = unweighted_average_recall(classes.tolist(), heard.argmax(axis=1).tolist())
        if best is None or uar > best[0]:
            best = uar, cost, heard
    assert best is not None  # the grid is not empty
    uar, cost, heard = best
    pipeline = _fitted(features, classes, cost)
    temperature = fit_temperature(heard, classes)
    return SvmFit(pipeline, labels, cost, temperature, uar, time.perf_counter() - began)


def decisions(pipeline: Pipeline, features: Features, labels: int) -> Scores:
    """The distances from the planes, a column for each class; a class that was not learned is the farthest."""
    raw = np.asarray(pipeline.decision_function(features))
    if raw.ndim == 1:
        raw = np.stack([-raw, raw], axis=1)
    scores = np.full((len(features), labels), raw.min() - 1)
    scores[:, pipeline.classes_] = raw
    return scores


def _fitted(features: Features, classes: Int[np.ndarray, " utterance"], cost: float) -> Pipeline:
    machine = LinearSVC(C=cost, class_weight="balanced", max_iter=5000, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # costs that are too large for it are not chosen
        return make_pipeline(StandardScaler(), machine).fit(features, classes)
