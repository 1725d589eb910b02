"""Shared helpers of the split functions: sorted rows, the rule of a split, checks, and the split of assigned rows."""

from typing import Literal, NamedTuple

import numpy as np

from ..loaders import speaker_advice
from ..recordings import audio_groups
from ..utterances import AND, WITHIN, CorpusError, Utterances
from ._split import PARTS, Split

TRAIN, VALIDATION, TEST = range(3)
"""The places of the parts in ``PARTS``."""

Fractions = tuple[float, float, float]


class SplitRule(NamedTuple):
    """What a split says of itself, beside its parts (see ``Split``)."""

    kind: Literal["random", "actor"]
    fractions: Fractions | None
    folds: int | None
    fold: int
    seed: int
    stratify: str | None
    scheme: str | None = None


class SplitRows(NamedTuple):
    """The utterances in the order of their identifiers; "" is a missing label; of several corpora each has its own."""

    utterance: np.ndarray
    group: np.ndarray
    label: np.ndarray
    speaker: np.ndarray
    corpus: np.ndarray


def check_rule(utterances: Utterances, rule: SplitRule, least_folds: int, most_folds: int | None = None) -> None:
    """See that fractions, folds and seed are possible.

    Raises:
        CorpusError: they are not.
    """
    if rule.seed < 0:
        raise CorpusError(f"the seed of a split must not be negative: {rule.seed}")
    if rule.folds is None:
        if rule.fold != 0:
            raise CorpusError(f"fold {rule.fold} without folds: say how many there are")
        if rule.fractions and not (min(rule.fractions) > 0 and abs(sum(rule.fractions) - 1) < 1e-6):
            raise CorpusError(f"fractions of {', '.join(PARTS)} must be positive with sum 1, not {rule.fractions}")
        return
    if rule.folds < least_folds or (most_folds is not None and rule.folds > most_folds):
        limit = f"at least {least_folds}" + ("" if most_folds is None else f", at most {most_folds} (its speakers)")
        raise CorpusError(f"{utterances.corpus}: {rule.folds} folds are impossible: there must be {limit}")
    if not 0 <= rule.fold < rule.folds:
        raise CorpusError(f"fold {rule.fold} of {rule.folds}: it must be from 0 to {rule.folds - 1}")


def speakers_of(utterances: Utterances, *, least: int = 2) -> list[str]:
    """Name the speakers, where a split by speaker is possible.

    Raises:
        CorpusError: an utterance without speaker, or too few speakers.
    """
    if (nameless := utterances.table["speaker"].isna().to_numpy()).any():
        name = utterances.table["utterance"].iloc[int(nameless.argmax())]
        raise CorpusError(
            f"{utterances.corpus}: utterance {name} has no speaker to split by: {speaker_advice(utterances.corpus)}, "
            "or split by recording (split.kind=random)"
        )
    names = utterances.labels("speaker")
    if len(names) < least:
        instead = "random" if len(names) < 2 else "actor"
        raise CorpusError(
            f"{utterances.corpus}: {len(names)} speaker{'s' * (len(names) > 1)} cannot be split by speaker"
            f"{' so' * (len(names) > 1)}: use split.kind={instead}"
        )
    return names


def sorted_rows(utterances: Utterances, stratify: str | None) -> SplitRows:
    """Bring what splits are made of into an order that rows and places do not change.

    Raises:
        CorpusError: an unknown column, or unreadable audio.
    """
    if stratify is not None:
        utterances.labels(stratify)  # refuses a column that is unknown or holds numbers
    table = utterances.table.fillna({"speaker": "", stratify: ""} if stratify else {"speaker": ""})
    ids = table["utterance"].to_numpy(dtype=object)
    order = np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)
    groups = audio_groups(utterances)
    speaker = table["speaker"].to_numpy(dtype=object)
    corpus = utterances.corpora().to_numpy(dtype=object)
    label = table[stratify].to_numpy(dtype=object) if stratify else np.full(len(ids), "", dtype=object)
    if stratify and AND in utterances.corpus:
        label = corpus + WITHIN + label
    return SplitRows(ids[order], groups[order], label[order], speaker[order], corpus[order])


def refuse_shared_audio(utterances: Utterances, rows: SplitRows) -> None:
    """See that no recording is two speakers'.

    Raises:
        CorpusError: two speakers' recordings hold identical audio.
    """
    first_of: dict[int, int] = {}
    for row, group in enumerate(rows.group.tolist()):
        first = first_of.setdefault(group, row)
        if rows.speaker[row] != rows.speaker[first]:
            paths = utterances.table.set_index("utterance")["path"]
            one, other = (f"{paths[rows.utterance[at]]} (speaker {rows.speaker[at]})" for at in (first, row))
            raise CorpusError(
                f"{utterances.corpus}: {one} and {other} hold identical audio: "
                "correct or remove one before splitting by speaker"
            )


def part_of_fold(folds_of: np.ndarray, fold: int, folds: int) -> np.ndarray:
    """Say the part of each fold: one tests, the next one (after the last comes the first) validates, others train."""
    return np.select([folds_of == fold, folds_of == (fold + 1) % folds], [TEST, VALIDATION], TRAIN)


def split_of_rows(utterances: Utterances, rule: SplitRule, rows: SplitRows, part: np.ndarray) -> Split:
    """Make the split that puts each row into its part.

    Raises:
        CorpusError: nothing is left for one of the parts.
    """
    parts = {name: tuple(rows.utterance[part == number].tolist()) for number, name in enumerate(PARTS)}
    if empty := [name for name in PARTS if not parts[name]]:
        raise CorpusError(f"{utterances.corpus}: {len(part)} utterances are too few: nothing is left for {empty[0]}")
    return Split(
        corpus=utterances.corpus,
        kind=rule.kind,
        seed=rule.seed,
        parts=parts,
        fractions=rule.fractions if rule.folds is None else None,
        folds=rule.folds,
        fold=None if rule.folds is None else rule.fold,
        stratify=rule.stratify,
        scheme=rule.scheme,
    )
