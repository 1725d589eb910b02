"""A linear probe: how much of a target can be read from features by a linear classifier."""

import numpy as np
from jaxtyping import Float

from hamiltone.measures import summarise
from hamiltone.records import ProbeTarget

from ._probe_targets import Target

STRENGTH = 0.1
_ITERATIONS = 5000


def probe_layer(values: Float[np.ndarray, "all feature"], target: Target) -> ProbeTarget:
    """Accuracy and UAR of a linear classifier on features, from the predictions of all folds together.

    Each fold is predicted by a multinomial logistic regression with an L2 penalty (scikit-learn's ``C`` is the same
    for all layers, 0.1, so that layers and networks compare) that was trained on the other folds, whose means and
    deviations standardise the features, too.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    features = values[target.asked]
    predicted = np.empty_like(target.classes)
    for fold in np.unique(target.folds):
        tested = target.folds == fold
        probe = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=_ITERATIONS))
        predicted[tested] = probe.fit(features[~tested], target.classes[~tested]).predict(features[tested])
    summary = summarise(target.classes, predicted, target.speakers, target.labels)
    accuracy = summary["accuracy"]
    return ProbeTarget(
        accuracy=accuracy["value"],
        uar=summary["uar"]["value"],
        chance=target.chance,
        classes=len(target.labels),
        clips=len(features),
        folds=len(np.unique(target.folds)),
        apart=target.apart,
        low=accuracy["low"],
        high=accuracy["high"],
        note="; ".join(filter(None, [accuracy["note"] and f"interval {accuracy['note']}", target.note])),
    )
