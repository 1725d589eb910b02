"""What a run works on: labelled utterances, their split and their classes."""

from dataclasses import dataclass

from hamiltone.corpora import Split, Utterances, load_corpus, read_split, split_by_speaker, split_random

from ._loop import TrainingError
from ._reading import expand
from ._settings import RunSettings


@dataclass(frozen=True)
class Material:
    """Labelled utterances, their split, and the classes in the order of the scores."""

    utterances: Utterances
    split: Split
    labels: tuple[str, ...]


def load_material(settings: RunSettings) -> Material:
    """Load the corpus that the settings name and part it as they say.

    Raises:
        CorpusError: no such corpus, no labels of the kind that the task needs, or no way to part it.
        TrainingError: a split that the task cannot be learnt on.
    """
    root = settings.corpus.root
    corpus = load_corpus(settings.corpus.name, None if root is None else expand(root, "corpus.root"))
    utterances = corpus.having(settings.column)
    if settings.corpus.within is not None:
        within = read_split(expand(settings.corpus.within, "corpus.within"))
        utterances = utterances.select(utterances.table["utterance"].isin(within.parts["train"]).to_numpy())
    labels = tuple(utterances.labels(settings.column))
    if len(labels) < 2:
        raise TrainingError(f"{corpus.corpus}: has {len(labels)} classes of {settings.column}; at least two are needed")
    return Material(utterances, _make_split(settings, utterances), labels)


def _make_split(settings: RunSettings, utterances: Utterances) -> Split:
    choice = settings.split
    if choice.file is not None:
        return read_split(expand(choice.file, "split.file"))
    dealing = {"fractions": choice.fractions, "folds": choice.folds, "fold": choice.fold, "seed": choice.seed}
    if choice.kind == "random":
        return split_random(utterances, stratify=settings.column, **dealing)
    if settings.task == "speaker":
        raise TrainingError("split.kind actor leaves no known speaker to test on; set split.kind to random")
    return split_by_speaker(utterances, **dealing)
