"""What a run works on: labelled utterances, their split and their classes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hamiltone.corpora import (
    Split,
    Utterances,
    WordChoice,
    load_corpus,
    read_split,
    recordings_of,
    split_by_speaker,
    split_random,
)

from ._loop import TrainingError
from ._reading import expand
from ._settings import CorpusSettings, FrontSettings, RunSettings, SplitSettings, WordsSettings


@dataclass(frozen=True)
class Material:
    """Utterances, their split, and the classes in the order of the scores (none for an RH-Emo without heads)."""

    utterances: Utterances
    split: Split
    labels: tuple[str, ...]


def load_material(settings: RunSettings) -> Material:
    """Load the corpus that the settings name and part it as they say.

    Raises:
        CorpusError: no such corpus, no labels of the kind that the task needs, or no way to part it.
        TrainingError: a split that the task cannot be learnt on.
    """
    everything = utterances = load_utterances(settings.corpus)
    labels: tuple[str, ...] = ()
    if settings.labelled:
        utterances = everything.having(settings.column)
        labels = tuple(utterances.labels(settings.column))
        if len(labels) < 2:
            raise TrainingError(
                f"{utterances.corpus}: has {len(labels)} classes of {settings.column}; at least two are needed"
            )
    if settings.split.file is None:
        return Material(utterances, _make_split(settings, utterances), labels)
    split = read_split(expand(settings.split.file, "split.file"))
    # A split of the whole corpus serves all: of a task with labels it parts what is labelled.
    unlabelled = set(everything.table["utterance"]) - set(utterances.table["utterance"])
    return Material(utterances, split.without(unlabelled), labels)


def load_statistics(settings: RunSettings) -> Material | None:
    """The recordings whose training part gives the normalisation, where the settings name others than the run's own.

    Raises:
        HamiltoneError: as :func:`load_material`.
    """
    choice = settings.front.statistics
    if choice is None:
        return None
    emotion = RunSettings(
        name=settings.name,
        out=settings.out,
        corpus=choice.corpus,
        split=choice.split,
        front=FrontSettings(kind="spectrogram"),
    )
    return load_material(emotion)


def load_utterances(corpus: CorpusSettings) -> Utterances:
    """The utterances that settings name, before any is left out for lack of a label.

    Raises:
        CorpusError: no such corpus, or its folder holds something else.
    """
    root = None if corpus.root is None else expand(corpus.root, "corpus.root")
    utterances = load_corpus(corpus.name, root, None if corpus.words is None else _choice(corpus.words))
    return utterances if corpus.within is None else _within(utterances, expand(corpus.within, "corpus.within"))


def _choice(words: WordsSettings) -> WordChoice:
    alignments = None if words.alignments is None else expand(words.alignments, "corpus.words.alignments")
    return WordChoice(words.most, words.min_letters, words.segments, alignments)


def _within(utterances: Utterances, path: Path) -> Utterances:
    split = read_split(path)
    names = utterances.table["utterance"]
    if split.corpus != utterances.corpus:
        if split.corpus not in recordings_of(utterances.corpus, ()):
            raise TrainingError(
                f"corpus.within: {path} parts {split.corpus}, not {utterances.corpus}; name another split"
            )
        names = names.str.rpartition("-")[0]  # words of the recordings that it parts
    return utterances.select(names.isin(split.parts["train"]).to_numpy())


def _make_split(settings: RunSettings, utterances: Utterances) -> Split:
    if settings.split_kind == "actor" and settings.task == "speaker":
        raise TrainingError("split.kind actor leaves no known speaker to test on; set split.kind to random")
    # Also where labels are not needed, so that both stages of RH-Emo get the same split.
    complete = len(utterances.having(settings.column)) == len(utterances)
    return deal(utterances, settings.split, settings.split_kind, stratify=settings.column if complete else None)


def deal(
    utterances: Utterances, choice: SplitSettings, kind: Literal["actor", "random"], *, stratify: str | None
) -> Split:
    """Part utterances as split settings say; ``stratify`` names the column whose classes a random split keeps even.

    Raises:
        CorpusError: they cannot be parted so.
    """
    dealing = {"fractions": choice.fractions, "folds": choice.folds, "fold": choice.fold, "seed": choice.seed}
    if kind == "random":
        return split_random(utterances, stratify=stratify, **dealing)
    return split_by_speaker(utterances, **dealing)
