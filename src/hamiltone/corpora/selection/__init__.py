"""The selection of utterances: settings of a corpus or of several that are one, their labels, and loading by them."""

from hamiltone.corpus_settings import CorpusPartSettings, CorpusSettings

from ._joined_corpora import load_corpora, relabel
from ._loading import load_utterances

__all__ = ["CorpusPartSettings", "CorpusSettings", "load_corpora", "load_utterances", "relabel"]
