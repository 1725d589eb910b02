"""Random and actor splits: shuffle, then deal in proportion."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from ._audio_groups import audio_groups
from ._split import PARTS, Split
from ._utterances import AND, WITHIN, CorpusError, Utterances

_TRAIN, _VALIDATION, _TEST = range(3)
_Fractions = tuple[float, float, float]


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
    plan = _Plan("random", fractions, folds, fold, seed, stratify)
    _check(utterances, plan, least_folds=3)
    rows = _sorted_rows(utterances, stratify)
    shares = fractions if folds is None else (1 / folds,) * folds
    dealt = _deal(rows.group, rows.label, shares, np.random.default_rng(seed))
    return _split(utterances, plan, rows, dealt if folds is None else _part_of_fold(dealt, fold, folds))


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

    Two speakers (TESS; REFERENCE.md section 5): one trains; of the other, half validates and half tests, by recording
    and in proportion of the classes of ``stratify``, whatever the fractions. ``folds=2`` lets each train once.

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
    if (nameless := utterances.table["speaker"].isna().to_numpy()).any():
        name = utterances.table["utterance"].iloc[int(nameless.argmax())]
        raise CorpusError(f"{utterances.corpus}: utterance {name} has no speaker to split by")
    names = utterances.labels("speaker")
    if len(names) < 2:
        raise CorpusError(f"{utterances.corpus}: {len(names)} speaker cannot be split by speaker: use split_random")
    two = len(names) == 2
    plan = _Plan("actor", fractions, folds, fold, seed, stratify if two else None)
    _check(utterances, plan, least_folds=2 if two else 3, most_folds=len(names))
    rows = _sorted_rows(utterances, stratify)
    _refuse_shared_audio(utterances, rows)
    rng = np.random.default_rng(seed)
    shuffled = [names[place] for place in rng.permutation(len(names))]
    if two:
        other = rows.speaker != shuffled[fold]
        part = np.full(len(other), _TRAIN)
        part[other] = np.array([_VALIDATION, _TEST])[_deal(rows.group[other], rows.label[other], (0.5, 0.5), rng)]
        return _split(utterances, plan, rows, part)
    corpus_of = dict(zip(rows.speaker, rows.corpus, strict=True))
    shuffled.sort(key=corpus_of.__getitem__)
    if folds is not None:
        places = _part_of_fold(np.arange(len(names)) % folds, fold, folds)
    elif AND in utterances.corpus:
        places = _shares_along([1] * len(names), fractions)
    else:
        places = np.repeat(range(len(PARTS)), _speaker_counts(len(names), fractions))
    part_of = dict(zip(shuffled, places, strict=True))
    return _split(utterances, plan, rows, np.array([part_of[speaker] for speaker in rows.speaker]))


class _Plan(NamedTuple):
    kind: Literal["random", "actor"]
    fractions: _Fractions
    folds: int | None
    fold: int
    seed: int
    stratify: str | None


class _Rows(NamedTuple):
    """The utterances in the order of their identifiers; "" is a missing label; of several corpora each has its own."""

    utterance: np.ndarray
    group: np.ndarray
    label: np.ndarray
    speaker: np.ndarray
    corpus: np.ndarray


def _check(utterances: Utterances, plan: _Plan, least_folds: int, most_folds: int | None = None) -> None:
    if plan.seed < 0:
        raise CorpusError(f"the seed of a split must not be negative: {plan.seed}")
    if plan.folds is None:
        if plan.fold != 0:
            raise CorpusError(f"fold {plan.fold} without folds: say how many there are")
        if not (min(plan.fractions) > 0 and abs(sum(plan.fractions) - 1) < 1e-6):
            raise CorpusError(f"fractions of {', '.join(PARTS)} must be positive with sum 1, not {plan.fractions}")
        return
    if plan.folds < least_folds or (most_folds is not None and plan.folds > most_folds):
        limit = f"at least {least_folds}" + ("" if most_folds is None else f", at most {most_folds} (its speakers)")
        raise CorpusError(f"{utterances.corpus}: {plan.folds} folds are impossible: there must be {limit}")
    if not 0 <= plan.fold < plan.folds:
        raise CorpusError(f"fold {plan.fold} of {plan.folds}: it must be from 0 to {plan.folds - 1}")


def _sorted_rows(utterances: Utterances, stratify: str | None) -> _Rows:
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
    return _Rows(ids[order], groups[order], label[order], speaker[order], corpus[order])


def _deal(groups: np.ndarray, labels: np.ndarray, shares: tuple[float, ...], rng: np.random.Generator) -> np.ndarray:
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


def _part_of_fold(folds_of: np.ndarray, fold: int, folds: int) -> np.ndarray:
    return np.select([folds_of == fold, folds_of == (fold + 1) % folds], [_TEST, _VALIDATION], _TRAIN)


def _speaker_counts(speakers: int, fractions: _Fractions) -> list[int]:
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


def _refuse_shared_audio(utterances: Utterances, rows: _Rows) -> None:
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


def _split(utterances: Utterances, plan: _Plan, rows: _Rows, part: np.ndarray) -> Split:
    parts = {name: tuple(rows.utterance[part == number].tolist()) for number, name in enumerate(PARTS)}
    if empty := [name for name in PARTS if not parts[name]]:
        raise CorpusError(f"{utterances.corpus}: {len(part)} utterances are too few: nothing is left for {empty[0]}")
    return Split(
        corpus=utterances.corpus,
        kind=plan.kind,
        seed=plan.seed,
        parts=parts,
        fractions=plan.fractions if plan.folds is None else None,
        folds=plan.folds,
        fold=None if plan.folds is None else plan.fold,
        stratify=plan.stratify,
    )
