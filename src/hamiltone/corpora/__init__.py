"""From a folder of recordings to a table of utterances, and from the table to a split.

    utterances = load_corpus("ravdess", "path/to/ravdess")
    split = split_by_speaker(utterances, seed=1)
    split.write("actors.json")
    parts = split.apply(utterances)          # {"train": Utterances, "validation": ..., "test": ...}
    check_corpus("ravdess", "path/to/ravdess").missing    # what is published and not there
    audit(utterances, split).leaks           # the same audio in two parts

Several corpora are one by ``load_corpora``, with emotions that mean the same by a map (``relabel``).
Corpora of your own load by ``load_corpus("table", "my.csv")`` or ``load_corpus("folder", "sorted/by/emotion")``.
``load_corpus("synthetic")`` needs no data: eSpeak NG speaks that corpus on first use (extra ``synthetic``).
Every mistake in a folder, a file or a request is a ``CorpusError`` of one line.
"""

from ._affect import affect_table, affect_targets
from ._align import WordAlignment, align_words
from ._audio_groups import audio_groups
from ._audit import Audit, Pair, audit
from ._check import KINDS, CorpusCheck, Count, Problem, check_corpus
from ._deal import split_by_speaker, split_random
from ._folds import leave_one_speaker_out, split_by_column, split_stratified
from ._get import get_corpus
from ._licences import licences
from ._lists import SpeakerLists, load_split, ready_lists, ready_splits
from ._protocol import Protocol, protocol_of
from ._registry import CORPORA, load_corpus
from ._segments import Report, recording_keys, segments_of
from ._several import CorpusPart, load_corpora, relabel
from ._sources import ELSEWHERE, SOURCES, Archive, Source, source_of
from ._split import PARTS, Split, read_split
from ._synthetic import EMOTIONS as SYNTHETIC_EMOTIONS
from ._synthetic import VOICES as SYNTHETIC_VOICES
from ._synthetic import WORDS as SYNTHETIC_WORDS
from ._utterances import COLUMNS, CorpusError, Utterances
from ._words import WordChoice, word_segments

__all__ = [
    "COLUMNS",
    "CORPORA",
    "ELSEWHERE",
    "KINDS",
    "PARTS",
    "SOURCES",
    "SYNTHETIC_EMOTIONS",
    "SYNTHETIC_VOICES",
    "SYNTHETIC_WORDS",
    "Archive",
    "Audit",
    "CorpusCheck",
    "CorpusError",
    "CorpusPart",
    "Count",
    "Pair",
    "Problem",
    "Protocol",
    "Report",
    "Source",
    "SpeakerLists",
    "Split",
    "Utterances",
    "WordAlignment",
    "WordChoice",
    "affect_table",
    "affect_targets",
    "align_words",
    "audio_groups",
    "audit",
    "check_corpus",
    "get_corpus",
    "leave_one_speaker_out",
    "licences",
    "load_corpora",
    "load_corpus",
    "load_split",
    "protocol_of",
    "read_split",
    "ready_lists",
    "ready_splits",
    "recording_keys",
    "relabel",
    "segments_of",
    "source_of",
    "split_by_column",
    "split_by_speaker",
    "split_random",
    "split_stratified",
    "word_segments",
]
