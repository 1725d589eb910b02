"""From a folder of recordings to a table of utterances, and from the table to a split.

    utterances = load_corpus("ravdess", "path/to/ravdess")
    split = split_by_speaker(utterances, seed=1)
    split.write("actors.json")
    parts = split.apply(utterances)          # {"train": Utterances, "validation": ..., "test": ...}

Corpora of your own load by ``load_corpus("table", "my.csv")`` or ``load_corpus("folder", "sorted/by/emotion")``.
``load_corpus("synthetic")`` needs no data: eSpeak NG speaks that corpus on first use (extra ``synthetic``).
Every mistake in a folder, a file or a request is a ``CorpusError`` of one line.
"""

from ._affect import affect_table, affect_targets
from ._align import WordAlignment, align_words
from ._audio_groups import audio_groups
from ._deal import split_by_speaker, split_random
from ._get import get_corpus
from ._registry import CORPORA, load_corpus
from ._sources import ELSEWHERE, SOURCES, Archive, Source, source_of
from ._split import PARTS, Split, read_split
from ._synthetic import EMOTIONS as SYNTHETIC_EMOTIONS
from ._synthetic import VOICES as SYNTHETIC_VOICES
from ._synthetic import WORDS as SYNTHETIC_WORDS
from ._utterances import COLUMNS, CorpusError, Utterances
from ._words import WordChoice, recordings_of, word_segments

__all__ = [
    "COLUMNS",
    "CORPORA",
    "ELSEWHERE",
    "PARTS",
    "SOURCES",
    "SYNTHETIC_EMOTIONS",
    "SYNTHETIC_VOICES",
    "SYNTHETIC_WORDS",
    "Archive",
    "CorpusError",
    "Source",
    "Split",
    "Utterances",
    "WordAlignment",
    "WordChoice",
    "affect_table",
    "affect_targets",
    "align_words",
    "audio_groups",
    "get_corpus",
    "load_corpus",
    "read_split",
    "recordings_of",
    "source_of",
    "split_by_speaker",
    "split_random",
    "word_segments",
]
