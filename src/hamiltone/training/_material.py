"""What a run works on: labelled utterances, their split and their classes."""

from dataclasses import dataclass

from hamiltone.corpora import Split, Utterances, load_split, load_utterances, split_utterances
from hamiltone.settings_paths import expand

from ._loop import TrainingError
from ._settings import FrontSettings, RunSettings


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


def _make_split(settings: RunSettings, utterances: Utterances) -> Split:
    if settings.split_kind not in ("random", "column") and settings.task == "speaker":
        raise TrainingError(
            f"split.kind {settings.split_kind} leaves no known speaker to test on; set split.kind to random"
        )
    # Also where labels are not needed, so that both stages of RH-Emo get the same split.
    complete = len(utterances.having(settings.column)) == len(utterances)
    stratify = settings.column if complete else None
    return split_utterances(settings.split, utterances, kind=settings.split_kind, stratify=stratify)
