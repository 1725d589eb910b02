"""Datasets: the labelled utterances that settings name, their split and their classes."""

from dataclasses import dataclass

from hamiltone.corpora import (
    CorpusSettings,
    Split,
    SplitKind,
    SplitSettings,
    Utterances,
    class_remarks,
    load_split,
    load_utterances,
    split_remarks,
    split_utterances,
    with_fewer_speakers,
)
from hamiltone.settings_paths import SettingsError, expand

from ._run import RunSettings


@dataclass(frozen=True)
class Dataset:
    """Utterances, their split, and the classes in the order of the scores (none for an RH-Emo without heads).

    Attributes:
        utterances: those that the task can use.
        split: of them.
        labels: the classes.
        remarks: what may be wrong with the classes, to be told before training; a line each.
    """

    utterances: Utterances
    split: Split
    labels: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def load_dataset(settings: RunSettings) -> Dataset:
    """Load the corpus that the settings name and split it as they say.

    Raises:
        CorpusError: no such corpus, no labels of the kind that the task needs, or no way to split it.
        SettingsError: a split that the task cannot be learnt on.
    """
    kind = settings.split_kind
    if settings.task == "speaker" and settings.split.file is None and kind not in ("random", "column"):
        raise SettingsError(f"split.kind {kind} leaves no known speaker to test on; set split.kind to random")
    return _load(settings.corpus, settings.split, kind, settings.column, labelled=settings.labelled)


def load_statistics(settings: RunSettings) -> Dataset | None:
    """The recordings whose training part gives the normalisation, where the settings name others than the run's own.

    Raises:
        HamiltoneError: as :func:`load_dataset`.
    """
    choice = settings.front.statistics
    if choice is None:
        return None
    return _load(choice.corpus, choice.split, choice.split.kind or "actor", "emotion", labelled=True)


def _load(corpus: CorpusSettings, splitting: SplitSettings, kind: SplitKind, column: str, *, labelled: bool) -> Dataset:
    everything = load_utterances(corpus)
    with_label = everything.having(column)
    utterances = with_label if labelled else everything
    labels = tuple(utterances.labels(column)) if labelled else ()
    if labelled and len(labels) < 2:
        raise SettingsError(f"{utterances.corpus}: has {len(labels)} classes of {column}; at least two are needed")
    if splitting.file is None:
        # Also where labels are not needed, so that both stages of RH-Emo get the same split.
        stratify = column if labelled or len(with_label) == len(everything) else None
        split = split_utterances(splitting, utterances, kind=kind, stratify=stratify)
    else:
        # A split of the whole corpus serves all: of a task with labels it parts what is labelled.
        unlabelled = set(everything.table["utterance"]) - set(utterances.table["utterance"])
        split = load_split(expand(splitting.file, "split.file"), everything, fold=splitting.fold).without(unlabelled)
    if splitting.training_speakers is not None:
        utterances, split = with_fewer_speakers(utterances, split, splitting.training_speakers)
    return _dataset(utterances, split, column, labels)


def _dataset(utterances: Utterances, split: Split, column: str, labels: tuple[str, ...]) -> Dataset:
    if not labels:
        return Dataset(utterances, split, labels)
    remarks = class_remarks(utterances, column) + split_remarks(utterances, split, column)
    return Dataset(utterances, split, labels, tuple(remarks))
