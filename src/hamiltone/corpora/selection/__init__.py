"""The selection of utterances: settings of a corpus or of several that are one, their labels, and loading by them."""

from ._joined_corpora import load_corpora, relabel
from ._loading import load_utterances
from ._settings import CorpusPartSettings, CorpusSettings

__all__ = ["CorpusPartSettings", "CorpusSettings", "load_corpora", "load_utterances", "relabel"]
