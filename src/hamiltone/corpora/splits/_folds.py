"""Stratified folds of speakers, leave-one-speaker-out, and the parts that a table names."""

import warnings
from collections import Counter

import numpy as np
import pandas as pd

from ..utterances import CorpusError, Utterances
from ._assignment import (
    SplitRule,
    check_rule,
    part_of_fold,
    refuse_shared_audio,
    sorted_rows,
    speakers_of,
    split_of_rows,
)
from ._split import PARTS, Split

_CALLED = {"train": "train", "test": "test"} | dict.fromkeys(("validation", "valid", "val", "dev"), "validation")


def split_stratified(
    utterances: Utterances, *, folds: int, fold: int = 0, seed: int = 0, stratify: str = "emotion"
) -> Split:
    """Split by speaker into folds that keep the classes in proportion, as far as whole speakers allow.

    The folds are those of scikit-learn's ``StratifiedGroupKFold`` with shuffling, so they may change with its version.
    Fold ``fold`` tests, the next one (after the last comes the first) validates, the others train: no speaker is in
    two parts. Of several corpora that are one, each class of each is kept in proportion.

    Args:
        utterances: what to split; each needs a speaker.
        folds: number of folds, from 3 to the number of speakers.
        fold: which fold tests.
        seed: for the shuffle; not negative.
        stratify: the column whose classes stay in proportion.

    Raises:
        CorpusError: as ``split_by_speaker``; fewer utterances of every class than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # noqa: PLC0415 - slow to import

    names = speakers_of(utterances, least=3)
    rule = SplitRule("actor", None, folds, fold, seed, stratify, "stratified")
    check_rule(utterances, rule, least_folds=3, most_folds=len(names))
    rows = sorted_rows(utterances, stratify)
    refuse_shared_audio(utterances, rows)
    chance = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))  # takes seeds of any size
    folder = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=chance)
    dealt = np.zeros(len(utterances), dtype=np.int64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a class with fewer members than folds is no mistake
            for number, (_, tested) in enumerate(folder.split(dealt, rows.label, rows.speaker)):
                dealt[tested] = number
    except ValueError as error:
        raise CorpusError(f"{utterances.corpus}: no class has {folds} utterances: take fewer folds") from error
    return split_of_rows(utterances, rule, rows, part_of_fold(dealt, fold, folds))


def leave_one_speaker_out(utterances: Utterances, *, fold: int = 0) -> Split:
    """Let one speaker test, the next one (by name; after the last comes the first) validate, and the others train.

    Args:
        utterances: what to split; each needs a speaker. Two speakers are not enough.
        fold: which speaker tests: there are as many folds as speakers.

    Raises:
        CorpusError: as ``split_by_speaker``.
    """
    names = speakers_of(utterances, least=3)
    rule = SplitRule("actor", None, len(names), fold, 0, None, "leave-one-out")
    check_rule(utterances, rule, least_folds=3)
    rows = sorted_rows(utterances, None)
    refuse_shared_audio(utterances, rows)
    numbers = {name: number for number, name in enumerate(names)}
    dealt = np.array([numbers[name] for name in rows.speaker])
    return split_of_rows(utterances, rule, rows, part_of_fold(dealt, fold, len(names)))


def column_problems(utterances: Utterances) -> list[str]:
    """Why ``split_by_column`` would refuse, a line each; nothing where there is no column split."""
    told = utterances.table["split"]
    if bool(told.isna().to_numpy().all()):
        return []
    called = told.str.lower().map(_CALLED)
    problems = []
    if lacking := int(told.isna().to_numpy().sum()):
        problems.append(f"{lacking} have none")
    unknown = told[called.isna() & told.notna()]
    problems += [
        f"{value!r} ({count}) is none of {', '.join(_CALLED)}" for value, count in Counter(unknown).most_common()
    ]
    there = set(called.dropna())
    problems += [f"nothing is for {part}" for part in PARTS if part not in there]
    return [f"column split: {problem}; split.kind=column needs it" for problem in problems]


def split_by_column(utterances: Utterances) -> Split:
    """Take the parts that the corpus' own table names in its column ``split``: train, validation (or dev, val), test.

    Its kind is "actor" if every utterance has a speaker and none is in two parts, else "random".

    Raises:
        CorpusError: no such column, an utterance without a part or with another one, or a part without utterances.
    """
    told = utterances.table["split"]
    if bool(told.isna().to_numpy().all()):
        raise CorpusError(f"{utterances.corpus}: has no column split: add it, or choose another kind of split")
    called = told.str.lower().map(_CALLED)
    if (strange := called.isna().to_numpy()).any():
        row = utterances.table.iloc[int(strange.argmax())]
        value = "no split" if pd.isna(row["split"]) else f"the split {row['split']!r}"
        raise CorpusError(f"{utterances.corpus}: utterance {row['utterance']} has {value}: it is {', '.join(PARTS)}")
    parts = {part: tuple(utterances.table["utterance"][called == part]) for part in PARTS}
    if empty := [part for part in PARTS if not parts[part]]:
        raise CorpusError(f"{utterances.corpus}: the column split names no utterance for {empty[0]}")
    speaker = utterances.table["speaker"]
    known = bool(speaker.notna().to_numpy().all())
    apart = known and len(set(zip(speaker, called, strict=True))) == speaker.nunique()
    return Split(utterances.corpus, "actor" if apart else "random", 0, parts, scheme="column")
