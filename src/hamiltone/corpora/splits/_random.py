"""Random and actor splits: shuffled, then dealt in proportion."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..utterances import AND, CorpusError, Utterances
from ._assignment import (
    TEST,
    TRAIN,
    VALIDATION,
    Fractions,
    SplitRule,
    check_rule,
    part_of_fold,
    refuse_shared_audio,
    sorted_rows,
    speakers_of,
    split_of_rows,
)
from ._split import PARTS, Split


def split_random(
    utterances: Utterances,
    *,
    fractions: tuple[float, float, float] = (0.7, 0.2, 0.1),
    folds: int | None = None,
    fold: int = 0,
    seed: int = 0,
    stratify: str | None = "emotion",
) -> Split:
    """Split by recording: everything of one recording, or of identical recordings, stays in one part.

    The groups (``audio_groups``) are shuffled, laid out class by class, and dealt along that line: each goes to the
    part that lags most behind its fraction of the utterances so far. So the parts of the whole, and of each class,
    have their proportions to within about one group; of several corpora that are one, so has each class of each. With
    ``folds=k`` the line is dealt into k equal folds: fold ``fold`` tests, the next one (after the last comes the first)
    validates, the others train.

    The result depends on the identifiers, labels and audio alone: neither on the order of rows nor on the folder.

    Args:
        utterances: what to split.
        fractions: of train, validation and test; positive, with sum 1. Unused with ``folds``.
        folds: number of folds, at least 3.
        fold: which fold tests.
        seed: for the shuffle; not negative.
        stratify: the column whose classes stay in proportion ("speaker" puts all speakers in all parts), or None.
            Utterances without a label form a class of their own; a recording of several labels counts for the most
            frequent one.

    Raises:
        CorpusError: impossible fractions or folds, too few recordings, an unknown column, or unreadable audio.
    """
    rule = SplitRule("random", fractions, folds, fold, seed, stratify)
    check_rule(utterances, rule, least_folds=3)
    rows = sorted_rows(utterances, stratify)
    if folds is not None and folds > (apart := len(np.unique(rows.group))):
        raise CorpusError(f"{utterances.corpus}: {folds} folds of {apart} recordings are impossible: there are too few")
    shares = fractions if folds is None else (1 / folds,) * folds
    dealt = _dealt_shares(rows.group, rows.label, shares, np.random.default_rng(seed))
    return split_of_rows(utterances, rule, rows, dealt if folds is None else part_of_fold(dealt, fold, folds))


def split_by_speaker(
    utterances: Utterances,
    *,
    fractions: tuple[float, float, float] = (0.7, 0.2, 0.1),
    folds: int | None = None,
    fold: int = 0,
    seed: int = 0,
    stratify: str | None = "emotion",
) -> Split:
    """Split by speaker (the paper's actor split): no speaker in two parts.

    The speakers are shuffled; train, validation and test get ``fraction * speakers`` of them, rounded by largest
    remainder (ties: the earlier part), and at least one each, taken from the largest part. With ``folds=k`` the
    shuffled speakers are dealt into k groups in turn: group ``fold`` tests, the next one (after the last comes the
    first) validates, the others train. Of several corpora that are one the speakers are dealt corpus by corpus, so
    that each has its proportions to within about one speaker.

    Two speakers (TESS): one trains; of the other, half validates and half tests, by recording
    and in proportion of the classes of ``stratify``, whatever the fractions. ``folds=2`` lets each train once. The
    split's scheme is then "two-speakers", since early stopping hears the speaker that is tested.

    The result depends on the identifiers, labels and audio alone: neither on the order of rows nor on the folder.

    Args:
        utterances: what to split; each needs a speaker.
        fractions: of train, validation and test in speakers; positive, with sum 1. Unused with ``folds``.
        folds: number of folds, from 3 to the number of speakers; 2 with two speakers.
        fold: which fold tests.
        seed: for the shuffle; not negative.
        stratify: used with two speakers only.

    Raises:
        CorpusError: one speaker only, or an utterance without a speaker; impossible fractions or folds; recordings of
            different speakers that hold identical audio (no honest side exists for them); unreadable audio.
    """
    names = speakers_of(utterances)
    two = len(names) == 2
    rule = SplitRule("actor", fractions, folds, fold, seed, None)
    if two:
        rule = rule._replace(fractions=None, stratify=stratify, scheme="two-speakers")
    check_rule(utterances, rule, least_folds=2 if two else 3, most_folds=len(names))
    rows = sorted_rows(utterances, stratify)
    refuse_shared_audio(utterances, rows)
    rng = np.random.default_rng(seed)
    shuffled = [names[place] for place in rng.permutation(len(names))]
    if two:
        other = rows.speaker != shuffled[fold]
        part = np.full(len(other), TRAIN)
        part[other] = np.array([VALIDATION, TEST])[_dealt_shares(rows.group[other], rows.label[other], (0.5, 0.5), rng)]
        return split_of_rows(utterances, rule, rows, part)
    corpus_of = dict(zip(rows.speaker, rows.corpus, strict=True))
    shuffled.sort(key=corpus_of.__getitem__)
    if folds is not None:
        places = part_of_fold(np.arange(len(names)) % folds, fold, folds)
    elif AND in utterances.corpus:
        places = _shares_along([1] * len(names), fractions)
    else:
        places = np.repeat(range(len(PARTS)), speaker_counts(len(names), fractions))
    part_of = dict(zip(shuffled, places, strict=True))
    return split_of_rows(utterances, rule, rows, np.array([part_of[speaker] for speaker in rows.speaker]))


def _dealt_shares(
    groups: np.ndarray, labels: np.ndarray, shares: tuple[float, ...], rng: np.random.Generator
) -> np.ndarray:
    """Give each row the number of a share, so that groups stay whole and classes stay in proportion."""
    # Groups are listed in order of appearance, so that their numbers do not matter.
    members: dict[int, list[str]] = {}
    for group, label in zip(groups.tolist(), labels, strict=True):
        members.setdefault(group, []).append(label)
    names = list(members)
    line = [names[place] for place in rng.permutation(len(names))]
    line.sort(key=lambda group: _most_frequent(members[group]))
    share_of = dict(zip(line, _shares_along([len(members[group]) for group in line], shares), strict=True))
    return np.array([share_of[group] for group in groups.tolist()], dtype=np.int64)


def _shares_along(sizes: Sequence[int], shares: tuple[float, ...]) -> list[int]:
    """Deal what stands in a line: each goes to the share that lags most behind its part of the line so far."""
    counts, total, dealt = np.zeros(len(shares)), 0, []
    for size in sizes:
        total += size
        # Rounded, so that shares that lag equally tie exactly and the first of them is taken.
        share = int(np.argmax(np.round(np.array(shares) * total - counts, 9)))
        counts[share] += size
        dealt.append(share)
    return dealt


def _most_frequent(labels: list[str]) -> str:
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label))


def speaker_counts(speakers: int, fractions: Fractions) -> list[int]:
    """Say how many speakers train, validate and test: rounded by largest remainder, at least one each."""
    quotas = [round(fraction * speakers, 9) for fraction in fractions]
    counts = [int(quota) for quota in quotas]
    remainders = [round(quota - count, 9) for quota, count in zip(quotas, counts, strict=True)]
    by_remainder = sorted(range(len(quotas)), key=lambda part: -remainders[part])
    for part in by_remainder[: speakers - sum(counts)]:
        counts[part] += 1
    while 0 in counts:
        counts[counts.index(max(counts))] -= 1
        counts[counts.index(0)] += 1
    return counts
