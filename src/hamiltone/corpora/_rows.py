"""What every way of parting a corpus starts from and ends with."""

from typing import Literal, NamedTuple

import numpy as np

from ._audio_groups import audio_groups
from ._split import PARTS, Split
from ._utterances import AND, WITHIN, CorpusError, Utterances

TRAIN, VALIDATION, TEST = range(3)
"""The places of the parts in ``PARTS``."""

Fractions = tuple[float, float, float]


class Plan(NamedTuple):
    """What a split says of itself, beside its parts (see ``Split``)."""

    kind: Literal["random", "actor"]
    fractions: Fractions | None
    folds: int | None
    fold: int
    seed: int
    stratify: str | None
    scheme: str | None = None


class Rows(NamedTuple):
    """The utterances in the order of their identifiers; "" is a missing label; of several corpora each has its own."""

    utterance: np.ndarray
    group: np.ndarray
    label: np.ndarray
    speaker: np.ndarray
    corpus: np.ndarray


def check_plan(utterances: Utterances, plan: Plan, least_folds: int, most_folds: int | None = None) -> None:
    """See that fractions, folds and seed are possible.

    Raises:
        CorpusError: they are not.
    """
    if plan.seed < 0:
        raise CorpusError(f"the seed of a split must not be negative: {plan.seed}")
    if plan.folds is None:
        if plan.fold != 0:
            raise CorpusError(f"fold {plan.fold} without folds: say how many there are")
        if plan.fractions and not (min(plan.fractions) > 0 and abs(sum(plan.fractions) - 1) < 1e-6):
            raise CorpusError(f"fractions of {', '.join(PARTS)} must be positive with sum 1, not {plan.fractions}")
        return
    if plan.folds < least_folds or (most_folds is not None and plan.folds > most_folds):
        limit = f"at least {least_folds}" + ("" if most_folds is None else f", at most {most_folds} (its speakers)")
        raise CorpusError(f"{utterances.corpus}: {plan.folds} folds are impossible: there must be {limit}")
    if not 0 <= plan.fold < plan.folds:
        raise CorpusError(f"fold {plan.fold} of {plan.folds}: it must be from 0 to {plan.folds - 1}")


def speaker_advice(corpus: str) -> str:
    """How a corpus (or several that are one) tells who speaks."""
    ways = {
        "folder": "give corpus.options.speaker, or sort the recordings into EMOTION/SPEAKER/",
        "audformat": "give corpus.options.speaker",
        "table": "fill the table's column speaker",
    }
    return next((ways[name] for name in corpus.split(AND) if name in ways), "name the speakers")


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


def sorted_rows(utterances: Utterances, stratify: str | None) -> Rows:
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
    return Rows(ids[order], groups[order], label[order], speaker[order], corpus[order])


def refuse_shared_audio(utterances: Utterances, rows: Rows) -> None:
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


def made_split(utterances: Utterances, plan: Plan, rows: Rows, part: np.ndarray) -> Split:
    """Make the split that puts each row into its part.

    Raises:
        CorpusError: nothing is left for one of the parts.
    """
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
        scheme=plan.scheme,
    )
