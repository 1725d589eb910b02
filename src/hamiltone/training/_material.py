"""What a run works on: labelled utterances, their split and their classes."""

from dataclasses import dataclass
from pathlib import Path

from hamiltone.corpora import Split, Utterances, load_corpus, read_split, split_by_speaker, split_random

from ._loop import TrainingError
from ._reading import expand
from ._settings import CorpusSettings, FrontSettings, RunSettings


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
    utterances = load_utterances(settings.corpus)
    labels: tuple[str, ...] = ()
    if settings.labelled:
        utterances = utterances.having(settings.column)
        labels = tuple(utterances.labels(settings.column))
        if len(labels) < 2:
            raise TrainingError(
                f"{utterances.corpus}: has {len(labels)} classes of {settings.column}; at least two are needed"
            )
    return Material(utterances, _make_split(settings, utterances), labels)


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
    utterances = load_corpus(corpus.name, root)
    return utterances if corpus.within is None else _within(utterances, expand(corpus.within, "corpus.within"))


def _within(utterances: Utterances, path: Path) -> Utterances:
    split = read_split(path)
    if split.corpus != utterances.corpus:
        raise TrainingError(f"corpus.within: {path} parts {split.corpus}, not {utterances.corpus}; name another split")
    return utterances.select(utterances.table["utterance"].isin(split.parts["train"]).to_numpy())


def _make_split(settings: RunSettings, utterances: Utterances) -> Split:
    choice = settings.split
    if choice.file is not None:
        return read_split(expand(choice.file, "split.file"))
    dealing = {"fractions": choice.fractions, "folds": choice.folds, "fold": choice.fold, "seed": choice.seed}
    if settings.split_kind == "random":
        # Also where labels are not needed, so that both stages of RH-Emo get the same split.
        complete = len(utterances.having(settings.column)) == len(utterances)
        return split_random(utterances, stratify=settings.column if complete else None, **dealing)
    if settings.task == "speaker":
        raise TrainingError("split.kind actor leaves no known speaker to test on; set split.kind to random")
    return split_by_speaker(utterances, **dealing)
