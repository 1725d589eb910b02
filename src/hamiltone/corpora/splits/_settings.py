"""The settings of a split, and the split that they make."""

from typing import Any, Literal

from pydantic import Field

from hamiltone.settings_model import Settings

from ..utterances import CorpusError, Utterances
from ._folds import leave_one_speaker_out, split_by_column, split_stratified
from ._random import split_by_speaker, split_random
from ._speaker_lists import ready_lists
from ._split import Split

SplitKind = Literal[
    "actor", "random", "stratified", "leave-one-out", "balanced", "emobox", "70-20-10", "halved", "column"
]
"""The paper's two; folds of speakers by class; one speaker out; ready lists of speakers; what the table itself says."""


class SplitSettings(Settings):
    """How the corpus is parted: the paper's random split (by recording) or actor split (by speaker), or another."""

    kind: SplitKind | None = Field(
        default=None, description="random for orthogonal tasks, else actor", examples=["actor"]
    )
    fractions: tuple[float, float, float] = Field(default=(0.7, 0.2, 0.1), description="of train, validation and test")
    folds: int | None = Field(
        default=None, ge=2, description="k folds instead of fractions: one tests, one validates", examples=[6]
    )
    fold: int = Field(default=0, ge=0, description="which of the folds, counted from 0")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of what is drawn")
    file: str | None = Field(
        default=None,
        description="a split or lists of speakers in a file, instead of the above",
        examples=["actors.json"],
    )


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
