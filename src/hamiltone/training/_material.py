"""What a run works on: labelled utterances, their split and their classes."""

from dataclasses import dataclass
from pathlib import Path

from hamiltone.corpora import (
    CorpusPart,
    Split,
    Utterances,
    WordChoice,
    leave_one_speaker_out,
    load_corpora,
    load_split,
    read_split,
    ready_lists,
    split_by_column,
    split_by_speaker,
    split_random,
    split_stratified,
)

from ._loop import TrainingError
from ._reading import expand
from ._settings import (
    CorpusPartSettings,
    CorpusSettings,
    FrontSettings,
    RunSettings,
    SplitKind,
    SplitSettings,
    WordsSettings,
)


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
    split = load_split(expand(settings.split.file, "split.file"), everything, fold=settings.split.fold)
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
        CorpusError: no such corpus, its folder holds something else, or it has no such emotions.
        TrainingError: a folder holds another number of recordings than are published, and the settings do not allow it.
    """
    utterances = load_corpora([_part(part) for part in corpus.parts or (corpus,)])
    if utterances.part and not corpus.partial:
        place = "NAME=FOLDER" if corpus.parts else f"{corpus.name}={utterances.root}"
        raise TrainingError(
            f"{utterances.corpus}: {utterances.root} is not the whole corpus ({utterances.part}): complete it "
            f"(hamiltone corpus check {place} says what is missing), or set corpus.partial=true to use this part"
        )
    return utterances if corpus.within is None else _within(utterances, expand(corpus.within, "corpus.within"))


def _part(corpus: CorpusPartSettings) -> CorpusPart:
    root = None if corpus.root is None else expand(corpus.root, "corpus.root")
    words = None if corpus.words is None else _choice(corpus.words)
    return CorpusPart(corpus.name, root, words, corpus.options, corpus.labels, corpus.only)


def _choice(words: WordsSettings) -> WordChoice:
    alignments = None if words.alignments is None else expand(words.alignments, "corpus.words.alignments")
    return WordChoice(words.most, words.min_letters, words.segments, alignments)


def _within(utterances: Utterances, path: Path) -> Utterances:
    split = read_split(path)
    names = utterances.table["utterance"]
    if split.corpus != utterances.corpus:
        if f"{split.corpus}-words" != utterances.corpus:
            raise TrainingError(
                f"corpus.within: {path} parts {split.corpus}, not {utterances.corpus}; name another split"
            )
        names = names.str.rpartition("-")[0]  # words of the recordings that it parts
    return utterances.select(names.isin(split.parts["train"]).to_numpy())


def _make_split(settings: RunSettings, utterances: Utterances) -> Split:
    if settings.split_kind not in ("random", "column") and settings.task == "speaker":
        raise TrainingError(
            f"split.kind {settings.split_kind} leaves no known speaker to test on; set split.kind to random"
        )
    # Also where labels are not needed, so that both stages of RH-Emo get the same split.
    complete = len(utterances.having(settings.column)) == len(utterances)
    return deal(utterances, settings.split, settings.split_kind, stratify=settings.column if complete else None)


def deal(utterances: Utterances, choice: SplitSettings, kind: SplitKind, *, stratify: str | None) -> Split:
    """Part utterances as split settings say; ``stratify`` names the column whose classes a random split keeps even.

    Raises:
        CorpusError: they cannot be parted so.
        TrainingError: another number of folds than that kind of split has.
    """
    dealing = {"fractions": choice.fractions, "folds": choice.folds, "fold": choice.fold, "seed": choice.seed}
    if kind == "random":
        return split_random(utterances, stratify=stratify, **dealing)
    if kind == "actor":
        return split_by_speaker(utterances, **dealing)
    if kind == "stratified":
        if choice.folds is None:
            raise TrainingError("split.kind stratified needs split.folds: say how many folds there are")
        return split_stratified(utterances, folds=choice.folds, fold=choice.fold, seed=choice.seed)
    if kind == "column":
        split = split_by_column(utterances)
    elif kind == "leave-one-out":
        split = leave_one_speaker_out(utterances, fold=choice.fold)
    else:
        split = ready_lists(utterances.corpus, kind).split(utterances, fold=choice.fold)
    if choice.folds not in (None, split.folds):
        has = f"{split.folds} folds" if split.folds else "no folds"
        raise TrainingError(f"split.kind {kind} has {has} here, not {choice.folds}: leave split.folds out")
    return split
