"""Targets of linear probes: what is asked of each clip, and folds that keep apart what must stay apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int64

from hamiltone.corpora import Utterances, audio_groups

FOLDS = 5  # at most
_SEED = 0
_MOST_CLASSES = 50

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

    The word is what the corpus names so, or else the whole text. A probe for the speaker keeps words apart, those for
    word and emotion keep speakers apart, so that neither is known by the other. Where there is but one of them, or a
    class would be tested that was not trained, recordings (and copies of the same audio) are kept apart instead. A
    class with a single recording cannot be trained and tested: it is left out.
    """
    columns = {name: _classes(utterances, name) for name in ("speaker", "word", "text", "emotion")}
    words = columns["word"] if len(columns["word"].names) else columns["text"]
    speakers, recordings = columns["speaker"], audio_groups(utterances)
    by_word, by_speaker = ("word", words.codes), ("speaker", speakers.codes)
    return {
        "speaker": _target(speakers, speakers, by_word, recordings),
        "word": _target(words, speakers, by_speaker, recordings),
        "emotion": _target(columns["emotion"], speakers, by_speaker, recordings),
    }


def folds_by_group(classes: Clips, groups: Clips) -> Clips | None:
    """Folds that keep groups whole: for each clip the fold that tests it.

    None where there are fewer than two groups, or a class would be tested that the other folds do not have.
    """
    count = min(FOLDS, len(np.unique(groups)))
    if count < 2:
        return None
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - slow to import

    return _folds(GroupKFold(count), classes, groups)


def folds_by_recording(classes: Clips, recordings: Clips) -> Clips | None:
    """Folds with each class in proportion that keep the clips of a recording together; else as ``folds_by_group``."""
    count = min(FOLDS, _recordings_of_class(classes, recordings).min(initial=FOLDS))
    if count < 2:
        return None
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415 - slow to import

    return _folds(StratifiedGroupKFold(count, shuffle=True, random_state=_SEED), classes, recordings)


@dataclass(frozen=True)
class _Classes:
    """A column of the table: for each clip the number of its class (-1: unknown), and the classes' names."""

    codes: Clips
    names: np.ndarray


def _classes(utterances: Utterances, column: str) -> _Classes:
    codes, names = pd.factorize(utterances.table[column].to_numpy(dtype=object), sort=True)
    return _Classes(codes.astype(np.int64), np.asarray(names, dtype=object))


def _target(column: _Classes, speakers: _Classes, group: tuple[str, Clips], recordings: Clips) -> Target | str:
    known = (column.codes >= 0) & (speakers.codes >= 0)  # intervals need the speakers
    if not known.any():
        return "no clip of a known speaker has one"
    counts = np.zeros(len(column.names), dtype=np.int64)
    counts[np.unique(column.codes[known])] = _recordings_of_class(column.codes[known], recordings[known])
    asked = known & (counts[column.codes] >= 2)
    kept = int((counts >= 2).sum())
    if kept < 2:
        return (
            f"at least two classes with two recordings each are needed, and there {'is' if kept == 1 else 'are'} {kept}"
        )
    if kept > _MOST_CLASSES:
        return f"{kept} classes: no more than {_MOST_CLASSES} are probed"
    classes, (apart, groups) = column.codes[asked], group
    folds = folds_by_group(classes, groups[asked]) if (groups[asked] >= 0).all() else None
    if folds is None:
        apart, folds = "recording", folds_by_recording(classes, recordings[asked])
    if folds is None:
        return "its classes share recordings in such a way that no folds keep these apart"
    left = len(counts) - kept
    note = f"{left} of {len(counts)} classes left out, which have one recording each" if left else ""
    return Target(asked, column.names[classes], speakers.names[speakers.codes[asked]], folds, apart, note)


def _recordings_of_class(classes: Clips, recordings: Clips) -> Int64[np.ndarray, " class"]:
    """How many recordings each class occurs in, in the order of the classes."""
    pairs = np.unique(np.stack([classes, recordings], axis=1), axis=0)
    return np.unique(pairs[:, 0], return_counts=True)[1].astype(np.int64)


def _folds(dealer: Any, classes: Clips, groups: Clips) -> Clips | None:
    folds = np.full(len(classes), -1, dtype=np.int64)
    for number, (_, tested) in enumerate(dealer.split(classes, classes, groups)):
        folds[tested] = number
    trained = [set(classes[folds != number]) >= set(classes[folds == number]) for number in np.unique(folds)]
    return folds if all(trained) else None
