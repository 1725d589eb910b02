"""Pooled predictions: the test clips of several runs in one table, and pairs of such tables."""

from collections.abc import Iterable

import pandas as pd

from hamiltone.measures import Interval, PairedClips, accuracy_from_confusion, speaker_interval
from hamiltone.measures import unweighted_average_recall_from_confusion as uar_from_confusion

from ._study_results import StudyRun

_CLIP = ["fold", "seed", "utterance", "speaker", "truth"]


def pooled(runs: Iterable[StudyRun]) -> pd.DataFrame:
    """The predictions of runs that have some: fold, seed, utterance, speaker, truth, prediction; one row per clip."""
    tables = []
    for run in runs:
        if run.predictions is not None:
            clips = run.predictions.drop_duplicates("utterance")[["utterance", "speaker", "truth", "prediction"]]
            tables.append(clips.assign(fold=run.condition.fold, seed=run.condition.seed))
    if not tables:
        return pd.DataFrame(columns=[*_CLIP, "prediction"])
    return pd.concat(tables, ignore_index=True)


def accuracy_of(clips: pd.DataFrame) -> Interval:
    """Accuracy of pooled clips, its interval clustered by speaker."""
    return speaker_interval(accuracy_from_confusion, clips["truth"], clips["prediction"], _speakers(clips))


def uar_of(clips: pd.DataFrame) -> Interval:
    """UAR of pooled clips, its interval clustered by speaker."""
    return speaker_interval(uar_from_confusion, clips["truth"], clips["prediction"], _speakers(clips))


def paired_clips(
    method: pd.DataFrame, baseline: pd.DataFrame, population: str = "", weight: float = 1.0
) -> PairedClips | None:
    """The clips that both have under the same seed and fold, or None if there are none."""
    both = method.merge(baseline, on=_CLIP, suffixes=("", "_baseline"), validate="one_to_one")
    if both.empty:
        return None
    return PairedClips(
        truth=both["truth"].tolist(),
        prediction=both["prediction"].tolist(),
        baseline=both["prediction_baseline"].tolist(),
        speakers=_speakers(both),
        population=population,
        weight=weight,
    )


def _speakers(clips: pd.DataFrame) -> list[str]:
    """Who speaks in each clip; where that is unknown of one, all count as one person, of whom nothing is estimable."""
    names = clips["speaker"].tolist()
    return names if all(names) else ["unknown"] * len(names)
