"""Linear support vector machine: its cost is chosen, and its scores are calibrated, by inner folds of speakers."""

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import softmax
from sklearn.decomposition import KernelPCA
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
        space: from features to what the machine takes.
        machine: one plane for each class.
        labels: how many classes there are.
        cost: C, as chosen.
        temperature: of the scores.
        inner_uar: recall of the inner folds with that C.
        seconds: of the processor, to choose and to fit.
    """

    space: Pipeline
    machine: LinearSVC
    labels: int
    cost: float
    temperature: float
    inner_uar: float
    seconds: float

    def probabilities(self, features: Features) -> Scores:
        """The calibrated score of each class."""
        scores = decisions(self.machine, self.space.transform(features), self.labels)
        return softmax(scores / self.temperature, axis=1)

    @property
    def parameters(self) -> int:
        """How many numbers it takes: the means and deviations of features, and a plane with a bias for each class."""
        features = self.space[0].n_features_in_
        return 2 * features + self.labels * (features + 1)


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
    features: Features,
    classes: Int[np.ndarray, " utterance"],
    speakers: Sequence[str],
    labels: int,
    grid: Sequence[float],
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
    began = time.process_time()
    features = features.astype(np.float64)
    folds = GroupKFold(min(INNER_FOLDS, len(set(speakers)))).split(features, classes, speakers)
    heard = {cost: np.zeros((len(classes), labels)) for cost in sorted(grid)}
    for train, tested in folds:
        space = _space(features[train])
        within, without = space.fit_transform(features[train]), space.transform(features[tested])
        for cost, scores in heard.items():
            scores[tested] = decisions(_machine(within, classes[train], cost), without, labels)
    recalls = {
        cost: unweighted_average_recall(classes.tolist(), scores.argmax(axis=1).tolist())
        for cost, scores in heard.items()
    }
    cost = max(recalls, key=lambda cost: recalls[cost])  # of equals the first, the smallest
    space = _space(features)
    machine = _machine(space.fit_transform(features), classes, cost)
    temperature = fit_temperature(heard[cost], classes)
    return SvmFit(space, machine, labels, cost, temperature, recalls[cost], time.process_time() - began)


def decisions(machine: LinearSVC, features: Features, labels: int) -> Scores:
    """The distances from the planes, a column for each class; a class that was not learned is the farthest."""
    raw = np.asarray(machine.decision_function(features))
    if raw.ndim == 1:
        raw = np.stack([-raw, raw], axis=1)
    scores = np.full((len(features), labels), raw.min() - 1)
    scores[:, machine.classes_] = raw
    return scores


def _space(features: Features) -> Pipeline:
    """Standardisation, and where there are more features than clips a turn into as many axes as clips; to be fitted.

    All training clips lie in those, so distances and machines stay the same, and fitting is many times as fast.
    """
    turned = [KernelPCA(kernel="linear", eigen_solver="dense")] if features.shape[1] > features.shape[0] else []
    return make_pipeline(StandardScaler(), *turned)


def _machine(features: Features, classes: Int[np.ndarray, " utterance"], cost: float) -> LinearSVC:
    # Two ways to the same planes: the dual one is the faster where the cost is small.
    machine = LinearSVC(
        C=cost,
        class_weight="balanced",
        dual=cost < 1e-3,  # pyright: ignore[reportArgumentType] (its stubs know "auto" alone)
        max_iter=5000,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # what is not quite there yet is measured like all others
        return machine.fit(features, classes)
