"""What a linear probe is asked, and how the clips are dealt to its folds so that what must stay apart does."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int64
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from hamiltone.corpora import Utterances, audio_groups

FOLDS = 5  # at most
_SEED = 0
_MOST_CLASSES = 50
_FEWEST_WORDS, _FEWEST_SPEAKERS = 3, 2

Clips = Int64[np.ndarray, " clip"]


@dataclass(frozen=True)
class Target:
    """What one probe is to tell of some clips.

    Attributes:
        asked: which of all clips these are.
        classes: the class of each of them.
        speakers: who speaks each of them.
        folds: the fold that tests each of them, from 0.
        apart: what never lies on both sides of a fold: word, speaker or recording.
        note: what is left out.
    """

    asked: Bool[np.ndarray, " all"]
    classes: np.ndarray
    speakers: np.ndarray
    folds: Clips
    apart: str
    note: str

    @property
    def labels(self) -> list[str]:
        """The classes, in alphabetical order."""
        return sorted(set(self.classes))

    @property
    def chance(self) -> float:
        """The accuracy of always naming the commonest class of these clips."""
        return np.unique(self.classes, return_counts=True)[1].max().item() / len(self.classes)


def probe_targets(utterances: Utterances) -> dict[str, Target | str]:
    """What can be asked of these clips: speaker, word and emotion, each a target or the reason why it is none.

    The word is what the corpus names so, or else the whole text. A probe for the speaker keeps words apart where there
    are three or more, those for word and emotion keep speakers apart, so that neither is known by the other. Where
    there are too few of them, or a class would be tested that was not trained, recordings (and copies of the same
    audio) are kept apart instead. A class with a single recording cannot be trained and tested: it is left out.
    """
    table = utterances.table
    words = table["word"] if table["word"].notna().any() else table["text"]
    recordings = audio_groups(utterances)
    by_word = ("word", words, _FEWEST_WORDS)
    by_speaker = ("speaker", table["speaker"], _FEWEST_SPEAKERS)
    return {
        "speaker": _target(table, table["speaker"], by_word, recordings),
        "word": _target(table, words, by_speaker, recordings),
        "emotion": _target(table, table["emotion"], by_speaker, recordings),
    }


def deal_by_group(classes: Clips, groups: Clips, fewest: int) -> Clips | None:
    """Folds that keep groups whole: for each clip the fold that tests it.

    Args:
        classes: the class of each clip, as a number.
        groups: the group of each clip, as a number.
        fewest: how many groups are needed.

    Returns:
        None where there are fewer groups, or where a class would be tested that the other folds do not have.
    """
    count = min(FOLDS, len(np.unique(groups)))
    if count < max(2, fewest):
        return None
    return _dealt(GroupKFold(count), classes, groups)


def deal_by_recording(classes: Clips, recordings: Clips) -> Clips | None:
    """Folds with each class in proportion that keep the clips of a recording together; else as ``deal_by_group``."""
    rarest = min((len(np.unique(recordings[classes == one])) for one in np.unique(classes)), default=0)
    count = min(FOLDS, rarest)
    if count < 2:
        return None
    return _dealt(StratifiedGroupKFold(count, shuffle=True, random_state=_SEED), classes, recordings)


def _target(
    table: pd.DataFrame, values: pd.Series, group: tuple[str, pd.Series, int], recordings: Clips
) -> Target | str:
    known = values.notna().to_numpy(dtype=bool)
    if not known.any():
        return "no clip has one"
    asked = known & _in_recordings(values, recordings)
    kept, left = values[asked].nunique(), values[known & ~asked].nunique()
    note = f"{left} of {kept + left} classes left out: one recording" if left else ""
    if kept < 2:
        return f"at least two classes with two recordings are needed, and there are {kept}"
    if kept > _MOST_CLASSES:
        return f"{kept} classes: no more than {_MOST_CLASSES} are probed"
    classes = pd.factorize(values[asked], sort=True)[0].astype(np.int64)
    apart, groups, fewest = group
    folds = None
    if groups[asked].notna().all():
        folds = deal_by_group(classes, pd.factorize(groups[asked], sort=True)[0].astype(np.int64), fewest)
    if folds is None:
        apart, folds = "recording", deal_by_recording(classes, recordings[asked])
    if folds is None:
        return "recordings with several classes each: they cannot be dealt to folds"
    names, speakers = (column[asked].to_numpy(dtype=object) for column in (values, table["speaker"]))
    return Target(asked, names, speakers, folds, apart, note)


def _in_recordings(values: pd.Series, recordings: Clips) -> Bool[np.ndarray, " all"]:
    """Whether each clip's class occurs in two recordings or more."""
    counted = pd.Series(recordings, index=values.index).groupby(values).nunique()
    return values.map(counted).ge(2).to_numpy(dtype=bool)


def _dealt(dealer: GroupKFold | StratifiedGroupKFold, classes: Clips, groups: Clips) -> Clips | None:
    folds = np.full(len(classes), -1, dtype=np.int64)
    for number, (_, tested) in enumerate(dealer.split(classes, classes, groups)):
        folds[tested] = number
    trained = [set(classes[folds != number]) >= set(classes[folds == number]) for number in np.unique(folds)]
    return folds if all(trained) else None
