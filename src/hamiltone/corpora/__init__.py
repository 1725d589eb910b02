"""Corpora: tables of utterances from folders of recordings, their splits, and their inspection.

    utterances = load_corpus("ravdess", "path/to/ravdess")
    split = split_by_speaker(utterances, seed=1)
    split.write("actors.json")
    parts = split.apply(utterances)          # {"train": Utterances, "validation": ..., "test": ...}
    check_corpus("ravdess", "path/to/ravdess").missing    # what is published and not there
    audit(utterances, split).leaks           # the same audio in two parts

Several corpora are one by ``load_corpora``, with emotions that mean the same under common names
(``COMMON_EMOTIONS``) or by a map of yours (``relabel``).
Corpora of your own load by ``load_corpus("table", "my.csv")`` or ``load_corpus("folder", "sorted/by/emotion")``, or by
a ``Corpus`` of your own (``register_corpus``). ``load_corpus("synthetic")`` needs no data: eSpeak NG speaks that corpus
on first use (extra ``synthetic``). Every mistake in a folder, a file or a request is a ``CorpusError`` of one line.

The sub-folders, each of which imports those below it alone::

    inspect      check of a corpus, audit of a split, fingerprints and copies
    selection    settings of one corpus or of several that are one, labels, loading by settings
    splits       splits, folds, lists of speakers, the protocol, settings of a split
    loaders      one file a corpus (a ``Corpus``), the registry, fetching by name
    words        forced alignment, files of alignments, segments of words
    recordings   the tree of a corpus on the disk, segments, content keys, identical audio
    espeak       eSpeak NG in a process of its own
    fetch        sources, downloads, unpacking
    utterances   the table of utterances, affective targets, errors
"""

from .fetch import Archive, Source
from .inspect import KINDS, Audit, CorpusCheck, Count, Pair, Problem, audit, check_corpus
from .loaders import (
    COMMON_EMOTIONS,
    CORPORA,
    SYNTHETIC_EMOTIONS,
    SYNTHETIC_VOICES,
    SYNTHETIC_WORDS,
    Corpus,
    Whole,
    get_corpus,
    licences,
    load_corpus,
    recordings_of,
    register_corpus,
    source_of,
)
from .recordings import audio_groups, recording_keys, segments_of
from .selection import CorpusPartSettings, CorpusSettings, load_corpora, load_utterances, relabel
from .splits import (
    PARTS,
    Protocol,
    SpeakerLists,
    Split,
    SplitKind,
    SplitSettings,
    class_remarks,
    leave_one_speaker_out,
    load_split,
    protocol_of,
    read_split,
    ready_lists,
    ready_splits,
    split_by_column,
    split_by_speaker,
    split_random,
    split_remarks,
    split_stratified,
    split_utterances,
    with_fewer_speakers,
)
from .utterances import COLUMNS, CorpusError, Report, Utterances, affect_table, affect_targets
from .words import WordAlignment, WordSettings, align_words, word_segments

__all__ = [
    "COLUMNS",
    "COMMON_EMOTIONS",
    "CORPORA",
    "KINDS",
    "PARTS",
    "SYNTHETIC_EMOTIONS",
    "SYNTHETIC_VOICES",
    "SYNTHETIC_WORDS",
    "Archive",
    "Audit",
    "Corpus",
    "CorpusCheck",
    "CorpusError",
    "CorpusPartSettings",
    "CorpusSettings",
    "Count",
    "Pair",
    "Problem",
    "Protocol",
    "Report",
    "Source",
    "SpeakerLists",
    "Split",
    "SplitKind",
    "SplitSettings",
    "Utterances",
    "Whole",
    "WordAlignment",
    "WordSettings",
    "affect_table",
    "affect_targets",
    "align_words",
    "audio_groups",
    "audit",
    "check_corpus",
    "class_remarks",
    "get_corpus",
    "leave_one_speaker_out",
    "licences",
    "load_corpora",
    "load_corpus",
    "load_split",
    "load_utterances",
    "protocol_of",
    "read_split",
    "ready_lists",
    "ready_splits",
    "recording_keys",
    "recordings_of",
    "register_corpus",
    "relabel",
    "segments_of",
    "source_of",
    "split_by_column",
    "split_by_speaker",
    "split_random",
    "split_remarks",
    "split_stratified",
    "split_utterances",
    "with_fewer_speakers",
    "word_segments",
]
