"""The split that settings ask for."""

from typing import Any

from hamiltone.corpus_settings import SplitKind, SplitSettings

from ..utterances import CorpusError, Utterances
from ._folds import leave_one_speaker_out, split_by_column, split_stratified
from ._random import split_by_speaker, split_random
from ._speaker_lists import ready_lists
from ._split import Split


def split_utterances(
    settings: SplitSettings, utterances: Utterances, *, kind: SplitKind | None = None, stratify: str | None = "emotion"
) -> Split:
    """Split utterances as settings say, but for a ``file``.

    Args:
        settings: of the split.
        utterances: what to split.
        kind: the kind of split where the settings name none; an actor split when None.
        stratify: the column whose classes a random split keeps in proportion, or None.

    Raises:
        CorpusError: they cannot be split so; another number of folds than that kind of split has.
    """
    kind = settings.kind or kind or "actor"
    dealing: dict[str, Any] = settings.model_dump(include={"fractions", "folds", "fold", "seed"})
    if kind == "random":
        return split_random(utterances, stratify=stratify, **dealing)
    if kind == "actor":
        return split_by_speaker(utterances, **dealing)
    if kind == "stratified":
        if settings.folds is None:
            raise CorpusError("split.kind stratified needs split.folds: say how many folds there are")
        return split_stratified(utterances, folds=settings.folds, fold=settings.fold, seed=settings.seed)
    if kind == "column":
        split = split_by_column(utterances)
    elif kind == "leave-one-out":
        split = leave_one_speaker_out(utterances, fold=settings.fold)
    else:
        split = ready_lists(utterances.corpus, kind).split(utterances, fold=settings.fold)
    if settings.folds not in (None, split.folds):
        has = f"{split.folds} folds" if split.folds else "no folds"
        raise CorpusError(f"split.kind {kind} has {has} here, not {settings.folds}: leave split.folds out")
    return split
