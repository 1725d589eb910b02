"""Loading of the utterances that settings name."""

from pathlib import Path

from hamiltone.corpus_settings import CorpusSettings
from hamiltone.settings_paths import expand

from ..splits import read_split
from ..utterances import CorpusError, Utterances
from ..words import WORDS
from ._joined_corpora import load_corpora


def load_utterances(settings: CorpusSettings) -> Utterances:
    """The utterances that settings name, before any is left out for lack of a label.

    Raises:
        CorpusError: no such corpus, its folder holds something else or has no such emotions; or it holds another
            number of recordings than are published, and the settings do not allow it.
        SettingsError: a folder with a name of the environment that is not set.
    """
    shared = {"common_names": settings.common_names, "labels": settings.labels, "only": settings.only}
    utterances = load_corpora(settings.parts, **shared) if settings.parts else load_corpora((settings,))
    if utterances.part and not settings.partial:
        place = "NAME=FOLDER" if settings.parts else f"{settings.name}={utterances.root}"
        raise CorpusError(
            f"{utterances.corpus}: {utterances.root} is not the whole corpus ({utterances.part}): complete it "
            f"(hamiltone corpus check {place} says what is missing), or set corpus.partial=true "
            "(in a study's file partial = true in its table) to use this part"
        )
    return utterances if settings.within is None else _within(utterances, expand(settings.within, "corpus.within"))


def _within(utterances: Utterances, path: Path) -> Utterances:
    split = read_split(path)
    names = utterances.table["utterance"]
    if split.corpus != utterances.corpus:
        if f"{split.corpus}{WORDS}" != utterances.corpus:
            raise CorpusError(
                f"corpus.within: {path} parts {split.corpus}, not {utterances.corpus}; name another split"
            )
        names = names.str.rpartition("-")[0]  # words of the recordings that it parts
    return utterances.select(names.isin(split.parts["train"]).to_numpy())
