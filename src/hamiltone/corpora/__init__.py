"""From a folder of recordings to a table of utterances, and from the table to a split.

    utterances = load_corpus("ravdess", "path/to/ravdess")
    split = split_by_speaker(utterances, seed=1)
    split.write("actors.json")
    parts = split.apply(utterances)          # {"train": Utterances, "validation": ..., "test": ...}
    check_corpus("ravdess", "path/to/ravdess").missing    # what is published and not there
    audit(utterances, split).leaks           # the same audio in two parts

Corpora of your own load by ``load_corpus("table", "my.csv")`` or ``load_corpus("folder", "sorted/by/emotion")``.
``load_corpus("synthetic")`` needs no data: eSpeak NG speaks that corpus on first use (extra ``synthetic``).
Every mistake in a folder, a file or a request is a ``CorpusError`` of one line.
"""

from ._affect import affect_table, affect_targets
from ._audio_groups import audio_groups
from ._audit import Audit, Pair, audit
from ._check import KINDS, CorpusCheck, Count, Problem, check_corpus
from ._deal import split_by_speaker, split_random
from ._protocol import Protocol, protocol_of
from ._registry import CORPORA, load_corpus
from ._split import PARTS, Split, read_split
from ._synthetic import EMOTIONS as SYNTHETIC_EMOTIONS
from ._synthetic import VOICES as SYNTHETIC_VOICES
from ._synthetic import WORDS as SYNTHETIC_WORDS
from ._utterances import COLUMNS, CorpusError, Utterances

__all__ = [
    "COLUMNS",
    "CORPORA",
    "KINDS",
    "PARTS",
    "SYNTHETIC_EMOTIONS",
    "SYNTHETIC_VOICES",
    "SYNTHETIC_WORDS",
    "Audit",
    "CorpusCheck",
    "CorpusError",
    "Count",
    "Pair",
    "Problem",
    "Protocol",
    "Split",
    "Utterances",
    "affect_table",
    "affect_targets",
    "audio_groups",
    "audit",
    "check_corpus",
    "load_corpus",
    "protocol_of",
    "read_split",
    "split_by_speaker",
    "split_random",
]
