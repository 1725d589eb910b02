"""Corpora: one file each, found by itself, and what a corpus' name stands for."""

from ._corpus import COMMON_EMOTIONS, Corpus, Whole
from ._registry import CORPORA, licences, listed_corpus, load_corpus, recordings_of, register_corpus, speaker_advice
from ._source import get_corpus, source_of
from .synthetic import EMOTIONS as SYNTHETIC_EMOTIONS
from .synthetic import VOICES as SYNTHETIC_VOICES
from .synthetic import WORDS as SYNTHETIC_WORDS

__all__ = [
    "COMMON_EMOTIONS",
    "CORPORA",
    "SYNTHETIC_EMOTIONS",
    "SYNTHETIC_VOICES",
    "SYNTHETIC_WORDS",
    "Corpus",
    "Whole",
    "get_corpus",
    "licences",
    "listed_corpus",
    "load_corpus",
    "recordings_of",
    "register_corpus",
    "source_of",
    "speaker_advice",
]
